"""The last event of every pixel, drawn as it looked at one instant: fresh events bright, older ones fading out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.kernels.jit import jit
from eventflow.views.palette import LEVELS, OFF, ON

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eventflow.events import Events

_NEVER = -(1 << 62)


@jit
def _add(records: Any, last_t: Any, last_p: Any) -> None:  # pragma: no cover
    for i in range(len(records)):
        x, y = np.int64(records[i].x), np.int64(records[i].y)
        if records[i].t >= last_t[y, x]:
            last_t[y, x] = records[i].t
            last_p[y, x] = records[i].p


@jit
def _draw(last_t: Any, last_p: Any, t: int, window: int, levels: int, out: Any) -> None:  # pragma: no cover
    height, width = last_t.shape
    for y in range(height):
        for x in range(width):
            age = t - last_t[y, x]
            if age < 0 or age > window:
                out[y, x] = 0
            else:
                # integers alone, so that a picture is the same on every machine
                level = levels - age * levels // (window + 1)
                out[y, x] = (ON if last_p[y, x] else OFF) + level + LEVELS - levels - 1


class Surface:
    """The last event of every pixel of a `width` x `height` sensor.

    Args:
        width: px.
        height: px.
    """

    def __init__(self, width: int, height: int) -> None:
        self.last_t = np.full((height, width), _NEVER, np.int64)
        self.last_p = np.zeros((height, width), np.uint8)

    def add(self, events: Events) -> None:
        """Take in events; where a pixel has a later one already, that stays."""
        _add(events.records, self.last_t, self.last_p)

    def picture(self, t: int, window: int, *, fade: bool = True) -> NDArray[np.uint8]:
        """Return the colour numbers at time `t` (µs), shape (height, width): events of the last `window` µs."""
        out = np.empty(self.last_p.shape, np.uint8)
        _draw(self.last_t, self.last_p, t, window, LEVELS if fade else 1, out)
        return out
