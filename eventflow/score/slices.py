"""How even slices are when the speed of the scene is not: the spread of how far edges move in one.

A slicer that knows only time lets fast edges smear and slow ones vanish. Edges in closed form cross a sensor at a
speed that changes by known steps; of each complete slice the displacement, the events and the delay of its end are
measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow.errors import ParameterError
from eventflow.events import EVENT_DTYPE, Events
from eventflow.kernels.adaptive_slices import AreaCountSlicer, FillSlicer, TimeOrCountSlicer, VarianceSlicer
from eventflow.kernels.slices import CountSlicer, TimeSlicer
from eventflow.synth.hashing import uniforms

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from eventflow.kernels.slices import Slicer

SPEEDS_PX_S: Final = (50.0, 200.0, 800.0, 3200.0, 800.0, 200.0)
_PACKET_EVENTS: Final = 4096
_EDGE_STREAM: Final = 201
_NOISE_STREAM: Final = 202


@dataclass(frozen=True)
class Sweep:
    """Edges that cross a sensor at changing speed.

    Attributes:
        events: in time order.
        borders_us: when the speed changes, and the end: int64, shape (n + 1,).
        speeds_px_s: in between: float64, shape (n,).
    """

    events: Events
    borders_us: NDArray[np.int64]
    speeds_px_s: NDArray[np.float64]

    def travelled(self, t: NDArray[Any]) -> NDArray[np.float64]:
        """Return how far the edges have moved at times `t` (µs), px."""
        distance = np.concatenate([[0.0], np.cumsum(np.diff(self.borders_us) * self.speeds_px_s / 1e6)])
        return np.asarray(np.interp(t, self.borders_us, distance), np.float64)


@dataclass(frozen=True)
class SliceSpread:
    """What became of a sweep in the hands of one slicer.

    Attributes:
        slices: complete slices with events.
        displacement_px: median distance that edges moved in a slice.
        displacement_cv: standard deviation of that distance over its mean: 0 is even.
        count_cv: likewise of the number of events.
        longest_us: longest slice.
    """

    slices: int
    displacement_px: float
    displacement_cv: float
    count_cv: float
    longest_us: int


def speed_sweep(
    *,
    speeds_px_s: Sequence[float] = SPEEDS_PX_S,
    distance_px: float = 160.0,
    width: int = 160,
    height: int = 120,
    edges: int = 12,
    noise_hz: float = 0.1,
    seed: int = 1,
) -> Sweep:
    """Return upright edges that move to the right, `distance_px` at each speed.

    Edges lie at even distances with a random shift, each over a random part of the rows, in turn ON and OFF. A pixel
    fires when an edge comes to its middle, within a tenth of a pixel by chance. Noise is added at even places and
    times.

    Raises:
        ParameterError: a speed is not above 0.
    """
    if min(speeds_px_s) <= 0:
        raise ParameterError(f"speeds are {list(speeds_px_s)}, expected all above 0")
    spans_us = [round(distance_px / speed * 1e6) for speed in speeds_px_s]
    borders = np.concatenate([[0], np.cumsum(spans_us)]).astype(np.int64)
    sweep = Sweep(Events.empty(width, height), borders, np.array(speeds_px_s, np.float64))
    total = float(sweep.travelled(borders[-1:])[0])
    rows = []
    for number in range(-int(total / width * edges) - 1, edges):
        chance = uniforms(seed + 7919 * number, _EDGE_STREAM, 3 + height * width)
        start = (number + chance[0]) * width / edges
        top, size = int(chance[1] * height / 2), height // 4 + int(chance[2] * height / 4)
        y, x = np.mgrid[top : top + size, 0:width]
        when = x + 0.5 - start + 0.2 * (chance[3 : 3 + y.size].reshape(y.shape) - 0.5)
        inside = (when >= 0) & (when < total)
        rows.append(np.stack([when[inside], x[inside], y[inside], np.full(inside.sum(), number % 2)]))
    where, x, y, p = np.concatenate(rows, axis=1)
    distance = np.concatenate([[0.0], np.cumsum(np.diff(borders) * sweep.speeds_px_s / 1e6)])
    noise = int(noise_hz * width * height * borders[-1] / 1e6)
    chance = uniforms(seed, _NOISE_STREAM, 4 * noise).reshape(4, -1)
    records = np.zeros(len(x) + noise, EVENT_DTYPE)
    records["t"] = np.concatenate([np.interp(where, distance, borders), chance[0] * borders[-1]]).astype(np.int64)
    records["x"] = np.concatenate([x, np.floor(chance[1] * width)])
    records["y"] = np.concatenate([y, np.floor(chance[2] * height)])
    records["p"] = np.concatenate([p, chance[3] > 0.5])
    events = Events(records, width, height).sorted()
    return Sweep(events, borders, sweep.speeds_px_s)


def slice_spread(slicer: Slicer, sweep: Sweep) -> SliceSpread:
    """Feed a sweep to a slicer and return how even its slices are."""
    pieces = []
    for start in range(0, len(sweep.events), _PACKET_EVENTS):
        pieces += slicer.push(sweep.events[start : start + _PACKET_EVENTS])
    pieces = [piece for piece in pieces if piece.complete and len(piece)]
    if not pieces:
        return SliceSpread(0, float("nan"), float("nan"), float("nan"), 0)
    t0, t1 = (np.array([getattr(piece, name) for piece in pieces]) for name in ("t0", "t1"))
    moved = sweep.travelled(t1) - sweep.travelled(t0)
    counts = np.array([len(piece) for piece in pieces], np.float64)
    return SliceSpread(len(pieces), float(np.median(moved)), _cv(moved), _cv(counts), int((t1 - t0).max()))


def stock_slicers(width: int, height: int) -> dict[str, Callable[[], Slicer]]:
    """Return the slicers that are compared, by name, with settings for a sensor of this size."""
    return {
        "time 10 ms": lambda: TimeSlicer(10_000),
        "count 2000": lambda: CountSlicer(2_000),
        "time 100 ms or count 2000": lambda: TimeOrCountSlicer(2_000, 100_000),
        "area 32 px, 200": lambda: AreaCountSlicer(width, height, count=200),
        "variance (OpenEB)": lambda: VarianceSlicer(width, height),
        "entropy, 5 %": lambda: FillSlicer(width, height, measure="entropy"),
        "contrast, 5 %": lambda: FillSlicer(width, height, measure="contrast"),
    }


def _cv(values: NDArray[np.float64]) -> float:
    mean = float(values.mean())
    return float(values.std() / mean) if mean else float("nan")
