"""Filters that remember one event a row and one a column: KNoise and OrderN, with memory O(width + height).

Khodamoradi & Kastner 2018, "O(N)-space spatiotemporal filter for reducing noise in neuromorphic vision sensors":

    for e in events:
        support = [m for m in (columns[e.x - 1 .. e.x + 1], rows[e.y - 1 .. e.y + 1])
                   if m is set and |e.t - m.t| < window and m lies within 1 px of e and (not polarity or m.p == e.p)]
        keep e if support
        columns[e.x], rows[e.y] = e, e

With `polarity` this is KNoise, without it OrderN. An event at the pixel itself is no support unless `own` says so.
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

_NEVER = -(1 << 61)
_TOO_OLD = 1 << 60
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
    # bit d + 4 says whether a packed coordinate may differ by d; of the same row or column, 0 is the pixel itself
    aside = np.uint64(0b1010100 if own else 0b1000100)
    beside = np.uint64(0b1010100)
    at = 0
    for i in range(len(words) // 2):
        t, place = words[2 * i], words[2 * i + 1]
        x, y = x_of(place), y_of(place)
        p = np.int64(p_of(place)) * polarity
        column, row = TWO * x, TWO * (y + np.uint64(rows))
        in_column, in_row = np.int64(y) * 2 + p, np.int64(x) * 2 + p
        youngest = min(
            min(_age(flat, column, t, in_column, beside), _age(flat, row, t, in_row, beside)),
            min(_age(flat, column + TWO, t, in_column, aside), _age(flat, row + TWO, t, in_row, aside)),
        )
        beyond = min(_age(flat, column + FOUR, t, in_column, beside), _age(flat, row + FOUR, t, in_row, beside))
        youngest = min(youngest, beyond)
        flat[column + TWO], flat[column + TWO + ONE] = t, in_column
        flat[row + TWO], flat[row + TWO + ONE] = t, in_row
        at = settle(i, t, place, youngest < window, at, kept, mask)
        if scores is not None:
            scores[i] = np.inf if youngest >= _TOO_OLD else float(youngest)
    return at // 2


@jit
def _age(flat: Any, entry: Any, t: Any, wanted: Any, allowed: Any) -> Any:
    apart = min(np.uint64(flat[entry + ONE] - wanted + 4), np.uint64(63))
    far = np.int64(ONE - ((allowed >> apart) & ONE))
    return abs(t - flat[entry]) + (far << 60)
