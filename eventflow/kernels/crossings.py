"""Filters that remember one event a row and one a column: KNoise and OrderN, with memory O(width + height).

Khodamoradi & Kastner 2018, "O(N)-space spatiotemporal filter for reducing noise in neuromorphic vision sensors":

    for e in events:
        support = [m for m in (columns[e.x - 1 .. e.x + 1], rows[e.y - 1 .. e.y + 1])
                   if m is set and |e.t - m.t| < window and m lies within 1 px of e and (not polarity or m.p == e.p)]
        keep e if support
        columns[e.x], rows[e.y] = e, e

With `polarity` this is KNoise, without it OrderN. An event at the pixel itself is no support unless `own` says so. A
row remembers one event of all its pixels, so the k-th ages of `eventflow.kernels.neighbours` are not to be had here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.errors import ParameterError
from eventflow.kernels.jit import jit
from eventflow.kernels.verdicts import Verdicts, settle
from eventflow.kernels.words import ONE, p_of, words_of, x_of, y_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eventflow.events import Events

_NEVER = -(1 << 62)
TWO, FOUR = np.uint64(2), np.uint64(4)


def crossing_memory(width: int, height: int) -> NDArray[np.int64]:
    """Return the memory of `crossings` before the first event.

    Returns:
        int64, shape (width + height + 4, 2): time and `2 other coordinate + polarity` of the last event of each
        column, then of each row, with an unused entry at both ends of each.
    """
    memory = np.zeros((width + height + 4, 2), np.int64)
    memory[:, 0] = _NEVER
    memory[:, 1] = -(1 << 40)  # far from every pixel
    return memory


def crossings(
    events: Events,
    memory: NDArray[np.int64],
    window: int,
    *,
    polarity: bool = True,
    own: bool = False,
    mark: bool = False,
) -> Events:
    """Return the events that the last events of the nearest three columns and rows support.

    Args:
        events: in any order; not written.
        memory: from `crossing_memory`; brought up to date.
        window: µs, at least 1.
        polarity: only an event of the same polarity is support.
        own: an event of the same pixel is support too.
        mark: keep everything and fill `scores` with the age of the youngest support however old, µs, inf where there
            is none. Signal has the smaller scores.

    Raises:
        ParameterError: `window` or the shape of `memory` is not usable.
    """
    if not 1 <= window < 1 << 60:
        raise ParameterError(f"window is {window} µs, expected at least 1")
    if memory.shape != (events.width + events.height + 4, 2):
        raise ParameterError(f"the memory has shape {memory.shape}; make it with crossing_memory(width, height)")
    found = Verdicts(events, mark=mark)
    found.count = _crossings(words_of(events), memory, events.width + 2, window, polarity, own, *found.room())
    return found.result()


@jit
def _crossings(
    words: Any, memory: Any, rows: Any, window: Any, polarity: Any, own: Any, kept: Any, mask: Any, scores: Any
) -> Any:
    flat = memory.reshape(-1)
    span = np.uint64(2 * window - 1)
    at = 0
    for i in range(len(words) // 2):
        t, place = words[2 * i], words[2 * i + 1]
        x, y = x_of(place), y_of(place)
        p = np.int64(p_of(place)) * polarity
        column, row = TWO * x, TWO * (y + np.uint64(rows))
        in_column, in_row = np.int64(y) * 2 + p, np.int64(x) * 2 + p
        if scores is not None:
            scores[i] = _youngest(flat, column, row, t, in_column, in_row, own)
        earliest = t - window + 1
        supported = (
            _supports(flat, column, earliest, span, in_column, True)
            | _supports(flat, row, earliest, span, in_row, True)
            | _supports(flat, column + TWO, earliest, span, in_column, own)
            | _supports(flat, row + TWO, earliest, span, in_row, own)
            | _supports(flat, column + FOUR, earliest, span, in_column, True)
            | _supports(flat, row + FOUR, earliest, span, in_row, True)
        )
        flat[column + TWO], flat[column + TWO + ONE] = t, in_column
        flat[row + TWO], flat[row + TWO + ONE] = t, in_row
        at = settle(i, t, place, supported, at, kept, mask)
    return at // 2


@jit
def _near(other: Any, wanted: Any, own: Any) -> Any:
    # of 2 coordinate + polarity, differences of -2, 0 and 2 become 0, 1 and 2, all odd ones huge
    apart = np.uint64(other - wanted + 2)
    apart = (apart >> ONE) | (apart << np.uint64(63))
    return (apart <= TWO) & (own | (apart != ONE))


@jit
def _supports(flat: Any, entry: Any, earliest: Any, span: Any, wanted: Any, own: Any) -> Any:
    return _near(flat[entry + ONE], wanted, own) & (np.uint64(flat[entry] - earliest) < span)


@jit
def _youngest(flat: Any, column: Any, row: Any, t: Any, in_column: Any, in_row: Any, own: Any) -> Any:
    youngest = np.inf
    for step in range(3):
        further = TWO * np.uint64(step)
        for entry, wanted in ((column + further, in_column), (row + further, in_row)):
            if flat[entry] != _NEVER and _near(flat[entry + ONE], wanted, own or step != 1):
                youngest = min(youngest, float(abs(t - flat[entry])))
    return youngest
