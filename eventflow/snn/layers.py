"""The layers between neurons: connections, pools, delays. Plain values, checked; engines give them their meaning.

Every layer has `output_shape(input shape) -> shape`, which raises ParameterError where the input does not fit, and
`state_shapes(input shape) -> {suffix: shape}`. Arrays are kept as they came; engines cast them.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TypeAlias

import numpy as np

from eventflow.errors import ParameterError
from eventflow.snn.neuron import Array, Shape, check_broadcast

Padding: TypeAlias = "tuple[tuple[int, int], tuple[int, int]]"


class Stateless:
    """A layer that remembers nothing."""

    def state_shapes(self, shape: Shape) -> dict[str, Shape]:
        """Return no state."""
        return {}


@dataclass(frozen=True, eq=False, kw_only=True)
class Linear(Stateless):
    """y = weight x + bias on (in,) -> (out,). weight (out, in), bias (out,) or None."""

    weight: Array
    bias: Array | None = None

    def output_shape(self, shape: Shape) -> Shape:
        """Return (out,)."""
        check_weight(self.weight, 2, self.bias)
        if shape != (self.weight.shape[1],):
            raise ParameterError(f"takes ({self.weight.shape[1]},), the input is {shape}")
        return (self.weight.shape[0],)


@dataclass(frozen=True, eq=False, kw_only=True)
class DelayLinear:
    """A Linear whose every connection has a delay: y_o(t) = sum_i weight[o, i] x_i(t - delay[o, i]) + bias_o.

    weight (out, in), delay (out, in) whole steps >= 0. State "x" (D, in), D the longest delay: x[k] is the input of
    k + 1 steps ago.
    """

    weight: Array
    delay: Array
    bias: Array | None = None

    def output_shape(self, shape: Shape) -> Shape:
        """Return (out,)."""
        check_delay(self.delay)
        if self.delay.shape != self.weight.shape:
            raise ParameterError(f"delay has shape {self.delay.shape}, weight {self.weight.shape}: they must be equal")
        return Linear(weight=self.weight, bias=self.bias).output_shape(shape)

    def state_shapes(self, shape: Shape) -> dict[str, Shape]:
        """Return the inputs of the last D steps, the latest first."""
        return {"x": (int(self.delay.max(initial=0)), *shape)}


@dataclass(frozen=True, eq=False, kw_only=True)
class Delay:
    """y(t) = x(t - steps), element by element. steps: whole, >= 0, broadcasts to the input's shape.

    State "x" (D, *shape), D the longest delay: x[k] is the input of k + 1 steps ago.
    """

    steps: Array

    def output_shape(self, shape: Shape) -> Shape:
        """Return `shape`."""
        check_delay(self.steps)
        check_broadcast(self, shape)
        return shape

    def state_shapes(self, shape: Shape) -> dict[str, Shape]:
        """Return the inputs of the last D steps, the latest first."""
        return {"x": (int(self.steps.max(initial=0)), *shape)}


@dataclass(frozen=True, eq=False, kw_only=True)
class Conv2d(Stateless):
    """Cross-correlation on (C, H, W), as torch's Conv2d. weight (out, C / groups, kh, kw), bias (out,) or None.

    padding is ((top, bottom), (left, right)) zeros, so that "same" of an even kernel can be said too.
    """

    weight: Array
    bias: Array | None = None
    stride: tuple[int, int] = (1, 1)
    padding: Padding = ((0, 0), (0, 0))
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1

    def output_shape(self, shape: Shape) -> Shape:
        """Return (out, H', W')."""
        check_weight(self.weight, 4, self.bias)
        check_channels(self.weight, self.groups, shape, 3)
        sides = tuple(
            conv_size(shape[1 + k], self.weight.shape[2 + k], self.stride[k], self.padding[k], self.dilation[k])
            for k in (0, 1)
        )
        return (self.weight.shape[0], *sides)


@dataclass(frozen=True, eq=False, kw_only=True)
class Conv1d(Stateless):
    """Cross-correlation on (C, L), as torch's Conv1d. weight (out, C / groups, k), bias (out,) or None."""

    weight: Array
    bias: Array | None = None
    stride: int = 1
    padding: tuple[int, int] = (0, 0)
    dilation: int = 1
    groups: int = 1

    def output_shape(self, shape: Shape) -> Shape:
        """Return (out, L')."""
        check_weight(self.weight, 3, self.bias)
        check_channels(self.weight, self.groups, shape, 2)
        return (
            self.weight.shape[0],
            conv_size(shape[1], self.weight.shape[2], self.stride, self.padding, self.dilation),
        )


@dataclass(frozen=True, kw_only=True)
class SumPool2d(Stateless):
    """Sum over windows of (C, H, W); padding is ((top, bottom), (left, right)) zeros, a cut-off window is left out."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: Padding = ((0, 0), (0, 0))

    def output_shape(self, shape: Shape) -> Shape:
        """Return (C, H', W')."""
        if len(shape) != 3:
            raise ParameterError(f"takes (C, H, W), the input is {shape}")
        sides = tuple(conv_size(shape[1 + k], self.kernel[k], self.stride[k], self.padding[k], 1) for k in (0, 1))
        return (shape[0], *sides)


@dataclass(frozen=True, kw_only=True)
class AvgPool2d(SumPool2d):
    """SumPool2d divided by the window's area; padding counts as zeros."""


@dataclass(frozen=True, kw_only=True)
class Flatten(Stateless):
    """Axes start to end of the input (without batch or time) become one, in C order; -1 is the last axis."""

    start: int = 0
    end: int = -1

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape with one axis for those joined."""
        start, end = (axis + len(shape) if axis < 0 else axis for axis in (self.start, self.end))
        if not 0 <= start <= end < len(shape):
            raise ParameterError(f"cannot join axes {self.start} to {self.end} of an input of shape {shape}")
        return (*shape[:start], prod(shape[start : end + 1]), *shape[end + 1 :])


@dataclass(frozen=True, eq=False, kw_only=True)
class Scale(Stateless):
    """y = scale x, element by element; scale broadcasts to the input's shape."""

    scale: Array

    def output_shape(self, shape: Shape) -> Shape:
        """Return `shape`."""
        check_broadcast(self, shape)
        return shape


@dataclass(frozen=True, eq=False, kw_only=True)
class Threshold(Stateless):
    """1 where the input is above `threshold` (which broadcasts to its shape), else 0; nothing is remembered."""

    threshold: Array

    def output_shape(self, shape: Shape) -> Shape:
        """Return `shape`."""
        check_broadcast(self, shape)
        return shape


def conv_size(size: int, kernel: int, stride: int, padding: tuple[int, int], dilation: int) -> int:
    """Return how many places a window takes along an axis of `size`."""
    if min(kernel, stride, dilation) < 1 or min(padding) < 0:
        raise ParameterError(f"kernel {kernel}, stride {stride}, dilation {dilation} must be >= 1, padding >= 0")
    room = size + sum(padding) - dilation * (kernel - 1) - 1
    if room < 0:
        raise ParameterError(f"a window of {kernel} (dilation {dilation}) is larger than the padded input of {size}")
    return room // stride + 1


def check_weight(weight: Array, dimensions: int, bias: Array | None) -> None:
    """Raise ParameterError unless `weight` has `dimensions` axes and `bias` one value an output."""
    if weight.ndim != dimensions or 0 in weight.shape:
        raise ParameterError(f"weight has shape {weight.shape}, expected {dimensions} axes, none of them empty")
    if bias is not None and bias.shape != weight.shape[:1]:
        raise ParameterError(f"bias has shape {bias.shape}, expected {weight.shape[:1]} as the weight has outputs")


def check_channels(weight: Array, groups: int, shape: Shape, dimensions: int) -> None:
    """Raise ParameterError unless an input of `shape` has the channels that `weight` in `groups` takes."""
    channels = weight.shape[1] * groups
    if groups < 1 or weight.shape[0] % groups:
        raise ParameterError(f"groups is {groups}, which does not divide the {weight.shape[0]} outputs")
    if len(shape) != dimensions or shape[0] != channels:
        raise ParameterError(f"takes {channels} channels and {dimensions - 1} more axes, the input is {shape}")


def check_delay(steps: Array) -> None:
    """Raise ParameterError unless `steps` are whole numbers >= 0."""
    if not np.issubdtype(steps.dtype, np.integer) or (steps < 0).any():
        raise ParameterError(f"delays are whole steps >= 0; they are {steps.dtype} from {steps.min(initial=0)}")
