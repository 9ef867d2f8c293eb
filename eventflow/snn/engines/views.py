"""What lies between neurons and only moves spikes (flatten, scale, pools without overlap), folded into an index."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from eventflow.snn.layers import AvgPool2d, Flatten, Scale, SumPool2d

if TYPE_CHECKING:
    from eventflow.snn.neuron import Array, Shape

Fold = Flatten | Scale | SumPool2d | AvgPool2d


@dataclass(frozen=True, eq=False)
class View:
    """A population's output as a later layer sees it.

    Attributes:
        source: name of the population.
        shape: what the viewer sees.
        places: for each unit of the source, in C order, the place in `shape` (C order) that its spikes go to; -1: none.
        factors: what each unit's spikes are multiplied by, None for 1.
        lag: steps by which the viewer is late; 1 over a feedback edge.
    """

    source: str
    shape: Shape
    places: Array
    factors: Array | None = None
    lag: int = 0

    @staticmethod
    def of(source: str, shape: Shape) -> View:
        """Return the plain view of a population."""
        return View(source, shape, np.arange(np.prod(shape), dtype=np.int64))

    def later(self, steps: int) -> View:
        """Return the view that is `steps` later."""
        return replace(self, lag=self.lag + steps)

    @property
    def is_plain(self) -> bool:
        """Whether it shows every unit once, as it is, in any order: what went in can be told from what is seen."""
        return self.factors is None and len(self.places) == np.prod(self.shape) and bool((self.places >= 0).all())


def is_fold(layer: object) -> bool:
    """Return whether a layer only moves and scales spikes, each to one place at most."""
    if isinstance(layer, SumPool2d):
        return all(kernel <= stride for kernel, stride in zip(layer.kernel, layer.stride, strict=True))
    return isinstance(layer, Flatten | Scale)


def folded(view: View, layer: Fold, shape: Shape) -> View:
    """Return the view through `layer`, whose output has `shape`."""
    if isinstance(layer, Flatten):
        return replace(view, shape=shape)
    if isinstance(layer, Scale):
        return _scaled(view, np.broadcast_to(layer.scale, view.shape).reshape(-1))
    moved = _moved(view, _pooled(view.shape, layer, shape), shape)
    return _scaled(moved, np.full(np.prod(shape), pool_factor(layer))) if isinstance(layer, AvgPool2d) else moved


def pool_factor(layer: SumPool2d) -> float:
    """Return what a pool multiplies its sums by."""
    return 1 / (layer.kernel[0] * layer.kernel[1]) if isinstance(layer, AvgPool2d) else 1.0


def _scaled(view: View, scale: Array) -> View:
    own = np.where(view.places >= 0, np.asarray(scale, np.float64)[view.places], 1.0)
    return replace(view, factors=own if view.factors is None else view.factors * own)


def _moved(view: View, targets: Array, shape: Shape) -> View:
    return replace(view, shape=shape, places=np.where(view.places >= 0, targets[view.places], -1))


def _pooled(shape: Shape, layer: SumPool2d, out: Shape) -> Array:
    """Return the output place of every input place, C order, -1 where no window takes it."""
    rows, columns = (_windows(shape[1 + k], layer, k, out[1 + k]) for k in (0, 1))
    inside = (rows >= 0)[:, None] & (columns >= 0)[None, :]
    plane = np.where(inside, rows[:, None] * out[2] + columns[None, :], -1)
    channels = np.arange(shape[0])[:, None, None] * (out[1] * out[2])
    return np.where(plane >= 0, plane + channels, -1).reshape(-1)


def _windows(size: int, layer: SumPool2d, axis: int, out: int) -> Array:
    """Return for every row (or column) the window it falls into, -1 for none."""
    shifted = np.arange(size) + layer.padding[axis][0]
    window, within = np.divmod(shifted, layer.stride[axis])
    return np.where((within < layer.kernel[axis]) & (window < out), window, -1)
