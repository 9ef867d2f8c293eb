"""Voxels as a list: only those with events, for sparse convolutions and point networks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.errors import ParameterError
from eventflow.kernels.jit import jit
from eventflow.kernels.windows import check_inside, check_number, check_window
from eventflow.kernels.words import p_of, words_of, x_of, y_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eventflow.events import Events

FEATURES = ("off", "on", "time")


def sparse_voxels(
    events: Events, t0: int, t1: int, bins: int, *, stride: int = 1
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return the voxels that hold events, in the order of their first events, and what is in each.

        b = min(bins - 1, floor(bins * (t - t0) / (t1 - t0)))
        voxel = (b, y // stride, x // stride)
        features = (OFF events, ON events, mean of (t - t0) / (t1 - t0))

    Args:
        events: all with t0 <= t <= t1, in any order; not written.
        t0: start of the window, µs.
        t1: end of the window, µs.
        bins: voxels along time, 1 to 1024.
        stride: side of a voxel, px, 1 to 1024.

    Returns:
        coordinates: int32, shape (n, 3): bin, row, column.
        features: float32, shape (n, 3).

    Raises:
        ParameterError: `bins`, `stride` or the window is not usable.
        EventsError: an event lies outside the window; `index` is the first.
    """
    check_number("bins", bins, 1, 1024)
    check_number("stride", stride, 1, 1024)
    check_window(t0, t1)
    rows, columns = -(-events.height // stride), -(-events.width // stride)
    if bins * rows * columns >= 1 << 31:
        raise ParameterError(f"{bins} bins of {columns}x{rows} voxels are more than 2^31; take a greater stride")
    numbers = np.full(bins * rows * columns, -1, np.int32)
    coordinates = np.empty((len(events), 3), np.int32)
    features = np.empty((len(events), 3), np.float64)
    count = _sparse(words_of(events), t0, t1, bins, stride, rows, columns, numbers, coordinates, features)
    check_inside(events, -1 - count if count < 0 else -1, t0, t1)
    return coordinates[:count].copy(), features[:count].astype(np.float32)


@jit
def _sparse(
    words: Any,
    t0: Any,
    t1: Any,
    bins: Any,
    stride: Any,
    rows: Any,
    columns: Any,
    numbers: Any,
    coordinates: Any,
    features: Any,
) -> Any:
    span, duration = np.uint64(t1 - t0), max(t1 - t0, 1)
    count = 0
    for i in range(len(words) // 2):
        place = words[2 * i + 1]
        since = words[2 * i] - t0
        if np.uint64(since) > span:
            return -1 - i
        own = min(bins * since // duration, bins - 1)
        row, column = np.int64(y_of(place)) // stride, np.int64(x_of(place)) // stride
        cell = (own * rows + row) * columns + column
        number = numbers[cell]
        if number < 0:
            number = count
            numbers[cell] = number
            coordinates[number, 0], coordinates[number, 1], coordinates[number, 2] = own, row, column
            features[number, :] = 0.0
            count += 1
        features[number, 1 if p_of(place) else 0] += 1.0
        total = features[number, 0] + features[number, 1]
        features[number, 2] += (since / duration - features[number, 2]) / total
    return count
