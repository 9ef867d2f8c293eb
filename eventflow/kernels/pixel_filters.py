"""Filters that judge a pixel by its own past: hot pixels, bursts and trails, bands of frequency, flicker.

All remember a `Surface` with one cell a pixel (see `eventflow.kernels.surface`); the loops are in
`eventflow.kernels.pixel_loops`. Where time steps back by more than a filter remembers, the pixel begins anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from eventflow.errors import ParameterError
from eventflow.kernels import pixel_loops as loops
from eventflow.kernels.judging import judged
from eventflow.kernels.surface import ANY_AGE, Surface
from eventflow.kernels.verdicts import Verdicts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eventflow.events import Events
    from eventflow.kernels.judging import Where
    from eventflow.kernels.verdicts import Room

BurstRule = Literal["first", "second", "from_second"]
BandSide = Literal["inside", "outside"]
LONGEST_MEMORY_US = 1 << 40


def hot_pixel(events: Events, state: Surface, rate: float, burst: int, *, mark: bool = False) -> Events:
    """Return the events of pixels that are not hot.

    A pixel has a bucket that leaks `rate` events a second and gains one with each event. It is hot from the event that
    makes the bucket hold more than `burst` until the bucket is empty. It never holds more than `2 burst`, so a pixel
    that falls silent is heard again `2 burst / rate` later.

        for e in events:                        # L, hot: one each a pixel, 0 and False at first
            L = min(max(L - rate * dt, 0) + 1, 2 burst)
            hot = L > burst or (hot and L > 1)
            keep e if not hot

    Args:
        events: in any order; not written.
        state: from `denoise.surface`; brought up to date.
        rate: events/s a pixel may have for ever.
        burst: events that it may have at once.
        mark: keep everything and fill `scores` with `burst - L`, 0 at most for hot pixels' events: signal has the
            larger scores.

    Raises:
        ParameterError: `rate` or `burst` is not usable.
    """
    state.check(events, 0)
    interval = round(1e6 / rate) if rate > 0 else 0
    if not 1 <= interval <= LONGEST_MEMORY_US:
        raise ParameterError(f"rate is {rate:g} events/s, expected above 0 and at most 1000000")
    if not 1 <= burst <= 1 << 20:
        raise ParameterError(f"burst is {burst} events, expected 1 to {1 << 20}")

    def step(words: NDArray[np.int64], where: Where, room: Room) -> int:
        return int(loops.hot_pixel(words, *where, interval, burst, *room))

    return judged(events, state, 2 * burst * interval + 1, step, mark=mark)


def bursts(
    events: Events,
    state: Surface,
    places: NDArray[np.uint8],
    window: int,
    *,
    rule: BurstRule = "first",
    mark: bool = False,
) -> Events:
    """Return some events of each burst: events of one pixel and polarity, each less than `window` after the last.

    Args:
        events: in any order; not written.
        state: from `denoise.surface`; brought up to date.
        places: uint8, shape (height, width), 0 at first: how far the burst of each pixel is; brought up to date.
        window: µs, at least 1.
        rule: `first` keeps the first event of a burst and cuts its trail; `second` keeps only the second, so that
            single events vanish too (spatio-temporal contrast, trail cut); `from_second` keeps all but the first.
        mark: keep everything and fill `scores` with the place in the burst: 1, 2, or 3 for all that follow.

    Raises:
        ParameterError: `window`, `rule` or a shape is not usable.
    """
    state.check(events, 0)
    _check_span("window", window)
    if rule not in loops.BURST_RULES:
        raise ParameterError(f"rule is {rule!r}, expected one of {', '.join(loops.BURST_RULES)}")
    lowest, highest = loops.BURST_RULES[rule]

    def step(words: NDArray[np.int64], where: Where, room: Room) -> int:
        return int(loops.bursts(words, *where, places, window, lowest, highest, *room))

    return judged(events, state, window, step, mark=mark)


def band(
    events: Events,
    state: Surface,
    low: float | None,
    high: float | None,
    *,
    keep: BandSide = "inside",
    mark: bool = False,
) -> Events:
    """Return the events whose pixel fires with a frequency inside, or outside, a band.

    The frequency at an event is 1 / (time since the pixel's last event), whatever its polarity; 0 at its first event.
    Both ends belong to the band. `high` alone is a low-pass, `low` alone a high-pass.

    Args:
        events: in any order; not written.
        state: from `denoise.surface`; brought up to date.
        low: Hz; None: no limit, and a pixel's first event is inside.
        high: Hz; None: no limit.
        keep: events `inside` or `outside` the band.
        mark: keep everything and fill `scores` with the time since the pixel's last event, µs, inf at its first.

    Raises:
        ParameterError: the band is empty or not usable.
    """
    state.check(events, 0)
    if (low is not None and low <= 0) or (high is not None and high <= 0):
        raise ParameterError("a frequency of the band is not above 0 Hz; leave `low` away for a low-pass")
    if low is not None and high is not None and low > high:
        raise ParameterError(f"the band is empty: low is {low:g} Hz, high is {high:g} Hz")
    shortest = 0 if high is None else _up(1e6 / high)
    longest = 1 << 61 if low is None else int(1e6 / low)

    def step(words: NDArray[np.int64], where: Where, room: Room) -> int:
        return int(loops.band(words, *where, shortest, longest, low is None, keep == "inside", *room))

    return judged(events, state, ANY_AGE, step, mark=mark)


def flicker_memory(width: int, height: int) -> NDArray[np.int64]:
    """Return the memory of `anti_flicker`: time of the last rise, last polarity, counter, state; all pixels quiet.

    Returns:
        int64, shape (height, width, 2).
    """
    memory = np.zeros((height, width, 2), np.int64)
    memory[..., 0] = loops.NO_RISE
    return memory


def anti_flicker(
    events: Events,
    memory: NDArray[np.int64],
    low: float,
    high: float,
    *,
    start: int = 6,
    stop: int = 4,
    mark: bool = False,
) -> Events:
    """Return the events of pixels that do not flicker with a frequency between `low` and `high`.

    A pixel's period is the time from one change of polarity from OFF to ON to the next. A period inside the band adds
    1 to the pixel's counter (at most `start`), another takes 1 away (at least 0). The pixel flickers from the event
    that brings its counter to `start` until one brings it below `stop`, or until it was silent for twice the longest
    period.

    Args:
        events: in any order; not written.
        memory: from `flicker_memory`; brought up to date.
        low: lowest frequency taken out, Hz.
        high: highest, Hz.
        start: periods that begin it.
        stop: the counter below which it ends, at most `start`.
        mark: keep everything and fill `scores` with `start - counter`, 0 for a pixel in full flicker.

    Raises:
        ParameterError: the band or a counter is not usable.
    """
    if not 0 < low <= high <= 1e6:
        raise ParameterError(f"the band is {low:g} to {high:g} Hz, expected 0 < low <= high <= 1e6")
    if not 1 <= stop <= start <= 100:
        raise ParameterError(f"start is {start} and stop {stop}, expected 1 <= stop <= start <= 100")
    if memory.shape != (events.height, events.width, 2):
        raise ParameterError(f"the memory has shape {memory.shape}; make it with flicker_memory(width, height)")
    found = Verdicts(events, mark=mark)
    found.count = loops.anti_flicker(
        events.records.view(np.int64), memory, _up(1e6 / high), int(1e6 / low), start, stop, *found.room()
    )
    return found.result()


def _check_span(name: str, span: int) -> None:
    if not 1 <= span < 1 << 60:
        raise ParameterError(f"{name} is {span} µs, expected at least 1")


def _up(value: float) -> int:
    return int(np.ceil(value))
