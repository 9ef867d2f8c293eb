"""HATS: histograms of averaged time surfaces, a descriptor of each cell of the sensor.

Of an event's neighbourhood few pixels have events, so those that have are marked, a bit a pixel, and the loop goes from
mark to mark: reading every pixel instead costs 1.5 times as much on slices of 10 ms, in branches that are guessed
wrong. The floor is the walk along the events that count, each a step in memory that waits for the one before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from eventflow.kernels.bits import lowest
from eventflow.kernels.decay import decay_tables
from eventflow.kernels.jit import jit
from eventflow.kernels.pool import blank
from eventflow.kernels.windows import LONGEST_US, check_number
from eventflow.kernels.words import ONE, p_of, words_of, x_of, y_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eventflow.events import Events

Decay = Literal["exponential", "linear"]

_MARKS: Final = 32  # columns from the first bit of a word of marks to that of the next; each word has 64 of them


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
    sums = blank((rows * columns, 2, side, side), np.float64)
    numbers = np.zeros((rows * columns, 2), np.int64)
    newest = blank((2, events.height, events.width), np.int32)
    marks = np.zeros((2, events.height, -(-events.width // _MARKS)), np.uint64)
    before = np.empty(len(events), np.int32)
    slope = 1 / (3 * tau) if decay == "linear" else 0.0
    fade = (window, slope, *decay_tables(tau))
    _hats(words_of(events), cell, columns, radius, *fade, newest, marks, before, sums, numbers)
    planes = blank((2 * side * side, rows, columns), np.float32)
    _means(sums, numbers, planes)
    return planes


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
    marks: Any,
    before: Any,
    sums: Any,
    numbers: Any,
) -> None:
    height, width = newest.shape[1], newest.shape[2]
    side = 2 * radius + 1
    last, totals, marked = newest.reshape(-1), sums.reshape(-1), marks.reshape(-1)
    most, low, bits = np.uint64(len(coarse) - 1), np.uint64(len(fine) - 1), np.uint64(shift)
    per_row, at_once = np.uint64(marks.shape[2]), 64 // side
    steps = np.empty(64, np.uint64)  # from the first pixel of a word's worth of the neighbourhood to that of each bit
    for number in range(64):
        steps[number] = (number // side) * width + number % side
    for i in range(len(words) // 2):
        t, place = words[2 * i], words[2 * i + 1]
        x, y, p = np.int64(x_of(place)), np.int64(y_of(place)), np.int64(p_of(place))
        row, column = y // cell, x // cell
        own = row * columns + column
        # a neighbour in another cell does not count, so the patch is cut at the cell's border
        y0, y1 = max(y - radius, row * cell), min(min(y + radius + 1, (row + 1) * cell), height)
        x0, x1 = max(x - radius, column * cell), min(min(x + radius + 1, (column + 1) * cell), width)
        surface = (own * 2 + p) * side * side + radius * side + radius
        if numbers[own, p] == 0:
            for pixel in range(side * side):
                totals[np.uint64((own * 2 + p) * side * side + pixel)] = 0.0
        block = np.uint64(p * height + y0) * per_row + np.uint64(x0 // _MARKS)
        skip, inside = np.uint64(x0 % _MARKS), (ONE << np.uint64(x1 - x0)) - ONE
        for first in range(y0, y1, at_once):
            found, up = np.uint64(0), np.uint64(0)
            for _ in range(first, min(first + at_once, y1)):
                found |= ((marked[block] >> skip) & inside) << up
                up += np.uint64(side)
                block += per_row
            corner = np.uint64((p * height + first) * width + x0)
            target = np.uint64(surface + (first - y) * side + x0 - x)
            while found != np.uint64(0):
                bit = lowest(found)
                found &= found - ONE
                j = last[corner + steps[bit]]
                # each pixel's events are a chain from the newest to the oldest; walked here, because a function that is
                # given arrays counts references to them at every call
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
                totals[target + bit] += total
        totals[np.uint64(surface)] += 1.0
        numbers[own, p] += 1
        here = np.uint64((p * height + y) * width + x)
        block, own_bit = np.uint64(p * height + y) * per_row + np.uint64(x // _MARKS), ONE << np.uint64(x % _MARKS)
        before[i] = last[here] if marked[block] & own_bit != np.uint64(0) else -1
        marked[block] |= own_bit
        if x >= _MARKS:
            marked[block - ONE] |= own_bit << np.uint64(_MARKS)
        last[here] = i


@jit
def _means(sums: Any, numbers: Any, planes: Any) -> None:
    cells, patch = numbers.shape[0], sums.shape[2] * sums.shape[3]
    totals, means = sums.reshape(-1), planes.reshape(-1)
    for cell in range(cells):
        for p in range(2):
            number = np.float64(numbers[cell, p])
            for place in range(patch):
                mean = totals[(cell * 2 + p) * patch + place] / number if number > 0.0 else 0.0
                means[(p * patch + place) * cells + cell] = mean
