"""The loop of Prophesee DAT: fixed records of a 32-bit time and 32 bits of address."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from eventflow.io.dat_block import RECORDS, is_plain
from eventflow.io.evt_state import EPOCH, HIGH, LAST, OUTSIDE, OWN, STEPS_BACK, new_high
from eventflow.kernels.jit import jit

# the slot HIGH holds the 32-bit time of the last record
SLOTS: Final = OWN
SKIPPED: Final = {"outside": OUTSIDE}
MEMORY: Final = (HIGH,)
MEMORY_BITS: Final = (-1,)
ALLOWED: Final = ((1 << 32) - 1,)

HIGH_WRAP: Final = 1 << 31  # a larger fall is the end of the 32-bit time, a smaller one a step back
WRAP_US: Final = 1 << 32
_LATEST: Final = 0xFFFF_FFFF


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
    x_bits: int,
    y_bits: int,
) -> Any:
    """Decode records words[i:] (int64) into out[2n:2cap] (pairs: an event's two halves); return where both stopped.

    `x_bits` and `y_bits` are 14 in version 2 of the format, 9 and 8 in version 1.
    """
    while i < len(words) and n < cap:
        i, n = _blocks(words, i, out, n, cap, width, height, state, x_bits, y_bits)
        stop = min(i + RECORDS, len(words))
        while i < stop and n < cap:
            n = _careful(words[i], out, n, width, height, state, x_bits, y_bits)
            i += 1
    return i, n


@jit
def _blocks(  # pragma: no cover
    words: Any, i: int, out: Any, n: int, cap: int, width: int, height: int, state: Any, x_bits: int, y_bits: int
) -> Any:
    """Decode blocks of records until there is no room for more, or one is for `_careful`; return where both stopped."""
    x_mask, y_mask = (1 << x_bits) - 1, (1 << y_bits) - 1
    y_at, p_at = 32 + x_bits, 32 + x_bits + y_bits
    epoch = state[EPOCH]
    last = max(state[HIGH], state[LAST] - epoch)
    begin = i
    while i + RECORDS <= len(words) and n + RECORDS <= cap and last <= _LATEST:
        if not is_plain(words, np.uint64(i), max(last, 0), width, height, x_bits, y_bits):
            break
        for j in range(np.uint64(RECORDS)):
            w = words[np.uint64(i) + j]
            at = np.uint64(2) * (np.uint64(n) + j)
            out[at] = epoch + (w & _LATEST)
            out[at + np.uint64(1)] = ((w >> 32) & x_mask) | ((w >> y_at) & y_mask) << 16 | ((w >> p_at) & 1) << 32
        i += RECORDS
        n += RECORDS
        last = words[np.uint64(i - 1)] & _LATEST
    if i > begin:
        state[HIGH], state[LAST] = last, epoch + last
    return i, n


@jit
def _careful(  # pragma: no cover
    w: int, out: Any, n: int, width: int, height: int, state: Any, x_bits: int, y_bits: int
) -> int:
    """Take one record in any state; return the next index."""
    new_high(state, w & _LATEST, HIGH_WRAP, WRAP_US)
    x, y = (w >> 32) & ((1 << x_bits) - 1), (w >> (32 + x_bits)) & ((1 << y_bits) - 1)
    if x >= width or y >= height:
        state[OUTSIDE] += 1
        return n
    t = state[EPOCH] + state[HIGH]
    state[STEPS_BACK] += t < state[LAST]
    state[LAST] = t
    out[2 * n] = t
    out[2 * n + 1] = x | y << 16 | ((w >> (32 + x_bits + y_bits)) & 1) << 32
    return n + 1


@jit
def survey(words: Any, x_bits: int, y_bits: int) -> Any:  # pragma: no cover
    """Return how many events the records are at most, and the 32-bit time of the first or -1."""
    return len(words), words[0] & 0xFFFFFFFF if len(words) else -1


@jit
def collect_triggers(  # pragma: no cover
    words: Any, i: int, time: Any, line: Any, value: Any, n: int, state: Any, x_bits: int, y_bits: int
) -> Any:
    """Write the external triggers words[i:] to the columns from n on; return where both stopped."""
    while i < len(words) and n < len(time):
        new_high(state, words[i] & 0xFFFFFFFF, HIGH_WRAP, WRAP_US)
        time[n] = state[EPOCH] + state[HIGH]
        line[n] = (words[i] >> 58) & 63
        value[n] = (words[i] >> 32) & 15
        n += 1
        i += 1
    return i, n
