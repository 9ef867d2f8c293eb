"""From a trained network of rectifiers to a spiking one: folding, thresholds, neurons.

A rectifier clipped at a threshold and rounded to L levels is the mean output of an IF neuron over T = L steps that
starts at half its threshold and loses the threshold when it fires (QCFS, Bu et al. 2022): floor(x T / threshold + 1/2)
spikes. In one layer under a constant input the two are equal; deeper layers get their input unevenly over time, and the
difference goes to 0 as T grows.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.errors import ParameterError, missing_extra
from eventflow.snn.fan_out import CONNECTIONS
from eventflow.snn.layers import Stateless
from eventflow.snn.model import Model
from eventflow.snn.neuron import Neuron, Reset

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventflow.snn.neuron import Array, Shape

_ONE, _ZERO = np.ones(()), np.zeros(())


@dataclass(frozen=True, kw_only=True)
class Rectifier(Stateless):
    """max(x, 0), or with `levels` QCFS: threshold · clip(floor(x levels / threshold + 1/2) / levels, 0, 1)."""

    threshold: float | None = None
    levels: int | None = None

    def output_shape(self, shape: Shape) -> Shape:
        """Return `shape`."""
        if self.levels is not None and (self.levels < 1 or self.threshold is None or not self.threshold > 0):
            raise ParameterError(f"levels {self.levels} and threshold {self.threshold}: both have to be above 0")
        return shape

    def of(self, x: Array) -> Array:
        """Return the activation."""
        if self.levels is None or self.threshold is None:
            return np.maximum(x, 0)
        steps = np.floor(x * self.levels / self.threshold + 0.5) / self.levels
        return np.asarray(self.threshold * np.clip(steps, 0, 1))


@dataclass(frozen=True, eq=False, kw_only=True)
class BatchNorm(Stateless):
    """(x - mean) / sqrt(variance + epsilon) · scale + shift of each channel, as it is after training."""

    mean: Array
    variance: Array
    scale: Array
    shift: Array
    epsilon: float = 1e-5

    def output_shape(self, shape: Shape) -> Shape:
        """Return `shape`, whose first axis is that of the channels."""
        sizes = {each.shape for each in (self.mean, self.variance, self.scale, self.shift)}
        if sizes != {shape[:1]}:
            raise ParameterError(f"has values of shapes {sorted(sizes)}, the input has {shape[0]} channels")
        return shape


@dataclass(frozen=True)
class Ann:
    """A chain of layers, not spiking: connections, pools, flatten, Rectifier, BatchNorm.

    Attributes:
        input_shape: of one input.
        layers: by name, in order.
    """

    input_shape: Shape
    layers: Mapping[str, Any]
    shapes: dict[str, Shape] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        shape = tuple(self.input_shape)
        for name, layer in self.layers.items():
            try:
                shape = layer.output_shape(shape)
            except ParameterError as error:
                raise ParameterError(f"layer {name!r}: {error}") from None
            self.shapes[name] = shape

    def activations(self, inputs: Array) -> dict[str, Array]:
        """Return what every layer gives for inputs (n, *input_shape), float32; needs torch."""
        try:
            import torch
        except ImportError:
            raise missing_extra("torch", "snn", "running the network to be converted") from None
        from eventflow.snn.torch_layers import part_of

        x, found = np.asarray(inputs, np.float32), {}
        for name, layer in folded(self).layers.items():
            if isinstance(layer, Rectifier):
                x = layer.of(x)
            else:
                with torch.inference_mode():
                    x = part_of(layer, torch.float32, None, ()).passed(torch.from_numpy(x)).numpy()
            found[name] = x
        return found


def folded(ann: Ann) -> Ann:
    """Return the network with every BatchNorm in the weights and bias of the connection before it.

    Raises:
        ParameterError: a BatchNorm follows something else.
    """
    layers: dict[str, Any] = {}
    before = ""
    for name, layer in ann.layers.items():
        if not isinstance(layer, BatchNorm):
            layers[name], before = layer, name
            continue
        connection = layers.get(before)
        if not isinstance(connection, CONNECTIONS):
            raise ParameterError(f"layer {name!r}: a BatchNorm is folded into the connection before it; there is none")
        factor = np.asarray(layer.scale / np.sqrt(layer.variance + layer.epsilon), np.float64)
        bias = 0.0 if connection.bias is None else connection.bias
        weight = connection.weight * factor.reshape(-1, *[1] * (connection.weight.ndim - 1))
        shift = (bias - layer.mean) * factor + layer.shift
        dtype = connection.weight.dtype
        layers[before] = replace(connection, weight=weight.astype(dtype), bias=shift.astype(dtype))
    return Ann(ann.input_shape, layers)


def balanced_thresholds(ann: Ann, inputs: Array, *, percentile: float = 99.9) -> dict[str, float]:
    """Return a threshold for each rectifier: a percentile of what it gives above 0 for `inputs` (n, *input_shape).

    Diehl et al. 2015, with the percentile of Rueckauer et al. 2017. A layer that gives nothing gets 1.
    """
    found = {}
    for name, values in ann.activations(inputs).items():
        if isinstance(ann.layers[name], Rectifier):
            above = values[values > 0]
            found[name] = float(np.percentile(above, percentile)) if above.size else 1.0
    return found


def converted(ann: Ann, thresholds: Mapping[str, float] | None = None, *, step_us: int = 1000) -> Model:
    """Return the spiking network: each rectifier an IF neuron that starts at half its threshold.

    Its input in each step is that of the ANN (or the events of the step: then the ANN's input is their mean a step);
    the mean of its output over the steps is the ANN's output. A spike of a layer counts as its threshold, which is
    folded into the weights after it.

    Args:
        ann: the network.
        thresholds: by name of the rectifier; None: those that the rectifiers have.
        step_us: length of a step, µs.

    Raises:
        ParameterError: a rectifier without a threshold, or one below or at 0.
    """
    layers: dict[str, Any] = {}
    carried = 1.0
    for name, layer in folded(ann).layers.items():
        if isinstance(layer, Rectifier):
            threshold = (thresholds or {}).get(name, layer.threshold)
            if threshold is None or not threshold > 0:
                raise ParameterError(f"layer {name!r}: its threshold is {threshold}, expected above 0")
            limit = np.array(float(threshold))
            layers[name] = Neuron(
                decay=_ONE, gain=_ONE, offset=_ZERO, threshold=limit, v_start=limit / 2, reset=Reset.SUBTRACT
            )
            carried = float(threshold)
        elif isinstance(layer, CONNECTIONS):
            layers[name] = replace(layer, weight=layer.weight * layer.weight.dtype.type(carried))
            carried = 1.0
        else:
            layers[name] = layer
    if not isinstance(list(layers.values())[-1], Neuron):
        layers["readout"] = Neuron(decay=_ZERO, gain=_ONE, offset=_ZERO, threshold=None)
    return Model.chain(ann.input_shape, layers, step_us=step_us)


def with_torch_weights(ann: Ann, path: Path | str, names: Sequence[str] | None = None) -> Ann:
    """Return the network with the weights of a torch file, read as tensors alone (`weights_only`), never a raw pickle.

    Args:
        ann: the network, whose connections' weights have the right shapes.
        path: a state_dict: NAME.weight and NAME.bias.
        names: the file's names, in the order of the connections; None: in the order in which the file has them.

    Raises:
        ParameterError: the file is missing, no such file, has other shapes, or values that are not finite.
    """
    found = _tensors(Path(path))
    order = list(dict.fromkeys(key.rpartition(".")[0] for key in found)) if names is None else list(names)
    places = [name for name, layer in ann.layers.items() if isinstance(layer, CONNECTIONS)]
    if len(order) != len(places):
        raise ParameterError(f"{path}: holds weights of {len(order)} layers, the network has {len(places)} connections")
    layers = dict(ann.layers)
    for name, key in zip(places, order, strict=True):
        weight, bias = found.get(f"{key}.weight"), found.get(f"{key}.bias")
        wanted = layers[name].weight.shape
        has = None if weight is None else weight.shape
        if weight is None or has != wanted:
            raise ParameterError(f"{path}: {key}.weight has shape {has}, layer {name!r} needs {wanted}")
        if not all(np.isfinite(each).all() for each in (weight, bias) if each is not None):
            raise ParameterError(f"{path}: {key} holds values that are not finite (NaN or infinity)")
        layers[name] = replace(layers[name], weight=weight, bias=bias)
    return Ann(ann.input_shape, layers)


def _tensors(path: Path) -> dict[str, Array]:
    try:
        import torch
    except ImportError:
        raise missing_extra("torch", "snn", "reading torch weights") from None
    if not path.is_file():
        raise ParameterError(f"{path}: no such file")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        return {str(name): value.detach().numpy() for name, value in state.items()}
    except Exception as error:
        raise ParameterError(f"{path}: cannot be read as torch weights: {str(error).splitlines()[0]}") from None


def mean_output(outputs: Array) -> Array:
    """Return the mean of outputs (steps, …) over the steps: what stands for the ANN's output."""
    return np.asarray(np.asarray(outputs, np.float64).mean(axis=0))


def nmnist_cnn() -> Ann:
    """Return the N-MNIST network of the NIR paper (Pedersen et al. 2024) without its weights."""
    from eventflow.snn.layers import Conv2d, Flatten, Linear, SumPool2d

    def conv(out: int, into: int, size: int, stride: int) -> Conv2d:
        weight = np.zeros((out, into, size, size), np.float32)
        return Conv2d(weight=weight, stride=(stride, stride), padding=((1, 1), (1, 1)))

    pool = SumPool2d(kernel=(2, 2), stride=(2, 2))
    return Ann(
        (2, 34, 34),
        {
            "conv1": conv(16, 2, 5, 2), "relu1": Rectifier(),
            "conv2": conv(16, 16, 3, 1), "relu2": Rectifier(), "pool2": pool,
            "conv3": conv(8, 16, 3, 1), "relu3": Rectifier(), "pool3": pool,
            "flat": Flatten(),
            "full1": Linear(weight=np.zeros((256, 128), np.float32)), "relu4": Rectifier(),
            "full2": Linear(weight=np.zeros((10, 256), np.float32)),
        },
    )  # fmt: skip
