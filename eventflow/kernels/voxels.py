"""Pictures in bins of time, each in the convention its name stands for.

`eventflow.kernels.representations.voxel_grid` is that of Zhu and E2VID. All take the window explicitly; an event always
lands in the same bin however the stream was cut.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from eventflow.kernels.jit import jit
from eventflow.kernels.pool import blank
from eventflow.kernels.windows import check_inside, check_number, check_window
from eventflow.kernels.words import p_of, words_of, x_of, y_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eventflow.events import Events

Edges = Literal["drop", "clamp"]
MOST_BINS = 1024


def voxel_grid_tonic(events: Events, t0: int, t1: int, bins: int) -> NDArray[np.float32]:
    """Return the voxel grid of tonic and evlib: bilinear in time, signed, with a step a bin instead of a step less.

        tau = bins * (t - t0) / (t1 - t0)
        V[floor(tau), y, x]     += s * (1 - (tau - floor(tau)))     s = +1 for ON, -1 for OFF
        V[floor(tau) + 1, y, x] += s * (tau - floor(tau))           what would go to V[bins] is left out

    Theirs takes the first and last event for the window, writes into the polarities it is given, and is NaN where all
    times are equal; these are not repeated here.

    Args:
        events: all with t0 <= t <= t1, in any order; not written.
        t0: start of the window, µs.
        t1: end of the window, µs. Where it equals t0, all events fall into the first bin.
        bins: number of planes, 1 to 1024.

    Returns:
        float32, shape (bins, height, width).

    Raises:
        ParameterError: `bins` or the window is not usable.
        EventsError: an event lies outside the window; `index` is the first.
    """
    check_number("bins", bins, 1, MOST_BINS)
    check_window(t0, t1)
    grid = blank((bins, events.height, events.width), np.float32)
    check_inside(events, _voxel_grid_tonic(words_of(events), t0, t1, bins, grid), t0, t1)
    return grid


def event_cube(events: Events, t0: int, t1: int, bins: int, *, edges: Edges = "drop") -> NDArray[np.float32]:
    """Return Prophesee's event cube: bilinear in time round the middles of the bins, a set of planes a polarity.

        tau = bins * (t - t0) / (t1 - t0) - 0.5
        C[p, b, y, x] += max(0, 1 - |tau - b|)      for b in floor(tau), floor(tau) + 1

    Perot et al. 2020, "Learning to detect objects with a 1 megapixel event camera", section 4.1.

    Args:
        events: all with t0 <= t <= t1, in any order; not written.
        t0: start of the window, µs.
        t1: end of the window, µs. Where it equals t0, all events are at the start of the first bin.
        bins: planes a polarity, 1 to 1024.
        edges: what of an event lies before the first or after the last bin: `drop` it, as Prophesee's C++ does, or
            `clamp` it to that bin, as their torch code does.

    Returns:
        float32, shape (2 bins, height, width): the bins of OFF, then those of ON.

    Raises:
        ParameterError: `bins` or the window is not usable.
        EventsError: an event lies outside the window; `index` is the first.
    """
    check_number("bins", bins, 1, MOST_BINS)
    check_window(t0, t1)
    cube = blank((2 * bins, events.height, events.width), np.float32)
    check_inside(events, _event_cube(words_of(events), t0, t1, bins, edges == "clamp", cube), t0, t1)
    return cube


def stacked_histogram(events: Events, t0: int, t1: int, bins: int, *, most: int = 255) -> NDArray[np.uint8]:
    """Return counts of each polarity and bin, saturating: RVT's stacked histogram.

    Gehrig and Scaramuzza 2023, "Recurrent vision transformers for object detection with event cameras", section 3.1:

        b = min(bins - 1, floor(bins * (t - t0) / max(t1 - t0, 1)))
        H[p * bins + b, y, x] = min(count, most)

    Theirs takes the first and last event for the window, and its fast mode wraps at 256 instead of saturating.

    Args:
        events: all with t0 <= t <= t1, in any order; not written.
        t0: start of the window, µs.
        t1: end of the window, µs.
        bins: planes a polarity, 1 to 1024.
        most: the largest count, 1 to 255.

    Returns:
        uint8, shape (2 bins, height, width): the bins of OFF, then those of ON.

    Raises:
        ParameterError: `bins`, `most` or the window is not usable.
        EventsError: an event lies outside the window; `index` is the first.
    """
    check_number("bins", bins, 1, MOST_BINS)
    check_number("most", most, 1, 255)
    check_window(t0, t1)
    grid = blank((2 * bins, events.height, events.width), np.uint8)
    check_inside(events, _stacked_histogram(words_of(events), t0, t1, bins, np.uint8(most), grid), t0, t1)
    return grid


def mixed_density(events: Events, t0: int, t1: int, bins: int, *, most: int = 127) -> NDArray[np.int8]:
    """Return sums of polarities over parts of the window that double in length: RVT's mixed-density event stack.

    Nam et al. 2022, "Stereo depth from events cameras: concentrate and focus on the future", in the form of RVT:

        M[b, y, x] = sum of (2 p - 1) over the events with (t - t0) / (t1 - t0) < 2^(b - bins + 1), within ±most

    Args:
        events: all with t0 <= t <= t1, in any order; not written.
        t0: start of the window, µs.
        t1: end of the window, µs.
        bins: number of planes, 1 to 50; the last is of the whole window.
        most: the largest sum, 1 to 127.

    Returns:
        int8, shape (bins, height, width).

    Raises:
        ParameterError: `bins`, `most` or the window is not usable.
        EventsError: an event lies outside the window; `index` is the first.
    """
    check_number("bins", bins, 1, 50)
    check_number("most", most, 1, 127)
    check_window(t0, t1)
    sums = blank((bins, events.height, events.width), np.int32)
    check_inside(events, _mixed_density(words_of(events), t0, t1, bins, sums), t0, t1)
    stack = blank(sums.shape, np.int8)
    _clipped_totals(sums, np.int32(most), stack)
    return stack


@jit
def _voxel_grid_tonic(words: Any, t0: Any, t1: Any, bins: Any, grid: Any) -> Any:
    cells = grid.reshape(-1)
    cells[:] = 0
    width = np.uint64(grid.shape[2])
    plane = np.uint64(grid.shape[1]) * width
    span = np.uint64(t1 - t0)
    duration = np.float64(max(t1 - t0, 1))
    for i in range(len(words) // 2):
        place = words[2 * i + 1]
        since = np.uint64(words[2 * i] - t0)
        if since > span:
            return i
        tau = np.float64(bins * np.int64(since)) / duration
        whole = np.int64(tau)
        late = np.float32(tau - whole)
        sign = np.float32(np.int64(p_of(place)) * 2 - 1)
        cell = np.uint64(whole) * plane + y_of(place) * width + x_of(place)
        if whole < bins:
            cells[cell] += sign * (np.float32(1) - late)
        if whole + 1 < bins:
            cells[cell + plane] += sign * late
    return -1


@jit
def _event_cube(words: Any, t0: Any, t1: Any, bins: Any, clamp: Any, cube: Any) -> Any:
    cells = cube.reshape(-1)
    cells[:] = 0
    width = np.uint64(cube.shape[2])
    plane = np.uint64(cube.shape[1]) * width
    span = np.uint64(t1 - t0)
    duration = np.float64(max(t1 - t0, 1))
    for i in range(len(words) // 2):
        place = words[2 * i + 1]
        since = np.uint64(words[2 * i] - t0)
        if since > span:
            return i
        # half a bin more than tau, so that it is never negative and its whole part is found by cutting
        shifted = np.float64(bins * np.int64(since)) / duration + 0.5
        whole = np.int64(shifted)
        late = np.float32(shifted - whole)
        pixel = p_of(place) * np.uint64(bins) * plane + y_of(place) * width + x_of(place)
        if whole > 0 or clamp:
            cells[np.uint64(whole - 1 if whole > 0 else 0) * plane + pixel] += np.float32(1) - late
        if whole < bins or clamp:
            cells[np.uint64(whole if whole < bins else bins - 1) * plane + pixel] += late
    return -1


@jit
def _stacked_histogram(words: Any, t0: Any, t1: Any, bins: Any, most: Any, grid: Any) -> Any:
    cells = grid.reshape(-1)
    cells[:] = 0
    width = np.uint64(grid.shape[2])
    plane = np.uint64(grid.shape[1]) * width
    span, last_bin = np.uint64(t1 - t0), np.int64(bins - 1)
    duration = max(np.int64(t1 - t0), np.int64(1))
    own, start, end = np.uint64(0), np.int64(0), np.int64(0)  # the bin of the last event, and its times
    for i in range(len(words) // 2):
        place = words[2 * i + 1]
        since = words[2 * i] - t0
        if np.uint64(since) > span:
            return i
        if not (start <= since < end):
            bin_number = min(since * bins // duration, last_bin)
            start = -((-bin_number * duration) // bins)
            end = -((-(bin_number + 1) * duration) // bins) if bin_number < last_bin else duration + 1
            own = np.uint64(bin_number)
        cell = (p_of(place) * np.uint64(bins) + own) * plane + y_of(place) * width + x_of(place)
        value = cells[cell]
        cells[cell] = value + np.uint8(value < most)
    return -1


@jit
def _mixed_density(words: Any, t0: Any, t1: Any, bins: Any, sums: Any) -> Any:
    cells = sums.reshape(-1)
    cells[:] = 0
    width = np.uint64(sums.shape[2])
    plane = np.uint64(sums.shape[1]) * width
    span = np.uint64(t1 - t0)
    duration = np.int64(max(t1 - t0, 1))
    for i in range(len(words) // 2):
        place = words[2 * i + 1]
        since = words[2 * i] - t0
        if np.uint64(since) > span:
            return i
        own = bins - 1
        doubled = 2 * since
        while own > 0 and doubled < duration:
            doubled *= 2
            own -= 1
        cells[np.uint64(own) * plane + y_of(place) * width + x_of(place)] += np.int32(np.int64(p_of(place)) * 2 - 1)
    return -1


@jit
def _clipped_totals(sums: Any, most: Any, stack: Any) -> None:
    """Add up the planes from the first to each, within ±most."""
    pixels = sums.shape[1] * sums.shape[2]
    total = np.zeros(pixels, np.int32)
    for plane in range(sums.shape[0]):
        added, clipped = sums[plane].reshape(-1), stack[plane].reshape(-1)
        for pixel in range(pixels):
            total[pixel] += added[pixel]
            clipped[pixel] = np.int8(min(max(total[pixel], -most), most))
