"""Writing networks as NIR graphs: HDF5 that the nir package and the libraries behind it read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from eventflow.errors import ParameterError
from eventflow.snn import dynamics, layers
from eventflow.snn.model import Model
from eventflow.snn.neuron import Neuron
from eventflow.snn.undiscretised import undiscretised

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventflow.snn.model import Layer
    from eventflow.snn.neuron import Array, Shape

_VERSION = "1.0"
_S_PER_US = 1e-6
Fields = dict[str, Any]


def write_nir(model: Model, path: str | Path) -> None:
    """Write `model` to `path`, whole or not at all.

    Discrete neurons are written as the equations of which they are the Euler step under a held current: NIR holds
    neither the step nor the reset, so whoever reads the file says them again (`rule="euler"`, `drive="current"`, the
    same step and reset). Delays are written in seconds.

    Raises:
        ParameterError: a layer for which NIR has no node, or feedback edges that a reader would place elsewhere.
    """
    found = Model(input_shape=model.input_shape, layers=model.layers, edges=model.edges, output=model.output)
    if found.feedback != model.feedback:
        raise ParameterError("NIR does not hold feedback edges, and a reader would place this network's elsewhere")
    path = Path(path)
    part = path.with_name(path.name + ".part")
    nodes = {name: _fields(name, model) for name in model.layers}
    try:
        with h5py.File(part, "w") as file:
            file.create_dataset("version", data=_VERSION.encode())
            _write_graph(file.create_group("node"), model, nodes)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _write_graph(root: h5py.Group, model: Model, nodes: dict[str, Fields]) -> None:
    ends = {"input": ("Input", model.input_shape), "output": ("Output", model.output_shape)}
    taken = {name.replace("/", ".") for name in nodes}
    if len(taken) < len(nodes) or taken & {"output"}:
        raise ParameterError("layer names must differ when '/' is written as '.', and none may be 'output'")
    group = root.create_group("nodes")
    for name, (kind, shape) in ends.items():
        _write(group.create_group(name), {"type": kind, "shape": np.array(shape)})
    for name, fields in nodes.items():
        _write(group.create_group(name.replace("/", ".")), fields)
    edges = [(a.replace("/", "."), b.replace("/", ".")) for a, b in (*model.edges, (model.output, "output"))]
    root.create_dataset("edges", data=np.array(edges, dtype=object), dtype=h5py.string_dtype())
    root.create_dataset("type", data=b"NIRGraph")


def _write(group: h5py.Group, fields: Fields) -> None:
    for name, value in fields.items():
        group.create_dataset(name, data=value.encode() if isinstance(value, str) else value)


def _fields(name: str, model: Model) -> Fields:
    layer, shape = model.layers[name], model.input_shapes[name]
    if isinstance(layer, Neuron | layers.Delay):
        layer = undiscretised(name, layer, model.step_us)
    writer = _WRITERS.get(type(layer))
    if writer is None:
        raise ParameterError(f"layer {name!r}: NIR has no node for {type(layer).__name__}")
    try:
        return writer(layer, shape)
    except ParameterError as error:
        raise ParameterError(f"layer {name!r}: {error}") from None


def _linear(layer: Any, shape: Shape) -> Fields:
    if layer.bias is None:
        return {"type": "Linear", "weight": layer.weight}
    return {"type": "Affine", "weight": layer.weight, "bias": layer.bias}


def _convolution(layer: Any, shape: Shape) -> Fields:
    flat = isinstance(layer, layers.Conv1d)
    padding = [layer.padding] if flat else layer.padding
    if any(before != after for before, after in padding):
        raise ParameterError(f"NIR pads both sides alike, this convolution by {layer.padding}")
    pads = [before for before, _ in padding]
    return {
        "type": "Conv1d" if flat else "Conv2d",
        "weight": layer.weight,
        "bias": np.zeros(len(layer.weight), layer.weight.dtype) if layer.bias is None else layer.bias,
        "input_shape": shape[1] if flat else np.array(shape[1:]),
        "stride": layer.stride if flat else np.array(layer.stride),
        "dilation": layer.dilation if flat else np.array(layer.dilation),
        "padding": pads[0] if flat else np.array(pads),
        "groups": layer.groups,
    }


def _pool(layer: Any, shape: Shape) -> Fields:
    if any(before != after for before, after in layer.padding):
        raise ParameterError(f"NIR pads both sides alike, this pool by {layer.padding}")
    return {
        "type": type(layer).__name__,
        "kernel_size": np.array(layer.kernel),
        "stride": np.array(layer.stride),
        "padding": np.array([before for before, _ in layer.padding]),
    }


def _flatten(layer: Any, shape: Shape) -> Fields:
    return {"type": "Flatten", "start_dim": layer.start, "end_dim": layer.end, "input_type": np.array(shape)}


def _elementwise(kind: str, **names: str) -> Callable[[Any, Shape], Fields]:
    """Return a writer that spreads each array of the layer over its shape; NIR wants all of one shape, times in s."""

    def write(layer: Any, shape: Shape) -> Fields:
        return {"type": kind} | {field: _spread(getattr(layer, name), name, shape) for field, name in names.items()}

    return write


def _spread(values: Array, name: str, shape: Shape) -> Array:
    factor = _S_PER_US if name.endswith("_us") else 1.0
    return np.ascontiguousarray(np.broadcast_to(values * factor, shape))


_FIRING = {"v_threshold": "v_threshold", "v_reset": "v_reset"}
_LEAK = {"tau": "tau_us", "r": "r", "v_leak": "v_leak"}
_CUBA = {"tau_syn": "tau_syn_us", "tau_mem": "tau_mem_us", "r": "r", "v_leak": "v_leak", "w_in": "w_in"}
_WRITERS: dict[type[Layer], Callable[[Any, Shape], Fields]] = {
    layers.Linear: _linear,
    layers.Conv1d: _convolution,
    layers.Conv2d: _convolution,
    layers.SumPool2d: _pool,
    layers.AvgPool2d: _pool,
    layers.Flatten: _flatten,
    layers.Scale: _elementwise("Scale", scale="scale"),
    layers.Threshold: _elementwise("Threshold", threshold="threshold"),
    dynamics.TimeDelay: _elementwise("Delay", delay="delay_us"),
    dynamics.Integrator: _elementwise("I", r="r"),
    dynamics.IF: _elementwise("IF", r="r", **_FIRING),
    dynamics.LI: _elementwise("LI", **_LEAK),
    dynamics.LIF: _elementwise("LIF", **_LEAK, **_FIRING),
    dynamics.CubaLI: _elementwise("CubaLI", **_CUBA),
    dynamics.CubaLIF: _elementwise("CubaLIF", **_CUBA, **_FIRING),
}
