"""The loops of ECF, the codec of Prophesee HDF5, read: a chunk is times, then rows, columns and polarities apart.

A chunk begins with a 32-bit word (number of events, two bits that say how they are packed) and the first time. Times
are bytes, a step in the upper half and how many events share the time in the lower one. Then come, by the two bits

0  rows, each with a count; columns, each with a mask of the next five; polarities, each with a count
1  rows, each with a count; column and polarity as four values of 12 bits in three words of 16
2  row, column and polarity as four values of 24 bits in three words of 32

Every read is checked against the chunk's size and every write against the number of events it may hold.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from eventflow.kernels.jit import jit

SLACK: Final = 8
"""How many events more than it holds a chunk may write over, not meant."""

_HEADER_BYTES: Final = 12
_MORE_TIME: Final = 15
_OVERFLOW: Final = 1 << 27 | 1 << 11  # where x + (2048 - width) and y + (2048 - height) carry to when outside
_SIDE: Final = 2048


@jit
def first_time(data: Any) -> Any:  # pragma: no cover
    """Return the first time of a chunk of at least 12 bytes, µs."""
    t = np.int64(0)
    for k in range(8):
        t |= np.int64(data[4 + k]) << (8 * k)
    return t


@jit
def decode(data: Any, out: Any, most: int) -> Any:  # pragma: no cover
    """Decode a chunk into `out` (int64 pairs: an event's two halves; room for `most` + SLACK events).

    Returns how many events the chunk says it has, -1 where that cannot be, and how many of the first are sound.
    """
    if len(data) < _HEADER_BYTES:
        return -1, 0
    word = _word(data, 0)
    count = word >> 2
    if count > most:
        return -1, 0
    at = _times(data, out, count)
    if at < 0:
        return count, 0
    if word & 2:
        return count, _packed_pixels(data, at, out, count)
    at = _rows(data, at, out, count)
    if at < 0:
        return count, 0
    if word & 1:
        return count, _packed_columns(data, at, out, count)
    at = _masked_columns(data, at, out, count)
    return count, 0 if at < 0 else _polarities(data, at, out, count)


@jit
def _word(data: Any, at: int) -> Any:  # pragma: no cover
    a, b, c, d = np.int64(data[at]), np.int64(data[at + 1]), np.int64(data[at + 2]), np.int64(data[at + 3])
    return a | b << 8 | c << 16 | d << 24


@jit
def _half_word(data: Any, at: int) -> Any:  # pragma: no cover
    return np.int64(data[at]) | np.int64(data[at + 1]) << 8


@jit
def _times(data: Any, out: Any, count: int) -> Any:  # pragma: no cover
    """Write the times; return where they end, or -1 where they are damaged."""
    t = first_time(data)
    at, size = _HEADER_BYTES, len(data)
    i: Any = 0
    while i < count:
        if at + 3 > size:
            return _last_times(data, at, out, i, count, t)
        v = np.int64(data[np.uint64(at)])
        step, run = v >> 4, v & 15
        at += 1
        if step == _MORE_TIME:
            more, digits = run, 1
            while at < size and data[at] >> 4 == _MORE_TIME and digits < 16:
                more |= np.int64(data[at] & 15) << (4 * digits)
                digits += 1
                at += 1
            if t + more < t:
                return -1
            t += more
            continue
        t += step
        if run == 15:
            run = _half_word(data, at)
            at += 2
        if run > count - i:
            return -1
        for j in range(4):
            out[np.uint64(2 * (i + j))] = t
        for j in range(i + 4, i + run):
            out[2 * j] = t
        i += run
    return at


@jit
def _last_times(data: Any, at: int, out: Any, i: Any, count: int, t: Any) -> int:  # pragma: no cover
    """Write the times of a chunk's last two bytes, which the loop over all others reads beyond."""
    while i < count and at < len(data):
        v = np.int64(data[at])
        at += 1
        if v >> 4 == _MORE_TIME or v & 15 == 15 or v & 15 > count - i:
            return -1
        t += v >> 4
        for j in range(i, i + (v & 15)):
            out[2 * j] = t
        i += v & 15
    return at if i == count else -1


@jit
def _rows(data: Any, at: int, out: Any, count: int) -> Any:  # pragma: no cover
    """Write the rows into the second halves; return where they end, or -1 where they are damaged."""
    size = len(data)
    i: Any = 0
    while i < count:
        if at + 2 > size:
            return -1
        v = _half_word(data, at)
        at += 2
        run = v & 31
        if run == 31:
            if at + 2 > size:
                return -1
            run = _half_word(data, at)
            at += 2
        if run > count - i:
            return -1
        half = (v >> 5) << 16
        for j in range(4):
            out[np.uint64(2 * (i + j) + 1)] = half
        for j in range(i + 4, i + run):
            out[2 * j + 1] = half
        i += run
    return at


@jit
def _masked_columns(data: Any, at: int, out: Any, count: int) -> Any:  # pragma: no cover
    """Add the columns; return where they end, or -1 where they are damaged."""
    i, size = 0, len(data)
    while i < count:
        if at + 2 > size:
            return -1
        v = _half_word(data, at)
        at += 2
        x = v >> 5
        out[np.uint64(2 * i + 1)] |= x
        i += 1
        for j in range(5):
            if v >> (4 - j) & 1 and i < count:
                out[np.uint64(2 * i + 1)] |= x + j + 1
                i += 1
    return at


@jit
def _polarities(data: Any, at: int, out: Any, count: int) -> Any:  # pragma: no cover
    """Add the polarities; return how many events have one."""
    size = len(data)
    i: Any = 0
    while i < count and at < size:
        v = np.int64(data[at])
        at += 1
        run = v & 127
        if run == 127:
            if at + 2 > size:
                return i
            run = _half_word(data, at)
            at += 2
        if run > count - i:
            return i
        if v >> 7:
            for j in range(i, i + run):
                out[2 * j + 1] |= 1 << 32
        i += run
    return i


@jit
def _packed_columns(data: Any, at: int, out: Any, count: int) -> Any:  # pragma: no cover
    """Add columns and polarities; return how many events have them."""
    groups = min((count + 3) // 4, (len(data) - at) // 6)
    for group in range(groups):
        place = at + 6 * group
        a, b, c = _half_word(data, place), _half_word(data, place + 2), _half_word(data, place + 4)
        i = np.uint64(8 * group + 1)
        out[i] |= _column(a >> 4)
        out[i + np.uint64(2)] |= _column(a & 15 | b >> 8 << 4)
        out[i + np.uint64(4)] |= _column(b & 255 | c >> 12 << 8)
        out[i + np.uint64(6)] |= _column(c & 4095)
    return min(4 * groups, count)


@jit
def _column(v: int) -> int:  # pragma: no cover
    return v >> 1 | (v & 1) << 32


@jit
def _packed_pixels(data: Any, at: int, out: Any, count: int) -> Any:  # pragma: no cover
    """Write the second halves; return how many events have one."""
    groups = min((count + 3) // 4, (len(data) - at) // 12)
    for group in range(groups):
        place = at + 12 * group
        a, b, c = _word(data, place), _word(data, place + 4), _word(data, place + 8)
        i = np.uint64(8 * group + 1)
        out[i] = _pixel(a >> 8)
        out[i + np.uint64(2)] = _pixel(a & 0xFF | b >> 16 << 8)
        out[i + np.uint64(4)] = _pixel(b & 0xFFFF | c >> 24 << 16)
        out[i + np.uint64(6)] = _pixel(c & 0xFFFFFF)
    return min(4 * groups, count)


@jit
def _pixel(v: int) -> int:  # pragma: no cover
    return (v >> 1) & 0x7FF | ((v >> 12) & 0x7FF) << 16 | (v & 1) << 32


@jit
def keep_inside(out: Any, count: int, width: int, height: int) -> int:  # pragma: no cover
    """Close the gaps of events outside the sensor; return how many are left."""
    if width <= _SIDE and height <= _SIDE:
        bias, outside = (_SIDE - width) | (_SIDE - height) << 16, 0
        for i in range(count):
            outside |= (out[2 * i + 1] & 0xFFFFFFFF) + bias | out[2 * i + 1] & 0xF800F800
        if outside & (_OVERFLOW | 0xF800F800) == 0:
            return count
    n = 0
    for i in range(count):
        t, second = out[2 * i], out[2 * i + 1]
        if second & 0xFFFF < width and (second >> 16) & 0xFFFF < height:
            out[2 * n] = t
            out[2 * n + 1] = second
            n += 1
    return n
