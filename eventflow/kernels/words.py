"""An event as two 64-bit words, which is how the fast loops read and write it.

Word 0 is the time in µs; word 1 is `x | y << 16 | p << 32`, its upper bytes the zero padding of EVENT_DTYPE. Two loads
an event instead of four, and Numba copies words where it refuses to copy a record out of a read-only array.
Pixels are indexed with unsigned integers, which spares the test for negative indices.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.events import EVENT_DTYPE, Events
from eventflow.kernels.jit import jit

if TYPE_CHECKING:
    from numpy.typing import NDArray

ONE = np.uint64(1)
_LOW_16 = np.uint64(0xFFFF)
_SHIFT_Y = np.uint64(16)
_SHIFT_P = np.uint64(32)


def words_of(events: Events) -> NDArray[np.int64]:
    """Return the packet's memory as int64, shape (2 n,), read-only: time and place in turn."""
    return events.records.view(np.int64)


def blank_words(count: int) -> NDArray[np.int64]:
    """Return room for `count` events as int64, shape (2 count,), uninitialised."""
    return np.empty(2 * count, np.int64)


def events_from_words(words: NDArray[np.int64], count: int, like: Events) -> Events:
    """Return the first `count` events in `words`: some of those in `like`, in their order.

    Where most of `words` is unused the events are copied, so that a packet that waits in a queue does not hold it.
    """
    used = words[: 2 * count]
    if 4 * count < len(words):
        used = used.copy()
    return Events(used.view(EVENT_DTYPE), like.width, like.height, ordered=like.ordered)


@jit
def x_of(word: Any) -> Any:
    """Return the column in word 1 of an event, uint64."""
    return np.uint64(word) & _LOW_16


@jit
def y_of(word: Any) -> Any:
    """Return the row in word 1 of an event, uint64."""
    return (np.uint64(word) >> _SHIFT_Y) & _LOW_16


@jit
def p_of(word: Any) -> Any:
    """Return the polarity in word 1 of an event, uint64, 0 or 1."""
    return (np.uint64(word) >> _SHIFT_P) & ONE
