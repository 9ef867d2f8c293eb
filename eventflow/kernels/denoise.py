"""Filters that keep the events other events support: background activity, STCF, refractory period.

All three remember the last event of each pixel in a *surface* that lives as long as the stream, so that results do
not depend on packets. Every event, kept or not, updates it. An age is `|t - T|`: equal times have age 0, and where time
steps back a pixel of the far "future" supports nothing.

    for e in events:                                   # what every filter below computes
        ages = sorted(|e.t - T[n]| for n in neighbours(e) if T[n] is set and (not polarity or P[n] == e.p))
        score = ages[k - 1] if len(ages) >= k else inf
        keep e if score < window
        T[e], P[e] = e.t, e.p

`neighbours(e)` is the square of side `2 radius + 1` round e without e's own pixel (a hot pixel would support itself),
cut at the border of the sensor. k = 1, radius 1 and no polarity is the background activity filter of Delbruck 2008,
"Frame-free dynamic digital vision"; the rest is the spatio-temporal correlation filter of Guo & Delbruck 2022, "Low
cost and latency event camera background activity denoising". Sorting events by score gives the filter's ROC curve.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from eventflow.errors import ParameterError
from eventflow.kernels import neighbours as loops
from eventflow.kernels.judging import TwinnedSurface, judged
from eventflow.kernels.prefetch import ahead_of
from eventflow.kernels.surface import ANY_AGE, Surface

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eventflow.events import Events
    from eventflow.kernels.judging import Where
    from eventflow.kernels.verdicts import Room

RefractoryRule = Literal["kept", "all"]


def surface(width: int, height: int, *, radius: int = 1, threads: int = 1) -> Surface:
    """Return the memory of a filter on a `width` x `height` sensor before its first event.

    Args:
        width: of the sensor, px.
        height: of the sensor, px.
        radius: the largest that a filter with this memory may have.
        threads: 2: packets of thousands of events are judged by two threads at once, by the filters that judge an
            event by the last events near it; the same events are kept. 1: by the calling thread alone.

    Raises:
        ParameterError: `threads` is neither.
    """
    if threads not in (1, 2):
        raise ParameterError(f"threads is {threads}, expected 1 or 2")
    return TwinnedSurface(width, height, radius) if threads == 2 else Surface(width, height, radius)


def background_activity(events: Events, state: Surface, window: int, *, mark: bool = False) -> Events:
    """Return the events of which one of the eight neighbours fired less than `window` µs before.

    Args:
        events: in any order; not written.
        state: from `surface`; brought up to date.
        window: µs, at least 1.
        mark: keep everything and fill `scores` with the age of the youngest neighbour, µs, inf where there is none.

    Raises:
        ParameterError: `window` or the shape of `state` is not usable.
    """
    if mark or events.labels is not None or events.scores is not None:
        return stcf(events, state, window, k=1, polarity=False, mark=mark)
    _check(events, state, window, 1)

    def step(words: NDArray[np.int64], where: Where, room: Room) -> int:
        return int(loops.background_activity(words, *where, window, room[0], ahead_of(where[0])))

    return judged(events, state, window, step, verdict_cost=5.0)


def stcf(
    events: Events,
    state: Surface,
    window: int,
    *,
    k: int = 2,
    radius: int = 1,
    polarity: bool = True,
    own: bool = False,
    mark: bool = False,
) -> Events:
    """Return the events with at least `k` neighbours that fired less than `window` µs before.

    Args:
        events: in any order; not written.
        state: from `surface` with a `radius` at least as large; brought up to date.
        window: µs, at least 1.
        k: how many neighbours must support an event.
        radius: reach of the neighbourhood, px; it has (2 radius + 1)^2 - 1 pixels.
        polarity: count a neighbour only if its last event has the polarity of this one.
        own: count the event's own pixel among its neighbours, as YNoise does (Feng et al. 2020, "Event density based
            denoising method for dynamic vision sensor").
        mark: keep everything and fill `scores` with the age of the k-th youngest neighbour that counts, µs, inf where
            there are fewer. Signal has the smaller scores.

    Raises:
        ParameterError: `window`, `k`, `radius` or the shape of `state` is not usable.
    """
    _check(events, state, window, radius)
    offsets = neighbourhood(radius, state.stride, own=own)
    if not 1 <= k <= len(offsets):
        raise ParameterError(f"k is {k}, expected 1 to {len(offsets)}, the number of neighbours within radius {radius}")

    def step(words: NDArray[np.int64], where: Where, room: Room) -> int:
        if radius == 1 and not own and room[2] is None:
            return int(loops.stcf_of_eight(words, *where, k, polarity, window, *room[:2], ahead_of(where[0])))
        return int(loops.kth_neighbour_age(words, *where, offsets, k, polarity, window, *room))

    return judged(events, state, ANY_AGE if mark else window, step, mark=mark, verdict_cost=1.6 * len(offsets))


def refractory(
    events: Events,
    state: Surface,
    period: int,
    *,
    rule: RefractoryRule = "kept",
    mark: bool = False,
) -> Events:
    """Return the events at least `period` µs after the one before at their pixel.

    for e in events:
        keep e if T[e] is not set or |e.t - T[e]| >= period
        if kept or rule == "all": T[e] = e.t

    Args:
        events: in any order; not written.
        state: from `surface`; brought up to date.
        period: µs, at least 1.
        rule: what starts a period: a `kept` event, as in a sensor's pixel, or `all` events, which silences a pixel for
            as long as it fires faster than the period.
        mark: keep everything and fill `scores` with the time since the event that started the pixel's period, µs, inf
            for the pixel's first.

    Raises:
        ParameterError: `period`, `rule` or the shape of `state` is not usable.
    """
    _check(events, state, period, 0, name="period")
    if rule not in ("kept", "all"):
        raise ParameterError(f"rule is {rule!r}, expected 'kept' or 'all'")

    def step(words: NDArray[np.int64], where: Where, room: Room) -> int:
        return int(loops.refractory(words, *where, period, rule == "all", *room))

    return judged(events, state, ANY_AGE if mark else period, step, mark=mark)


def _check(events: Events, state: Surface, span: int, radius: int, *, name: str = "window") -> None:
    state.check(events, radius)
    if not 1 <= span < 1 << 60:
        raise ParameterError(f"{name} is {span} µs, expected at least 1")


def neighbourhood(radius: int, stride: int, *, own: bool = False) -> NDArray[np.int64]:
    """Return where the neighbours of a cell are, relative to it, in a surface with rows of `stride` cells."""
    steps = np.arange(-radius, radius + 1)
    offsets: NDArray[np.int64] = (steps[:, None] * stride + steps[None, :]).reshape(-1)
    return offsets if own else np.compress(offsets != 0, offsets)
