"""ERGO-12: twelve measures of each pixel's events, found by search to serve detectors best."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow.kernels.jit import jit
from eventflow.kernels.pool import blank
from eventflow.kernels.windows import check_inside, check_window
from eventflow.kernels.words import p_of, words_of, x_of, y_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eventflow.events import Events

_POLARITY, _TIME, _TIME_ON, _TIME_OFF, _COUNT, _COUNT_ON, _COUNT_OFF = range(7)
_SUM, _MEAN, _MAX, _VARIANCE = range(4)

# (window, function, aggregation) of each channel. Windows, by number of events: all, three thirds, then the newest
# half, quarter and eighth.
_CHANNELS: Final = np.array(
    [
        (0, _POLARITY, _VARIANCE),
        (3, _TIME_OFF, _VARIANCE),
        (2, _COUNT_OFF, _MEAN),
        (6, _POLARITY, _SUM),
        (5, _COUNT_ON, _MEAN),
        (6, _COUNT, _SUM),
        (2, _TIME_ON, _MEAN),
        (5, _COUNT_OFF, _MEAN),
        (1, _TIME_OFF, _MAX),
        (0, _TIME_ON, _MAX),
        (4, _TIME, _MAX),
        (1, _COUNT, _MEAN),
    ],
    np.int64,
)
CHANNEL_NAMES: Final = (
    "polarity variance, all",
    "OFF time variance, last third",
    "OFF, middle third",
    "polarity sum, newest eighth",
    "ON, newest quarter",
    "count, newest eighth",
    "ON time mean, middle third",
    "OFF, newest quarter",
    "OFF time last, first third",
    "ON time last, all",
    "time last, newest half",
    "any, first third",
)


def ergo12(events: Events, t0: int, t1: int) -> NDArray[np.float32]:
    """Return the twelve channels of Zubić et al. 2023, "From chaos comes order: ordering event representations for
    object recognition and detection", figure 5.

    A channel is the sum, mean, maximum or variance, over the pixel's events in one of seven windows, of a function of
    the event: its polarity (-1 or 1), its time (t - t0) / (t1 - t0), or 1; of all events, of ON or of OFF ones alone;
    0 where there are none. Windows are parts of the events in their order: all, thirds (a remainder is in none), and
    the newest half, quarter and eighth.

    Args:
        events: all with t0 <= t <= t1, in time order; not written.
        t0: start of the window, µs.
        t1: end of the window, µs.

    Returns:
        float32, shape (12, height, width).

    Raises:
        ParameterError: the window is not usable.
        EventsError: an event lies outside the window; `index` is the first.
    """  # noqa: D205 - the title of the paper takes more than a line
    check_window(t0, t1)
    planes = blank((12, events.height, events.width), np.float32)
    bounds = _windows(len(events))
    check_inside(events, _ergo(words_of(events), t0, t1, _CHANNELS, bounds, planes), t0, t1)
    return planes


def _windows(count: int) -> NDArray[np.int64]:
    """Return the first event of each of the seven windows, and one past its last."""
    third = count // 3
    bounds = [(0, count), *((part * third, (part + 1) * third) for part in range(3))]
    start, length = 0, count
    for _ in range(3):
        length //= 2
        start += length
        bounds.append((start, count))
    return np.array(bounds, np.int64)


@jit
def _ergo(words: Any, t0: Any, t1: Any, channels: Any, bounds: Any, planes: Any) -> Any:
    width = np.uint64(planes.shape[2])
    pixels = planes.shape[1] * planes.shape[2]
    span, duration = np.uint64(t1 - t0), np.float64(max(t1 - t0, 1))
    for i in range(len(words) // 2):
        if np.uint64(words[2 * i] - t0) > span:
            return i
    cells = planes.reshape(-1)
    cells[:] = 0
    numbers = np.empty(pixels, np.float64)
    means = np.empty(pixels, np.float64)
    squares = np.empty(pixels, np.float64)
    for channel in range(len(channels)):
        window, function, aggregation = channels[channel]
        first = channel * pixels
        if function >= 4 and aggregation == 1:
            aggregation = 2  # the mean of ones is one, as is their maximum
        if aggregation == 1 or aggregation == 3:
            numbers[:] = 0
            means[:] = 0
            squares[:] = 0
        for i in range(bounds[window, 0], bounds[window, 1]):
            place = words[2 * i + 1]
            on = p_of(place) == 1
            if (function == 2 or function == 5) and not on:
                continue
            if (function == 3 or function == 6) and on:
                continue
            pixel = np.int64(y_of(place) * width + x_of(place))
            if function == 0:
                value = 1.0 if on else -1.0
            elif function <= 3:
                value = (words[2 * i] - t0) / duration
            else:
                value = 1.0
            if aggregation == 0:
                cells[first + pixel] += np.float32(value)
            elif aggregation == 2:
                cells[first + pixel] = max(cells[first + pixel], np.float32(value))
            else:  # Welford 1962: no difference of large numbers, no negative variance
                numbers[pixel] += 1
                step = value - means[pixel]
                means[pixel] += step / numbers[pixel]
                squares[pixel] += step * (value - means[pixel])
        if aggregation == 1:
            for cell in range(pixels):
                cells[first + cell] = np.float32(means[cell])
        elif aggregation == 3:
            for cell in range(pixels):
                cells[first + cell] = np.float32(squares[cell] / max(numbers[cell], 1.0))
    return -1
