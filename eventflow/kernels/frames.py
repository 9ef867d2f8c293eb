"""Pictures that count: histogram, signed frame, binary frame, Bina-Rep, timestamp image.

Planes of polarity are OFF, then ON. Nothing here divides by what the events themselves say: an empty window is an
empty picture.
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

Moment = Literal["last", "first", "mean"]


def histogram(events: Events, *, most: int = 255) -> NDArray[np.uint8]:
    """Return how many events of each polarity each pixel had, saturating: `H[p, y, x] = min(N[p, y, x], most)`.

    Args:
        events: in any order; not written.
        most: the largest count, 1 to 255.

    Returns:
        uint8, shape (2, height, width).

    Raises:
        ParameterError: `most` is out of range.
    """
    check_number("most", most, 1, 255)
    counts = blank((2, events.height, events.width), np.uint8)
    _histogram(words_of(events), np.uint8(most), counts)
    return counts


def signed_frame(events: Events) -> NDArray[np.int32]:
    """Return ON minus OFF events of each pixel: `D[0, y, x] += 2 p - 1`.

    Returns:
        int32, shape (1, height, width).
    """
    frame = blank((1, events.height, events.width), np.int32)
    _signed_frame(words_of(events), frame)
    return frame


def binary_frame(events: Events) -> NDArray[np.uint8]:
    """Return which pixels had an event of each polarity: 1 where they had, else 0.

    Returns:
        uint8, shape (2, height, width).
    """
    frame = blank((2, events.height, events.width), np.uint8)
    _histogram(words_of(events), np.uint8(1), frame)
    return frame


def bina_rep(events: Events, t0: int, t1: int, *, bits: int = 8) -> NDArray[np.float32]:
    """Return the window as one binary frame a part, read as the bits of a number, the first part the highest.

    Barchid et al. 2022, "Bina-Rep event frames", eq. 1, divided by the greatest number:

        part = min(bits - 1, floor(bits (t - t0) / (t1 - t0)))
        B[p, y, x] = (sum over the parts that have an event of 2^(bits - 1 - part)) / (2^bits - 1)

    Args:
        events: all with t0 <= t <= t1, in any order; not written.
        t0: start of the window, µs.
        t1: end of the window, µs. Where it equals t0, all events fall into the first part.
        bits: parts, 1 to 24.

    Returns:
        float32, shape (2, height, width), 0 to 1.

    Raises:
        ParameterError: `bits` or the window is not usable.
        EventsError: an event lies outside the window; `index` is the first.
    """
    check_number("bits", bits, 1, 24)
    check_window(t0, t1)
    parts = blank((2, events.height, events.width), np.int32)
    check_inside(events, _bina_rep(words_of(events), t0, t1, bits, parts), t0, t1)
    frame = blank(parts.shape, np.float32)
    np.divide(parts, np.float32((1 << bits) - 1), out=frame, casting="unsafe", dtype=np.float32)
    return frame


def timestamp_image(events: Events, t0: int, t1: int, *, moment: Moment = "last") -> NDArray[np.float32]:
    """Return when in the window each pixel's events of each polarity came: `(t - t0) / (t1 - t0)`, 0 where none did.

    `last` is the image of Zhu et al. 2018, "EV-FlowNet", section III.A; `mean` that of Mitrokhin et al. 2018,
    "Event-based moving object detection and tracking". An event at t0 is 0, as if there were none.

    Args:
        events: all with t0 <= t <= t1, in time order; not written.
        t0: start of the window, µs.
        t1: end of the window, µs.
        moment: of several events of a pixel, the time of the last, of the first, or the mean of all.

    Returns:
        float32, shape (2, height, width), 0 to 1.

    Raises:
        ParameterError: the window is not usable.
        EventsError: an event lies outside the window; `index` is the first.
    """
    check_window(t0, t1)
    image = blank((2, events.height, events.width), np.float32)
    counts = np.zeros(image.shape if moment == "mean" else (1, 1, 1), np.int32)
    kind = ("last", "first", "mean").index(moment)
    check_inside(events, _timestamp_image(words_of(events), t0, t1, kind, image, counts), t0, t1)
    return image


@jit
def _histogram(words: Any, most: Any, counts: Any) -> None:
    cells = counts.reshape(-1)
    cells[:] = 0
    width = np.uint64(counts.shape[2])
    plane = np.uint64(counts.shape[1]) * width
    for i in range(len(words) // 2):
        place = words[2 * i + 1]
        cell = p_of(place) * plane + y_of(place) * width + x_of(place)
        value = cells[cell]
        # adding a comparison instead of branching on it: a pixel may go to and fro around the limit of a branch
        cells[cell] = value + np.uint8(value < most)


@jit
def _signed_frame(words: Any, frame: Any) -> None:
    cells = frame.reshape(-1)
    cells[:] = 0
    width = np.uint64(frame.shape[2])
    for i in range(len(words) // 2):
        place = words[2 * i + 1]
        cells[y_of(place) * width + x_of(place)] += np.int32(np.int64(p_of(place)) * 2 - 1)


@jit
def _bina_rep(words: Any, t0: Any, t1: Any, bits: Any, parts: Any) -> Any:
    cells = parts.reshape(-1)
    cells[:] = 0
    width = np.uint64(parts.shape[2])
    plane = np.uint64(parts.shape[1]) * width
    span = np.uint64(t1 - t0)
    borders = np.empty(bits, np.uint64)
    for part in range(bits):
        borders[part] = np.uint64(-((-part * np.int64(span)) // bits))  # the first time that is in the part
    part, start, end = 0, np.uint64(0), borders[1] if bits > 1 else span + np.uint64(1)
    for i in range(len(words) // 2):
        place = words[2 * i + 1]
        since = np.uint64(words[2 * i] - t0)
        if since > span:
            return i
        if not (start <= since < end):  # events mostly stay in the part of the one before: no division
            part = min(bits - 1, np.int64(since) * bits // max(np.int64(span), 1))
            start = borders[part]
            end = borders[part + 1] if part + 1 < bits else span + np.uint64(1)
        cells[p_of(place) * plane + y_of(place) * width + x_of(place)] |= np.int32(1 << (bits - 1 - part))
    return -1


@jit
def _timestamp_image(words: Any, t0: Any, t1: Any, kind: Any, image: Any, counts: Any) -> Any:
    cells, numbers = image.reshape(-1), counts.reshape(-1)
    cells[:] = -1 if kind == 1 else 0
    width = np.uint64(image.shape[2])
    plane = np.uint64(image.shape[1]) * width
    span = np.uint64(t1 - t0)
    duration = np.float64(max(t1 - t0, 1))
    for i in range(len(words) // 2):
        place = words[2 * i + 1]
        since = np.uint64(words[2 * i] - t0)
        if since > span:
            return i
        value = np.float32(np.float64(np.int64(since)) / duration)
        cell = p_of(place) * plane + y_of(place) * width + x_of(place)
        if kind == 0:
            cells[cell] = value
        elif kind == 1:
            cells[cell] = cells[cell] if cells[cell] >= 0 else value
        else:
            numbers[cell] += 1
            cells[cell] += (value - cells[cell]) / np.float32(numbers[cell])
    if kind == 1:
        for cell in range(len(cells)):
            cells[cell] = max(cells[cell], np.float32(0))
    return -1
