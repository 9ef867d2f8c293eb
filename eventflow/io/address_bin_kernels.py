"""N-MNIST and N-Caltech101 records: the byte loops.

A record is five bytes: x, y, polarity (highest bit) and time (23 bits, highest byte first), µs. A record in row 240 is
no event: it says that from there on 2^13 µs are to be added to every time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.kernels.jit import jit

if TYPE_CHECKING:
    from numpy.typing import NDArray

RECORD_BYTES = 5
OVERFLOW_ROW = 240
OVERFLOW_US = 1 << 13
TIME_LIMIT_US = 1 << 23

# Indices of the decoder's state: int64, shape (STATE_SIZE,).
ADDED_US, OUTSIDE, OVERFLOWS, STATE_SIZE = 0, 1, 2, 3

# Unsigned indices spare the loop its test for negative ones.
_0, _1, _2, _3, _4, _5 = (np.uint64(value) for value in range(6))


@jit
def decode_records(
    data: NDArray[np.uint8], words: NDArray[np.int64], state: NDArray[np.int64], width: int, height: int
) -> tuple[int, int]:
    """Decode whole records of `data` into `words`; return bytes consumed and events made.

    Args:
        data: bytes from a record's first on.
        words: int64, shape (room, 2): an event record as two words (t; x, y, p and zero padding).
        state: int64, shape (STATE_SIZE,), carried from call to call.
        width: sensor width, px; events beyond are counted in `state[OUTSIDE]`.
        height: sensor height, px.
    """
    size, room = np.uint64(len(data)), np.uint64(len(words))
    at, made = _0, _0
    added, outside, overflows = state[ADDED_US], 0, 0
    while at + _5 <= size and made < room:
        x, y, high = np.int64(data[at]), np.int64(data[at + _1]), np.int64(data[at + _2])
        t = (high & 0x7F) << 16 | np.int64(data[at + _3]) << 8 | np.int64(data[at + _4])
        at += _5
        if y == OVERFLOW_ROW:
            added += OVERFLOW_US
            overflows += 1
        elif x < width and y < height:
            words[made, _0] = added + t
            words[made, _1] = x | y << 16 | (high >> 7) << 32
            made += _1
        else:
            outside += 1
    state[ADDED_US] = added
    state[OUTSIDE] += outside
    state[OVERFLOWS] += overflows
    return int(at), int(made)


@jit
def encode_records(
    words: NDArray[np.int64], first: int, added_us: int, longest_silence_us: int, data: NDArray[np.uint8]
) -> tuple[int, int, int, bool]:
    """Encode events from `first` on until `data` is full.

    Returns the next event, the bytes made, the µs added to times so far, and whether the next event cannot be written.

    Args:
        words: int64, shape (n, 2): events.
        first: index of the first event to write.
        added_us: what earlier calls returned, 0 at first.
        longest_silence_us: the most that an event may lie beyond the last time that can be told.
        data: uint8, room for one record at least.
    """
    made, room, added = _0, np.uint64(len(data)), added_us
    for index in range(first, len(words)):
        t = words[index, 0] - added
        if t < 0 or t - TIME_LIMIT_US > longest_silence_us:
            return index, int(made), added, True
        while t >= TIME_LIMIT_US and made + _5 <= room:
            data[made], data[made + _1] = 0, OVERFLOW_ROW
            data[made + _2], data[made + _3], data[made + _4] = 0, 0, 0
            made += _5
            added += OVERFLOW_US
            t -= OVERFLOW_US
        if made + _5 > room:
            return index, int(made), added, False
        place = words[index, 1]
        data[made] = place & 0xFF
        data[made + _1] = (place >> 16) & 0xFF
        data[made + _2] = ((place >> 32) & 1) << 7 | t >> 16
        data[made + _3] = (t >> 8) & 0xFF
        data[made + _4] = t & 0xFF
        made += _5
    return len(words), int(made), added, False


@jit
def largest_pixel(data: NDArray[np.uint8]) -> Any:
    """Return the largest x and y of the events in whole records, -1 where there are none."""
    column, row = np.int64(-1), np.int64(-1)
    for index in range(len(data) // RECORD_BYTES):
        at = np.uint64(index) * _5
        y = np.int64(data[at + _1])
        if y != OVERFLOW_ROW:
            column, row = max(column, np.int64(data[at])), max(row, y)
    return column, row
