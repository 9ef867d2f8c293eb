"""The loops of EVT 2.1, after Prophesee's specification: 64-bit words, up to 32 pixels of a row each.

A word is a header as of EVT 2.0 and a mask, the two halves in either order: `shift` is 32 where the header is the upper
half, 0 where it is the lower one.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from eventflow.io.evt21_block import ROOM, WORDS, decode_block
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
    new_high,
    popcount,
    rest_of_vector,
)
from eventflow.kernels.jit import jit

# MASK: bits of a vector still to be emitted; PLACE: its first event's second half; LOW: the lower bits of its time.
MASK, PLACE, LOW = range(OWN, OWN + 3)
SLOTS: Final = OWN + 3
SKIPPED: Final = {"before_time": BEFORE_TIME, "outside": OUTSIDE, "reserved": RESERVED}
MEMORY: Final = (HIGH, MASK, PLACE, LOW)
MEMORY_BITS: Final = (-1, -1, -1, -1)
ALLOWED: Final = ((1 << 28) - 1, (1 << 32) - 1, 1 << 32 | 0x7FF << 16 | 0x7FF, 63)

_ON, _TIME_HIGH, _TRIGGER, _OTHERS, _CONTINUED = 1, 8, 10, 14, 15
HIGH_WRAP: Final = 1 << 27  # TIME_HIGH has 28 bits; a smaller fall is a glitch, not the end of its range
WRAP_US: Final = 1 << 34
_HALF_WORD: Final = 0xFFFFFFFF
_OVERFLOW: Final = 1 << 27 | 1 << 11  # where x + (2048 - width) and y + (2048 - height) carry to when outside
_VECTOR: Final = 32
_FAR: Final = 1 << 25  # µs from TIME_HIGH to the last event, beyond which blocks do not count
_LAST_EVENT: Final = 0x1FFF_FFFF


@jit
def decode(  # pragma: no cover
    words: Any, i: int, out: Any, n: int, cap: int, width: int, height: int, state: Any, shift: int
) -> Any:
    """Decode words[i:] into out[2n:2cap] (int64 pairs: an event's two halves); return where both stopped."""
    if state[MASK]:
        n = _rest(out, n, cap, width, height, state)
    while i < len(words) and n < cap and state[MASK] == 0:
        if state[HIGH] >= 0:
            i, n = _swift(words, i, out, n, cap, width, height, state, shift)
        if i < len(words) and n < cap:
            n = _careful(words[i], out, n, cap, width, height, state, shift)
            i += 1
    return i, n


@jit
def _swift(  # pragma: no cover
    words: Any, i: int, out: Any, n: int, cap: int, width: int, height: int, state: Any, shift: int
) -> Any:
    """Decode until the words end, `out` might not hold another vector, or a word is for `_careful`."""
    mask_at = 32 - shift
    bias = (2048 - width + _VECTOR - 1) | (2048 - height) << 16
    made = np.empty(2 * ROOM, np.int64)
    high, time = state[HIGH], state[EPOCH] + (state[HIGH] << 6)
    last = state[LAST]
    judged_from = i
    while i < len(words) and cap - n >= _VECTOR:
        if i >= judged_from and i + WORDS <= len(words):
            since = max(last - time, 0)
            if since < _FAR:
                after, rise, since = decode_block(
                    words, np.uint64(i), out, n, time, high, since, width, height, shift, made
                )
                if after >= 0:
                    if after > n:
                        last = time + since
                    n, high, time = after, high + rise, time + (rise << 6)
                    i += WORDS
                    continue
            judged_from = i + WORDS
        w = words[np.uint64(i)]
        header = (w >> shift) & _HALF_WORD
        mask = (w >> mask_at) & _HALF_WORD
        place = ((header >> 11) & 0x7FF) | (header & 0x7FF) << 16
        t = time + ((header >> 22) & 63)
        if (header > _LAST_EVENT) | ((place + bias) & _OVERFLOW != 0) | (t < last) | (mask == 0):
            if header >> 28 != _TIME_HIGH:
                break
            state[HIGH] = high
            new_high(state, header & 0xFFFFFFF, HIGH_WRAP, WRAP_US)
            high, time = state[HIGH], state[EPOCH] + (state[HIGH] << 6)
        else:
            n = emit_mask(out, n, mask, t, place | (header >> 28) << 32)
            last = t
        i += 1
    state[HIGH], state[LAST] = high, last
    return i, n


@jit
def _careful(  # pragma: no cover
    w: int, out: Any, n: int, cap: int, width: int, height: int, state: Any, shift: int
) -> int:
    """Take one word in any state; a vector that does not fit leaves its rest in MASK."""
    header, mask = (w >> shift) & _HALF_WORD, (w >> (32 - shift)) & _HALF_WORD
    kind = header >> 28
    if kind <= _ON:
        if state[HIGH] < 0:
            state[BEFORE_TIME] += popcount(mask)
        else:
            state[MASK] = mask
            state[PLACE] = ((header >> 11) & 0x7FF) | (header & 0x7FF) << 16 | kind << 32
            state[LOW] = (header >> 22) & 63
            n = _rest(out, n, cap, width, height, state)
    elif kind == _TIME_HIGH:
        new_high(state, header & 0xFFFFFFF, HIGH_WRAP, WRAP_US)
    elif kind == _TRIGGER:
        state[TRIGGERS] += 1
    elif kind != _OTHERS and kind != _CONTINUED:
        state[RESERVED] += 1
    return n


@jit
def _rest(out: Any, n: int, cap: int, width: int, height: int, state: Any) -> int:  # pragma: no cover
    t = state[EPOCH] + (state[HIGH] << 6) + state[LOW]
    n, state[MASK] = rest_of_vector(out, n, cap, state[MASK], t, state[PLACE], width, height, state)
    return n


@jit
def survey(words: Any, shift: int) -> Any:  # pragma: no cover
    """Return how many events the words hold, and the first TIME_HIGH among them or -1."""
    events: Any = 0
    for j in range(len(words)):
        header = (words[j] >> shift) & _HALF_WORD
        events += popcount((words[j] >> (32 - shift)) & _HALF_WORD) * (header >> 28 <= _ON)
    for j in range(len(words)):
        header = (words[j] >> shift) & _HALF_WORD
        if header >> 28 == _TIME_HIGH:
            return events, header & 0xFFFFFFF
    return events, -1


@jit
def collect_triggers(  # pragma: no cover
    words: Any, i: int, time: Any, line: Any, value: Any, n: int, state: Any, shift: int
) -> Any:
    """Write the external triggers in words[i:] to the columns from n on; return where both stopped."""
    while i < len(words) and n < len(time):
        header = (words[i] >> shift) & _HALF_WORD
        i += 1
        if header >> 28 == _TIME_HIGH:
            new_high(state, header & 0xFFFFFFF, HIGH_WRAP, WRAP_US)
        elif header >> 28 == _TRIGGER and state[HIGH] >= 0:
            time[n] = state[EPOCH] + (state[HIGH] << 6) + ((header >> 22) & 63)
            line[n] = (header >> 8) & 31
            value[n] = header & 1
            n += 1
    return i, n
