"""What a decoder of Prophesee words remembers from word to word: an array, its first slots alike in every format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numba import types
from numba.extending import intrinsic

from eventflow.kernels.jit import jit

if TYPE_CHECKING:
    from numpy.typing import NDArray

# EPOCH: the time the clock counts from, µs. HIGH: the upper bits of the clock, -1 before they are known. LAST: the last
# event's time, µs, -1 before there is one. The others count.
EPOCH, HIGH, LAST, STEPS_BACK, LOW_BACK, BEFORE_TIME, OUTSIDE, RESERVED, TRIGGERS = range(9)
OWN: Final = 9
"""The first slot that means something else in every format."""

COUNTERS: Final = (STEPS_BACK, LOW_BACK, BEFORE_TIME, OUTSIDE, RESERVED, TRIGGERS)


def first_state(slots: int, t0: int) -> NDArray[np.int64]:
    """Return a state of so many slots before the first word, its clock counting from `t0` µs."""
    state = np.zeros(slots, np.int64)
    state[EPOCH] = t0
    state[HIGH] = state[LAST] = -1
    return state


@intrinsic  # type: ignore[untyped-decorator]
def popcount(typing: Any, value: Any) -> Any:
    """Return how many bits are set."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.int64), generate


@jit
def emit_mask(out: Any, n: int, mask: int, t: int, half: int) -> int:  # pragma: no cover
    """Write an event at `half` + the place of each set bit of `mask`, all at time t; return the next index."""
    while mask:
        out[np.uint64(2 * n)] = t
        out[np.uint64(2 * n + 1)] = half + popcount((mask & -mask) - 1)
        mask &= mask - 1
        n += 1
    return n


@jit
def rest_of_vector(  # pragma: no cover
    out: Any, n: int, cap: int, mask: int, t: int, half: int, width: int, height: int, state: Any
) -> Any:
    """Write those events of a vector that lie on the sensor, as far as `out` goes, and count the others.

    Returns the next index and the bits that are left. Time and steps back are counted once an event was written.
    """
    x, y = half & 0xFFFF, (half >> 16) & 0xFFFF
    while mask and n < cap:
        place = popcount((mask & -mask) - 1)
        mask &= mask - 1
        if x + place >= width or y >= height:
            state[OUTSIDE] += 1
            continue
        step_to(state, t)
        out[2 * n] = t
        out[2 * n + 1] = half + place
        n += 1
    return n, mask


@jit
def step_to(state: Any, t: int) -> None:  # pragma: no cover
    """Count an event at time t of a clock whose TIME_HIGH counts 64 µs, as a step back where it is one."""
    if t < state[LAST]:
        state[STEPS_BACK] += 1
        if state[LAST] >= state[EPOCH] + (state[HIGH] << 6):
            state[LOW_BACK] += 1
    state[LAST] = t


@jit
def first_high(words: Any, kind: int, bits: int) -> int:  # pragma: no cover
    """Return the first TIME_HIGH among words whose kind stands above so many bits of time, or -1."""
    for j in range(len(words)):
        w = np.int64(words[j])
        if w >> bits == kind:
            return int(w & ((1 << bits) - 1))
    return -1


@jit
def new_high(state: Any, high: int, wrap: int, wrap_us: int) -> None:  # pragma: no cover
    """Take a TIME_HIGH; a fall by `wrap` or more is the end of its range of `wrap_us`, a smaller one a glitch."""
    if state[HIGH] - high >= wrap:
        state[EPOCH] += wrap_us
    state[HIGH] = high
