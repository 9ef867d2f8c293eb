"""The loops over events out of a container: whether each is one."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from eventflow.io.unaligned import load
from eventflow.kernels.jit import jit

_NOT_PAD: Final = 0xFF_FFFF_FFFF


@jit
def copy_sound(data: Any, out: Any, width: int, height: int, state: Any) -> bool:  # pragma: no cover
    """Copy events, pad bytes made zero, and return whether all are what `check_records` lets pass; counted if so.

    `data` are bytes, as many as `out` has; they may begin anywhere.
    """
    wrong = 0
    for k in range(len(out) >> 1):
        half = np.int64(load(data, np.uint64(16 * k + 8))) & _NOT_PAD
        out[2 * k] = np.int64(load(data, np.uint64(16 * k)))
        out[2 * k + 1] = half
        wrong |= int(half & 0xFFFF >= width) | int((half >> 16) & 0xFFFF >= height) | int(half >> 33 > 0)
    if wrong or len(out) < 2:
        return wrong == 0
    back = int(out[0] < state[0])
    for k in range(1, len(out) >> 1):
        back += int(out[2 * k] < out[2 * k - 2])
    state[0] = out[len(out) - 2]
    state[1] += back
    return True


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
