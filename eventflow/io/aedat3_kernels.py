"""AEDAT 3: packets found, found again after damage, and the loop over their polarity events.

A packet has a header of 28 bytes and `capacity` records of `size` bytes, of which the first `number` are in use.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from eventflow.io.unaligned import load, load_half
from eventflow.kernels.jit import jit

HEADER_BYTES: Final = 28
SPECIAL, POLARITY, FRAME, IMU6, IMU9 = 0, 1, 2, 3, 4
LARGEST_PACKET_BYTES: Final = 1 << 28
"""Packets beyond this count as damage."""

CHECKED_BYTES: Final = 1 << 17
"""Packets up to this size are looked at as a whole: whether another header lies in one that was cut short."""

# Slots of the state: records left in the packet, bytes to pass over, µs to add, the last event's time, whether a header
# is being searched, and counts.
LEFT, PASS, EPOCH, LAST, SEARCHING, STEPS_BACK, OUTSIDE, INVALID, DAMAGED, DAMAGED_BYTES, OTHER_SOURCE = range(11)
SLOTS: Final = 11

# Slots of what is wanted: source of the events (-1: any), the sensor's size, whether rows count from the bottom.
SOURCE, WIDTH, HEIGHT, FROM_BOTTOM = range(4)
WANTED_SLOTS: Final = 4

_BLOCK: Final = 64  # records judged at once
_LAST_KIND: Final = 31
_MOST_TURNS: Final = 1 << 22  # of 36 minutes: 285 years
_LARGEST_SOURCE: Final = 255
_LARGEST_RECORD: Final = 4096  # of a kind that is not known


@jit
def _i32(data: Any, at: Any) -> Any:  # pragma: no cover
    value = np.int64(load_half(data, np.uint64(at)))
    return value - ((value & 0x8000_0000) << 1)


@jit
def is_header(data: Any, at: int) -> Any:  # pragma: no cover
    """Return whether the 28 bytes at `at`, which must lie inside `data` (uint8), can be a packet's header."""
    kinds = _i32(data, at)
    kind, source = kinds & 0xFFFF, (kinds >> 16) & 0xFFFF
    size, offset, overflow = _i32(data, at + 4), _i32(data, at + 8), _i32(data, at + 12)
    capacity, number, valid = _i32(data, at + 16), _i32(data, at + 20), _i32(data, at + 24)
    if kind > _LAST_KIND or source > _LARGEST_SOURCE or size <= 0 or capacity <= 0:
        return False
    if not 0 <= overflow < _MOST_TURNS:
        return False
    if not 0 <= valid <= number <= capacity or not 0 <= offset <= size - 4 or capacity * size > LARGEST_PACKET_BYTES:
        return False
    if kind <= POLARITY:
        return size == 8 and offset == 4
    if kind == FRAME:
        return size > 36 and size % 2 == 0 and 4 <= offset <= 16 and offset % 4 == 0
    if kind <= IMU9:
        return size == (36 if kind == IMU6 else 48) and offset == 4
    return size <= _LARGEST_RECORD and offset % 4 == 0


@jit
def find_header(data: Any, at: int) -> Any:  # pragma: no cover
    """Return the first byte from `at` on where a header can be, or the first where too little follows to say."""
    while at + HEADER_BYTES <= len(data) and not is_header(data, at):
        at += 1
    return at


@jit
def decode(  # pragma: no cover
    data: Any, at: int, ended: bool, out: Any, n: int, cap: int, wanted: Any, state: Any
) -> Any:
    """Decode data[at:] into out[2n:2cap] (pairs: an event's two halves); return where both stopped, and bytes needed.

    Args:
        data: uint8, read-only.
        at: byte to begin with.
        ended: whether nothing follows `data`.
        out: int64, written.
        n: events in `out`.
        cap: room in `out`.
        wanted: int64, shape (WANTED_SLOTS,).
        state: int64, shape (SLOTS,), carried from call to call.
    """
    stop = len(data)
    while n < cap:
        if state[LEFT] > 0:
            count = min(state[LEFT], (stop - at) // 8)
            if count == 0:
                return at, n, 8
            used, made = _records(data, at, count, out[2 * n : 2 * cap], wanted, state)
            at += 8 * used
            n += made
            state[LEFT] -= used
        elif state[PASS] > 0:
            count = min(state[PASS], stop - at)
            if count == 0:
                return at, n, 1
            at += count
            state[PASS] -= count
        else:
            if stop - at < HEADER_BYTES:
                return at, n, HEADER_BYTES
            if not is_header(data, at):
                state[DAMAGED] += state[SEARCHING] == 0
                state[SEARCHING] = 1
                found = find_header(data, at)
                state[DAMAGED_BYTES] += found - at
                at = found
                continue
            need = _begin(data, at, ended, wanted, state)
            if need:
                return at, n, need
            at += HEADER_BYTES
    return at, n, 0


@jit
def _begin(data: Any, at: int, ended: bool, wanted: Any, state: Any) -> Any:  # pragma: no cover
    """Go into the packet whose header is at `at` and return 0, or the bytes that must be seen first."""
    kinds = _i32(data, at)
    capacity, number = _i32(data, at + 16), _i32(data, at + 20)
    total = capacity * _i32(data, at + 4)
    epoch = _i32(data, at + 12) << 31
    if kinds & 0xFFFF != POLARITY:
        state[SEARCHING], state[PASS] = 0, total
        return 0
    if wanted[SOURCE] >= 0 and kinds >> 16 != wanted[SOURCE]:
        state[OTHER_SOURCE] += number
        state[SEARCHING], state[PASS] = 0, total
        return 0
    begin, end = at + HEADER_BYTES, at + HEADER_BYTES + total
    if total <= CHECKED_BYTES:
        if end + HEADER_BYTES > len(data) and not ended:
            return 2 * HEADER_BYTES + total
        behind = end + HEADER_BYTES <= len(data)
        if (behind and not is_header(data, end)) or end > len(data):
            for place in range(begin, min(end, len(data) - HEADER_BYTES + 1)):
                if is_header(data, place):  # the packet was cut short
                    state[DAMAGED] += 1
                    state[DAMAGED_BYTES] += (place - begin) % 8
                    number, total = min(number, (place - begin) // 8), place - begin
                    break
    state[SEARCHING] = 0
    state[LEFT], state[PASS], state[EPOCH] = number, total - 8 * number, epoch
    return 0


@jit
def _records(data: Any, at: int, count: int, out: Any, wanted: Any, state: Any) -> Any:  # pragma: no cover
    """Decode up to `count` records into `out`; return records used and events made."""
    width, height, turn = wanted[WIDTH], wanted[HEIGHT], wanted[FROM_BOTTOM] != 0
    y_from, y_step = (height - 1, -1) if turn else (0, 1)
    epoch, last = state[EPOCH], state[LAST]
    used, made = 0, 0
    cap = len(out) // 2
    while used < count and made < cap:
        if used + _BLOCK <= count and made + _BLOCK <= cap:
            bad = np.int64(0)
            room = out[2 * made : 2 * (made + _BLOCK)]
            for j in range(_BLOCK):
                word = load(data, np.uint64(at) + np.uint64(8) * np.uint64(used + j))
                low, t = np.int64(word & np.uint64(0xFFFFFFFF)), np.int64(word) >> 32
                x, y = low >> 17, (low >> 2) & 0x7FFF
                bad |= (width - 1 - x) | (height - 1 - y) | ((low & 1) - 1) | t
                room[2 * j] = epoch + t
                room[2 * j + 1] = x | (y_from + y_step * y) << 16 | ((low >> 1) & 1) << 32
            bad |= room[0] - last
            for j in range(1, _BLOCK):
                bad |= room[2 * j] - room[2 * j - 2]
            if bad >= 0:
                last = room[2 * _BLOCK - 2]
                used += _BLOCK
                made += _BLOCK
                continue
        for _ in range(_BLOCK):
            if used == count or made == cap:
                break
            word = load(data, np.uint64(at) + np.uint64(8) * np.uint64(used))
            low, t = np.int64(word & np.uint64(0xFFFFFFFF)), np.int64(word) >> 32
            used += 1
            x, y = low >> 17, (low >> 2) & 0x7FFF
            if low & 1 == 0 or t < 0:
                state[INVALID] += 1
                continue
            if x >= width or y >= height:
                state[OUTSIDE] += 1
                continue
            state[STEPS_BACK] += epoch + t < last
            last = epoch + t
            out[2 * made] = last
            out[2 * made + 1] = x | (y_from + y_step * y) << 16 | ((low >> 1) & 1) << 32
            made += 1
    state[LAST] = last
    return used, made


@jit
def survey(data: Any, sizes: Any, inside: Any) -> Any:  # pragma: no cover
    """Look through the packets of `data`; return the first source of events, how many it has, and all kinds as bits.

    Args:
        data: uint8.
        sizes: int64, shape (n, 2): width and height of sensors.
        inside: int64, shape (n,), written: how many valid events of the first source lie inside each sensor.
    """
    at, source, seen, events = 0, np.int64(-1), np.int64(0), 0
    while at + HEADER_BYTES <= len(data):
        if not is_header(data, at):
            at = find_header(data, at)
            continue
        kinds = _i32(data, at)
        seen |= np.int64(1) << (kinds & 0xFFFF)
        end = at + HEADER_BYTES + _i32(data, at + 16) * _i32(data, at + 4)
        if kinds & 0xFFFF == POLARITY and (source < 0 or source == kinds >> 16):
            source = kinds >> 16
            first = at + HEADER_BYTES
            for place in range(first, min(first + 8 * _i32(data, at + 20), len(data) - 7), 8):
                low = np.int64(load_half(data, np.uint64(place)))
                if low & 1:
                    events += 1
                    for index in range(len(sizes)):
                        inside[index] += low >> 17 < sizes[index, 0] and (low >> 2) & 0x7FFF < sizes[index, 1]
        at = end
    return source, events, seen


@jit
def encode(halves: Any, words: Any) -> None:  # pragma: no cover
    """Write events (int64 pairs) as polarity records (int64), times without what is above 31 bits."""
    for i in range(len(words)):
        t, place = halves[2 * i], halves[2 * i + 1]
        low = 1 | ((place >> 32) & 1) << 1 | ((place >> 16) & 0x7FFF) << 2 | (place & 0x7FFF) << 17
        words[i] = low | (t & 0x7FFF_FFFF) << 32
