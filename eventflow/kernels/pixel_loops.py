"""The loops of `eventflow.kernels.pixel_filters`, whose text says what they compute."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from eventflow.kernels.jit import jit
from eventflow.kernels.surface import NEVER, NEVER_NARROW
from eventflow.kernels.verdicts import settle
from eventflow.kernels.words import ONE, p_of, x_of, y_of

BURST_RULES: Final = {"first": (1, 1), "second": (2, 2), "from_second": (2, 3)}
NO_RISE: Final = -(1 << 62)


@jit
def hot_pixel(
    words: Any,
    cells: Any,
    base: Any,
    stride: Any,
    margin: Any,
    interval: Any,
    burst: Any,
    kept: Any,
    mask: Any,
    scores: Any,
) -> Any:
    """Return how many events are kept.

    A cell is twice the instant at which the bucket is empty, plus whether the pixel is hot: one number for both.
    """
    row, inset = np.uint64(stride), np.uint64(margin * stride + margin)
    limit = burst * interval
    at = 0
    for i in range(len(words) // 2):
        t, place = words[2 * i], words[2 * i + 1]
        here = y_of(place) * row + x_of(place) + inset
        now = t - base
        cell = np.int64(cells[here])
        left = (cell >> 1) - now  # how long the bucket would have leaked
        if left > 2 * limit:  # the cell is of another time than this
            left, cell = np.int64(0), np.int64(0)
        level = min(interval + max(left, 0), 2 * limit)
        # hot pixels are so until empty; an expression without branches, which here would be guesses
        hot = np.int64(level > limit - (limit - interval) * (cell & 1))
        cells[here] = 2 * (now + level) + hot
        at = settle(i, t, place, hot == 0, at, kept, mask)
        if scores is not None:
            scores[i] = burst - level / interval
    return at // 2


@jit
def bursts(
    words: Any,
    cells: Any,
    base: Any,
    stride: Any,
    margin: Any,
    places: Any,
    window: Any,
    lowest: Any,
    highest: Any,
    kept: Any,
    mask: Any,
    scores: Any,
) -> Any:
    """Return how many events are kept."""
    row, inset = np.uint64(stride), np.uint64(margin * stride + margin)
    at = 0
    for i in range(len(words) // 2):
        t, place = words[2 * i], words[2 * i + 1]
        x, y = x_of(place), y_of(place)
        here = y * row + x + inset
        now = t - base
        p = np.int64(p_of(place))
        cell = np.int64(cells[here])
        # one comparison for both: an odd difference is another polarity, and its low bit becomes the highest
        apart = np.uint64(2 * now + p - cell + 2 * window - 2)
        goes_on = ((apart >> ONE) | (apart << np.uint64(63))) < np.uint64(2 * window - 1)
        number = min(np.int64(places[y, x]) * goes_on + 1, 3)
        places[y, x] = number
        cells[here] = 2 * now + p
        at = settle(i, t, place, np.uint64(number - lowest) <= np.uint64(highest - lowest), at, kept, mask)
        if scores is not None:
            scores[i] = number
    return at // 2


@jit
def band(
    words: Any,
    cells: Any,
    base: Any,
    stride: Any,
    margin: Any,
    shortest: Any,
    longest: Any,
    first_inside: Any,
    keep_inside: Any,
    kept: Any,
    mask: Any,
    scores: Any,
) -> Any:
    """Return how many events are kept."""
    row, inset = np.uint64(stride), np.uint64(margin * stride + margin)
    never = np.int64(NEVER if cells.itemsize == 8 else NEVER_NARROW)
    at = 0
    for i in range(len(words) // 2):
        t, place = words[2 * i], words[2 * i + 1]
        here = y_of(place) * row + x_of(place) + inset
        now = t - base
        cell = np.int64(cells[here])
        since = abs(now - (cell >> 1))
        inside = np.uint64(since - shortest) <= np.uint64(longest - shortest)
        if cell == never:
            inside = first_inside
        cells[here] = 2 * now + np.int64(p_of(place))
        at = settle(i, t, place, inside == keep_inside, at, kept, mask)
        if scores is not None:
            scores[i] = np.inf if cell == never else float(since)
    return at // 2


@jit
def anti_flicker(
    words: Any,
    memory: Any,
    shortest: Any,
    longest: Any,
    start: Any,
    stop: Any,
    kept: Any,
    mask: Any,
    scores: Any,
) -> Any:
    """Return how many events are kept.

    `memory[y, x]` holds the time of the last rise, and `counter << 2 | flickers << 1 | polarity`.
    """
    at = 0
    for i in range(len(words) // 2):
        t, place = words[2 * i], words[2 * i + 1]
        x, y = x_of(place), y_of(place)
        p = np.int64(p_of(place))
        rise, packed = memory[y, x, 0], memory[y, x, 1]
        counter, flickers = packed >> 2, packed & 2 == 2
        since = abs(t - rise)
        if since > 2 * longest and rise != NO_RISE:
            counter, flickers = 0, False
        if p == 1 and packed & 1 == 0:
            if rise != NO_RISE:
                counter = min(counter + 1, start) if shortest <= since <= longest else max(counter - 1, 0)
            memory[y, x, 0] = t
        flickers = (counter >= start) | (flickers & (counter >= stop))
        memory[y, x, 1] = counter << 2 | flickers << 1 | p
        at = settle(i, t, place, not flickers, at, kept, mask)
        if scores is not None:
            scores[i] = start - counter
    return at // 2
