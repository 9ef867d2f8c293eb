"""HATS: histograms of averaged time surfaces, a descriptor of each cell of the sensor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from eventflow.kernels.decay import decay_tables
from eventflow.kernels.jit import jit
from eventflow.kernels.windows import LONGEST_US, check_number
from eventflow.kernels.words import p_of, words_of, x_of, y_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eventflow.events import Events

Decay = Literal["exponential", "linear"]


def hats(
    events: Events,
    *,
    cell: int = 10,
    radius: int = 2,
    window: int = 100_000,
    tau: int = 50_000,
    decay: Decay = "exponential",
) -> NDArray[np.float32]:
    """Return the mean time surface of the events of each cell and polarity.

    Sironi et al. 2018, "HATS: histograms of averaged time surfaces for robust event-based object classification",
    eq. 5 and 6, with S = 2 radius + 1:

        for e in events:                    # of one cell and polarity
            for m in the events of the same cell and polarity before e, t >= e.t - window, within radius px of e:
                h[m.y - e.y, m.x - e.x] += exp(-(e.t - m.t) / tau)          linear: 1 - (e.t - m.t) / (3 tau)
            h[0, 0] += 1
        h /= number of events

    Args:
        events: in time order; not written.
        cell: side of a cell, px, at least 1. Cells at the right and lower border may be cut.
        radius: px, 0 to 7.
        window: how far back events are remembered, µs, at least 0.
        tau: time constant, µs, at least 1.
        decay: how the surface fades; a linear one is not followed below 0.

    Returns:
        float32, shape (2 S^2, rows of cells, columns of cells): plane `p S^2 + (dy + radius) S + dx + radius`.
            Within 3e-7 of the equations, relative.

    Raises:
        ParameterError: a number is out of range.
    """
    check_number("cell", cell, 1)
    check_number("radius", radius, 0, 7)
    check_number("window", window, 0, LONGEST_US)
    check_number("tau", tau, 1, LONGEST_US)
    side = 2 * radius + 1
    rows, columns = -(-events.height // cell), -(-events.width // cell)
    sums = np.zeros((rows * columns, 2, side, side))
    numbers = np.zeros((rows * columns, 2), np.int64)
    newest = np.full((2, events.height, events.width), -1, np.int32)
    before = np.empty(len(events), np.int32)
    slope = 1 / (3 * tau) if decay == "linear" else 0.0
    _hats(words_of(events), cell, columns, radius, window, slope, *decay_tables(tau), newest, before, sums, numbers)
    means = sums / np.maximum(numbers, 1)[:, :, None, None]
    planes = means.transpose(1, 2, 3, 0).reshape(2 * side * side, rows, columns)
    return np.ascontiguousarray(planes, np.float32)


@jit
def _hats(
    words: Any,
    cell: Any,
    columns: Any,
    radius: Any,
    window: Any,
    slope: Any,
    coarse: Any,
    fine: Any,
    shift: Any,
    newest: Any,
    before: Any,
    sums: Any,
    numbers: Any,
) -> None:
    height, width = newest.shape[1], newest.shape[2]
    side = 2 * radius + 1
    last, totals = newest.reshape(-1), sums.reshape(-1)
    most, low, bits = np.uint64(len(coarse) - 1), np.uint64(len(fine) - 1), np.uint64(shift)
    for i in range(len(words) // 2):
        t, place = words[2 * i], words[2 * i + 1]
        x, y, p = np.int64(x_of(place)), np.int64(y_of(place)), np.int64(p_of(place))
        row, column = y // cell, x // cell
        own = row * columns + column
        # a neighbour in another cell does not count, so the patch is cut at the cell's border
        y0, y1 = max(y - radius, row * cell), min(min(y + radius + 1, (row + 1) * cell), height)
        x0, x1 = max(x - radius, column * cell), min(min(x + radius + 1, (column + 1) * cell), width)
        surface = (own * 2 + p) * side * side + radius * side + radius
        for other_y in range(y0, y1):
            first = (p * height + other_y) * width
            for other_x in range(x0, x1):
                # each pixel's events are a chain from the newest to the oldest; unsigned, which spares a test for
                # negative indices at every step
                j = last[np.uint64(first + other_x)]
                if j < 0:
                    continue
                total = 0.0
                while j >= 0:
                    age = np.uint64(t - words[np.uint64(2 * j)])
                    if age > np.uint64(window):
                        break
                    if slope > 0.0:
                        total += max(1.0 - slope * np.int64(age), 0.0)
                    else:
                        total += coarse[min(age >> bits, most)] * fine[age & low]
                    j = before[np.uint64(j)]
                totals[np.uint64(surface + (other_y - y) * side + other_x - x)] += total
        totals[np.uint64(surface)] += 1.0
        numbers[own, p] += 1
        before[i] = last[np.uint64((p * height + y) * width + x)]
        last[np.uint64((p * height + y) * width + x)] = i
