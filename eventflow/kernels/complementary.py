"""Intensity from events and, where there are any, frames: the complementary filter.

Scheerlinck et al. 2018, "Continuous-time intensity estimation using event cameras", eq. 10, per pixel:

    L = F + (L - F) exp(-age / tau)         age: since the pixel's event before, or the frame before
    L = L ± contrast                        + for ON, - for OFF

with L the log intensity and F that of the latest frame, or of middle grey without frames: then it is a high-pass
filter of the integrated events, and what stands still fades to grey.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow.errors import ParameterError
from eventflow.kernels.decay import decay_tables
from eventflow.kernels.jit import jit
from eventflow.kernels.pool import blank
from eventflow.kernels.windows import LONGEST_US, check_number
from eventflow.kernels.words import p_of, words_of, x_of, y_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eventflow.events import Events

_NEVER: Final = -(1 << 62)
_GREY: Final = math.log(128 / 256)


class ComplementaryFilter:
    """The log intensity of each pixel of a `width` x `height` sensor.

    Args:
        width: sensor width, px.
        height: sensor height, px.
        contrast: change of log intensity that an event tells, above 0.
        tau: after this time a pixel has come to the frame's level but for 0.37, µs.
    """

    def __init__(self, width: int, height: int, *, contrast: float = 0.2, tau: int = 200_000) -> None:
        check_number("contrast", contrast, 1e-6, 10)
        check_number("tau", tau, 1, LONGEST_US)
        self.width, self.height, self.contrast = width, height, contrast
        self._tables = decay_tables(tau)
        # time and level of a pixel side by side: one cache line an event
        self.cells = np.empty((height * width, 2), np.int64)
        self.cells[:, 0] = _NEVER
        self.cells.view(np.float64)[:, 1] = _GREY
        self.base = np.full(height * width, _GREY)

    def push(self, events: Events) -> None:
        """Add events, in time order.

        Raises:
            ParameterError: the events are of another sensor.
        """
        if (events.width, events.height) != (self.width, self.height):
            raise ParameterError(
                f"events of a {events.width}x{events.height} sensor for a filter of {self.width}x{self.height}"
            )
        _push(words_of(events), self.width, *self._tables, self.contrast, self.base, self.cells)

    def set_frame(self, image: NDArray[np.uint8], t: int) -> None:
        """Take a frame of time `t` (µs), grey (height, width) or RGB (height, width, 3), after all events before it.

        Raises:
            ParameterError: the frame is of another size.
        """
        grey = image.astype(np.float64) if image.ndim == 2 else image @ np.array([0.299, 0.587, 0.114])
        if grey.shape != (self.height, self.width):
            raise ParameterError(f"a frame of shape {grey.shape} for a sensor of {self.width}x{self.height}")
        level = self.levels(t)
        self.cells[:, 0] = t
        self.cells.view(np.float64)[:, 1] = level
        self.base = np.log((grey.reshape(-1) + 1) / 256)

    def levels(self, t: int) -> NDArray[np.float64]:
        """Return the log intensities at `t` (µs), not before the last event: float64, shape (height * width,)."""
        found = np.empty(self.height * self.width)
        _levels(self.cells, t, *self._tables, self.base, found)
        return found

    def image(self, t: int) -> NDArray[np.uint8]:
        """Return the intensities at `t` (µs), 256 exp(L) - 1 within 0 to 255: uint8, shape (height, width)."""
        grey = blank((self.height, self.width), np.uint8)
        grey[:] = np.clip(np.rint(256 * np.exp(self.levels(t)) - 1), 0, 255).reshape(grey.shape)
        return grey


@jit
def _faded(above: Any, age: Any, coarse: Any, fine: Any, shift: Any) -> Any:
    index = min(np.uint64(age) >> np.uint64(shift), np.uint64(len(coarse) - 1))
    return above * coarse[index] * fine[np.uint64(age) & np.uint64(len(fine) - 1)]


@jit
def _push(words: Any, width: Any, coarse: Any, fine: Any, shift: Any, contrast: Any, base: Any, cells: Any) -> None:
    times = cells.reshape(-1)
    levels = times.view(np.float64)
    for i in range(len(words) // 2):
        t, place = words[2 * i], words[2 * i + 1]
        pixel = y_of(place) * np.uint64(width) + x_of(place)
        cell = np.uint64(2) * pixel
        above = levels[cell + np.uint64(1)] - base[pixel]
        above = _faded(above, max(t - times[cell], 0), coarse, fine, shift)
        levels[cell + np.uint64(1)] = base[pixel] + above + (contrast if p_of(place) else -contrast)
        times[cell] = t


@jit
def _levels(cells: Any, t: Any, coarse: Any, fine: Any, shift: Any, base: Any, found: Any) -> None:
    times = cells.reshape(-1)
    levels = times.view(np.float64)
    for pixel in range(len(found)):
        age = max(t - times[2 * pixel], 0)
        found[pixel] = base[pixel] + _faded(levels[2 * pixel + 1] - base[pixel], age, coarse, fine, shift)
