"""What lies round each event, as the input of any network: ages and polarities of the last events near it.

    patch[0] = max(0, 1 - |e.t - T[n]| / window)         0 where T is not set
    patch[1] = +1 or -1 by P[n] where |e.t - T[n]| <= window, else 0; of the event's own pixel, the event's

in rows from the top and columns from the left. Every event updates T and P after its patch was cut.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.errors import ParameterError
from eventflow.kernels.jit import jit
from eventflow.kernels.surface import REACH
from eventflow.kernels.words import p_of, x_of, y_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eventflow.events import Events
    from eventflow.kernels.surface import Surface


def patches(events: Events, state: Surface, radius: int, window: int) -> NDArray[np.float32]:
    """Return the patch of each event.

    Args:
        events: in any order; not written.
        state: from `denoise.surface` with a `radius` at least as large; brought up to date.
        radius: of the patch, px.
        window: µs, 1 to 2^27.

    Returns:
        float32, shape (n, 2, 2 radius + 1, 2 radius + 1).

    Raises:
        ParameterError: a parameter or the shape of `state` is not usable.
    """
    state.check(events, radius)
    if not 1 <= window <= REACH:
        raise ParameterError(f"window is {window} µs, expected 1 to {REACH}")
    side = 2 * radius + 1
    found = np.empty((len(events), 2, side, side), np.float32)
    for begin, words in state.pieces(events, window):
        _cut(words, state.cells, state.base, state.stride, state.margin, radius, window, found[begin:])
    return found


@jit
def _cut(words: Any, cells: Any, base: Any, stride: Any, margin: Any, radius: Any, window: Any, found: Any) -> None:
    row, corner = np.uint64(stride), np.uint64((margin - radius) * stride + margin - radius)
    centre = np.uint64(radius * stride + radius)
    inverse = np.float32(1.0 / window)
    for i in range(len(words) // 2):
        place = words[2 * i + 1]
        first = y_of(place) * row + x_of(place) + corner
        stamp = 2 * (words[2 * i] - base) + np.int64(p_of(place))
        for y in range(2 * radius + 1):
            for x in range(2 * radius + 1):
                cell = np.int64(cells[first + np.uint64(y) * row + np.uint64(x)])
                age = abs((stamp >> 1) - (cell >> 1))
                near = age <= window
                found[i, 0, y, x] = np.float32(max(window - age, 0)) * inverse
                found[i, 1, y, x] = np.float32((2 * (cell & 1) - 1) * near)
        found[i, 1, radius, radius] = np.float32(2 * (stamp & 1) - 1)
        cells[first + centre] = stamp
