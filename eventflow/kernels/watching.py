"""What an alarm looks at: events a pixel, and events a millisecond, over one period."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow.kernels.jit import jit
from eventflow.kernels.words import words_of, x_of, y_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eventflow.events import Events

BIN_US: Final = 1000
_MAINS_HZ: Final = (80.0, 140.0)  # lamps on 50 and 60 Hz mains flicker at 100 and 120 Hz


class Period:
    """Counts over one period, for a sensor of `width` x `height`.

    Attributes:
        pixels: events of each pixel, int32, shape (height * width,).
        bins: events of each millisecond, int64, shape (n,).
    """

    def __init__(self, width: int, height: int, period_us: int) -> None:
        self._width, self._period_us = width, period_us
        self.pixels: NDArray[np.int32] = np.zeros(width * height, np.int32)
        self.bins: NDArray[np.int64] = np.zeros(max(-(-period_us // BIN_US), 1), np.int64)

    def add(self, events: Events, t0: int) -> None:
        """Count events, all within the period that begins at `t0` (µs)."""
        _count(words_of(events), t0, self._width, self.pixels, self.bins)

    def rate(self) -> float:
        """Return the events a second."""
        return float(self.bins.sum()) / self._period_us * 1e6

    def hottest(self) -> tuple[float, int, int]:
        """Return the events a second of the busiest pixel, and its x and y."""
        place = int(self.pixels.argmax())
        y, x = divmod(place, self._width)
        return float(self.pixels[place]) / self._period_us * 1e6, x, y

    def flicker(self) -> float:
        """Return which share of the rate's variation lies between 80 and 140 Hz, 0 to 1."""
        power = np.abs(np.fft.rfft(self.bins - self.bins.mean())) ** 2
        total = float(power.sum())
        if total <= 0:
            return 0.0
        hertz = np.fft.rfftfreq(len(self.bins), BIN_US / 1e6)
        return float(power[(hertz >= _MAINS_HZ[0]) & (hertz <= _MAINS_HZ[1])].sum()) / total

    def clear(self) -> None:
        """Begin a new period."""
        self.pixels[:] = 0
        self.bins[:] = 0

    def state(self) -> dict[str, Any]:
        """Return a copy of the counts."""
        return {"pixels": self.pixels.copy(), "bins": self.bins.copy()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to counts that `state` returned."""
        self.pixels[:] = state["pixels"]
        self.bins[:] = state["bins"]


@jit
def _count(words: Any, t0: Any, width: Any, pixels: Any, bins: Any) -> None:
    columns = np.uint64(width)
    for i in range(len(words) // 2):
        t, place = words[2 * i], words[2 * i + 1]
        pixels[y_of(place) * columns + x_of(place)] += np.int32(1)
        bins[min(np.uint64(t - t0) // np.uint64(1000), np.uint64(len(bins) - 1))] += np.int64(1)
