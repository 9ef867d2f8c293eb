"""Event Stream 2.0: the byte loops. https://github.com/neuromorphic-paris/event_stream.

DVS: an event is `dt << 1 | on`, x u16, y u16 (little endian, y upwards), with dt < 127 µs since the event before. 0xFF
alone is 127 µs of silence, 0xFE alone a reset marker.
ATIS: an event is `dt << 2 | on << 1 | is_threshold_crossing`, x, y as before, dt < 63 µs. 0xFC + n alone is n times
63 µs of silence, 0xFC alone a reset marker.
Generic and color: a record begins with dt < 254 µs; 0xFF alone is 254 µs of silence, 0xFE alone a reset marker. Then
x, y, red, green, blue; or, generic, a length in groups of seven bits above a bit that says whether there are more, the
lowest group first, and as many bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.kernels.jit import jit

if TYPE_CHECKING:
    from numpy.typing import NDArray

EVENT_BYTES = 5
OVERFLOW_US = 127
ATIS_OVERFLOW_US = 63
RECORD_OVERFLOW_US = 254
COLOR_BYTES = 7

# Indices of the decoder's state: int64, shape (STATE_SIZE,).
TIME, RESETS, OUTSIDE, LEFT_OUT, STATE_SIZE = 0, 1, 2, 3, 4

# Indices of the state of a count of records: int64, shape (COUNT_SIZE,).
T, RECORDS, CONTENT_BYTES, FIRST_T, LAST_T, COUNT_SIZE = 0, 1, 2, 3, 4, 5
_MOST_LENGTH_BYTES = 5

# Unsigned indices spare the loop its test for negative ones: 320 instead of 150 Mev/s.
_0, _1, _2, _3, _4, _5 = (np.uint64(value) for value in range(6))


@jit
def decode_dvs(
    data: NDArray[np.uint8], words: NDArray[np.int64], state: NDArray[np.int64], width: int, height: int
) -> tuple[int, int]:
    """Decode whole records of `data` into `words`; return bytes consumed and events made.

    Args:
        data: bytes after the header or after the last ones consumed.
        words: int64, shape (room, 2): an event record as two words (t; x, y, p and zero padding).
        state: int64, shape (STATE_SIZE,), carried from call to call.
        width: sensor width, px; events beyond are counted in `state[OUTSIDE]`.
        height: sensor height, px.
    """
    size, room = np.uint64(len(data)), np.uint64(len(words))
    at, made = _0, _0
    t, resets, outside = state[TIME], 0, 0
    while at < size and made < room:
        head = data[at]
        if head >= 0xFE:
            if head == 0xFF:
                t += OVERFLOW_US
            else:
                resets += 1
            at += _1
            continue
        if at + _5 > size:
            break
        x = np.int64(data[at + _1]) | np.int64(data[at + _2]) << 8
        y = np.int64(data[at + _3]) | np.int64(data[at + _4]) << 8
        t += np.int64(head) >> 1
        at += _5
        if x < width and y < height:
            words[made, _0] = t
            words[made, _1] = x | (height - 1 - y) << 16 | (np.int64(head) & 1) << 32
            made += _1
        else:
            outside += 1
    state[TIME] = t
    state[RESETS] += resets
    state[OUTSIDE] += outside
    return int(at), int(made)


@jit
def decode_atis(
    data: NDArray[np.uint8],
    words: NDArray[np.int64],
    state: NDArray[np.int64],
    width: int,
    height: int,
    crossings: int,
) -> tuple[int, int]:
    """Decode whole records of type ATIS, as `decode_dvs` does for DVS.

    Those with the bit is_threshold_crossing equal to `crossings` (0 or 1) are made events, the others are counted in
    `state[LEFT_OUT]`.
    """
    size, room = np.uint64(len(data)), np.uint64(len(words))
    at, made = _0, _0
    t, resets, outside, left_out = state[TIME], 0, 0, 0
    while at < size and made < room:
        head = np.int64(data[at])
        if head >= 0xFC:
            t += ATIS_OVERFLOW_US * (head & 3)
            resets += int(head == 0xFC)
            at += _1
            continue
        if at + _5 > size:
            break
        x = np.int64(data[at + _1]) | np.int64(data[at + _2]) << 8
        y = np.int64(data[at + _3]) | np.int64(data[at + _4]) << 8
        t += head >> 2
        at += _5
        if head & 1 != crossings:
            left_out += 1
        elif x < width and y < height:
            words[made, _0] = t
            words[made, _1] = x | (height - 1 - y) << 16 | (head & 2) << 31
            made += _1
        else:
            outside += 1
    state[TIME] = t
    state[RESETS] += resets
    state[OUTSIDE] += outside
    state[LEFT_OUT] += left_out
    return int(at), int(made)


@jit
def count_records(data: NDArray[np.uint8], left: int, state: NDArray[np.int64], fixed_bytes: int) -> int:
    """Count whole records in `state` and return where, from the begin of `data`, the first uncounted one begins.

    A record's content is passed over without looking at it, so that place may lie behind `data`.

    Args:
        data: bytes from a record's first on.
        left: bytes of the file from there on; `data` is the first of them.
        state: int64, shape (COUNT_SIZE,), carried from call to call; FIRST_T is -1 before the first record.
        fixed_bytes: bytes of a record behind its first, or 0 for records of type generic, which say their length.
    """
    size, at = len(data), np.int64(0)
    while at < size:
        head = np.int64(data[at])
        if head >= 0xFE:
            state[T] += RECORD_OVERFLOW_US * (head & 1)
            at += np.int64(1)
            continue
        length, place = np.int64(fixed_bytes), at + np.int64(1)
        if fixed_bytes == 0:
            shift, more = 0, True
            while more and place < size and shift < 7 * _MOST_LENGTH_BYTES:
                length |= (np.int64(data[place]) >> 1) << shift
                more = data[place] & 1 == 1
                shift += 7
                place += np.int64(1)
            if more:
                break
        if length > left - place:
            break
        state[T] += head
        state[RECORDS] += 1
        state[CONTENT_BYTES] += length
        if state[FIRST_T] < 0:
            state[FIRST_T] = state[T]
        state[LAST_T] = state[T]
        at = place + length
    return int(at)


@jit
def first_unwritable(records: NDArray[Any], time_us: int, longest_silence_us: int) -> int:
    """Return the index of the first event that steps back or follows too long a silence, or -1."""
    before = time_us
    for index in range(len(records)):
        t = records[index].t
        if t < before or t - before > longest_silence_us:
            return index
        before = t
    return -1


@jit
def encode_dvs(
    records: NDArray[Any], first: int, time_us: int, height: int, data: NDArray[np.uint8]
) -> tuple[int, int, int]:
    """Encode events from `first` on until `data` is full; return the next event, the bytes made and the time reached.

    The time reached lies before the next event when `data` filled up inside a silence. Times must not decrease.
    """
    made, room, t = _0, np.uint64(len(data)), time_us
    for index in range(first, len(records)):
        event = records[index]
        while event.t - t >= OVERFLOW_US and made < room:
            data[made] = 0xFF
            made += _1
            t += OVERFLOW_US
        if event.t - t >= OVERFLOW_US or made + _5 > room:
            return index, int(made), t
        x, y = np.int64(event.x), height - 1 - np.int64(event.y)
        data[made] = (event.t - t) << 1 | np.int64(event.p)
        data[made + _1] = x & 0xFF
        data[made + _2] = x >> 8
        data[made + _3] = y & 0xFF
        data[made + _4] = y >> 8
        made += _5
        t = event.t
    return len(records), int(made), t


@jit
def encode_atis(
    records: NDArray[Any], first: int, time_us: int, height: int, data: NDArray[np.uint8]
) -> tuple[int, int, int]:
    """Encode events as changes of type ATIS, as `encode_dvs` does for DVS."""
    made, room, t = _0, np.uint64(len(data)), time_us
    for index in range(first, len(records)):
        event = records[index]
        while event.t - t >= ATIS_OVERFLOW_US and made < room:
            times = min((event.t - t) // ATIS_OVERFLOW_US, 3)
            data[made] = 0xFC | times
            made += _1
            t += ATIS_OVERFLOW_US * times
        if event.t - t >= ATIS_OVERFLOW_US or made + _5 > room:
            return index, int(made), t
        x, y = np.int64(event.x), height - 1 - np.int64(event.y)
        data[made] = (event.t - t) << 2 | np.int64(event.p) << 1
        data[made + _1] = x & 0xFF
        data[made + _2] = x >> 8
        data[made + _3] = y & 0xFF
        data[made + _4] = y >> 8
        made += _5
        t = event.t
    return len(records), int(made), t
