"""Surfaces that events move, not time: speed-invariant surface, TOS, EROS.

The picture of an edge is as wide at any speed, because a pixel fades with the events around it instead of with the
clock. State is the surface itself and lives as long as the stream; every function brings it up to date and gives it
back. Patches are cut at the border of the sensor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.errors import ParameterError
from eventflow.kernels.jit import jit
from eventflow.kernels.windows import check_number
from eventflow.kernels.words import p_of, words_of, x_of, y_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eventflow.events import Events

MOST_RADIUS = 7


def speed_invariant_surface(events: Events, state: NDArray[np.uint8], *, radius: int = 3) -> NDArray[np.uint8]:
    """Bring the speed-invariant time surface of Manderscheid et al. 2019 up to date and return it.

    "Speed invariant time surface for learning to detect corner points with event-based cameras", algorithm 1:

        for e in events:                                        # on the plane of its polarity
            for n in the square of side 2 radius + 1 round e:
                if S[n] >= S[e] and S[n] > 0: S[n] -= 1
            S[e] = (2 radius + 1)^2

    Args:
        events: in the order in which they came; not written.
        state: uint8, shape (2, height, width), zeros before the first event; brought up to date.
        radius: px, 1 to 7.

    Returns:
        `state`: planes OFF and ON, 0 to (2 radius + 1)^2.

    Raises:
        ParameterError: `radius` or the shape of `state` is not usable.
    """
    check_number("radius", radius, 1, MOST_RADIUS)
    _check_state(events, state, 2, np.uint8)
    _speed_invariant(words_of(events), radius, state)
    return state


def threshold_ordinal_surface(events: Events, state: NDArray[np.uint8], *, radius: int = 3) -> NDArray[np.uint8]:
    """Bring the threshold-ordinal surface of Glover et al. 2021 up to date and return it.

    "luvHarris: a practical corner detector for event-cameras", algorithm 1, with k = 2 radius + 1, both polarities:

        for e in events:
            for n in the square of side k round e: S[n] -= 1; S[n] = 0 if S[n] < 255 - 2 k
            S[e] = 255

    Args:
        events: in the order in which they came; not written.
        state: uint8, shape (1, height, width), zeros before the first event; brought up to date.
        radius: px, 1 to 7.

    Returns:
        `state`: 0, or 255 - 2 k to 255.

    Raises:
        ParameterError: `radius` or the shape of `state` is not usable.
    """
    check_number("radius", radius, 1, MOST_RADIUS)
    _check_state(events, state, 1, np.uint8)
    _threshold_ordinal(words_of(events), radius, state)
    return state


def exponential_reduced_surface(
    events: Events, state: NDArray[np.float32], *, radius: int = 3, decay: float = 0.3
) -> NDArray[np.float32]:
    """Bring the exponentially reduced ordinal surface (EROS) of Glover et al. up to date and return it.

    Gava et al. 2022, "PUCK: parallel surface and convolution-kernel tracking for event-based cameras", section III.A,
    with k = 2 radius + 1, both polarities:

        for e in events:
            for n in the square of side k round e: S[n] *= decay^(1 / k); S[n] = 0 if S[n] < 1
            S[e] = 255

    Args:
        events: in the order in which they came; not written.
        state: float32, shape (1, height, width), zeros before the first event; brought up to date.
        radius: px, 1 to 7.
        decay: what a pixel keeps after k events around it, above 0 to 1.

    Returns:
        `state`: 0, or 1 to 255.

    Raises:
        ParameterError: `radius`, `decay` or the shape of `state` is not usable.
    """
    check_number("radius", radius, 1, MOST_RADIUS)
    check_number("decay", decay, 1e-6, 1)
    _check_state(events, state, 1, np.float32)
    _exponential_reduced(words_of(events), radius, np.float32(decay ** (1 / (2 * radius + 1))), state)
    return state


def _check_state(events: Events, state: NDArray[np.generic], planes: int, dtype: type[np.generic]) -> None:
    shape = (planes, events.height, events.width)
    if state.shape != shape or state.dtype != dtype:
        raise ParameterError(
            f"the surface is {state.dtype} of shape {state.shape}, expected {np.dtype(dtype)} of shape {shape}"
        )


@jit
def _patch(word: Any, radius: Any, width: Any, height: Any) -> Any:
    """Return the rows and columns of the square round an event: first, and one past the last."""
    x, y = np.int64(x_of(word)), np.int64(y_of(word))
    return max(y - radius, 0), min(y + radius + 1, height), max(x - radius, 0), min(x + radius + 1, width)


@jit
def _speed_invariant(words: Any, radius: Any, surface: Any) -> None:
    height, width = surface.shape[1], surface.shape[2]
    highest = np.uint8((2 * radius + 1) ** 2)
    one, none = np.uint8(1), np.uint8(0)
    for i in range(len(words) // 2):
        place = words[2 * i + 1]
        y0, y1, x0, x1 = _patch(place, radius, width, height)
        plane = surface[p_of(place)]
        own = max(plane[y_of(place), x_of(place)], one)  # nothing falls below 0
        for y in range(y0, y1):
            row = plane[y]
            for x in range(x0, x1):
                value = row[x]
                row[x] = np.uint8(value - (one if value >= own else none))
        plane[y_of(place), x_of(place)] = highest


@jit
def _threshold_ordinal(words: Any, radius: Any, surface: Any) -> None:
    plane = surface[0]
    height, width = plane.shape
    lowest = np.uint8(255 - 2 * (2 * radius + 1))
    for i in range(len(words) // 2):
        place = words[2 * i + 1]
        y0, y1, x0, x1 = _patch(place, radius, width, height)
        for y in range(y0, y1):
            row = plane[y]
            for x in range(x0, x1):
                value = row[x]
                row[x] = np.uint8(value - np.uint8(1)) if value > lowest else np.uint8(0)
        plane[y_of(place), x_of(place)] = np.uint8(255)


@jit
def _exponential_reduced(words: Any, radius: Any, factor: Any, surface: Any) -> None:
    plane = surface[0]
    height, width = plane.shape
    for i in range(len(words) // 2):
        place = words[2 * i + 1]
        y0, y1, x0, x1 = _patch(place, radius, width, height)
        for y in range(y0, y1):
            row = plane[y]
            for x in range(x0, x1):
                value = row[x] * factor
                # products that become too small for normal numbers take a hundred times as long
                row[x] = value if value >= np.float32(1) else np.float32(0)
        plane[y_of(place), x_of(place)] = np.float32(255)
