"""Whether representations are their formulas to the last bit: each is computed again by NumPy, event after event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.kernels import frames, recent, representations, voxels

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from eventflow.events import Events


@dataclass(frozen=True)
class Agreement:
    """How one representation compares with its formula.

    Attributes:
        name: of the representation.
        equal: whether every byte is the same.
        largest: greatest difference of a value.
    """

    name: str
    equal: bool
    largest: float


def agreements(events: Events, t0: int, t1: int, *, bins: int = 5) -> list[Agreement]:
    """Return the comparison of every representation that has a formula here, on one window of events."""
    pairs: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
        "count": (lambda: representations.count_frame(events), lambda: _counts(events)),
        "histogram": (lambda: frames.histogram(events), lambda: np.minimum(_counts(events), 255).astype(np.uint8)),
        "signed_frame": (lambda: frames.signed_frame(events), lambda: np.diff(_counts(events), axis=0)),
        "binary_frame": (lambda: frames.binary_frame(events), lambda: (_counts(events) > 0).astype(np.uint8)),
        "timestamp_image": (lambda: frames.timestamp_image(events, t0, t1), lambda: _last(events, t0, t1)),
        "voxel_grid": (
            lambda: representations.voxel_grid(events, t0, t1, bins),
            lambda: _bilinear(events, t0, t1, bins, bins - 1),
        ),
        "voxel_grid_tonic": (
            lambda: voxels.voxel_grid_tonic(events, t0, t1, bins),
            lambda: _bilinear(events, t0, t1, bins, bins),
        ),
        "stacked_histogram": (
            lambda: voxels.stacked_histogram(events, t0, t1, bins),
            lambda: _stacked(events, t0, t1, bins),
        ),
        "tencode": (lambda: recent.tencode(events, t0, t1), lambda: _tencode(events, t0, t1)),
    }
    return [_agreement(name, ours(), formula()) for name, (ours, formula) in pairs.items()]


def _agreement(name: str, ours: NDArray[Any], formula: NDArray[Any]) -> Agreement:
    equal = ours.dtype == formula.dtype and ours.tobytes() == np.ascontiguousarray(formula).tobytes()
    return Agreement(name, equal, float(np.abs(ours.astype(np.float64) - formula).max(initial=0)))


def _counts(events: Events) -> NDArray[np.int32]:
    counts = np.zeros((2, events.height, events.width), np.int32)
    np.add.at(counts, (events.p, events.y, events.x), 1)
    return counts


def _last(events: Events, t0: int, t1: int) -> NDArray[np.float32]:
    image = np.zeros((2, events.height, events.width), np.float32)
    times = ((events.t - t0) / max(t1 - t0, 1)).astype(np.float32)
    for place, time in zip(zip(events.p, events.y, events.x, strict=True), times, strict=True):
        image[place] = time
    return image


def _bilinear(events: Events, t0: int, t1: int, bins: int, steps: int) -> NDArray[np.float32]:
    grid = np.zeros((bins + 2, events.height, events.width), np.float32)
    tau = (steps * (events.t - t0)) / np.float64(max(t1 - t0, 1))
    whole = tau.astype(np.int64)
    late = (tau - whole).astype(np.float32)
    sign = (events.p.astype(np.int64) * 2 - 1).astype(np.float32)
    # both shares of an event before those of the next, which is the order in which sums run
    own = np.stack([whole, whole + 1], axis=1).reshape(-1)
    share = np.stack([sign * (np.float32(1) - late), sign * late], axis=1).reshape(-1)
    np.add.at(grid, (own, np.repeat(events.y, 2), np.repeat(events.x, 2)), share)
    return grid[:bins]


def _stacked(events: Events, t0: int, t1: int, bins: int) -> NDArray[np.uint8]:
    counts = np.zeros((2, bins, events.height, events.width), np.int64)
    own = np.minimum((events.t - t0) * bins // max(t1 - t0, 1), bins - 1)
    np.add.at(counts, (events.p, own, events.y, events.x), 1)
    return np.minimum(counts, 255).astype(np.uint8).reshape(2 * bins, events.height, events.width)


def _tencode(events: Events, t0: int, t1: int) -> NDArray[np.uint8]:
    image = np.zeros((3, events.height, events.width), np.uint8)
    span = max(t1 - t0, 1)
    for t, x, y, p in events.records.tolist():
        image[:, y, x] = 255 * p, (510 * (t1 - t) + span) // (2 * span), 255 * (1 - p)
    return image
