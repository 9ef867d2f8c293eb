"""Pictures of how recent events are: TORE, MCTS, Tencode.

Ages are taken at the end of the window. TORE and MCTS remember events of earlier windows where they are given a state.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.errors import ParameterError
from eventflow.kernels.jit import jit
from eventflow.kernels.pool import blank
from eventflow.kernels.windows import LONGEST_US, check_inside, check_number, check_window
from eventflow.kernels.words import p_of, words_of, x_of, y_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from eventflow.events import Events

NEVER = -(1 << 62)
_LOG_2 = math.log(2)
_BLOCK = 1024  # pixels worked on while they are in the cache


def recent_times(width: int, height: int, depth: int) -> NDArray[np.int64]:
    """Return the memory of `tore` before the first event: the last `depth` times of each pixel and polarity.

    Returns:
        int64, shape (2, depth, height, width), the newest first.
    """
    check_number("depth", depth, 1, 64)
    return np.full((2, depth, height, width), NEVER, np.int64)


def tore(
    events: Events,
    t_ref: int,
    *,
    state: NDArray[np.int64],
    shortest: int = 150,
    longest: int = 5_000_000,
) -> NDArray[np.float32]:
    """Return the logarithmic ages of the last events of each pixel and polarity.

    Baldwin et al. 2022, "Time-ordered recent event (TORE) volumes for event cameras", eq. 3:

        T[k] = log(1 + clip(t_ref - t of the k-th last event, shortest, longest)) - log(1 + shortest)

    with `longest` for the age where there were fewer events.

    Args:
        events: none later than `t_ref`, in time order; not written.
        t_ref: the instant, µs: the end of the window.
        state: from `recent_times`, brought up to date.
        shortest: ages below count as this, µs, at least 0.
        longest: ages above count as this, µs, more than `shortest`, below 2^31.

    Returns:
        float32, shape (2 depth, height, width): OFF newest to oldest, then ON; 0 is newest. Within 3e-6.

    Raises:
        ParameterError: an age limit or the shape of `state` is not usable.
        EventsError: an event is later than `t_ref`; `index` is the first.
    """
    check_number("shortest", shortest, 0)
    check_number("longest", longest, shortest + 1, (1 << 31) - 2)
    if state.ndim != 4 or state.shape[::2] != (2, events.height) or state.shape[3] != events.width:
        raise ParameterError(
            f"the memory has shape {state.shape}, the sensor is {events.width}x{events.height}; "
            "make it with recent_times(width, height, depth)"
        )
    check_inside(events, _remember(words_of(events), t_ref, state), None, t_ref)
    volume = blank((2 * state.shape[1], events.height, events.width), np.float32)
    _log_ages(state.reshape(-1), t_ref, shortest, longest, math.log1p(shortest), volume.reshape(-1))
    return volume


def mcts_windows(shortest: int, longest: int, count: int) -> list[int]:
    """Return `count` spans of time from `shortest` to `longest` (µs) with equal ratios, as EventCV spaces them."""
    if count == 1:
        return [longest]
    ratio = longest / shortest
    return [round(shortest * ratio ** (number / (count - 1))) for number in range(count)]


def multi_channel_surface(
    events: Events, t_ref: int, windows: Sequence[int], *, state: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return how recent the last event of each pixel and polarity is, on several scales of time.

    The multi-channel time surface of SuperEvent (Burkhardt et al. 2025), in the order of EventCV:

        M[p * n + w] = max(0, 1 - (t_ref - T[p]) / windows[w])      T: time of the last event; in float32

    Args:
        events: none later than `t_ref`, in time order; not written.
        t_ref: the instant, µs: the end of the window.
        windows: spans of time, µs, each at least 1.
        state: from `representations.time_map`, brought up to date.

    Returns:
        float32, shape (2 n, height, width): the scales of OFF, then those of ON; 0 to 1.

    Raises:
        ParameterError: a window or the shape of `state` is not usable.
        EventsError: an event is later than `t_ref`; `index` is the first.
    """
    if not windows:
        raise ParameterError("windows is empty, expected at least one span of time")
    for span in windows:
        check_number("a window", span, 1, LONGEST_US)
    if state.shape != (2, events.height, events.width):
        raise ParameterError(
            f"the time map has shape {state.shape}, the sensor is {events.width}x{events.height}; make it with time_map"
        )
    surface = blank((2 * len(windows), events.height, events.width), np.float32)
    check_inside(events, _last_times(words_of(events), t_ref, state), None, t_ref)
    _linear_ages(state, t_ref, np.asarray(windows, np.int64), surface)
    return surface


def tencode(events: Events, t0: int, t1: int) -> NDArray[np.uint8]:
    """Return the window as a colour image: red ON, blue OFF, green the age of a pixel's last event.

    Huang et al. 2023, "EventPoint: self-supervised interest point detection for event-based cameras", eq. 1:

        RGB = (255, 255 (t1 - t) / (t1 - t0), 0) for ON, (0, 255 (t1 - t) / (t1 - t0), 255) for OFF

    Args:
        events: all with t0 <= t <= t1, in time order; not written.
        t0: start of the window, µs.
        t1: end of the window, µs.

    Returns:
        uint8, shape (3, height, width): red, green (rounded, halves up), blue; black where there was no event.

    Raises:
        ParameterError: the window is not usable.
        EventsError: an event lies outside the window; `index` is the first.
    """
    check_window(t0, t1)
    image = blank((3, events.height, events.width), np.uint8)
    check_inside(events, _tencode(words_of(events), t0, t1, image), t0, t1)
    return image


@jit
def _remember(words: Any, t_ref: Any, memory: Any) -> Any:
    depth = np.uint64(memory.shape[1])
    width = np.uint64(memory.shape[3])
    plane = np.uint64(memory.shape[2]) * width
    cells = memory.reshape(-1)
    for i in range(len(words) // 2):
        t, place = words[2 * i], words[2 * i + 1]
        if t > t_ref:
            return i
        cell = p_of(place) * depth * plane + y_of(place) * width + x_of(place)
        for k in range(np.int64(depth) - 1, 0, -1):
            cells[cell + np.uint64(k) * plane] = cells[cell + np.uint64(k - 1) * plane]
        cells[cell] = t
    return -1


@jit(error_model="numpy")  # type: ignore[untyped-decorator] # no test for a divisor of 0, which there is not
def _log_ages(times: Any, t_ref: Any, shortest: Any, longest: Any, offset: Any, cells: Any) -> None:
    # Three loops over separate arrays instead of one, and slices of them instead of sums as indices: so each is
    # computed for several pixels at once.
    numbers, exponents = np.empty(_BLOCK, np.float32), np.empty(_BLOCK, np.float32)
    fractions = np.empty(_BLOCK, np.int32)
    bits, mantissas = numbers.view(np.int32), fractions.view(np.float32)
    one, log_2, less = np.float32(1), np.float32(_LOG_2), np.float32(offset)
    for start in range(0, len(cells), _BLOCK):
        count = min(_BLOCK, len(cells) - start)
        old, new = times[start : start + count], cells[start : start + count]
        for i in range(count):
            age = t_ref - old[i]
            numbers[i] = np.float32(min(max(age, shortest), longest) + 1)
        for i in range(count):
            fractions[i] = (bits[i] & np.int32(0x7FFFFF)) | np.int32(0x3F800000)
            exponents[i] = np.float32((bits[i] >> np.int32(23)) - np.int32(127))
        for i in range(count):
            # log(m 2^e) by the series of the inverse hyperbolic tangent
            s = (mantissas[i] - one) / (mantissas[i] + one)
            q = s * s
            series = np.float32(1 / 7) + q * (np.float32(1 / 9) + q * (np.float32(1 / 11) + q * np.float32(1 / 13)))
            series = one + q * (np.float32(1 / 3) + q * (np.float32(1 / 5) + q * series))
            value = (exponents[i] * log_2 - less) + np.float32(2) * s * series
            new[i] = max(value, np.float32(0))


@jit
def _last_times(words: Any, t_ref: Any, times: Any) -> Any:
    cells = times.reshape(-1)
    width = np.uint64(times.shape[2])
    plane = np.uint64(times.shape[1]) * width
    for i in range(len(words) // 2):
        t, place = words[2 * i], words[2 * i + 1]
        if t > t_ref:
            return i
        cells[p_of(place) * plane + y_of(place) * width + x_of(place)] = t
    return -1


@jit(error_model="numpy")  # type: ignore[untyped-decorator]
def _linear_ages(times: Any, t_ref: Any, windows: Any, surface: Any) -> None:
    pixels = times.shape[1] * times.shape[2]
    last, cells = times.reshape(-1), surface.reshape(-1)
    count = len(windows)
    ages = np.empty(_BLOCK, np.float32)
    longest = windows.max()
    for polarity in range(2):
        for start in range(0, pixels, _BLOCK):
            size = min(_BLOCK, pixels - start)
            own = last[polarity * pixels + start : polarity * pixels + start + size]
            for i in range(size):
                ages[i] = np.float32(min(t_ref - own[i], longest))
            for window in range(count):
                first = (polarity * count + window) * pixels + start
                span = np.float32(windows[window])
                faded = cells[first : first + size]
                for i in range(size):
                    faded[i] = max(np.float32(1) - ages[i] / span, np.float32(0))


@jit
def _tencode(words: Any, t0: Any, t1: Any, image: Any) -> Any:
    cells = image.reshape(-1)
    cells[:] = 0
    width = np.uint64(image.shape[2])
    plane = np.uint64(image.shape[1]) * width
    span = np.uint64(t1 - t0)
    duration = max(t1 - t0, 1)
    for i in range(len(words) // 2):
        place = words[2 * i + 1]
        since = words[2 * i] - t0
        if np.uint64(since) > span:
            return i
        cell = y_of(place) * width + x_of(place)
        on = np.uint8(255 * p_of(place))
        cells[cell] = on
        cells[cell + plane] = np.uint8((510 * (t1 - t0 - since) + duration) // (2 * duration))
        cells[cell + np.uint64(2) * plane] = np.uint8(255) - on
    return -1
