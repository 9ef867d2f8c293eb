"""Chains of torch modules as chains of layers: what bridges to libraries have in common."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from eventflow.errors import ParameterError
from eventflow.snn import layers
from eventflow.snn.model import INPUT, Model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from eventflow.snn.model import Layer
    from eventflow.snn.neuron import Array, Shape
    from eventflow.snn.order import Edge

    NeuronReader = Callable[["ChainBuilder", str, Any], None]

_NOTHING = ("Identity", "Dropout", "Dropout1d", "Dropout2d")
_CHAINS = (torch.nn.Sequential, torch.nn.ModuleList)


class ChainBuilder:
    """Collects layers that follow one another, each named after its module, and feedback around a neuron."""

    def __init__(self) -> None:
        self.layers: dict[str, Layer] = {}
        self.edges: list[Edge] = []
        self.last = INPUT

    def append(self, name: str, layer: Layer) -> None:
        """Let `layer` follow the last one."""
        self.layers[name] = layer
        self.edges.append((self.last, name))
        self.last = name

    def feed_back(self, name: str, layer: Layer) -> None:
        """Let the last layer's output of the step before come back to it through `layer`."""
        self.layers[name] = layer
        self.edges += [(self.last, name), (name, self.last)]

    def fold_norm(self, name: str, norm: Any) -> None:
        """Fold a batch normalisation with its running statistics into the connection before it."""
        before = self.layers.get(self.last)
        if not isinstance(before, layers.Linear | layers.Conv1d | layers.Conv2d):
            raise ParameterError(f"module {name!r}: a batch normalisation that no Linear or convolution comes before")
        if norm.running_mean is None:
            raise ParameterError(f"module {name!r}: batch normalisation without running statistics")
        factor = 1 / torch.sqrt(norm.running_var.double() + norm.eps)
        factor = factor if norm.weight is None else factor * norm.weight.detach().double()
        shift = 0.0 if norm.bias is None else norm.bias.detach().double()
        bias = 0.0 if before.bias is None else torch.from_numpy(before.bias).double()
        weight = before.weight * factor.numpy().reshape(-1, *[1] * (before.weight.ndim - 1))
        folded = ((bias - norm.running_mean.double()) * factor + shift).numpy()
        self.layers[self.last] = replace(before, weight=weight.astype(before.weight.dtype), bias=folded)

    def model(self, input_shape: Shape, step_us: float | None) -> Model:
        """Return the network."""
        if not self.layers:
            raise ParameterError("the module has no layers")
        edges = tuple(self.edges)
        return Model(input_shape=input_shape, layers=self.layers, edges=edges, output=self.last, step_us=step_us)


def chained(
    module: Any,
    input_shape: Shape,
    step_us: float | None,
    neurons: Mapping[str, Callable[[ChainBuilder, str, Any], None]],
) -> Model:
    """Return the chain of `module`, a Sequential (of Sequentials) or a single layer, as a discrete Model.

    `neurons` adds a neuron module to the chain, by the name of its class; a subclass counts as what it derives from.

    Raises:
        ParameterError: a module of a kind that has no layer here, or with a setting that has none; it is named.
    """
    chain = ChainBuilder()
    for name, part in _leaves(module, ""):
        kind = next((each.__name__ for each in type(part).__mro__ if each.__name__ in neurons), None)
        if kind is not None:
            neurons[kind](chain, name, part)
        elif isinstance(part, torch.nn.modules.batchnorm._BatchNorm):
            chain.fold_norm(name, part)
        elif type(part).__name__ not in _NOTHING:
            chain.append(name, _layer(name, part, sorted(neurons)))
    return chain.model(input_shape, step_us)


def array_of(value: Any) -> Array:
    """Return a tensor or number as an array of its own."""
    array: Array = torch.as_tensor(value).detach().cpu().double().numpy().copy()
    return array


def _leaves(module: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(module, _CHAINS):
        yield prefix or type(module).__name__, module
        return
    for name, part in module.named_children():
        yield from _leaves(part, f"{prefix}/{name}" if prefix else name)


def _layer(name: str, part: Any, neurons: list[str]) -> Layer:
    if isinstance(part, torch.nn.Linear):
        return layers.Linear(weight=_values(part.weight), bias=_bias(part))
    if isinstance(part, torch.nn.Conv2d | torch.nn.Conv1d):
        return _convolution(name, part)
    if isinstance(part, torch.nn.AvgPool2d):
        return _pool(name, part)
    if isinstance(part, torch.nn.Flatten):
        if part.start_dim == 0:
            raise ParameterError(f"module {name!r} joins the batch with the rest; start_dim has to be 1 or more")
        start, end = (axis - 1 if axis > 0 else axis for axis in (part.start_dim, part.end_dim))
        return layers.Flatten(start=start, end=end)
    raise ParameterError(
        f"module {name!r} is a {type(part).__name__}; known are Sequential, Linear, Conv1d, Conv2d, AvgPool2d, "
        f"Flatten, BatchNorm, Dropout, Identity, {', '.join(neurons)}. Build anything else as a Model of your own"
    )


def _convolution(name: str, part: Any) -> Layer:
    if part.padding_mode != "zeros":
        raise ParameterError(f"module {name!r} pads with {part.padding_mode!r}; only zeros are known")
    sides = part._reversed_padding_repeated_twice  # torch resolves "same" there: last axis first, before and after
    pads = [(sides[k], sides[k + 1]) for k in range(len(sides) - 2, -1, -2)]
    values = {"weight": _values(part.weight), "bias": _bias(part), "groups": part.groups}
    if isinstance(part, torch.nn.Conv1d):
        return layers.Conv1d(**values, stride=part.stride[0], padding=pads[0], dilation=part.dilation[0])
    return layers.Conv2d(**values, stride=part.stride, padding=(pads[0], pads[1]), dilation=part.dilation)


def _pool(name: str, part: Any) -> Layer:
    kernel, stride, padding = (_pair(value) for value in (part.kernel_size, part.stride, part.padding))
    if part.ceil_mode or part.divisor_override or (any(padding) and not part.count_include_pad):
        raise ParameterError(f"module {name!r}: ceil_mode, divisor_override and count_include_pad=False have no layer")
    sides = ((padding[0], padding[0]), (padding[1], padding[1]))
    return layers.AvgPool2d(kernel=kernel, stride=stride, padding=sides)


def _pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[1]))


def _values(weight: Any) -> Array:
    array: Array = weight.detach().cpu().numpy().copy()
    return array


def _bias(part: Any) -> Array | None:
    return None if part.bias is None else _values(part.bias)
