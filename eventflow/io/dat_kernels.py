"""The loop of Prophesee DAT: fixed records of a 32-bit time and 32 bits of address."""

from __future__ import annotations

from typing import Any, Final

from eventflow.kernels.jit import jit

# Slots of the state: µs to add, the last record's 32-bit time, the last event's time, and counts.
EPOCH, LAST, LAST_EVENT, STEPS_BACK, OUTSIDE = range(5)
SLOTS: Final = 5

_HALF_US: Final = 1 << 31  # a larger fall is the end of the 32-bit time, a smaller one a step back
_WRAP_US: Final = 1 << 32
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
) -> Any:
    """Decode records words[i:] (int64) into out[2n:2cap] (pairs: an event's two halves); return where both stopped."""
    while i < len(words) and n < cap:
        block = min(len(words) - i, cap - n)
        last = max(state[LAST], state[LAST_EVENT] - state[EPOCH])
        run = _run(words[i : i + block], out[2 * n : 2 * (n + block)], state[EPOCH], last, width, height)
        i += run
        n += run
        if run:
            state[LAST] = words[i - 1] & 0xFFFFFFFF
            state[LAST_EVENT] = out[2 * n - 2]
        if run < block:
            i += _odd(words[i], state, width, height)
    return i, n


@jit
def _run(words: Any, out: Any, epoch: int, last: Any, width: int, height: int) -> int:  # pragma: no cover
    """Decode up to the first record whose time falls or that is beyond the sensor; return how many.

    Blocks are judged as a whole and then written, two loops without a branch that run on several records at a time.
    """
    done = 0
    while done < len(words):
        size = min(_BLOCK, len(words) - done)
        block = words[done : done + size]
        sign = (block[0] & 0xFFFFFFFF) - last
        for j in range(size):
            sign |= (width - 1 - ((block[j] >> 32) & 0x3FFF)) | (height - 1 - ((block[j] >> 46) & 0x3FFF))
        for j in range(1, size):
            sign |= (block[j] & 0xFFFFFFFF) - (block[j - 1] & 0xFFFFFFFF)
        if sign < 0:
            break
        room = out[2 * done : 2 * (done + size)]
        for j in range(size):
            w = block[j]
            room[2 * j] = epoch + (w & 0xFFFFFFFF)
            room[2 * j + 1] = ((w >> 32) & 0x3FFF) | ((w >> 46) & 0x3FFF) << 16 | ((w >> 60) & 1) << 32
        last = block[size - 1] & 0xFFFFFFFF
        done += size
    for j in range(done, min(len(words), done + _BLOCK)):
        w = words[j]
        t, x, y = w & 0xFFFFFFFF, (w >> 32) & 0x3FFF, (w >> 46) & 0x3FFF
        if (x >= width) | (y >= height) | (t < last):
            return j
        last = t
        out[2 * j] = epoch + t
        out[2 * j + 1] = x | y << 16 | ((w >> 60) & 1) << 32
    return len(words)


@jit
def _odd(w: int, state: Any, width: int, height: int) -> int:  # pragma: no cover
    """Take a record that ended a run and return 1, or 0 where it may begin the next run."""
    t = w & 0xFFFFFFFF
    if state[LAST] - t >= _HALF_US:
        state[EPOCH] += _WRAP_US
    state[LAST] = t
    if (w >> 32) & 0x3FFF >= width or (w >> 46) & 0x3FFF >= height:
        state[OUTSIDE] += 1
        return 1
    if state[EPOCH] + t < state[LAST_EVENT]:
        state[STEPS_BACK] += 1
    state[LAST_EVENT] = state[EPOCH] + t
    return 0
