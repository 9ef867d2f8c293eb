"""Surrogate gradients: what a spike's derivative is taken to be while training, as a function of v - threshold.

Forward is always the step itself. Names, formulas and default widths are those of the libraries that made them common.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi, sqrt
from typing import Any, Protocol

import torch
from torch import Tensor


class Surrogate(Protocol):
    """The derivative that stands in for the step's."""

    def slope(self, x: Tensor) -> Tensor:
        """Return the derivative at x = v - threshold."""
        ...


@dataclass(frozen=True)
class ATan:
    """alpha / 2 / (1 + (pi / 2 alpha x)^2) (Fang et al. 2021; spikingjelly and snntorch ATan, alpha 2)."""

    alpha: float = 2.0

    def slope(self, x: Tensor) -> Tensor:
        """Return the derivative at x = v - threshold."""
        return self.alpha / 2 / (1 + (pi / 2 * self.alpha * x) ** 2)


@dataclass(frozen=True)
class Sigmoid:
    """The derivative of sigmoid(alpha x) (spikingjelly Sigmoid, alpha 4; snntorch sigmoid, slope 25)."""

    alpha: float = 4.0

    def slope(self, x: Tensor) -> Tensor:
        """Return the derivative at x = v - threshold."""
        s = torch.sigmoid(self.alpha * x)
        return self.alpha * s * (1 - s)


@dataclass(frozen=True)
class FastSigmoid:
    """1 / (slope |x| + 1)^2 (Zenke & Ganguli 2018, SuperSpike; snntorch fast_sigmoid, slope 25)."""

    steepness: float = 25.0

    def slope(self, x: Tensor) -> Tensor:
        """Return the derivative at x = v - threshold."""
        return 1 / (self.steepness * x.abs() + 1) ** 2


@dataclass(frozen=True)
class Triangle:
    """alpha - alpha^2 |x| where that is above 0 (Bellec et al. 2018; spikingjelly PiecewiseQuadratic, alpha 1)."""

    alpha: float = 1.0

    def slope(self, x: Tensor) -> Tensor:
        """Return the derivative at x = v - threshold."""
        return (self.alpha - self.alpha**2 * x.abs()).clamp(min=0)


@dataclass(frozen=True)
class Rectangle:
    """1 / width within width / 2 of the threshold (Wu et al. 2018, width 1; spikingjelly Rect, alpha = 1 / width)."""

    width: float = 1.0

    def slope(self, x: Tensor) -> Tensor:
        """Return the derivative at x = v - threshold."""
        return (x.abs() < self.width / 2).to(x.dtype) / self.width


@dataclass(frozen=True)
class Gaussian:
    """A normal density of width sigma (Yin et al. 2021, sigma 0.5; spikingjelly Erf, alpha = 1 / (sqrt(2) sigma))."""

    sigma: float = 0.5

    def slope(self, x: Tensor) -> Tensor:
        """Return the derivative at x = v - threshold."""
        return torch.exp(-0.5 * (x / self.sigma) ** 2) / (self.sigma * sqrt(2 * pi))


class _Step(torch.autograd.Function):  # type: ignore[misc]
    @staticmethod
    def forward(ctx: Any, x: Tensor, surrogate: Surrogate, at: bool) -> Tensor:
        ctx.save_for_backward(x)
        ctx.surrogate = surrogate
        return (x >= 0 if at else x > 0).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (x,) = ctx.saved_tensors
        return gradient * ctx.surrogate.slope(x), None, None


class _Floor(torch.autograd.Function):  # type: ignore[misc]
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return torch.floor(x).clamp(min=0)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return gradient * (x > 0)


class _RoundClip(torch.autograd.Function):  # type: ignore[misc]
    @staticmethod
    def forward(ctx: Any, x: Tensor, top: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.top = top
        return torch.floor(x.clamp(0, top) + 0.5)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        return gradient * ((x >= 0) & (x <= ctx.top)), None


def spike(x: Tensor, surrogate: Surrogate, *, at: bool = True) -> Tensor:
    """Return 1 where x = v - threshold is at least 0 (`at`) or above 0 (not `at`), with the surrogate's derivative."""
    result: Tensor = _Step.apply(x, surrogate, at)
    return result


def spike_count(x: Tensor) -> Tensor:
    """Return floor(x), at least 0, for x = v / threshold; the derivative is 1 above 0."""
    result: Tensor = _Floor.apply(x)
    return result


def integer_spikes(x: Tensor, top: int) -> Tensor:
    """Return floor(clip(x, 0, top) + 0.5) with derivative 1 within the clip (Luo et al. 2024, I-LIF)."""
    result: Tensor = _RoundClip.apply(x, float(top))
    return result
