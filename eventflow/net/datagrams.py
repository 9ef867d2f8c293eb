"""Events in UDP datagrams, as faery and the SPIF interface write them. Neither has a header or a sequence number.

    t64_x16_y16_on8   13 bytes an event: t u64 µs, x u16, y u16, polarity u8 (faery)
    t32_x16_y15_on1   8 bytes: t u32 µs, x u16, then polarity in the lowest bit and y in the others (faery)
    spif              4 bytes: bit 31 "no time follows", x 15 bits, polarity 1 bit, y 15 bits; without that bit a t u32
                      in µs follows (AEStream, EventCV)

All little endian. In `spif` words without a time, events get the time at which their datagram came.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow.kernels.jit import jit
from eventflow.kernels.words import p_of, x_of, y_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

LAYOUTS: Final = ("t64_x16_y16_on8", "t32_x16_y15_on1", "spif")
UNTIMED: Final = "spif_untimed"
"""`spif` in words without a time, which `spif` decodes, too."""
LARGEST_EVENT: Final = 13
LEAST_EVENT: Final = 4

# Indices of the state: int64, shape (STATE_SIZE,).
LAST_T, WRAPS, OUTSIDE, ODD_BYTES, DAMAGED, STATE_SIZE = 0, 1, 2, 3, 4, 5
_HALF_RANGE = 1 << 31


def new_state() -> NDArray[np.int64]:
    """Return the state of a stream before its first datagram."""
    return np.zeros(STATE_SIZE, np.int64)


def decode(
    layout: str,
    slab: NDArray[np.uint8],
    lengths: NDArray[np.int64],
    arrival_us: int,
    words: NDArray[np.int64],
    state: NDArray[np.int64],
    size: tuple[int, int],
) -> int:
    """Decode datagrams into `words` and return how many events they held.

    Args:
        layout: one of LAYOUTS.
        slab: uint8, shape (rooms, room bytes): a datagram a row.
        lengths: bytes of each datagram, shape (n,); those longer than a row were cut short and are counted as damaged.
        arrival_us: the time events get that carry none.
        words: int64, shape (2 m,), room for m events: `most_events` of them.
        state: carried from call to call: 32-bit times are unwrapped, what is left out is counted.
        size: width and height of the sensor, px.
    """
    loop = (_decode_13, _decode_8, _decode_spif)[LAYOUTS.index(layout)]
    return int(loop(slab, lengths, arrival_us, words, state, *size))


def most_events(rows: int, row_bytes: int) -> int:
    """Return how many events can be in so many datagrams."""
    return rows * (row_bytes // LEAST_EVENT)


def encode(layout: str, words: NDArray[np.int64], bytes_: NDArray[np.uint8]) -> int:
    """Write events in a layout and return the number of bytes: 13, 8, 8 or, without their times, 4 an event.

    Args:
        layout: one of LAYOUTS, or UNTIMED.
        words: int64, shape (2 n,).
        bytes_: uint8, room for 13 n.
    """
    loop = (_encode_13, _encode_8, _encode_spif, _encode_untimed)[(*LAYOUTS, UNTIMED).index(layout)]
    return int(loop(words, bytes_))


@jit
def _u16(data: Any, at: Any) -> Any:
    return np.int64(data[at]) | np.int64(data[at + 1]) << 8


@jit
def _u32(data: Any, at: Any) -> Any:
    return _u16(data, at) | _u16(data, at + 2) << 16


@jit
def _unwrapped(t: Any, state: Any) -> Any:
    """A 32-bit time goes on from the last one: it wraps after 71.6 min, and may step back a little."""
    last = state[LAST_T]
    step = (t - last) & 0xFFFFFFFF
    if step >= 1 << 31:
        step -= 1 << 32
    if last == 0 and state[WRAPS] == 0:
        step = t
    found = last + step
    if found >> 32 > last >> 32:
        state[WRAPS] += 1
    state[LAST_T] = max(last, found)
    return found


@jit
def _put(words: Any, made: Any, t: Any, x: Any, y: Any, p: Any, state: Any, width: Any, height: Any) -> Any:
    if x >= width or y >= height:
        state[OUTSIDE] += 1
        return made
    words[2 * made] = t
    words[2 * made + 1] = x | y << 16 | p << 32
    return made + 1


@jit
def _whole(length: Any, row: Any, event: Any, state: Any) -> Any:
    """Return the bytes of whole events; a datagram that was cut short by the receiver gives none."""
    if length > row:
        state[DAMAGED] += 1
        return 0
    odd = length % event
    state[ODD_BYTES] += odd
    return length - odd


@jit
def _decode_13(slab: Any, lengths: Any, arrival_us: Any, words: Any, state: Any, width: Any, height: Any) -> Any:
    made = 0
    for row in range(len(lengths)):
        data = slab[row]
        for at in range(0, _whole(lengths[row], len(data), 13, state), 13):
            t = _u32(data, at) | _u32(data, at + 4) << 32
            if t < 0:
                state[DAMAGED] += 1
                break
            p = np.int64(data[at + 12] != 0)
            made = _put(words, made, t, _u16(data, at + 8), _u16(data, at + 10), p, state, width, height)
    return made


@jit
def _decode_8(slab: Any, lengths: Any, arrival_us: Any, words: Any, state: Any, width: Any, height: Any) -> Any:
    made = 0
    for row in range(len(lengths)):
        data = slab[row]
        for at in range(0, _whole(lengths[row], len(data), 8, state), 8):
            t = _unwrapped(_u32(data, at), state)
            y = _u16(data, at + 6)
            made = _put(words, made, t, _u16(data, at + 4), y >> 1, y & 1, state, width, height)
    return made


@jit
def _decode_spif(slab: Any, lengths: Any, arrival_us: Any, words: Any, state: Any, width: Any, height: Any) -> Any:
    made = 0
    for row in range(len(lengths)):
        data = slab[row]
        end = _whole(lengths[row], len(data), 4, state)
        at = 0
        while at < end:
            word = _u32(data, at)
            at += 4
            t = arrival_us
            if word >> 31 == 0:
                if at >= end:
                    state[DAMAGED] += 1
                    break
                t = _unwrapped(_u32(data, at), state)
                at += 4
            x, y, p = word >> 16 & 0x7FFF, word & 0x7FFF, word >> 15 & 1
            made = _put(words, made, t, x, y, p, state, width, height)
    return made


@jit
def _store(data: Any, at: Any, value: Any, count: Any) -> None:
    for k in range(count):
        data[at + k] = np.uint8(value >> 8 * k & 0xFF)


@jit
def _encode_13(words: Any, data: Any) -> Any:
    for i in range(len(words) // 2):
        place = words[2 * i + 1]
        _store(data, 13 * i, words[2 * i], 8)
        _store(data, 13 * i + 8, np.int64(x_of(place)), 2)
        _store(data, 13 * i + 10, np.int64(y_of(place)), 2)
        data[13 * i + 12] = np.uint8(p_of(place))
    return len(words) // 2 * 13


@jit
def _encode_8(words: Any, data: Any) -> Any:
    for i in range(len(words) // 2):
        place = words[2 * i + 1]
        _store(data, 8 * i, words[2 * i], 4)
        _store(data, 8 * i + 4, np.int64(x_of(place)), 2)
        _store(data, 8 * i + 6, np.int64(y_of(place)) << 1 | np.int64(p_of(place)), 2)
    return len(words) // 2 * 8


@jit
def _encode_spif(words: Any, data: Any) -> Any:
    for i in range(len(words) // 2):
        place = words[2 * i + 1]
        word = np.int64(x_of(place)) << 16 | np.int64(p_of(place)) << 15 | np.int64(y_of(place))
        _store(data, 8 * i, word, 4)
        _store(data, 8 * i + 4, words[2 * i], 4)
    return len(words) // 2 * 8


@jit
def _encode_untimed(words: Any, data: Any) -> Any:
    for i in range(len(words) // 2):
        place = words[2 * i + 1]
        word = np.int64(x_of(place)) << 16 | np.int64(p_of(place)) << 15 | np.int64(y_of(place)) | 1 << 31
        _store(data, 4 * i, word, 4)
    return len(words) // 2 * 4
