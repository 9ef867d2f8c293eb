"""The loops of EVT 2.0, after Prophesee's specification: 32-bit words, nearly all of them one event each."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from eventflow.kernels.jit import jit

# Slots of the state. HIGH is -1 until the first TIME_HIGH.
EPOCH, HIGH, BEFORE_TIME, OUTSIDE, RESERVED = range(5)
SLOTS: Final = 5

_ON, _TIME_HIGH, _TRIGGER, _OTHERS, _CONTINUED = 1, 8, 10, 14, 15
_HIGH_WRAP: Final = 1 << 27  # TIME_HIGH has 28 bits; a smaller fall is a glitch, not the end of its range
_WRAP_US: Final = 1 << 34
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
        time = state[EPOCH] + (state[HIGH] << 6)
        run = 0
        if state[HIGH] >= 0:
            run = _run_of_events(words[i : i + block], out[2 * n : 2 * (n + block)], time, bias)
            i += run
            n += run
        if run < block:
            _other(np.int64(words[i]), state)
            i += 1
    return i, n


@jit
def _run_of_events(words: Any, out: Any, time: int, bias: int) -> int:  # pragma: no cover
    """Decode events up to the first word that is none on the sensor; return how many."""
    for j in range(len(words)):
        w = np.int64(words[j])
        place = ((w >> 11) & 0x7FF) | (w & 0x7FF) << 16
        if w > 0x1FFFFFFF or (place + bias) & _OVERFLOW:
            return j
        out[2 * j] = time + ((w >> 22) & 63)
        out[2 * j + 1] = place | (w >> 28) << 32
    return len(words)


@jit
def _other(w: int, state: Any) -> None:  # pragma: no cover
    """Take a word that yields no event."""
    kind = w >> 28
    if kind == _TIME_HIGH:
        high = w & 0xFFFFFFF
        if state[HIGH] - high >= _HIGH_WRAP:
            state[EPOCH] += _WRAP_US
        state[HIGH] = high
    elif kind <= _ON:
        state[BEFORE_TIME if state[HIGH] < 0 else OUTSIDE] += 1
    elif kind != _TRIGGER and kind != _OTHERS and kind != _CONTINUED:
        state[RESERVED] += 1


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
            _other(w, state)
        elif kind == _TRIGGER and state[HIGH] >= 0:
            time[n] = state[EPOCH] + (state[HIGH] << 6) + ((w >> 22) & 63)
            line[n] = (w >> 8) & 31
            value[n] = w & 1
            n += 1
    return i, n
