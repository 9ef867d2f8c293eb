"""The loops of the filters in `eventflow.kernels.denoise`, whose text says what they compute.

`cells` holds `2 (t - base) + p` of the last event of each pixel in rows of `stride`, the lowest value of its kind
before the first, inside a margin that is never written; see `eventflow.kernels.surface`. Survivors are written to
`kept` as words; `mask`, where it has room, says which they were.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from eventflow.kernels.jit import jit
from eventflow.kernels.prefetch import prefetch
from eventflow.kernels.surface import NEVER, NEVER_NARROW
from eventflow.kernels.verdicts import settle
from eventflow.kernels.words import ONE, p_of, x_of, y_of

TWO = np.uint64(2)


@jit
def background_activity(
    words: Any, cells: Any, base: Any, stride: Any, margin: Any, window: Any, kept: Any, ahead: Any
) -> Any:
    """Return how many events are kept: `kth_neighbour_age` of the first of eight neighbours, three times as fast."""
    row = np.uint64(stride)
    corners = cells[(margin - 1) * stride + margin - 1 :]  # the corner of the first pixel's neighbourhood
    span = 2 * window
    at = np.uint64(0)
    for i in range(len(words) // 2):
        if ahead is not None and i + ahead < len(words) // 2:
            _ask(corners, words[2 * (i + ahead) + 1], row)
        t, place = words[2 * i], words[2 * i + 1]
        above = y_of(place) * row + x_of(place)
        here, below = above + row, above + row + row
        # All eight are read: a branch an event that is guessed wrong costs more than the loads
        newest = max(
            max(max(corners[above], corners[above + ONE]), max(corners[above + TWO], corners[here])),
            max(max(corners[here + TWO], corners[below]), max(corners[below + ONE], corners[below + TWO])),
        )
        now = 2 * (t - base)
        supported = newest > now - span + 1
        if newest >= now + span:  # time has stepped back, and one from the future may hide one in the window
            supported = _has_neighbour(corners, above, here, below, now, window)
        # Written always, advanced past only if kept: no branch here either
        kept[at], kept[at + ONE] = t, place
        at += TWO * np.uint64(supported)
        corners[here + ONE] = now + np.int64(p_of(place))
    return np.int64(at) // 2


@jit
def _ask(corners: Any, place: Any, row: Any) -> None:
    """Ask for the three rows round a later event: on a large sensor each lies in memory by itself."""
    above = y_of(place) * row + x_of(place)
    prefetch(corners, above)
    prefetch(corners, above + row)
    prefetch(corners, above + row + row)


@jit
def _has_neighbour(corners: Any, above: Any, here: Any, below: Any, now: Any, window: Any) -> Any:
    found = False
    for row in (above, here, below):
        for cell in (row, row + ONE, row + TWO):
            inside = _within(corners[cell], now - 2 * (window - 1), np.uint64(4 * window - 2))
            found |= (cell != here + ONE) & inside
    return found


@jit
def kth_neighbour_age(
    words: Any,
    cells: Any,
    base: Any,
    stride: Any,
    margin: Any,
    offsets: Any,
    k: Any,
    polarity: Any,
    window: Any,
    kept: Any,
    mask: Any,
    scores: Any,
) -> Any:
    """Return how many events are kept: those whose k-th youngest neighbour is younger than `window`."""
    row, inset = np.uint64(stride), np.uint64(margin * stride + margin)
    span = np.uint64(4 * window - 2)
    youngest = np.empty(k, np.int64)
    at = 0
    for i in range(len(words) // 2):
        t, place = words[2 * i], words[2 * i + 1]
        here = y_of(place) * row + x_of(place) + inset
        now = 2 * (t - base)
        p = np.int64(p_of(place))
        if scores is None:
            # whether the k-th youngest is young enough, without finding out which it is: to count the neighbours
            # of radius 1 to 3 takes a tenth to a third of the time
            support = 0
            for offset in offsets:
                cell = cells[here + np.uint64(offset)]
                support += _within(cell, now - 2 * (window - 1), span) & ((not polarity) | ((cell & 1) == p))
            at = settle(i, t, place, support >= k, at, kept, mask)
        else:
            scores[i] = _kth_age(cells, here, offsets, now, p, polarity, youngest)
        cells[here] = now + p
    return at // 2


@jit
def stcf_of_eight(
    words: Any,
    cells: Any,
    base: Any,
    stride: Any,
    margin: Any,
    k: Any,
    polarity: Any,
    window: Any,
    kept: Any,
    mask: Any,
    ahead: Any,
) -> Any:
    """Return how many events are kept by their eight neighbours; in half the time of `kth_neighbour_age`."""
    row = np.uint64(stride)
    corners = cells[(margin - 1) * stride + margin - 1 :]  # the corner of the first pixel's neighbourhood
    span = np.uint64(4 * window - 2)
    told = np.int64(1 if polarity else 0)
    at = 0
    for i in range(len(words) // 2):
        if ahead is not None and i + ahead < len(words) // 2:
            _ask(corners, words[2 * (i + ahead) + 1], row)
        t, place = words[2 * i], words[2 * i + 1]
        above = y_of(place) * row + x_of(place)
        here, below = above + row, above + row + row
        now = 2 * (t - base)
        earliest, p = now - 2 * (window - 1), np.int64(p_of(place))
        support = (
            _supports(corners[above], earliest, span, p, told)
            + _supports(corners[above + ONE], earliest, span, p, told)
            + _supports(corners[above + TWO], earliest, span, p, told)
            + _supports(corners[here], earliest, span, p, told)
            + _supports(corners[here + TWO], earliest, span, p, told)
            + _supports(corners[below], earliest, span, p, told)
            + _supports(corners[below + ONE], earliest, span, p, told)
            + _supports(corners[below + TWO], earliest, span, p, told)
        )
        corners[here + ONE] = now + p
        at = settle(i, t, place, support >= k, at, kept, mask)
    return at // 2


@jit
def _supports(cell: Any, earliest: Any, span: Any, p: Any, told: Any) -> Any:
    return np.int64(_within(cell, earliest, span) & ((np.int64(cell) ^ p) & told == 0))


@jit
def _kth_age(cells: Any, here: Any, offsets: Any, now: Any, p: Any, polarity: Any, youngest: Any) -> Any:
    never = np.int64(NEVER if cells.itemsize == 8 else NEVER_NARROW)
    youngest[:] = -NEVER
    last = len(youngest) - 1
    for offset in offsets:
        cell = np.int64(cells[here + np.uint64(offset)])
        age = abs((now >> 1) - (cell >> 1))
        if cell != never and age < youngest[last] and (not polarity or (cell & 1) == p):
            place_in_order = last
            while place_in_order > 0 and youngest[place_in_order - 1] > age:
                youngest[place_in_order] = youngest[place_in_order - 1]
                place_in_order -= 1
            youngest[place_in_order] = age
    return np.inf if youngest[last] == -NEVER else float(youngest[last])


@jit
def refractory(
    words: Any,
    cells: Any,
    base: Any,
    stride: Any,
    margin: Any,
    period: Any,
    every: Any,
    kept: Any,
    mask: Any,
    scores: Any,
) -> Any:
    """Return how many events are kept."""
    row, inset = np.uint64(stride), np.uint64(margin * stride + margin)
    never = np.int64(NEVER if cells.itemsize == 8 else NEVER_NARROW)
    span = np.uint64(4 * period - 2)
    at = 0
    for i in range(len(words) // 2):
        t, place = words[2 * i], words[2 * i + 1]
        here = y_of(place) * row + x_of(place) + inset
        last = np.int64(cells[here])
        now = 2 * (t - base)
        rested = (last == never) | (not _within(last, now - 2 * (period - 1), span))
        cells[here] = now + np.int64(p_of(place)) if rested or every else last
        at = settle(i, t, place, rested, at, kept, mask)
        if scores is not None:
            scores[i] = np.inf if last == never else float(abs((now >> 1) - (last >> 1)))
    return at // 2


@jit
def _within(cell: Any, earliest: Any, span: Any) -> Any:
    # Both bounds in one comparison: `cell` holds 2 t + p, so the window is `span` = 2 (2 window - 1) values wide
    return np.uint64(np.int64(cell) - earliest) < span
