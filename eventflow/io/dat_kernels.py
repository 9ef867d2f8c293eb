"""The loop of Prophesee DAT: fixed records of a 32-bit time and 32 bits of address."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from eventflow.kernels.jit import jit

# Slots of the state: µs to add, the last 32-bit time, events beyond the sensor.
EPOCH, LAST, OUTSIDE = range(3)
SLOTS: Final = 3

_HALF_US: Final = 1 << 31  # a larger fall is the end of the 32-bit time, a smaller one a step back
_WRAP_US: Final = 1 << 32


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
    """Decode records words[i:] (int64) into out[2n:2cap] (pairs: an event's two halves); return where both stopped."""
    while i < len(words) and n < cap:
        block = min(len(words) - i, cap - n)
        run = _run(words[i : i + block], out[2 * n : 2 * (n + block)], state[EPOCH], state[LAST], width, height)
        i += run
        n += run
        if run:
            state[LAST] = words[i - 1] & 0xFFFFFFFF
        if run < block:
            t = words[i] & 0xFFFFFFFF
            if state[LAST] - t >= _HALF_US:
                state[EPOCH] += _WRAP_US
            else:
                state[OUTSIDE] += 1
                i += 1
            state[LAST] = t
    return i, n


@jit
def _run(words: Any, out: Any, epoch: int, last: Any, width: int, height: int) -> int:  # pragma: no cover
    """Decode up to the first record where time wraps or that is beyond the sensor; return how many."""
    for j in range(len(words)):
        w = np.int64(words[j])
        t = w & 0xFFFFFFFF
        x = (w >> 32) & 0x3FFF
        y = (w >> 46) & 0x3FFF
        if x >= width or y >= height or last - t >= _HALF_US:
            return j
        last = t
        out[2 * j] = epoch + t
        out[2 * j + 1] = x | y << 16 | ((w >> 60) & 1) << 32
    return len(words)
