"""Dense pictures of a window of events: voxel grid, counts, time surface.

All take the window explicitly, never from the first and last event, so that an event always lands in the same bin
however the stream was cut. Sums run in the order of the events, on one thread: equal input gives equal bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.errors import ParameterError
from eventflow.kernels.decay import decay_tables
from eventflow.kernels.jit import jit
from eventflow.kernels.pool import blank
from eventflow.kernels.windows import check_inside, check_window
from eventflow.kernels.words import p_of, words_of, x_of, y_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eventflow.events import Events

_NEVER = -(1 << 62)


def voxel_grid(events: Events, t0: int, t1: int, bins: int) -> NDArray[np.float32]:
    """Return the events spread over `bins` instants of the window, bilinearly in time and signed by polarity.

    Zhu et al. 2019, "Unsupervised event-based learning of optical flow, depth and egomotion", eq. 1-2, with the window
    for the first and last event; the convention of E2VID (Rebecq et al. 2019):

        tau = (bins - 1) * (t - t0) / (t1 - t0)
        V[floor(tau), y, x]     += s * (1 - (tau - floor(tau)))     s = +1 for ON, -1 for OFF
        V[floor(tau) + 1, y, x] += s * (tau - floor(tau))

    Args:
        events: all with t0 <= t <= t1, in any order; not written.
        t0: start of the window, µs.
        t1: end of the window, µs. Where it equals t0, all events fall into the first bin.
        bins: number of planes, at least 1.

    Returns:
        float32, shape (bins, height, width).

    Raises:
        ParameterError: `bins` or the window is not usable.
        EventsError: an event lies outside the window; `index` is the first.
    """
    if bins < 1:
        raise ParameterError(f"bins is {bins}, expected at least 1")
    check_window(t0, t1)
    grid = blank((bins, events.height, events.width), np.float32)
    outside = _voxel_grid(words_of(events), t0, t1, bins, grid)
    check_inside(events, outside, t0, t1)
    return grid


def count_frame(events: Events) -> NDArray[np.int32]:
    """Return how many events of each polarity each pixel had: `N[p, y, x] += 1`.

    Returns:
        int32, shape (2, height, width): OFF, ON.
    """
    counts = blank((2, events.height, events.width), np.int32)
    _count_frame(words_of(events), counts)
    return counts


def time_map(width: int, height: int) -> NDArray[np.int64]:
    """Return the memory of a time surface before the first event: the last time of each pixel and polarity, µs.

    Returns:
        int64, shape (2, height, width).
    """
    return np.full((2, height, width), _NEVER, np.int64)


def time_surface(
    events: Events, t_ref: int, tau: int, *, state: NDArray[np.int64] | None = None
) -> NDArray[np.float32]:
    """Return how recent the last event of each pixel and polarity is at `t_ref`.

    Lagorce et al. 2017, "HOTS: a hierarchy of event-based time-surfaces", eq. 3, at one instant for the whole sensor:

        for e in events: T[e.p, e.y, e.x] = e.t
        S = exp(-(t_ref - T) / tau)             0 where T is not set

    Args:
        events: none later than `t_ref`, in any order; not written.
        t_ref: the instant, µs: the end of the window.
        tau: time constant, µs, at least 1.
        state: from `time_map`, brought up to date: events of earlier calls are remembered. None: only these count.

    Returns:
        float32, shape (2, height, width): OFF, ON; within 3e-7 of the equation, relative, and 0 below 1e-38.

    Raises:
        ParameterError: `tau` or the shape of `state` is not usable.
        EventsError: an event is later than `t_ref`; `index` is the first.
    """
    if not 1 <= tau < 1 << 50:
        raise ParameterError(f"tau is {tau} µs, expected at least 1")
    coarse, fine, shift = decay_tables(tau)
    surface = blank((2, events.height, events.width), np.float32)
    if state is None:
        surface[:] = 0
        outside = _surface_of_events(words_of(events), t_ref, coarse, fine, shift, surface)
        check_inside(events, outside, None, t_ref)
        return surface
    if state.shape != surface.shape:
        raise ParameterError(
            f"the time map has shape {state.shape}, the sensor is {events.width}x{events.height}; "
            "make it with time_map(width, height)"
        )
    outside = _last_times(words_of(events), t_ref, state)
    check_inside(events, outside, None, t_ref)
    _surface_of_map(state, t_ref, coarse, fine, shift, surface)
    return surface


@jit
def _voxel_grid(words: Any, t0: Any, t1: Any, bins: Any, grid: Any) -> Any:
    cells = grid.reshape(-1)
    cells[:] = 0  # here, where no other thread waits for it
    width = np.uint64(grid.shape[2])
    plane = np.uint64(grid.shape[1]) * width
    span = np.uint64(t1 - t0)
    last_bin = np.int64(bins - 1)
    duration = np.float64(max(t1 - t0, 1))
    for i in range(len(words) // 2):
        t, place = words[2 * i], words[2 * i + 1]
        since = np.uint64(t - t0)
        if since > span:
            return i
        tau = np.float64(last_bin * np.int64(since)) / duration
        whole = np.int64(tau)
        late = np.float32(tau - whole)
        sign = np.float32(np.int64(p_of(place)) * 2 - 1)
        early_cell = np.uint64(whole) * plane + y_of(place) * width + x_of(place)
        cells[early_cell] += sign * (np.float32(1) - late)
        # An event at t1 itself is in the last bin, with nothing left for the one after it
        cells[early_cell + plane if whole < last_bin else early_cell] += sign * late
    return -1


@jit
def _count_frame(words: Any, counts: Any) -> None:
    cells = counts.reshape(-1)
    cells[:] = 0
    width = np.uint64(counts.shape[2])
    plane = np.uint64(counts.shape[1]) * width
    for i in range(len(words) // 2):
        place = words[2 * i + 1]
        cells[p_of(place) * plane + y_of(place) * width + x_of(place)] += np.int32(1)


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


@jit
def _surface_of_map(times: Any, t_ref: Any, coarse: Any, fine: Any, shift: Any, surface: Any) -> None:
    cells, values = times.reshape(-1), surface.reshape(-1)
    longest, low, bits = np.uint64(len(coarse) - 1), np.uint64(len(fine) - 1), np.uint64(shift)
    for i in range(len(cells)):
        age = np.uint64(t_ref - cells[i])
        values[i] = coarse[min(age >> bits, longest)] * fine[age & low]


@jit
def _surface_of_events(words: Any, t_ref: Any, coarse: Any, fine: Any, shift: Any, surface: Any) -> Any:
    cells = surface.reshape(-1)
    width = np.uint64(surface.shape[2])
    plane = np.uint64(surface.shape[1]) * width
    longest, low, bits = np.uint64(len(coarse) - 1), np.uint64(len(fine) - 1), np.uint64(shift)
    for i in range(len(words) // 2):
        t, place = words[2 * i], words[2 * i + 1]
        if t > t_ref:
            return i
        age = np.uint64(t_ref - t)
        value = coarse[min(age >> bits, longest)] * fine[age & low]
        cells[p_of(place) * plane + y_of(place) * width + x_of(place)] = value
    return -1
