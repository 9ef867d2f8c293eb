"""Events moved in space and time: crop, flip, rotate, transpose, scale, affine, and times stretched or reversed.

All keep the order of the events, labels and scores; what leaves the sensor is dropped, and how many is the difference
of the lengths.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from eventflow.errors import ParameterError
from eventflow.events import EVENT_DTYPE, Events
from eventflow.kernels.windows import check_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Axis = Literal["x", "y", "both"]
_WHOLE = np.dtype("V16")
_LARGEST = 65535


def crop(events: Events, x0: int, y0: int, width: int, height: int) -> Events:
    """Return the events of a rectangle, which becomes the whole sensor: its top left pixel is (0, 0).

    Raises:
        ParameterError: the rectangle is empty or not inside the sensor.
    """
    if min(x0, y0) < 0 or min(width, height) < 1 or x0 + width > events.width or y0 + height > events.height:
        raise ParameterError(
            f"the rectangle {width}x{height} at ({x0}, {y0}) is not inside the {events.width}x{events.height} sensor"
        )
    records = events.records
    inside = (records["x"] >= x0) & (records["x"] < x0 + width) & (records["y"] >= y0) & (records["y"] < y0 + height)
    kept = events[inside]
    moved = _copied(kept)
    moved["x"] -= np.uint16(x0)
    moved["y"] -= np.uint16(y0)
    return _with_records(kept, moved, width, height)


def flip(events: Events, axis: Axis = "x") -> Events:
    """Return the mirror image: `x` left to right, `y` top to bottom, or both."""
    moved = _copied(events)
    if axis in ("x", "both"):
        moved["x"] = np.uint16(events.width - 1) - moved["x"]
    if axis in ("y", "both"):
        moved["y"] = np.uint16(events.height - 1) - moved["y"]
    return _with_records(events, moved, events.width, events.height)


def transpose(events: Events) -> Events:
    """Return the events with x and y exchanged; so are the sides of the sensor."""
    moved = _copied(events)
    moved["x"], moved["y"] = events.records["y"], events.records["x"]
    return _with_records(events, moved, events.height, events.width)


def rotate(events: Events, quarters: int) -> Events:
    """Return the picture turned clockwise by quarters of a turn; odd ones exchange the sides of the sensor."""
    turns = quarters % 4
    if turns == 2:
        return flip(events, "both")
    if turns == 0:
        return events
    return flip(transpose(events), "x" if turns == 1 else "y")


def affine(
    events: Events,
    matrix: Sequence[Sequence[float]] | NDArray[Any],
    *,
    width: int | None = None,
    height: int | None = None,
) -> Events:
    """Return the events at the pixels nearest to where a 2x3 matrix takes them: (x', y') = M (x, y, 1).

    Args:
        events: not written.
        matrix: shape (2, 3), px.
        width: of the new sensor, px; None is the old one.
        height: likewise.

    Returns:
        The events that lie on the new sensor. Several old pixels may share a new one, and some may get none.

    Raises:
        ParameterError: the matrix has another shape or is not finite, or a side of the sensor is out of range.
    """
    rule = np.asarray(matrix, np.float64)
    if rule.shape != (2, 3) or not np.isfinite(rule).all():
        raise ParameterError(f"the matrix has shape {rule.shape} or is not finite, expected 2 rows of 3 numbers")
    size = (events.width if width is None else width, events.height if height is None else height)
    for side in size:
        check_number("a side of the sensor", side, 1, _LARGEST)
    x, y = events.x.astype(np.float64), events.y.astype(np.float64)
    places = [np.floor(row[0] * x + row[1] * y + row[2] + 0.5) for row in rule]
    inside = (places[0] >= 0) & (places[0] < size[0]) & (places[1] >= 0) & (places[1] < size[1])
    kept = events[inside]
    moved = _copied(kept)
    moved["x"], moved["y"] = places[0][inside], places[1][inside]
    return _with_records(kept, moved, *size)


def scale(events: Events, factor_x: float, factor_y: float | None = None) -> Events:
    """Return the events on a sensor of `factor` times the size, at the pixel that holds the middle of the old one.

    Raises:
        ParameterError: a factor is not above 0, or a side would be out of range.
    """
    factors = (factor_x, factor_x if factor_y is None else factor_y)
    for factor in factors:
        check_number("factor", factor, 1e-6)
    width, height = (max(1, round(side * f)) for side, f in zip((events.width, events.height), factors, strict=True))
    # the middle of pixel 0 is at 0.5 in the picture, and half a pixel is added again by rounding
    rule = [[factors[0], 0, factors[0] / 2 - 0.5], [0, factors[1], factors[1] / 2 - 0.5]]
    last = np.array([width - 1, height - 1])
    moved = _copied(events)
    for name, row, side, most in (("x", rule[0], 0, last[0]), ("y", rule[1], 1, last[1])):
        where = np.floor(row[side] * events.records[name].astype(np.float64) + row[2] + 0.5)
        moved[name] = np.clip(where, 0, most)
    return _with_records(events, moved, width, height)


def scale_time(events: Events, factor: float, *, origin: int = 0) -> Events:
    """Return the events with times `origin + floor((t - origin) * factor)`.

    Raises:
        ParameterError: the factor is not above 0, or times would not fit 63 bits.
    """
    check_number("factor", factor, 1e-9, 1e9)
    since = events.t - origin
    if len(since) and max(-float(since.min()), float(since.max())) * factor >= 1 << 62:
        raise ParameterError(f"times {factor} times as far from {origin} µs do not fit 63 bits")
    moved = _copied(events)
    # whole and fractional factor apart: a float64 product would lose µs of an epoch time
    whole = int(factor)
    moved["t"] = origin + since * whole + np.floor(since * (factor - whole)).astype(np.int64)
    return _with_records(events, moved, events.width, events.height)


def reverse_time(events: Events, t0: int, t1: int) -> Events:
    """Return a window played backwards: times `t0 + t1 - t`, events in reverse order, polarities exchanged.

    A brightening played backwards is a darkening.
    """
    moved = events.records.view(_WHOLE)[::-1].copy().view(EVENT_DTYPE)
    moved["t"] = t0 + t1 - moved["t"]
    moved["p"] = 1 - moved["p"]
    labels = None if events.labels is None else events.labels[::-1].copy()
    scores = None if events.scores is None else events.scores[::-1].copy()
    return Events(moved, events.width, events.height, ordered=events.ordered, labels=labels, scores=scores)


def _copied(events: Events) -> NDArray[np.void]:
    return events.records.view(_WHOLE).copy().view(EVENT_DTYPE)


def _with_records(events: Events, records: NDArray[np.void], width: int, height: int) -> Events:
    return Events(records, width, height, ordered=events.ordered, labels=events.labels, scores=events.scores)
