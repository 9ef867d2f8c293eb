"""The loops of EVT 2.0, after Prophesee's specification: 32-bit words, nearly all of them one event each."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from eventflow.io.evt2_block import WORDS, decode_times_and_events, is_plain
from eventflow.io.evt_state import (
    BEFORE_TIME,
    EPOCH,
    HIGH,
    LAST,
    OUTSIDE,
    OWN,
    RESERVED,
    TRIGGERS,
    first_high,
    new_high,
    step_to,
)
from eventflow.kernels.jit import jit

SLOTS: Final = OWN
SKIPPED: Final = {"before_time": BEFORE_TIME, "outside": OUTSIDE, "reserved": RESERVED}
MEMORY: Final = (HIGH,)
MEMORY_BITS: Final = (-1,)
ALLOWED: Final = ((1 << 28) - 1,)

_ON, _TIME_HIGH, _TRIGGER, _OTHERS, _CONTINUED = 1, 8, 10, 14, 15
HIGH_WRAP: Final = 1 << 27  # TIME_HIGH has 28 bits; a smaller fall is a glitch, not the end of its range
WRAP_US: Final = 1 << 34


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
) -> Any:
    """Decode words[i:] into out[2n:2cap] (int64 pairs: an event's two halves); return where both stopped."""
    while i < len(words) and n < cap:
        if state[HIGH] >= 0:
            i, n = _blocks(words, i, out, n, cap, width, height, state)
        stop = min(i + WORDS, len(words))
        while i < stop and n < cap:
            n = _careful(np.int64(words[i]), out, n, width, height, state)
            i += 1
    return i, n


@jit
def _blocks(  # pragma: no cover
    words: Any, i: int, out: Any, n: int, cap: int, width: int, height: int, state: Any
) -> Any:
    """Decode blocks of words until there is no room for more, or one is for `_careful`; return where both stopped."""
    made = np.empty(2 * WORDS, np.int64)
    high = state[HIGH]
    time = state[EPOCH] + (high << 6)
    last = max(state[LAST] - time, 0)
    begin = n
    while i + WORDS <= len(words) and n + WORDS <= cap and last < 64:
        if is_plain(words, np.uint64(i), last << 22, width, height):
            for j in range(np.uint64(WORDS)):
                w = np.int64(words[np.uint64(i) + j])
                at = np.uint64(2) * (np.uint64(n) + j)
                out[at] = time + ((w >> 22) & 63)
                out[at + np.uint64(1)] = ((w >> 11) & 0x7FF) | (w & 0x7FF) << 16 | (w >> 28) << 32
            n += WORDS
            last = (np.int64(words[np.uint64(i + WORDS - 1)]) >> 22) & 63
        else:
            after, rise, latest = decode_times_and_events(
                words, np.uint64(i), out, n, time, high, last, width, height, made
            )
            if after < 0:
                break
            n, high, time, last = after, high + rise, time + (rise << 6), max(latest - (rise << 6), 0)
        i += WORDS
    if n > begin:
        state[LAST] = out[2 * n - 2]
    state[HIGH] = high
    return i, n


@jit
def _careful(w: int, out: Any, n: int, width: int, height: int, state: Any) -> int:  # pragma: no cover
    """Take one word in any state; return the next index."""
    kind = w >> 28
    if kind <= _ON:
        x, y = (w >> 11) & 0x7FF, w & 0x7FF
        if state[HIGH] < 0:
            state[BEFORE_TIME] += 1
        elif x >= width or y >= height:
            state[OUTSIDE] += 1
        else:
            t = state[EPOCH] + (state[HIGH] << 6) + ((w >> 22) & 63)
            step_to(state, t)
            out[2 * n] = t
            out[2 * n + 1] = x | y << 16 | kind << 32
            n += 1
    elif kind == _TIME_HIGH:
        new_high(state, w & 0xFFFFFFF, HIGH_WRAP, WRAP_US)
    elif kind == _TRIGGER:
        state[TRIGGERS] += 1
    elif kind not in (_OTHERS, _CONTINUED):
        state[RESERVED] += 1
    return n


@jit
def survey(words: Any) -> Any:  # pragma: no cover
    """Return how many of the words are events, and the first TIME_HIGH among them or -1."""
    events: Any = 0
    for j in range(len(words)):
        events += np.int64(words[j]) < 0x20000000
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
        if kind == _TIME_HIGH:
            new_high(state, w & 0xFFFFFFF, HIGH_WRAP, WRAP_US)
        elif kind == _TRIGGER and state[HIGH] >= 0:
            time[n] = state[EPOCH] + (state[HIGH] << 6) + ((w >> 22) & 63)
            line[n] = (w >> 8) & 31
            value[n] = w & 1
            n += 1
    return i, n
