"""The loops of the filters in `eventflow.kernels.denoise`, whose text says what they compute.

`state` holds `2 t + p` of the last event of each pixel, NEVER before the first, inside a margin that is never written.
Survivors are written to `kept` as words; `mask`, where it has room, says which they were.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from eventflow.kernels.jit import jit
from eventflow.kernels.words import ONE, p_of, x_of, y_of

NEVER = -(1 << 62)  # further from any time than any window, and no overflow when subtracted


@jit
def background_activity(words: Any, state: Any, margin: Any, window: Any, kept: Any) -> Any:
    """Return how many events are kept."""
    cells = state.reshape(-1)
    stride = np.uint64(state.shape[1])
    at = 0
    for i in range(len(words) // 2):
        t, place = words[2 * i], words[2 * i + 1]
        here = (y_of(place) + np.uint64(margin)) * stride + x_of(place) + np.uint64(margin)
        above, below = here - stride, here + stride
        # All eight are read: a branch an event that is guessed wrong costs more than the loads
        newest = max(
            max(max(cells[above - ONE], cells[above]), max(cells[above + ONE], cells[here - ONE])),
            max(max(cells[here + ONE], cells[below - ONE]), max(cells[below], cells[below + ONE])),
        )
        supported = newest > 2 * (t - window) + 1
        if newest >= 2 * (t + window):  # time has stepped back, and one from the future may hide one in the window
            supported = _has_neighbour(cells, above, here, below, t, window)
        cells[here] = 2 * t + np.int64(p_of(place))
        # Written always, advanced past only if kept: no branch here either
        kept[at], kept[at + 1] = t, place
        at += 2 * supported
    return at // 2


@jit
def _has_neighbour(cells: Any, above: Any, here: Any, below: Any, t: Any, window: Any) -> Any:
    found = False
    for row in (above, here, below):
        for cell in (row - ONE, row, row + ONE):
            found |= cell != here and _within(cells[cell], 2 * (t - window + 1), np.uint64(4 * window - 2))
    return found


@jit
def stcf(
    words: Any, state: Any, offsets: Any, margin: Any, k: Any, polarity: Any, window: Any, kept: Any, mask: Any
) -> Any:
    """Return how many events are kept."""
    cells = state.reshape(-1)
    stride = np.uint64(state.shape[1])
    span = np.uint64(4 * window - 2)
    with_mask = len(mask) > 0
    at = 0
    for i in range(len(words) // 2):
        t, place = words[2 * i], words[2 * i + 1]
        here = (y_of(place) + np.uint64(margin)) * stride + x_of(place) + np.uint64(margin)
        earliest = 2 * (t - window + 1)
        p = np.int64(p_of(place))
        support = 0
        for offset in offsets:
            cell = cells[here + np.uint64(offset)]
            support += _within(cell, earliest, span) & ((not polarity) | ((cell & 1) == p))
        cells[here] = 2 * t + p
        kept[at], kept[at + 1] = t, place
        at += 2 * (support >= k)
        if with_mask:
            mask[i] = support >= k
    return at // 2


@jit
def neighbour_ages(words: Any, state: Any, offsets: Any, margin: Any, k: Any, polarity: Any, scores: Any) -> None:
    """Fill `scores` with the age of the k-th youngest neighbour."""
    cells = state.reshape(-1)
    stride = np.uint64(state.shape[1])
    youngest = np.empty(k, np.int64)
    for i in range(len(words) // 2):
        t, place = words[2 * i], words[2 * i + 1]
        here = (y_of(place) + np.uint64(margin)) * stride + x_of(place) + np.uint64(margin)
        p = np.int64(p_of(place))
        youngest[:] = -NEVER
        for offset in offsets:
            cell = cells[here + np.uint64(offset)]
            age = abs(t - (cell >> 1))
            if cell != NEVER and age < youngest[k - 1] and (not polarity or (cell & 1) == p):
                place_in_order = k - 1
                while place_in_order > 0 and youngest[place_in_order - 1] > age:
                    youngest[place_in_order] = youngest[place_in_order - 1]
                    place_in_order -= 1
                youngest[place_in_order] = age
        cells[here] = 2 * t + p
        scores[i] = np.inf if youngest[k - 1] == -NEVER else youngest[k - 1]


@jit
def refractory(words: Any, state: Any, margin: Any, period: Any, every: Any, kept: Any, mask: Any) -> Any:
    """Return how many events are kept."""
    cells = state.reshape(-1)
    stride = np.uint64(state.shape[1])
    span = np.uint64(4 * period - 2)
    with_mask = len(mask) > 0
    at = 0
    for i in range(len(words) // 2):
        t, place = words[2 * i], words[2 * i + 1]
        here = (y_of(place) + np.uint64(margin)) * stride + x_of(place) + np.uint64(margin)
        last = cells[here]
        rested = not _within(last, 2 * (t - period + 1), span)
        cells[here] = 2 * t + np.int64(p_of(place)) if rested or every else last
        kept[at], kept[at + 1] = t, place
        at += 2 * rested
        if with_mask:
            mask[i] = rested
    return at // 2


@jit
def refractory_ages(words: Any, state: Any, margin: Any, period: Any, every: Any, scores: Any) -> None:
    """Fill `scores` with the time since what started the pixel's period."""
    cells = state.reshape(-1)
    stride = np.uint64(state.shape[1])
    for i in range(len(words) // 2):
        t, place = words[2 * i], words[2 * i + 1]
        here = (y_of(place) + np.uint64(margin)) * stride + x_of(place) + np.uint64(margin)
        last = cells[here]
        age = abs(t - (last >> 1))
        if last == NEVER or age >= period or every:
            cells[here] = 2 * t + np.int64(p_of(place))
        scores[i] = np.inf if last == NEVER else age


@jit
def _within(cell: Any, earliest: Any, span: Any) -> Any:
    # Both bounds in one comparison: `cell` holds 2 t + p, so the window is `span` = 2 (2 window - 1) values wide
    return np.uint64(cell - earliest) < span
