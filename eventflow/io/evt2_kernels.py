"""The loops of EVT 2.0, after Prophesee's specification: 32-bit words, nearly all of them one event each."""

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
_BLOCK: Final = 32  # words judged at once
_NEGATIVE: Final = -(2**63)
_OVERFLOW: Final = 1 << 27 | 1 << 11  # where x + (2048 - width) and y + (2048 - height) carry to when outside


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
    bias = (2048 - width) | (2048 - height) << 16
    while i < len(words) and n < cap:
        block = min(len(words) - i, cap - n)
        run = 0
        if state[HIGH] >= 0:
            time = state[EPOCH] + (state[HIGH] << 6)
            run = _run_of_events(words[i : i + block], out[2 * n : 2 * (n + block)], time, bias, state[LAST] - time)
            i += run
            n += run
            if run:
                state[LAST] = out[2 * n - 2]
        if run < block:
            i += _other(np.int64(words[i]), state, bias)
    return i, n


@jit
def _run_of_events(words: Any, out: Any, time: int, bias: int, last: Any) -> int:  # pragma: no cover
    """Decode events up to the first word that is none, beyond the sensor, or a step back in time; return how many.

    Blocks are judged as a whole and then written, two loops without a branch that run on several words at a time.
    """
    done = 0
    while done + _BLOCK <= len(words):
        block = words[done : done + _BLOCK]
        bad = (((np.int64(block[0]) >> 22) & 63) - last) & _NEGATIVE
        for j in range(_BLOCK):
            w = np.int64(block[j])
            bad |= (w & 0xE000_0000) | ((((w >> 11) & 0x7FF) | (w & 0x7FF) << 16) + bias) & _OVERFLOW
        for j in range(1, _BLOCK):
            bad |= (((np.int64(block[j]) >> 22) & 63) - ((np.int64(block[j - 1]) >> 22) & 63)) & _NEGATIVE
        if bad != 0:
            break
        room = out[2 * done : 2 * (done + _BLOCK)]
        for j in range(_BLOCK):
            w = np.int64(block[j])
            room[2 * j] = time + ((w >> 22) & 63)
            room[2 * j + 1] = ((w >> 11) & 0x7FF) | (w & 0x7FF) << 16 | (w >> 28) << 32
        last = (np.int64(block[_BLOCK - 1]) >> 22) & 63
        done += _BLOCK
    for j in range(done, min(len(words), done + _BLOCK)):
        w = np.int64(words[j])
        t = (w >> 22) & 63
        place = ((w >> 11) & 0x7FF) | (w & 0x7FF) << 16
        if (w > 0x1FFFFFFF) | ((place + bias) & _OVERFLOW != 0) | (t < last):
            return j
        last = t
        out[2 * j] = time + t
        out[2 * j + 1] = place | (w >> 28) << 32
    return min(len(words), done + _BLOCK)


@jit
def _other(w: int, state: Any, bias: int) -> int:  # pragma: no cover
    """Take a word that ended a run and return 1, or 0 where it is an event that may begin the next run."""
    kind = w >> 28
    if kind == _TIME_HIGH:
        new_high(state, w & 0xFFFFFFF, HIGH_WRAP, WRAP_US)
    elif kind <= _ON:
        if state[HIGH] < 0:
            state[BEFORE_TIME] += 1
        elif ((((w >> 11) & 0x7FF) | (w & 0x7FF) << 16) + bias) & _OVERFLOW:
            state[OUTSIDE] += 1
        else:
            step_to(state, state[EPOCH] + (state[HIGH] << 6) + ((w >> 22) & 63))
            return 0
    elif kind == _TRIGGER:
        state[TRIGGERS] += 1
    elif kind not in (_OTHERS, _CONTINUED):
        state[RESERVED] += 1
    return 1


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
