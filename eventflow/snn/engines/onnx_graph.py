"""A network as an ONNX graph of one step: input and state in, output and state out, under the model's own names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.errors import ParameterError, missing_extra
from eventflow.snn.engines.convolutions import as_two_dimensional
from eventflow.snn.engines.onnx_neuron import neuron_nodes
from eventflow.snn.layers import (
    AvgPool2d,
    Conv1d,
    Conv2d,
    Delay,
    DelayLinear,
    Flatten,
    Linear,
    Scale,
    SumPool2d,
    Threshold,
)
from eventflow.snn.model import INPUT
from eventflow.snn.neuron import Neuron

if TYPE_CHECKING:
    from eventflow.snn.model import Model
    from eventflow.snn.neuron import Array, Shape

OPSET = 18
IR_VERSION = 9
NEXT = ":next"


class Graph:
    """The graph while it grows. Values are known by name; constants are float32 and shared."""

    def __init__(self, batch: int) -> None:
        try:
            import onnx
        except ImportError:
            raise missing_extra("onnx", "onnx", "the ONNX engine") from None
        self.onnx: Any = onnx
        self.batch = batch
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []

    def op(self, kind: str, *inputs: str, out: str | None = None, **attributes: Any) -> str:
        """Append an operation; return its output's name."""
        name = out or f"t{len(self.nodes)}"
        self.nodes.append(self.onnx.helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def constant(self, values: Any, dtype: Any = np.float32) -> str:
        """Return the name of a constant."""
        name = f"c{len(self.initializers)}"
        array = np.ascontiguousarray(values, dtype).reshape(np.shape(values))
        self.initializers.append(self.onnx.numpy_helper.from_array(array, name))
        return name

    def ints(self, *values: int) -> str:
        """Return the name of a constant list of integers."""
        return self.constant(np.array(values), np.int64)


def onnx_step(model: Model, batch: int = 1) -> bytes:
    """Return the network's step as a serialized ONNX model.

    Inputs: "input" (batch, *input_shape) and every state of `Model.state_shapes()` (batch, *shape), float32. Outputs:
    "output" and every state's name followed by ":next". Needs the extra `onnx`; neither torch nor a GPU.

    Raises:
        ParameterError: the network still holds differential equations.
    """
    if not model.is_discrete:
        raise ParameterError("the network still holds differential equations; call discretise(step_us=…, …) first")
    graph = Graph(batch)
    states = model.state_shapes()
    now = {INPUT: INPUT}
    for name in model.order:
        parts = [f"{source}.out" if late else now[source] for source, late in model.sources[name]]
        total = parts[0]
        for each in parts[1:]:
            total = graph.op("Add", total, each)
        now[name] = _layer(graph, name, model.layers[name], total, model.input_shapes[name], model.shapes[name])
    for source, _ in model.feedback or ():
        graph.op("Identity", now[source], out=f"{source}.out{NEXT}")
    graph.op("Identity", now[model.output], out="output")
    return _serialized(graph, model, states)


def _serialized(graph: Graph, model: Model, states: dict[str, Shape]) -> bytes:
    helper, kind = graph.onnx.helper, graph.onnx.TensorProto.FLOAT

    def described(name: str, shape: Shape) -> Any:
        return helper.make_tensor_value_info(name, kind, [graph.batch, *shape])

    inputs = [described(INPUT, model.input_shape), *(described(name, shape) for name, shape in states.items())]
    outputs = [described("output", model.output_shape)]
    outputs += [described(name + NEXT, shape) for name, shape in states.items()]
    whole = helper.make_graph(graph.nodes, "step", inputs, outputs, graph.initializers)
    opsets = [helper.make_opsetid("", OPSET)]
    made = helper.make_model(whole, opset_imports=opsets, ir_version=IR_VERSION, producer_name="eventflow")
    return bytes(made.SerializeToString())


def _layer(graph: Graph, name: str, layer: Any, x: str, shape: Shape, out: Shape) -> str:
    if isinstance(layer, Neuron):
        return neuron_nodes(graph, name, layer, x)
    if isinstance(layer, Linear):
        return _plus_bias(graph, graph.op("MatMul", x, graph.constant(layer.weight.T)), layer.bias)
    if isinstance(layer, Conv1d | Conv2d):
        return _convolution(graph, layer, x)
    if isinstance(layer, SumPool2d):
        return _pool(graph, layer, x, shape)
    if isinstance(layer, Flatten):
        return graph.op("Reshape", x, graph.ints(graph.batch, *out))
    if isinstance(layer, Scale):
        return graph.op("Mul", x, graph.constant(layer.scale))
    if isinstance(layer, Threshold):
        return graph.op("Cast", graph.op("Greater", x, graph.constant(layer.threshold)), to=1)
    return _delay(graph, name, layer, x, shape)


def _plus_bias(graph: Graph, x: str, bias: Array | None) -> str:
    return x if bias is None or not bias.any() else graph.op("Add", x, graph.constant(bias))


def _convolution(graph: Graph, layer: Conv1d | Conv2d, x: str) -> str:
    flat = as_two_dimensional(layer)
    axes = (0, 1) if isinstance(layer, Conv2d) else (1,)
    pads = [flat.padding[k][0] for k in axes] + [flat.padding[k][1] for k in axes]
    given = [x, graph.constant(layer.weight)]
    if layer.bias is not None and layer.bias.any():
        given.append(graph.constant(layer.bias))
    return graph.op(
        "Conv",
        *given,
        group=layer.groups,
        pads=pads,
        strides=[flat.stride[k] for k in axes],
        dilations=[flat.dilation[k] for k in axes],
    )


def _pool(graph: Graph, layer: SumPool2d, x: str, shape: Shape) -> str:
    """Sum by an average where that is exact, else by a convolution with ones."""
    pads = [layer.padding[0][0], layer.padding[1][0], layer.padding[0][1], layer.padding[1][1]]
    area = layer.kernel[0] * layer.kernel[1]
    small = all(max(layer.padding[k]) < layer.kernel[k] for k in (0, 1))
    if small and area & (area - 1) == 0:
        options: dict[str, Any] = {"kernel_shape": list(layer.kernel), "strides": list(layer.stride), "pads": pads}
        average = graph.op("AveragePool", x, count_include_pad=1, **options)
        return average if isinstance(layer, AvgPool2d) else graph.op("Mul", average, graph.constant(float(area)))
    ones = graph.constant(np.ones((shape[0], 1, *layer.kernel)))
    total = graph.op("Conv", x, ones, group=shape[0], pads=pads, strides=list(layer.stride))
    return graph.op("Div", total, graph.constant(float(area))) if isinstance(layer, AvgPool2d) else total


def _delay(graph: Graph, name: str, layer: Delay | DelayLinear, x: str, shape: Shape) -> str:
    """Read the input of now and of the last D steps, the latest first."""
    steps = np.broadcast_to(layer.steps, shape) if isinstance(layer, Delay) else layer.delay
    longest = int(steps.max(initial=0))
    past = graph.op("Reshape", x, graph.ints(graph.batch, 1, *shape))
    if longest:
        past = graph.op("Concat", past, f"{name}.x", axis=1)
    graph.op("Slice", past, graph.ints(0), graph.ints(longest), graph.ints(1), out=f"{name}.x{NEXT}")
    if isinstance(layer, Delay):
        picked = np.broadcast_to(steps, (graph.batch, 1, *shape))
        chosen = graph.op("GatherElements", past, graph.constant(picked, np.int64), axis=1)
        return graph.op("Reshape", chosen, graph.ints(graph.batch, *shape))
    by_delay = np.zeros((longest + 1, *layer.weight.shape[::-1]))
    for delay in range(longest + 1):
        by_delay[delay] = np.where(steps == delay, layer.weight, 0).T
    flat = graph.op("Reshape", past, graph.ints(graph.batch, (longest + 1) * shape[0]))
    weights = graph.constant(by_delay.reshape(-1, layer.weight.shape[0]))
    return _plus_bias(graph, graph.op("MatMul", flat, weights), layer.bias)
