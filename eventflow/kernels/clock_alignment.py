"""The clock of one sensor in terms of another's, from edges of a trigger line that both saw.

Times of one edge on two clocks are related by r = o + offset + drift (o - at). Edges may be missing on either side and
both clocks jitter; which edges belong together is what most of them agree on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow.errors import ParameterError
from eventflow.events import EVENT_DTYPE, Events

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ANCHORS: Final = 24  # edges of either side that the first guess of the offset is made from
_ROUNDS: Final = 16
_PPM: Final = 1e-6


@dataclass(frozen=True)
class ClockFit:
    """One clock in terms of another.

    Attributes:
        offset_us: reference minus other at `at_us`, µs.
        drift_ppm: how much faster the reference goes, parts per million.
        at_us: time on the other clock at which `offset_us` holds, µs.
        pairs: edges that belong together.
        rms_us: how far they lie from the fit, µs.
    """

    offset_us: float
    drift_ppm: float
    at_us: int
    pairs: int
    rms_us: float

    def to_reference(self, t: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return times on the reference's clock, µs."""
        moved: NDArray[np.int64] = t + _shift(t, self.offset_us, self.drift_ppm, self.at_us)
        return moved


def fit_clocks(
    reference: NDArray[np.int64], other: NDArray[np.int64], *, tolerance_us: int = 100, most_drift_ppm: float = 500.0
) -> ClockFit:
    """Fit one clock to another.

    Args:
        reference: times of edges on the reference's clock, int64, µs, increasing.
        other: times of edges on the other clock; the same edges, but for those that either missed.
        tolerance_us: how far edges that belong together may lie from the fit: jitter of both clocks.
        most_drift_ppm: the largest drift that is believed.

    Raises:
        ParameterError: fewer than two edges agree. Edges at equal intervals fit in many ways; the one with most pairs
            and then the one with the earliest edges is taken, so let a few intervals differ, or start both first.
    """
    reference, other = np.asarray(reference, np.int64), np.asarray(other, np.int64)
    if len(reference) < 2 or len(other) < 2:
        raise ParameterError(f"{len(reference)} and {len(other)} edges: two at least are needed on either clock")
    at = int(other[0])
    base = int(reference[0])
    r, o = (reference - base).astype(np.float64), (other - at).astype(np.float64)
    span = max(float(o[-1]), 1.0)
    offset, anchor = _first_offset(r, o, tolerance_us, most_drift_ppm)
    drift, slack = 0.0, most_drift_ppm * _PPM
    # from the edges near the first guess to those far off, which a drift not known yet would put out of reach
    for reach in np.geomspace(tolerance_us / slack, max(span, 1e6), _ROUNDS):
        near = o[np.abs(o - anchor) <= reach]
        i, j = _pairs(r, near, offset, drift, tolerance_us + np.abs(near - anchor) * slack)
        if len(i) >= 2:
            drift, offset = _line(r[i], near[j], tolerance_us, most_drift_ppm)
            slack = min(most_drift_ppm * _PPM, 2 * tolerance_us / float(np.ptp(near[j])))
    i, j = _pairs(r, o, offset, drift, tolerance_us)
    if len(i) < 2:
        raise ParameterError(f"of {len(r)} and {len(o)} edges no two agree within {tolerance_us} µs")
    for _ in range(2):  # how far they scatter says how little the fit need be drawn towards no drift
        scatter_us = _scatter(r[i], o[j], drift, offset)
        drift, offset = _line(r[i], o[j], max(scatter_us, 1.0), most_drift_ppm)
    return ClockFit(offset + base - at, drift / _PPM, at, len(i), _scatter(r[i], o[j], drift, offset))


def aligned(events: Events, offset_us: float, drift_ppm: float = 0.0, at_us: int = 0) -> Events:
    """Return events with times on the reference's clock; drifts are far too small to change their order."""
    records = events.records.view("V16").copy().view(EVENT_DTYPE)
    t: Any = records["t"]
    records["t"] = t + _shift(t, offset_us, drift_ppm, at_us)
    return Events(
        records, events.width, events.height, ordered=events.ordered, labels=events.labels, scores=events.scores
    )


def _shift(t: Any, offset_us: float, drift_ppm: float, at_us: int) -> Any:
    return np.rint(offset_us + (t - at_us) * (drift_ppm * _PPM)).astype(np.int64)


def _first_offset(r: Any, o: Any, tolerance_us: int, most_drift_ppm: float) -> tuple[float, float]:
    """Return the difference of two edges on which most others agree, and the time of the second of the two."""
    best, anchor, best_count = 0.0, 0.0, -1
    for i in range(min(_ANCHORS, len(r))):
        for j in range(min(_ANCHORS, len(o))):
            offset = r[i] - o[j]
            allowed = tolerance_us + np.abs(o - o[j]) * (most_drift_ppm * _PPM)
            count = int((np.abs(_nearest(r, o + offset) - (o + offset)) <= allowed).sum())
            if count > best_count:
                best, anchor, best_count = float(offset), float(o[j]), count
    return best, anchor


def _nearest(r: Any, t: Any) -> Any:
    after = np.searchsorted(r, t).clip(1, len(r) - 1)
    before = after - 1
    return np.where(np.abs(r[before] - t) <= np.abs(r[after] - t), r[before], r[after])


def _pairs(r: Any, o: Any, offset: float, drift: float, tolerance_us: Any) -> tuple[Any, Any]:
    """Return indices of edges that belong together under a fit."""
    t = o * (1.0 + drift) + offset
    after = np.searchsorted(r, t).clip(1, len(r) - 1)
    i = np.where(np.abs(r[after - 1] - t) <= np.abs(r[after] - t), after - 1, after)
    found = np.flatnonzero(np.abs(r[i] - t) <= tolerance_us)
    _, first = np.unique(i[found], return_index=True)
    return i[found][first], found[first]


def _scatter(r: Any, o: Any, drift: float, offset: float) -> float:
    return float(np.sqrt(np.mean((r - (o * (1.0 + drift) + offset)) ** 2)))


def _line(r: Any, o: Any, tolerance_us: float, most_drift_ppm: float) -> tuple[float, float]:
    """Fit a line; few edges close together say little of a drift, so it is drawn towards 0 by what they leave open."""
    most = most_drift_ppm * _PPM
    middle_r, middle_o = float(r.mean()), float(o.mean())
    apart = o - middle_o
    spread = float((apart**2).sum()) + (tolerance_us / most) ** 2
    drift = float((apart * (r - middle_r - apart)).sum()) / spread
    drift = min(max(drift, -most), most)
    return drift, middle_r - middle_o * (1.0 + drift)
