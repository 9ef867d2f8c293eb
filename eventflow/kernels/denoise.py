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
from eventflow.kernels.words import blank_words, events_from_words, words_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eventflow.events import Events

RefractoryRule = Literal["kept", "all"]

_NO_MASK = np.empty(0, np.bool_)


def surface(width: int, height: int, *, radius: int = 1) -> NDArray[np.int64]:
    """Return the memory of a filter on a `width` x `height` sensor before its first event.

    Returns:
        int64, shape (height + 2 radius, width + 2 radius): `2 t + p` of the last event of each pixel. The margin is
        never written, which spares the loops every test for the border.
    """
    return np.full((height + 2 * radius, width + 2 * radius), loops.NEVER, np.int64)


def background_activity(events: Events, state: NDArray[np.int64], window: int, *, mark: bool = False) -> Events:
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
    kept, margin = blank_words(len(events)), _margin(events, state)
    return events_from_words(kept, loops.background_activity(words_of(events), state, margin, window, kept), events)


def stcf(
    events: Events,
    state: NDArray[np.int64],
    window: int,
    *,
    k: int = 2,
    radius: int = 1,
    polarity: bool = True,
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
        mark: keep everything and fill `scores` with the age of the k-th youngest neighbour that counts, µs, inf where
            there are fewer. Signal has the smaller scores.

    Raises:
        ParameterError: `window`, `k`, `radius` or the shape of `state` is not usable.
    """
    _check(events, state, window, radius)
    offsets = _neighbourhood(radius, state.shape[1])
    if not 1 <= k <= len(offsets):
        raise ParameterError(f"k is {k}, expected 1 to {len(offsets)}, the number of neighbours within radius {radius}")
    if mark:
        scores = np.empty(len(events), np.float32)
        loops.neighbour_ages(words_of(events), state, offsets, _margin(events, state), k, polarity, scores)
        return events.with_columns(scores=scores)
    kept, mask = blank_words(len(events)), _mask_for(events)
    margin = _margin(events, state)
    count: int = loops.stcf(words_of(events), state, offsets, margin, k, polarity, window, kept, mask)
    return events[mask] if len(mask) else events_from_words(kept, count, events)


def refractory(
    events: Events,
    state: NDArray[np.int64],
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
    margin = _margin(events, state)
    if mark:
        scores = np.empty(len(events), np.float32)
        loops.refractory_ages(words_of(events), state, margin, period, rule == "all", scores)
        return events.with_columns(scores=scores)
    kept, mask = blank_words(len(events)), _mask_for(events)
    count: int = loops.refractory(words_of(events), state, margin, period, rule == "all", kept, mask)
    return events[mask] if len(mask) else events_from_words(kept, count, events)


def _mask_for(events: Events) -> NDArray[np.bool_]:
    return _NO_MASK if events.labels is None and events.scores is None else np.empty(len(events), np.bool_)


def _margin(events: Events, state: NDArray[np.int64]) -> int:
    return int(state.shape[1] - events.width) // 2


def _check(events: Events, state: NDArray[np.int64], span: int, radius: int, *, name: str = "window") -> None:
    margin = _margin(events, state)
    if state.shape != (events.height + 2 * margin, events.width + 2 * margin):
        raise ParameterError(
            f"the surface has shape {state.shape}, the sensor is {events.width}x{events.height}; "
            "make it with surface(width, height)"
        )
    if radius < 0 or margin < radius:
        raise ParameterError(f"radius is {radius}, expected 0 to {margin}; make the surface with radius={radius}")
    if not 1 <= span < 1 << 60:
        raise ParameterError(f"{name} is {span} µs, expected at least 1")


def _neighbourhood(radius: int, stride: int) -> NDArray[np.int64]:
    steps = np.arange(-radius, radius + 1)
    offsets: NDArray[np.int64] = (steps[:, None] * stride + steps[None, :]).reshape(-1)
    return np.compress(offsets != 0, offsets)
