"""The loop over events out of a container: whether each is one."""

from __future__ import annotations

from typing import Any, Final

from eventflow.kernels.jit import jit

_NOT_PAD: Final = 0xFF_FFFF_FFFF


@jit
def check_records(halves: Any, keep: Any, width: int, height: int, state: Any) -> int:  # pragma: no cover
    """Mark the events that lie on the sensor and have a polarity; return how many do not.

    Pad bytes become zero: whoever made the events may have left them as they were. Counts steps back in state[1];
    state[0] is the last event's time.
    """
    bad = 0
    last, back = state[0], 0
    for k in range(len(keep)):
        half = halves[2 * k + 1] & _NOT_PAD
        halves[2 * k + 1] = half
        good = half & 0xFFFF < width and (half >> 16) & 0xFFFF < height and half >> 32 <= 1
        keep[k] = good
        bad += not good
        if good:
            t = halves[2 * k]
            back += t < last
            last = t
    state[0] = last
    state[1] += back
    return bad
