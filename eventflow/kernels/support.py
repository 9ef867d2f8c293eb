"""Filters that add up how recently the neighbours of an event fired: age-polarity, time surface, and plane fits.

Sums are of whole µs, so that they are exact in any order; the loops over a row of the neighbourhood become vectors.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from eventflow.errors import ParameterError
from eventflow.kernels import support_loops as loops
from eventflow.kernels.blocks import decay_tables
from eventflow.kernels.judging import judged
from eventflow.kernels.verdicts import Verdicts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eventflow.events import Events
    from eventflow.kernels.judging import Where
    from eventflow.kernels.surface import Surface
    from eventflow.kernels.verdicts import Room

LARGEST_RADIUS = 15
EVENTS_A_PIXEL = 3


def age_polarity(
    events: Events, state: Surface, window: int, *, radius: int = 1, threshold: float = 1.0, mark: bool = False
) -> Events:
    """Return the events whose neighbours of the same polarity are recent enough together.

        S = sum of max(0, 1 - |e.t - T[n]| / window) over the neighbours n of e with P[n] == e.p
        keep e if S >= threshold

    Simultaneous neighbours count in full. Delbruck's AgePolarityDenoiser in jAER.

    Args:
        events: in any order; not written.
        state: from `denoise.surface` with a `radius` at least as large; brought up to date.
        window: µs, 1 to 2^27.
        radius: reach of the neighbourhood, px, at most 15.
        threshold: the sum that is enough.
        mark: keep everything and fill `scores` with S. Signal has the larger scores.

    Raises:
        ParameterError: a parameter or the shape of `state` is not usable.
    """
    _check(events, state, window, radius)
    inside, lanes = _lanes(radius)
    least = threshold * window

    def step(words: NDArray[np.int64], where: Where, room: Room) -> int:
        return int(loops.age_polarity(words, *where, radius, lanes, inside, window, least, *room))

    return judged(events, state, window, step, mark=mark, verdict_cost=12.0 * (2 * radius + 1))


def history(width: int, height: int, radius: int) -> NDArray[np.int64]:
    """Return the memory of `multi_event_age_polarity`: `2 t + p` of the last three events of each pixel.

    Returns:
        int64, shape (3, height + 2 radius, width + 2 radius + 32), in turn; the margin is never written.
    """
    return np.full((EVENTS_A_PIXEL, height + 2 * radius, width + 2 * radius + 32), loops.NEVER, np.int64)


def multi_event_age_polarity(
    events: Events,
    memory: NDArray[np.int64],
    window: int,
    *,
    radius: int = 1,
    threshold: float = 5.0,
    mark: bool = False,
) -> Events:
    """Return what `age_polarity` does, with the last three events of each neighbour instead of the last.

    Args:
        events: in any order; not written.
        memory: from `history` with the same radius; brought up to date.
        window: µs, 1 to 2^27.
        radius: reach of the neighbourhood, px, at most 15.
        threshold: the sum that is enough.
        mark: keep everything and fill `scores` with the sum. Signal has the larger scores.

    Raises:
        ParameterError: a parameter or the shape of `memory` is not usable.
    """
    _check_window(window, radius)
    if memory.shape != (EVENTS_A_PIXEL, events.height + 2 * radius, events.width + 2 * radius + 32):
        raise ParameterError(f"the memory has shape {memory.shape}; make it with history(width, height, {radius})")
    inside, lanes = _lanes(radius)
    found = Verdicts(events, mark=mark)
    found.count = loops.multi_event_age_polarity(
        events.records.view(np.int64), memory, radius, lanes, inside, window, threshold * window, *found.room()
    )
    return found.result()


def time_surface_score(
    events: Events, state: Surface, tau: int, *, radius: int = 1, threshold: float = 0.2, mark: bool = False
) -> Events:
    """Return the events that stand on a high time surface.

        S = mean of exp(-|e.t - T[n]| / tau) over the pixels n within radius, e's own too, that have fired and whose
            last event has e's polarity; 0 where there is none
        keep e if S > threshold

    Args:
        events: in any order; not written.
        state: from `denoise.surface` with a `radius` at least as large; brought up to date.
        tau: µs, 1 to 2^20.
        radius: reach of the neighbourhood, px, at most 15.
        threshold: the mean that is too little.
        mark: keep everything and fill `scores` with S. Signal has the larger scores.

    Raises:
        ParameterError: a parameter or the shape of `state` is not usable.
    """
    _check(events, state, tau, radius)
    if tau > 1 << 20:
        raise ParameterError(f"tau is {tau} µs, expected at most {1 << 20}")
    tables = decay_tables(tau, float(np.e))

    def step(words: NDArray[np.int64], where: Where, room: Room) -> int:
        return int(loops.time_surface(words, *where, radius, *tables, threshold, *room))

    # an event counts in the mean however old it is
    return judged(events, state, loops.ANY_AGE, step, mark=mark, verdict_cost=12.0 * (2 * radius + 1))


def plane_fit(
    events: Events,
    state: Surface,
    window: int,
    *,
    radius: int = 1,
    max_speed: float = 20_000.0,
    mark: bool = False,
) -> Events:
    """Return the events on an edge that moves no faster than `max_speed`.

    The plane `age = a x + b y + c` is fitted by least squares to the event and its neighbours of the same polarity
    younger than `window`; the edge moves `1 / sqrt(a^2 + b^2)` along its normal (Benosman et al. 2014, "Event-based
    visual flow"). An event with fewer than three such neighbours, or with all on one line, is dropped.

    Args:
        events: in any order; not written.
        state: from `denoise.surface` with a `radius` at least as large; brought up to date.
        window: µs, 1 to 2^27.
        radius: reach of the neighbourhood, px, at most 15.
        max_speed: px/s.
        mark: keep everything and fill `scores` with the speed, px/s, inf where nothing can be fitted. Signal has the
            smaller scores.

    Raises:
        ParameterError: a parameter or the shape of `state` is not usable.
    """
    _check(events, state, window, radius)

    def step(words: NDArray[np.int64], where: Where, room: Room) -> int:
        return int(loops.plane_fit(words, *where, radius, window, max_speed, *room))

    return judged(events, state, window, step, mark=mark, verdict_cost=12.0 * (2 * radius + 1))


@lru_cache(maxsize=32)
def _lanes(radius: int) -> tuple[NDArray[np.int32], int]:
    """Return which cells of each row of the neighbourhood count, and how many of a row are read at once."""
    side = 2 * radius + 1
    lanes = next(count for count in (4, 8, 16, 32) if count >= side)
    inside = np.zeros((side, lanes), np.int32)
    inside[:, :side] = 1
    inside[radius, radius] = 0
    return inside.reshape(-1), lanes


def _check(events: Events, state: Surface, window: int, radius: int) -> None:
    state.check(events, radius)
    _check_window(window, radius)


def _check_window(window: int, radius: int) -> None:
    if not 1 <= window <= loops.REACH:
        raise ParameterError(f"window is {window} µs, expected 1 to {loops.REACH}")
    if not 1 <= radius <= LARGEST_RADIUS:
        raise ParameterError(f"radius is {radius}, expected 1 to {LARGEST_RADIUS}")
