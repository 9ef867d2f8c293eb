"""The loops of EVT 4: 32-bit words, one pixel each, or two words for up to 32 pixels of a row."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from eventflow.io.evt_state import (
    BEFORE_TIME,
    EPOCH,
    HIGH,
    LAST,
    OUTSIDE,
    OWN,
    RESERVED,
    TRIGGERS,
    emit_mask,
    first_high,
    new_high,
    popcount,
    rest_of_vector,
)
from eventflow.kernels.jit import jit

# HEADER: the first word of a vector whose mask comes next, 0 for none. MASK: bits of a vector still to be emitted;
# PLACE: its first event's second half; LOW: the lower bits of its time.
HEADER, MASK, PLACE, LOW = range(OWN, OWN + 4)
SLOTS: Final = OWN + 4
SKIPPED: Final = {"before_time": BEFORE_TIME, "outside": OUTSIDE, "reserved": RESERVED}
MEMORY: Final = (HIGH, HEADER, MASK, PLACE, LOW)
MEMORY_BITS: Final = (-1, -1, -1, -1, -1)
ALLOWED: Final = ((1 << 28) - 1, (1 << 32) - 1, (1 << 32) - 1, 1 << 32 | 0x7FF << 16 | 0x7FF, 63)

_OTHER, _CONTINUED, _TRIGGER, _OFF, _ON, _VECTOR_OFF, _VECTOR_ON, _TIME_HIGH = 6, 7, 9, 10, 11, 12, 13, 14
_PADDING: Final = 0xFFFFFFFF
HIGH_WRAP: Final = 1 << 27  # TIME_HIGH has 28 bits; a smaller fall is a glitch, not the end of its range
WRAP_US: Final = 1 << 34
_OVERFLOW: Final = 1 << 27 | 1 << 11  # where x + (2048 - width) and y + (2048 - height) carry to when outside
_WIDEST: Final = 32


@jit
def decode(  # pragma: no cover
    words: Any, i: int, out: Any, n: int, cap: int, width: int, height: int, state: Any
) -> Any:
    """Decode words[i:] into out[2n:2cap] (int64 pairs: an event's two halves); return where both stopped."""
    bias = (2048 - width) | (2048 - height) << 16
    if state[MASK]:
        n = _rest(out, n, cap, width, height, state)
    while i < len(words) and n < cap and state[MASK] == 0:
        if state[HIGH] >= 0 and state[HEADER] == 0:
            i, n = _swift(words, i, out, n, cap, bias, state)
        if i < len(words) and n < cap:
            n = _careful(np.int64(words[i]), out, n, cap, width, height, state)
            i += 1
    return i, n


@jit
def _swift(words: Any, i: int, out: Any, n: int, cap: int, bias: int, state: Any) -> Any:  # pragma: no cover
    """Decode until the words end, `out` might not hold another vector, or a word is for `_careful`."""
    time = state[EPOCH] + (state[HIGH] << 6)
    last = state[LAST]
    while i < len(words) and cap - n >= _WIDEST:
        w = np.int64(words[np.uint64(i)])
        kind = w >> 28
        place = ((w >> 11) & 0x7FF) | (w & 0x7FF) << 16
        t = time + ((w >> 22) & 63)
        if kind in (_OFF, _ON):
            if (place + bias) & _OVERFLOW or t < last:
                break
            out[np.uint64(2 * n)] = t
            out[np.uint64(2 * n + 1)] = place | (kind & 1) << 32
            last = t
            n += 1
            i += 1
        elif kind == _TIME_HIGH:
            state[LAST] = last
            new_high(state, w & 0xFFFFFFF, HIGH_WRAP, WRAP_US)
            time = state[EPOCH] + (state[HIGH] << 6)
            i += 1
        elif kind in (_VECTOR_OFF, _VECTOR_ON):
            if i + 1 == len(words) or (place + _WIDEST - 1 + bias) & _OVERFLOW or t < last:
                break
            mask = np.int64(words[np.uint64(i + 1)])
            if mask:
                n = emit_mask(out, n, mask, t, place | (kind & 1) << 32)
                last = t
            i += 2
        else:
            break
    state[LAST] = last
    return i, n


@jit
def _careful(w: int, out: Any, n: int, cap: int, width: int, height: int, state: Any) -> int:  # pragma: no cover
    """Take one word in any state; a vector that does not fit leaves its rest in MASK."""
    kind = w >> 28
    if state[HEADER]:
        n = _vector(state[HEADER], w, out, n, cap, width, height, state)
        state[HEADER] = 0
    elif kind in (_OFF, _ON):
        n = _vector(w, 1, out, n, cap, width, height, state)
    elif kind in (_VECTOR_OFF, _VECTOR_ON):
        state[HEADER] = w
    elif kind == _TIME_HIGH:
        new_high(state, w & 0xFFFFFFF, HIGH_WRAP, WRAP_US)
    elif kind == _TRIGGER:
        state[TRIGGERS] += 1
    elif kind != _OTHER and kind != _CONTINUED and w != _PADDING:
        state[RESERVED] += 1
    return n


@jit
def _vector(  # pragma: no cover
    header: int, mask: int, out: Any, n: int, cap: int, width: int, height: int, state: Any
) -> int:
    if state[HIGH] < 0:
        state[BEFORE_TIME] += popcount(mask)
        return n
    state[MASK] = mask
    state[PLACE] = ((header >> 11) & 0x7FF) | (header & 0x7FF) << 16 | ((header >> 28) & 1) << 32
    state[LOW] = (header >> 22) & 63
    return _rest(out, n, cap, width, height, state)  # type: ignore[no-any-return]


@jit
def _rest(out: Any, n: int, cap: int, width: int, height: int, state: Any) -> int:  # pragma: no cover
    t = state[EPOCH] + (state[HIGH] << 6) + state[LOW]
    n, state[MASK] = rest_of_vector(out, n, cap, state[MASK], t, state[PLACE], width, height, state)
    return n


@jit
def survey(words: Any) -> Any:  # pragma: no cover
    """Return how many events the words hold at most, and the first TIME_HIGH among them or -1.

    A word after a vector's first is its mask; that may come from the words before, so every word counts as one.
    """
    events: Any = 0
    before: Any = _VECTOR_ON << 28
    for j in range(len(words)):
        w = np.int64(words[j])
        events += (w >> 29 == _OFF >> 1) + popcount(w) * (before >> 29 == _VECTOR_OFF >> 1)
        before = w
    return events, first_high(words, _TIME_HIGH, 28)


@jit
def collect_triggers(
    words: Any, i: int, time: Any, line: Any, value: Any, n: int, state: Any
) -> Any:  # pragma: no cover
    """Write the external triggers in words[i:] to the columns from n on; return where both stopped."""
    while i < len(words) and n < len(time):
        w = np.int64(words[i])
        i += 1
        kind = w >> 28
        if state[HEADER]:
            state[HEADER] = 0
        elif kind in (_VECTOR_OFF, _VECTOR_ON):
            state[HEADER] = w
        elif kind == _TIME_HIGH:
            new_high(state, w & 0xFFFFFFF, HIGH_WRAP, WRAP_US)
        elif kind == _TRIGGER and state[HIGH] >= 0:
            time[n] = state[EPOCH] + (state[HIGH] << 6) + ((w >> 22) & 63)
            line[n] = (w >> 8) & 31
            value[n] = w & 1
            n += 1
    return i, n
