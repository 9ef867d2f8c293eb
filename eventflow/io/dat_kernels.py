"""The loop of Prophesee DAT: fixed records of a 32-bit time and 32 bits of address."""

from __future__ import annotations

from typing import Any, Final

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
_BLOCK: Final = 32  # records judged at once


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
        block = min(len(words) - i, cap - n)
        last = max(state[HIGH], state[LAST] - state[EPOCH])
        run = _run(
            words[i : i + block], out[2 * n : 2 * (n + block)], state[EPOCH], last, width, height, x_bits, y_bits
        )
        i += run
        n += run
        if run:
            state[HIGH] = words[i - 1] & 0xFFFFFFFF
            state[LAST] = out[2 * n - 2]
        if run < block:
            i += _odd(words[i], state, width, height, x_bits, y_bits)
    return i, n


@jit
def _run(  # pragma: no cover
    words: Any, out: Any, epoch: int, last: Any, width: int, height: int, x_bits: int, y_bits: int
) -> int:
    """Decode up to the first record whose time falls or that is beyond the sensor; return how many.

    Blocks are judged as a whole and then written, two loops without a branch that run on several records at a time.
    """
    x_mask, y_mask = (1 << x_bits) - 1, (1 << y_bits) - 1
    y_at, p_at = 32 + x_bits, 32 + x_bits + y_bits
    done = 0
    while done < len(words):
        size = min(_BLOCK, len(words) - done)
        block = words[done : done + size]
        sign = (block[0] & 0xFFFFFFFF) - last
        for j in range(size):
            sign |= (width - 1 - ((block[j] >> 32) & x_mask)) | (height - 1 - ((block[j] >> y_at) & y_mask))
        for j in range(1, size):
            sign |= (block[j] & 0xFFFFFFFF) - (block[j - 1] & 0xFFFFFFFF)
        if sign < 0:
            break
        room = out[2 * done : 2 * (done + size)]
        for j in range(size):
            w = block[j]
            room[2 * j] = epoch + (w & 0xFFFFFFFF)
            room[2 * j + 1] = ((w >> 32) & x_mask) | ((w >> y_at) & y_mask) << 16 | ((w >> p_at) & 1) << 32
        last = block[size - 1] & 0xFFFFFFFF
        done += size
    for j in range(done, min(len(words), done + _BLOCK)):
        w = words[j]
        t, x, y = w & 0xFFFFFFFF, (w >> 32) & x_mask, (w >> y_at) & y_mask
        if (x >= width) | (y >= height) | (t < last):
            return j
        last = t
        out[2 * j] = epoch + t
        out[2 * j + 1] = x | y << 16 | ((w >> p_at) & 1) << 32
    return len(words)


@jit
def _odd(w: int, state: Any, width: int, height: int, x_bits: int, y_bits: int) -> int:  # pragma: no cover
    """Take a record that ended a run and return 1, or 0 where it may begin the next run."""
    new_high(state, w & 0xFFFFFFFF, HIGH_WRAP, WRAP_US)
    if (w >> 32) & ((1 << x_bits) - 1) >= width or (w >> (32 + x_bits)) & ((1 << y_bits) - 1) >= height:
        state[OUTSIDE] += 1
        return 1
    t = state[EPOCH] + state[HIGH]
    state[STEPS_BACK] += t < state[LAST]
    state[LAST] = t
    return 0


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
