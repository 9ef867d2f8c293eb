"""How fast pixels flicker: the frequency of brightness that rises and falls, pixel by pixel.

A period is the time from one beginning of ON events to the next: from the first ON after an OFF to the first ON after
the following OFF. It counts when it lies within the limits and agrees with the mean of those before; a pixel has a
frequency once enough periods in a row agreed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow.errors import ParameterError
from eventflow.kernels.jit import jit
from eventflow.kernels.pool import blank
from eventflow.kernels.windows import check_number
from eventflow.kernels.words import p_of, words_of, x_of, y_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eventflow.events import Events

_NEVER: Final = -(1 << 62)


class FrequencyMap:
    """The flicker of each pixel of a `width` x `height` sensor.

        period = t - rise                       at the first ON after an OFF; rise: of the one before
        within lowest to highest, and |period - mean| <= tolerance * mean:
            count += 1; mean += (period - mean) / min(count, 8)
        else: count = 1 and mean = period, or count = 0 outside the limits

    Args:
        width: sensor width, px.
        height: sensor height, px.
        lowest: Hz, above 0.
        highest: Hz, more than `lowest`.
        tolerance: how far a period may lie from the mean, as a share of it.
        least: periods that must have agreed, at least 1.

    Attributes:
        times: int64, shape (h * w, 2): the last rise and the last polarity (-1 before the first event).
        periods: float64, shape (h * w, 2): mean period, µs, and how many agreed.
    """

    def __init__(
        self,
        width: int,
        height: int,
        *,
        lowest: float = 5.0,
        highest: float = 2_000.0,
        tolerance: float = 0.2,
        least: int = 3,
    ) -> None:
        check_number("lowest", lowest, 1e-3)
        check_number("highest", highest, lowest)
        check_number("tolerance", tolerance, 0, 1)
        check_number("least", least, 1)
        self.width, self.height = width, height
        self._rule = (1e6 / highest, 1e6 / lowest, tolerance)
        self.least = least
        self.times = np.full((height * width, 2), -1, np.int64)
        self.times[:, 0] = _NEVER
        self.periods = np.zeros((height * width, 2))

    def push(self, events: Events) -> None:
        """Follow events, in time order.

        Raises:
            ParameterError: the events are of another sensor.
        """
        if (events.width, events.height) != (self.width, self.height):
            raise ParameterError(
                f"events of a {events.width}x{events.height} sensor for a map of {self.width}x{self.height}"
            )
        _follow(words_of(events), self.width, self._rule, self.times, self.periods)

    def hertz(self, t: int) -> NDArray[np.float32]:
        """Return the frequencies at `t` (µs): float32, shape (1, h, w); 0 where a pixel has none or has stopped."""
        found = blank((1, self.height, self.width), np.float32)
        _frequencies(self.times, self.periods, t, self.least, found.reshape(-1))
        return found


@jit
def _follow(words: Any, width: Any, rule: Any, times: Any, periods: Any) -> None:
    shortest, longest, tolerance = rule
    for i in range(len(words) // 2):
        t, place = words[2 * i], words[2 * i + 1]
        pixel = y_of(place) * np.uint64(width) + x_of(place)
        on = np.int64(p_of(place))
        before = times[pixel, 1]
        times[pixel, 1] = on
        if on == 0 or before != 0:
            continue
        period = np.float64(t - times[pixel, 0])
        times[pixel, 0] = t
        if not shortest <= period <= longest:
            periods[pixel, 1] = 0.0
            continue
        mean, count = periods[pixel, 0], periods[pixel, 1]
        if count > 0 and abs(period - mean) <= tolerance * mean:
            count += 1.0
            periods[pixel, 0] = mean + (period - mean) / min(count, 8.0)
        else:
            count = 1.0
            periods[pixel, 0] = period
        periods[pixel, 1] = count


@jit
def _frequencies(times: Any, periods: Any, t: Any, least: Any, hertz: Any) -> None:
    for pixel in range(len(hertz)):
        mean, count = periods[pixel, 0], periods[pixel, 1]
        # a pixel whose next rise is more than a period overdue has stopped
        alive = count >= least and t - times[pixel, 0] <= 2.0 * mean
        hertz[pixel] = np.float32(1e6 / mean) if alive else np.float32(0)
