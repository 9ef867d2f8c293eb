"""The layers of a Model as torch modules with explicit state: `forward(x, state) -> (y, state)`, x (batch, *shape).

Weights and biases are parameters; `described()` returns the layer with their present values.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from eventflow.snn import layers
from eventflow.snn.neuron import Neuron
from eventflow.snn.torch_neuron import COEFFICIENTS, State, neuron_from_tensors, neuron_step, neuron_tensors

if TYPE_CHECKING:
    from torch import Tensor

    from eventflow.snn.model import Layer
    from eventflow.snn.surrogate import Surrogate


class Part(torch.nn.Module):  # type: ignore[misc]
    """A layer that remembers nothing and has no parameters."""

    stateless = True

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Run one step of a batch."""
        return self.passed(x), {}

    def passed(self, x: Tensor) -> Tensor:
        """Return the layer's output for x (batch, *shape)."""
        raise TypeError(f"{type(self).__name__} does not say what it does")

    def described(self) -> Layer:
        """Return the layer with the present values of its parameters."""
        layer: Layer = self.layer
        return layer


class Connection(Part):
    """A layer with a weight and perhaps a bias."""

    def __init__(self, layer: Any, dtype: torch.dtype) -> None:
        super().__init__(layer)
        self.weight = torch.nn.Parameter(torch.tensor(layer.weight, dtype=dtype))
        self.bias = None if layer.bias is None else torch.nn.Parameter(torch.tensor(layer.bias, dtype=dtype))

    def described(self) -> Layer:
        """Return the layer with the present weights."""
        bias = None if self.bias is None else self.bias.detach().numpy().copy()
        layer: Layer = replace(self.layer, weight=self.weight.detach().numpy().copy(), bias=bias)
        return layer


class LinearPart(Connection):
    """`layers.Linear`."""

    def passed(self, x: Tensor) -> Tensor:
        """Return weight x + bias."""
        return functional.linear(x, self.weight, self.bias)


class ConvPart(Connection):
    """`layers.Conv1d` and `layers.Conv2d`."""

    def passed(self, x: Tensor) -> Tensor:
        """Return the cross-correlation."""
        layer = self.layer
        if isinstance(layer, layers.Conv1d):
            x = functional.pad(x, layer.padding)
            return functional.conv1d(x, self.weight, self.bias, layer.stride, 0, layer.dilation, layer.groups)
        x = _padded(x, layer.padding)
        return functional.conv2d(x, self.weight, self.bias, layer.stride, 0, layer.dilation, layer.groups)


class PoolPart(Part):
    """`layers.SumPool2d` and `layers.AvgPool2d`."""

    def passed(self, x: Tensor) -> Tensor:
        """Return the sum or mean of windows."""
        layer = self.layer
        divisor = layer.kernel[0] * layer.kernel[1] if isinstance(layer, layers.AvgPool2d) else 1
        return functional.avg_pool2d(_padded(x, layer.padding), layer.kernel, layer.stride, divisor_override=divisor)


class FlattenPart(Part):
    """`layers.Flatten`."""

    def passed(self, x: Tensor) -> Tensor:
        """Return x with axes joined; the batch is not one of them."""
        start, end = (axis + 1 if axis >= 0 else axis for axis in (self.layer.start, self.layer.end))
        return x.flatten(start, end)


class ScalePart(Part):
    """`layers.Scale`."""

    def __init__(self, layer: Any, dtype: torch.dtype) -> None:
        super().__init__(layer)
        self.scale = torch.nn.Parameter(torch.tensor(layer.scale, dtype=dtype))

    def passed(self, x: Tensor) -> Tensor:
        """Return scale x."""
        return self.scale * x

    def described(self) -> Layer:
        """Return the layer with the present scale."""
        return layers.Scale(scale=self.scale.detach().numpy().copy())


class ThresholdPart(Part):
    """`layers.Threshold`; nothing can be learned through it."""

    def __init__(self, layer: Any, dtype: torch.dtype) -> None:
        super().__init__(layer)
        self.register_buffer("threshold", torch.tensor(layer.threshold, dtype=dtype))

    def passed(self, x: Tensor) -> Tensor:
        """Return 1 where x is above the threshold."""
        return (x > self.threshold).to(x.dtype)


class DelayPart(Part):
    """`layers.Delay`."""

    stateless = False

    def __init__(self, layer: Any) -> None:
        super().__init__(layer)
        self.register_buffer("steps", torch.tensor(layer.steps))

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Return for each element its input of `steps` ago."""
        past = torch.cat([x[:, None], state["x"]], 1)
        chosen = self.steps.expand(x.shape[1:])[None, None].expand(len(x), 1, *x.shape[1:])
        return past.gather(1, chosen)[:, 0], {"x": past[:, :-1]}


class DelayLinearPart(Connection):
    """`layers.DelayLinear`."""

    stateless = False

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Return the sum over connections, each of its own step."""
        past = torch.cat([x[:, None], state["x"]], 1)
        steps = torch.tensor(self.layer.delay)
        kernel = torch.zeros(*self.weight.shape, past.shape[1], dtype=x.dtype).scatter(
            2, steps[..., None], self.weight[..., None]
        )
        y = torch.einsum("bdi,oid->bo", past, kernel)
        return y if self.bias is None else y + self.bias, {"x": past[:, :-1]}


class NeuronPart(Part):
    """A layer of neurons. The coefficients named in `learned` are parameters, the others are buffers."""

    stateless = False

    def __init__(
        self, layer: Neuron, dtype: torch.dtype, surrogate: Surrogate | None, learned: tuple[str, ...] = ()
    ) -> None:
        super().__init__(layer)
        self._tensors = neuron_tensors(layer, dtype, surrogate)
        for name in COEFFICIENTS:
            value = getattr(self._tensors, name)
            if name in learned and value is not None:
                self.register_parameter(name, torch.nn.Parameter(value))
            else:
                self.register_buffer(name, value)

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Run one step of a batch."""
        return neuron_step(self.tensors(), x, state)

    def tensors(self) -> Any:
        """Return the coefficients, parameters included."""
        return replace(self._tensors, **{name: getattr(self, name) for name in COEFFICIENTS})

    def described(self) -> Layer:
        """Return the neuron with the present values."""
        return neuron_from_tensors(self.tensors())


def part_of(layer: Layer, dtype: torch.dtype, surrogate: Surrogate | None, learned: tuple[str, ...]) -> Part:
    """Return the torch module of a discrete layer."""
    if isinstance(layer, Neuron):
        return NeuronPart(layer, dtype, surrogate, learned)
    if isinstance(layer, layers.Delay):
        return DelayPart(layer)
    if isinstance(layer, layers.Flatten):
        return FlattenPart(layer)
    if isinstance(layer, layers.SumPool2d):
        return PoolPart(layer)
    kinds: dict[type, Any] = {
        layers.Linear: LinearPart,
        layers.Conv1d: ConvPart,
        layers.Conv2d: ConvPart,
        layers.DelayLinear: DelayLinearPart,
        layers.Scale: ScalePart,
        layers.Threshold: ThresholdPart,
    }
    part: Part = kinds[type(layer)](layer, dtype)
    return part


def _padded(x: Tensor, padding: layers.Padding) -> Tensor:
    (top, bottom), (left, right) = padding
    return functional.pad(x, (left, right, top, bottom)) if any((top, bottom, left, right)) else x
