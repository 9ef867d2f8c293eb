"""The loops of EVT 3.0, after Prophesee's specification of the format.

Blocks without vectors are decoded as a whole; see evt3_block. `_swift` handles nearly every other word without a
branch, because in real streams the kind of the next word cannot be predicted and a mispredicted branch costs more than
the whole word. What is rare it leaves to `_careful`, which takes one word at a time and may stop inside a vector. All
state is in one array, so that decoding resumes anywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow.io.evt3_block import WORDS, count_block, decode_block
from eventflow.io.evt3_vector_block import MADE, NO_BASE, ROOM, decode_vectors
from eventflow.io.evt_state import (
    BEFORE_TIME,
    EPOCH,
    HIGH,
    LAST,
    LOW_BACK,
    OUTSIDE,
    OWN,
    RESERVED,
    STEPS_BACK,
    TRIGGERS,
    first_high,
    new_high,
    popcount,
)
from eventflow.kernels.jit import jit

if TYPE_CHECKING:
    from numpy.typing import NDArray

# HAS_ROW: 1 from the first row on; BASE: -1 until the first such word; MASK: bits of a vector still to be emitted, at
# BASE, which then moves on by STEP.
ADDRESS, HAS_ROW, BASE, POLARITY, MASK, STEP, BEFORE_ADDRESS = range(OWN, OWN + 7)
SLOTS: Final = OWN + 7
SKIPPED: Final = {
    "before_time": BEFORE_TIME,
    "before_address": BEFORE_ADDRESS,
    "outside": OUTSIDE,
    "reserved": RESERVED,
}
MEMORY: Final = (HIGH, ADDRESS, HAS_ROW, BASE, POLARITY, MASK, STEP)

_Y, _X, _VECT_BASE, _VECT_12, _VECT_8, _TIME_LOW, _TIME_HIGH, _TRIGGER = 0, 2, 3, 4, 5, 6, 8, 10
_PADDING: Final = 0x9999
_RESERVED_KINDS: Final = (1, 9, 11, 12, 13)

# ADDRESS is an event's second half (x in bits 0-10, y in 16-26, polarity in 32) and more above it: TIME_HIGH in bits
# 36-47, TIME_LOW in 51-62. A word times its kind's factor has what it says where that belongs; _ODD is set by kinds
# that are rare.
_COLUMN: Final = 0x7FF | 1 << 32
_ROW: Final = 0x7FF << 16
_HALF: Final = _COLUMN | _ROW
_ODD: Final = 1 << 34
_HIGH_AT, _LOW_AT = 36, 51
_LOW: Final = 0xFFF << _LOW_AT
MEMORY_BITS: Final = (-1, _LOW | _ROW, -1, -1, -1, -1, -1)  # an event brings its own column
_FARTHEST_BASE: Final = 1 << 15  # beyond every sensor; a base that far stays there
ALLOWED: Final = (0xFFF, _HALF | _LOW, 1, 0xFFFF, 1 << 32, 0xFFF, 12)

_OVERFLOW: Final = 1 << 27 | 1 << 11  # where x + (2048 - width) and y + (2048 - height) carry to when outside
_ATTENTION: Final = _OVERFLOW | _ODD | 0xFFF << _HIGH_AT
_ROOM: Final = 48  # events that may be written, though not meant, from one word on

HIGH_WRAP: Final = 2048  # a smaller fall of TIME_HIGH is a glitch, not the end of the 24-bit counter
WRAP_US: Final = 1 << 24


def _tables() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    rows = np.zeros((16, 4), np.int64)  # bits to take into ADDRESS, factor, events
    rows[_Y] = _ROW, 1 << 16, 0, 0
    rows[_X] = _COLUMN, 1 | 1 << 21, 1, 0
    rows[_TIME_LOW] = _LOW, 1 << _LOW_AT, 0, 0
    rows[_TIME_HIGH] = 0xFFF << _HIGH_AT, 1 << _HIGH_AT, 0, 0
    for kind in (_VECT_BASE, _VECT_12, _VECT_8, _TRIGGER, *_RESERVED_KINDS):
        highest_bit = 11 + kind.bit_length()
        rows[kind] = _ODD, _ODD >> highest_bit, 0, 0
    places = np.zeros(256, np.int64)  # the places of the set bits of a byte, a byte each
    for mask in range(256):
        bits = [bit for bit in range(8) if mask >> bit & 1]
        places[mask] = sum(bit << (8 * rank) for rank, bit in enumerate(bits))
    by_kind = rows.reshape(-1)  # where an index needs a shift only
    for table in (by_kind, places):
        table.flags.writeable = False
    return by_kind, places


BY_KIND, PLACES = _tables()


@jit
def _emit_byte(out: Any, n: int, byte: int, t: int, first: int, places: Any) -> None:  # pragma: no cover
    """Write eight events at n, of which as many are meant as `byte` has bits."""
    place = places[byte]
    for rank in range(8):
        out[2 * (n + rank)] = t
        out[2 * (n + rank) + 1] = first + ((place >> (8 * rank)) & 7)


@jit
def _swift(  # pragma: no cover
    words: Any,
    i: int,
    out: Any,
    n: int,
    cap: int,
    bias: int,
    width: int,
    height: int,
    state: Any,
    by_kind: Any,
    places: Any,
) -> Any:
    """Decode until the words end, `out` might not hold another vector, or a word is for `_careful`.

    Returns where both stopped, and a number that is not zero where time may have stepped back.
    """
    time = state[EPOCH] + (state[HIGH] << 12)
    address = state[ADDRESS] | state[HIGH] << _HIGH_AT
    attention = bias - (state[HIGH] << _HIGH_AT)
    before = time + (address >> _LOW_AT)
    back = 0
    low_back = 0
    halt = False
    made = np.empty(MADE, np.int64)
    while not halt:
        block = min(len(words) - i, (cap - n - _ROOM) // 12)
        if block <= 0:
            break
        span = words[i : i + block]
        j = 0
        judged_from = 0
        while j < block:
            if j >= judged_from and j + WORDS <= block:
                high, row, low = state[HIGH], (address >> 16) & 0x7FF, address >> _LOW_AT
                after, new_row, new_low = decode_block(
                    span, np.uint64(j), out, n, time, high, row, low, width, height, made
                )
                if after < 0 and cap - n >= ROOM:
                    base = state[BASE] if 0 <= state[BASE] < NO_BASE else NO_BASE
                    after, rise, new_row, new_low, base, sign = decode_vectors(
                        span, np.uint64(j), out, n, time, high, row, low, base, state[POLARITY] >> 32, width, height,
                        places, made,
                    )  # fmt: skip
                    if after >= 0:
                        high += rise
                        state[HIGH] = high
                        if base != NO_BASE:
                            state[BASE], state[POLARITY] = base, sign << 32
                        time += rise << 12
                        attention = bias - (high << _HIGH_AT)
                if after >= 0:
                    n = after
                    address = new_row << 16 | high << _HIGH_AT | new_low << _LOW_AT
                    before = time + new_low
                    j += WORDS
                    continue
                judged_from = j + WORDS
            w = np.int64(span[np.uint64(j)])  # an index without a sign is not looked at for wrapping around
            row_of_kind = (w >> 12) * 4
            take = by_kind[row_of_kind]
            address = (address & ~take) | ((w * by_kind[row_of_kind + 1]) & take)
            t = time + (address >> _LOW_AT)
            low_back -= (t - before) >> 63
            before = t
            j += 1
            if (address + attention) & _ATTENTION == 0:
                out[np.uint64(2 * n)] = t
                out[np.uint64(2 * n + 1)] = address & _HALF
                n += by_kind[row_of_kind + 2]
                continue
            kind = w >> 12
            n &= 0x7FFFFFFF
            address &= ~_ODD
            if kind == _VECT_BASE:
                state[BASE] = w & 0x7FF
                state[POLARITY] = ((w >> 11) & 1) << 32
            elif kind in (_VECT_12, _VECT_8):
                step = 12 if kind == _VECT_12 else 8
                base = state[BASE]
                row = address & _ROW
                if base < 0 or base + step > width or (row + bias) & _OVERFLOW & ~0xFFFF:
                    halt = True
                    j -= 1
                    break
                mask = w & (0xFFF if kind == _VECT_12 else 0xFF)
                half = base | row | state[POLARITY]
                _emit_byte(out, n, mask & 0xFF, t, half, places)
                n += popcount(mask & 0xFF)
                _emit_byte(out, n, mask >> 8, t, half + 8, places)
                n += popcount(mask >> 8)
                state[BASE] = base + step
            elif kind == _X:
                state[OUTSIDE] += 1
            elif kind == _TIME_HIGH:
                high = w & 0xFFF
                if high != state[HIGH]:
                    new_high(state, high, HIGH_WRAP, WRAP_US)
                    time = state[EPOCH] + (high << 12)
                    attention = bias - (high << _HIGH_AT)
                    address &= ~_LOW
                    back |= time < before
                    before = time
            elif kind == _TRIGGER:
                state[TRIGGERS] += 1
            elif (kind == 1 or kind == 9 or (11 <= kind <= 13)) and w != _PADDING:
                state[RESERVED] += 1
        i += j
    state[ADDRESS] = address & (_HALF | _LOW)
    state[LOW_BACK] += low_back
    return i, n, back | low_back


@jit
def _emit(state: Any, out: Any, n: int, x: int, polarity: int, width: int, height: int) -> int:  # pragma: no cover
    """Write one event if it can be placed in time and on the sensor, and else count it."""
    row = (state[ADDRESS] >> 16) & 0x7FF
    if state[HIGH] < 0:
        state[BEFORE_TIME] += 1
    elif state[HAS_ROW] == 0 or x < 0:
        state[BEFORE_ADDRESS] += 1
    elif x >= width or row >= height:
        state[OUTSIDE] += 1
    else:
        out[2 * n] = state[EPOCH] + (state[HIGH] << 12) + (state[ADDRESS] >> _LOW_AT)
        out[2 * n + 1] = x | row << 16 | polarity
        return n + 1
    return n


@jit
def _rest_of_vector(state: Any, out: Any, n: int, cap: int, width: int, height: int) -> int:  # pragma: no cover
    """Emit what a vector still has, as far as `out` goes; then move its base on."""
    mask = state[MASK]
    while mask and n < cap:
        lowest = mask & -mask
        place = popcount(lowest - 1)
        x = -1 if state[BASE] < 0 else state[BASE] + place
        n = _emit(state, out, n, x, state[POLARITY], width, height)
        mask ^= lowest
    state[MASK] = mask
    if mask == 0:
        if state[BASE] >= 0:
            state[BASE] = min(state[BASE] + state[STEP], _FARTHEST_BASE)
        state[STEP] = 0
    return n


@jit
def _careful(state: Any, w: int, out: Any, n: int, cap: int, width: int, height: int) -> int:  # pragma: no cover
    """Take one word in any state; a vector that does not fit leaves its rest in MASK."""
    kind = w >> 12
    if kind == _Y:
        state[ADDRESS] = (state[ADDRESS] & ~_ROW) | (w & 0x7FF) << 16
        state[HAS_ROW] = 1
    elif kind == _X:
        n = _emit(state, out, n, w & 0x7FF, ((w >> 11) & 1) << 32, width, height)
    elif kind == _VECT_BASE:
        state[BASE] = w & 0x7FF
        state[POLARITY] = ((w >> 11) & 1) << 32
    elif kind in (_VECT_12, _VECT_8):
        state[MASK] = w & (0xFFF if kind == _VECT_12 else 0xFF)
        state[STEP] = 12 if kind == _VECT_12 else 8
        n = _rest_of_vector(state, out, n, cap, width, height)
    elif kind == _TIME_LOW:
        low = (w & 0xFFF) << _LOW_AT
        state[LOW_BACK] += (state[ADDRESS] & _LOW) > low and state[HIGH] >= 0
        state[ADDRESS] = (state[ADDRESS] & ~_LOW) | low
    elif kind == _TIME_HIGH:
        if w & 0xFFF != state[HIGH]:
            new_high(state, w & 0xFFF, HIGH_WRAP, WRAP_US)
            state[ADDRESS] &= ~_LOW
    elif kind == _TRIGGER:
        state[TRIGGERS] += 1
    elif (kind == 1 or kind == 9 or (11 <= kind <= 13)) and w != _PADDING:
        state[RESERVED] += 1
    return n


@jit
def decode(  # pragma: no cover
    words: Any,
    i: int,
    out: Any,
    n: int,
    cap: int,
    width: int,
    height: int,
    state: Any,
    by_kind: Any,
    places: Any,
) -> Any:
    """Decode words[i:] into out[2n:2cap] (int64 pairs: an event's two halves); return where both stopped."""
    bias = (2048 - width) | (2048 - height) << 16
    begin, back = n, 0
    if state[STEP]:
        n = _rest_of_vector(state, out, n, cap, width, height)
    while i < len(words) and n < cap and state[STEP] == 0:
        if cap - n >= _ROOM + 12 and state[HIGH] >= 0 and state[HAS_ROW]:
            i, n, stepped = _swift(words, i, out, n, cap, bias, width, height, state, by_kind, places)
            back |= stepped
            if i == len(words):
                break
        before = _time_now(state)
        n = _careful(state, np.int64(words[i]), out, n, cap, width, height)
        back |= _time_now(state) < before
        i += 1
    if n > begin:
        state[STEPS_BACK] += out[2 * begin] < state[LAST]
        if back:
            state[STEPS_BACK] += _count_steps_back(out, begin, n)
        state[LAST] = out[2 * n - 2]
    return i, n


@jit
def _time_now(state: Any) -> int:  # pragma: no cover
    return state[EPOCH] + (state[HIGH] << 12) + (state[ADDRESS] >> _LOW_AT)  # type: ignore[no-any-return]


@jit
def _count_steps_back(out: Any, start: int, stop: int) -> int:  # pragma: no cover
    back = 0
    for n in range(start + 1, stop):
        back += out[2 * n] < out[2 * n - 2]
    return back


@jit
def survey(words: Any) -> Any:  # pragma: no cover
    """Return how many events the words hold at most, and the first TIME_HIGH among them or -1."""
    events = 0
    whole = len(words) // WORDS * WORDS
    for j in range(0, whole, WORDS):
        events += count_block(words, np.uint64(j))
    for j in range(whole, len(words)):
        w = np.int64(words[j])
        kind = w >> 12
        bits = w & ((-(kind == _VECT_12) & 0xFFF) | (-(kind == _VECT_8) & 0xFF))
        events += popcount(bits) + (kind == _X)
    return events, first_high(words, _TIME_HIGH, 12)


@jit
def collect_triggers(
    words: Any, i: int, time: Any, line: Any, value: Any, n: int, state: Any
) -> Any:  # pragma: no cover
    """Write the external triggers in words[i:] to the columns from n on; return where both stopped."""
    while i < len(words) and n < len(time):
        w = np.int64(words[i])
        i += 1
        kind = w >> 12
        if kind in (_TIME_LOW, _TIME_HIGH):
            _careful(state, w, time, 0, 0, 0, 0)
        elif kind == _TRIGGER and state[HIGH] >= 0:
            time[n] = state[EPOCH] + (state[HIGH] << 12) + (state[ADDRESS] >> _LOW_AT)
            line[n] = (w >> 8) & 15
            value[n] = w & 1
            n += 1
    return i, n
