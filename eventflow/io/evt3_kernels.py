"""The loops of EVT 3.0, after Prophesee's specification of the format.

`_swift` handles nearly every word without a branch, because in real streams the kind of the next word cannot be
predicted and a mispredicted branch costs more than the whole word. What is rare it leaves to `_careful`, which takes
one word at a time and may stop inside a vector. All state is in one array, so that decoding resumes anywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numba import types
from numba.extending import intrinsic

from eventflow.kernels.jit import jit

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Slots of the state. HIGH, BASE: -1 until the first such word; MASK: bits of a vector still to be emitted, at BASE.
EPOCH, HIGH, ADDRESS, HAS_ROW, BASE, POLARITY, MASK, STEP, BEFORE_TIME, BEFORE_ADDRESS, OUTSIDE, RESERVED = range(12)
SLOTS: Final = 12

_Y, _X, _VECT_BASE, _VECT_12, _VECT_8, _TIME_LOW, _TIME_HIGH, _TRIGGER = 0, 2, 3, 4, 5, 6, 8, 10
_PADDING: Final = 0x9999
_RESERVED_KINDS: Final = (1, 9, 11, 12, 13)

# ADDRESS holds TIME_LOW in bits 0-11 and the row in bits 16-26. A word times _SPREAD has either where it belongs.
_SPREAD: Final = 1 | 1 << 16
_LOW: Final = 0xFFF
_ROW: Final = 0x7FF << 16
_FARTHEST_BASE: Final = 1 << 15  # beyond every sensor; a base that far stays there

# An X word times this has x in bits 0-10 and the polarity in bit 32: an event's second half but for the row.
_X_SPREAD: Final = 1 | 1 << 21
_X_KEEP: Final = 0x7FF | 1 << 32
_OVERFLOW: Final = 1 << 27 | 1 << 11  # where x + (2048 - width) and y + (2048 - height) carry to when outside

_HIGH_WRAP: Final = 2048  # a smaller fall of TIME_HIGH is a glitch, not the end of the 24-bit counter
_WRAP_US: Final = 1 << 24


def _tables() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    by_kind = np.zeros((16, 4), np.int64)  # bits to take into ADDRESS; what makes it rare; what is outside; events
    by_kind[_Y, 0], by_kind[_TIME_LOW, 0] = _ROW, _LOW
    for kind in (_VECT_BASE, _VECT_12, _VECT_8, *_RESERVED_KINDS):
        by_kind[kind, 1] = 0xFFFF
    by_kind[_TIME_HIGH, 1] = 0xFFF
    by_kind[_X, 2] = _OVERFLOW
    by_kind[_X, 3] = 1
    places = np.zeros(4096, np.int64)  # the places of the set bits of a mask, four bits each
    for mask in range(4096):
        bits = [bit for bit in range(12) if mask >> bit & 1]
        places[mask] = sum(bit << (4 * rank) for rank, bit in enumerate(bits))
    for table in (by_kind, places):
        table.flags.writeable = False
    return by_kind, places


BY_KIND, PLACES = _tables()


@intrinsic  # type: ignore[untyped-decorator]
def _popcount(typing: Any, value: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.int64), generate


@jit
def _swift(  # pragma: no cover
    words: Any,
    i: int,
    out: Any,
    n: int,
    cap: int,
    bias: int,
    width: int,
    state: Any,
    by_kind: Any,
    places: Any,
) -> Any:
    """Decode until the words end, `out` might not hold another vector, or a word is for `_careful`."""
    high_word = 0x8000 | state[HIGH]
    time = state[EPOCH] + (state[HIGH] << 12)
    address = state[ADDRESS]
    halt = False
    while not halt:
        block = min(len(words) - i, (cap - n) // 12)
        if block <= 0:
            break
        span = words[i : i + block]
        done = block
        for j in range(block):
            w = np.int64(span[j])
            kind = w >> 12
            take = by_kind[kind, 0]
            address = (address & ~take) | ((w * _SPREAD) & take)
            second = ((w * _X_SPREAD) & _X_KEEP) | (address & _ROW)
            n &= 0x7FFFFFFF  # says that n is not negative, which spares the wrap-around of indices
            out[2 * n] = time + (address & _LOW)
            out[2 * n + 1] = second
            n += by_kind[kind, 3]
            if ((w ^ high_word) & by_kind[kind, 1]) | ((second + bias) & by_kind[kind, 2]):
                if kind in (_VECT_12, _VECT_8):
                    step = 12 if kind == _VECT_12 else 8
                    base = state[BASE]
                    row = address & _ROW
                    if base < 0 or base + step > width or (row + bias) & _OVERFLOW & ~0xFFFF:
                        halt = True
                        done = j
                        break
                    mask = w & (0xFFF if kind == _VECT_12 else 0xFF)
                    count = _popcount(mask)
                    place = places[mask]
                    t = time + (address & _LOW)
                    first = base | row | state[POLARITY]
                    for rank in range(4):
                        out[2 * (n + rank)] = t
                        out[2 * (n + rank) + 1] = first + ((place >> (4 * rank)) & 15)
                    if count > 4:
                        for rank in range(4, 8):
                            out[2 * (n + rank)] = t
                            out[2 * (n + rank) + 1] = first + ((place >> (4 * rank)) & 15)
                        if count > 8:
                            for rank in range(8, 12):
                                out[2 * (n + rank)] = t
                                out[2 * (n + rank) + 1] = first + ((place >> (4 * rank)) & 15)
                    n += count
                    state[BASE] = base + step
                elif kind == _VECT_BASE:
                    state[BASE] = w & 0x7FF
                    state[POLARITY] = ((w >> 11) & 1) << 32
                elif kind == _X:
                    n -= 1
                    state[OUTSIDE] += 1
                elif kind == _TIME_HIGH:
                    time = _new_high(state, w & 0xFFF)
                    high_word = w
                    address &= ~_LOW
                elif w != _PADDING:
                    state[RESERVED] += 1
        i += done
    state[ADDRESS] = address
    return i, n


@jit
def _new_high(state: Any, high: int) -> Any:  # pragma: no cover
    """Take a TIME_HIGH that differs from the last one and return the time it stands for, µs."""
    if state[HIGH] - high >= _HIGH_WRAP:
        state[EPOCH] += _WRAP_US
    state[HIGH] = high
    return state[EPOCH] + (high << 12)


@jit
def _emit(state: Any, out: Any, n: int, x: int, polarity: int, width: int, height: int) -> int:  # pragma: no cover
    """Write one event if it can be placed in time and on the sensor, and else count it."""
    row = state[ADDRESS] >> 16
    if state[HIGH] < 0:
        state[BEFORE_TIME] += 1
    elif state[HAS_ROW] == 0 or x < 0:
        state[BEFORE_ADDRESS] += 1
    elif x >= width or row >= height:
        state[OUTSIDE] += 1
    else:
        out[2 * n] = state[EPOCH] + (state[HIGH] << 12) + (state[ADDRESS] & _LOW)
        out[2 * n + 1] = x | row << 16 | polarity
        return n + 1
    return n


@jit
def _rest_of_vector(state: Any, out: Any, n: int, cap: int, width: int, height: int) -> int:  # pragma: no cover
    """Emit what a vector still has, as far as `out` goes; then move its base on."""
    mask = state[MASK]
    while mask and n < cap:
        lowest = mask & -mask
        place = _popcount(lowest - 1)
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
        state[ADDRESS] = (state[ADDRESS] & _LOW) | (w & 0x7FF) << 16
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
        state[ADDRESS] = (state[ADDRESS] & _ROW) | (w & _LOW)
    elif kind == _TIME_HIGH:
        if w & 0xFFF != state[HIGH]:
            _new_high(state, w & 0xFFF)
            state[ADDRESS] &= ~_LOW
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
    if state[STEP]:
        n = _rest_of_vector(state, out, n, cap, width, height)
    while i < len(words) and n < cap and state[STEP] == 0:
        if cap - n >= 12 and state[HIGH] >= 0 and state[HAS_ROW]:
            i, n = _swift(words, i, out, n, cap, bias, width, state, by_kind, places)
            if i == len(words):
                break
        n = _careful(state, np.int64(words[i]), out, n, cap, width, height)
        i += 1
    return i, n


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
            time[n] = state[EPOCH] + (state[HIGH] << 12) + (state[ADDRESS] & _LOW)
            line[n] = (w >> 8) & 15
            value[n] = w & 1
            n += 1
    return i, n
