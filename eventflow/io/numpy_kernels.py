"""Columns of arrays to event records, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.kernels.jit import jit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from eventflow.events import Events

# Indices of the state: int64, shape (STATE_SIZE,).
LAST, STEPS_BACK, OUTSIDE, RESERVED, STATE_SIZE = 0, 1, 2, 3, 4

PIECE_EVENTS = 1 << 16
BLOCK = 1024  # events judged at once


@jit
def _extent(values: NDArray[Any]) -> Any:
    """Return the smallest and the largest of some integers, at least one."""
    low, high = values[0], values[0]
    for i in range(len(values)):  # min() and max() would widen each value and take 16 times as long
        value = values[i]
        low = value if value < low else low
        high = value if value > high else high
    return np.int64(low), np.int64(high)


@jit
def _steps_back(t: NDArray[Any]) -> int:
    count = np.int64(0)
    for i in range(1, len(t)):
        count += t[i] < t[i - 1]
    return int(count)


@jit
def _write(t: NDArray[Any], t_offset: int, x: NDArray[Any], y: NDArray[Any], p: NDArray[Any], flat: Any) -> None:
    for i in range(len(t)):
        flat[2 * i] = np.int64(t[i]) + t_offset
        flat[2 * i + 1] = np.int64(x[i]) | np.int64(y[i]) << 16 | np.int64(p[i]) << 32


@jit
def whole_us(t: NDArray[np.float64], up: float, down: float, limit: float, out: NDArray[np.int64]) -> bool:
    """Write times as whole µs, rounded to the nearest, and return whether all are numbers within a limit.

    Args:
        t: in a unit of `up` / `down` µs.
        up: what they are multiplied with.
        down: what they are divided by.
        limit: µs, exclusive, before and after 0.
        out: as long as `t`; of no use where false is returned.
    """
    wrong = 0
    for i in range(len(t)):
        time = np.rint(t[i] * up / down)
        wrong |= int(not abs(time) < limit)
        out[i] = np.int64(time)
    return wrong == 0


@jit
def pack_block(
    t: NDArray[Any],
    t_offset: int,
    x: NDArray[Any],
    y: NDArray[Any],
    p: NDArray[np.uint8],
    words: NDArray[np.int64],
    made: int,
    kept: NDArray[np.bool_],
    width: int,
    height: int,
    state: NDArray[np.int64],
) -> int:
    """Put events together behind the `made` ones in `words` and return how many there are then; see pack_columns.

    They are judged as a whole and then written, two loops without a branch that run on several events at a time.
    """
    count = len(t)
    (left, right), (top, bottom), (_, on) = _extent(x), _extent(y), _extent(p)
    if left >= 0 and top >= 0 and right < width and bottom < height and on <= 1:
        _write(t, t_offset, x, y, p, words.reshape(-1)[2 * made : 2 * (made + count)])
        state[STEPS_BACK] += _steps_back(t) + np.int64(np.int64(t[0]) + t_offset < state[LAST])
        state[LAST] = np.int64(t[count - 1]) + t_offset
        if len(kept) > 0:
            kept[:] = True
        return made + count
    for i in range(count):
        column, row, polarity = np.int64(x[i]), np.int64(y[i]), np.int64(p[i])
        good = 0 <= column < width and 0 <= row < height and polarity <= 1
        if len(kept) > 0:
            kept[i] = good
        if good:
            time = np.int64(t[i]) + t_offset
            words[made, 0] = time
            words[made, 1] = column | row << 16 | polarity << 32
            made += 1
            state[STEPS_BACK] += np.int64(time < state[LAST])
            state[LAST] = time
        elif polarity > 1:
            state[RESERVED] += 1
        else:
            state[OUTSIDE] += 1
    return made


@jit
def pack_columns(
    t: NDArray[Any],
    t_offset: int,
    x: NDArray[Any],
    y: NDArray[Any],
    p: NDArray[np.uint8],
    words: NDArray[np.int64],
    kept: NDArray[np.bool_],
    width: int,
    height: int,
    state: NDArray[np.int64],
) -> int:
    """Put events together, leaving out impossible ones, and return how many were kept.

    Args:
        t: int64 or uint32, µs.
        t_offset: added to each.
        x: px, integers.
        y: px, integers.
        p: 0 or 1.
        words: int64, shape (n, 2) or more: event records as two words (t; x, y, p and zero padding).
        kept: bool, set where the event was kept; empty where nobody asks.
        width: sensor width, px.
        height: sensor height, px.
        state: int64, shape (STATE_SIZE,), carried from call to call: the last time and counts.
    """
    made, count = 0, len(t)
    for at in range(0, count, BLOCK):
        part = slice(at, min(at + BLOCK, count))
        made = pack_block(t[part], t_offset, x[part], y[part], p[part], words, made, kept[part], width, height, state)
    return made


@jit
def _split(
    words: NDArray[np.int64],
    t: NDArray[np.int64],
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    p: NDArray[np.uint8],
) -> None:
    for i in range(len(t)):
        t[i] = words[2 * i]
        word = words[2 * i + 1]
        x[i], y[i], p[i] = np.uint16(word), np.uint16(word >> 16), np.uint8(word >> 32)


def columns_of(
    events: Events,
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.uint16], NDArray[np.uint16], NDArray[np.uint8]]]:
    """Yield t (µs), x, y (px) and p of events, each contiguous, as many events at a time as stay in the cache.

    All four take the time that NumPy takes for one.
    """
    words = events.records.view(np.int64)
    for at in range(0, len(events), PIECE_EVENTS):
        count = min(PIECE_EVENTS, len(events) - at)
        t, p = np.empty(count, np.int64), np.empty(count, np.uint8)
        x, y = np.empty(count, np.uint16), np.empty(count, np.uint16)
        _split(words[2 * at : 2 * (at + count)], t, x, y, p)
        yield t, x, y, p
