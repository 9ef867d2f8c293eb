"""The loops of the adaptive slicers: events are counted into a measure until it says that the slice ends.

Each returns how many events it took up to and including the one that ends the slice, or -1 when it took all.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from eventflow.kernels.jit import jit
from eventflow.kernels.words import p_of, x_of, y_of

# of VarianceSlicer's sums: squares OFF and ON, events OFF and ON, pixels OFF and ON, pixels with both, all events
VARIANCE_SUMS: Final = 8
_LOOK_EVENTS: Final = 16  # a logarithm an event would cost as much as the rest


@jit
def area_count(words: Any, area: Any, count: Any, earliest: Any, counts: Any, due: Any) -> Any:
    """Count events by area until one has `count`; `due` remembers that one had, before `earliest`."""
    for i in range(len(words) // 2):
        t, place = words[2 * i], words[2 * i + 1]
        row, column = np.int64(y_of(place)) // area, np.int64(x_of(place)) // area
        counts[row, column] += 1
        due[0] = due[0] or counts[row, column] >= count
        if due[0] and t >= earliest:
            return i + 1
    return -1


@jit
def variance(words: Any, rule: Any, earliest: Any, counts: Any, sums: Any, before: Any) -> Any:
    """Count events into a picture of either polarity; look at its variance after every block."""
    threshold, share, block, shift = rule
    rows, columns = counts.shape[1], counts.shape[2]
    pixels = np.float64(rows * columns)
    mask = (1 << shift) - 1
    for i in range(len(words) // 2):
        t, place = words[2 * i], words[2 * i + 1]
        x, y, p = np.int64(x_of(place)), np.int64(y_of(place)), np.int64(p_of(place))
        row, column = y >> shift, x >> shift
        if (x & mask) == 0 and (y & mask) == 0 and row < rows and column < columns:
            c = np.int64(counts[p, row, column])
            if c == 0:
                sums[4 + p] += 1
                sums[6] += counts[1 - p, row, column] > 0
            sums[p] += 2 * c + 1
            sums[2 + p] += 1
            counts[p, row, column] = c + 1
        sums[7] += 1
        if sums[7] % block:
            continue
        cut = sums[6] >= share * (sums[4] + sums[5]) and sums[6] > 0
        for side in range(2):
            n = np.float64(sums[2 + side])
            q = (sums[side] / pixels - (n / pixels) ** 2) / n if n > 0 else 0.0
            cut = cut or (threshold < q < before[side])
            before[side] = q
        if cut and t >= earliest:
            return i + 1
    return -1


@jit
def fill(
    words: Any, block: Any, enough: Any, earliest: Any, of_entropy: Any, counts: Any, sums: Any, logarithms: Any
) -> Any:
    """Count events by block until they are spread over `enough` of them."""
    for i in range(len(words) // 2):
        t, place = words[2 * i], words[2 * i + 1]
        row, column = np.int64(y_of(place)) // block, np.int64(x_of(place)) // block
        c = np.int64(counts[row, column])
        counts[row, column] = c + 1
        sums[0] += 1
        n = sums[0]
        if of_entropy:
            if c > 0:
                logarithms[0] += (c + 1) * math.log(c + 1.0) - c * math.log(np.float64(c))
            if n % _LOOK_EVENTS or t < earliest:
                continue
            if math.log(np.float64(n)) - logarithms[0] / n >= math.log(enough):
                return i + 1
        else:
            sums[1] += 2 * c + 1
            if t >= earliest and np.float64(n) * n >= enough * sums[1]:
                return i + 1
    return -1
