"""Columns of arrays to event records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.kernels.jit import jit

if TYPE_CHECKING:
    from numpy.typing import NDArray

_0, _1 = np.uint64(0), np.uint64(1)


@jit
def pack_columns(
    t: NDArray[np.int64],
    x: NDArray[Any],
    y: NDArray[Any],
    p: NDArray[np.uint8],
    words: NDArray[np.int64],
    kept: NDArray[np.bool_],
    width: int,
    height: int,
) -> tuple[int, int, int]:
    """Put events together, leaving out impossible ones; return how many were kept, outside, and of no polarity.

    Args:
        t: µs.
        x: px, integers.
        y: px, integers.
        p: 0 or 1.
        words: int64, shape (n, 2) or more: event records as two words (t; x, y, p and zero padding).
        kept: bool, shape (n,) or more: set where the event was kept.
        width: sensor width, px.
        height: sensor height, px.
    """
    made, outside, reserved = _0, 0, 0
    for index in range(len(t)):
        column, row, polarity = np.int64(x[index]), np.int64(y[index]), np.int64(p[index])
        good = 0 <= column < width and 0 <= row < height and polarity <= 1
        kept[index] = good
        if good:
            words[made, _0] = t[index]
            words[made, _1] = column | row << 16 | polarity << 32
            made += _1
        elif polarity > 1:
            reserved += 1
        else:
            outside += 1
    return int(made), outside, reserved
