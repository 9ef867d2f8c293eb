"""The loops of `eventflow.kernels.support`, whose text says what they compute."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from eventflow.kernels.jit import jit
from eventflow.kernels.surface import ANY_AGE, NEVER, NEVER_NARROW, REACH
from eventflow.kernels.verdicts import settle
from eventflow.kernels.words import p_of, x_of, y_of

_SHORT = 1 << 25  # 32 of these, one a lane, are 2^30

__all__ = [
    "ANY_AGE",
    "NEVER",
    "REACH",
    "age_polarity",
    "multi_event_age_polarity",
    "plane_fit",
    "time_surface",
]


@jit
def age_polarity(
    words: Any,
    cells: Any,
    base: Any,
    stride: Any,
    margin: Any,
    radius: Any,
    lanes: Any,
    inside: Any,
    window: Any,
    least: Any,
    kept: Any,
    mask: Any,
    scores: Any,
) -> Any:
    """Return how many events are kept."""
    row, corner = np.uint64(stride), np.uint64((margin - radius) * stride + margin - radius)
    centre = np.uint64(radius * stride + radius)
    at = 0
    for i in range(len(words) // 2):
        t, place = words[2 * i], words[2 * i + 1]
        first = y_of(place) * row + x_of(place) + corner
        stamp = 2 * (t - base) + np.int64(p_of(place))
        total = _square(cells, first, row, radius, lanes, inside, stamp, window)
        cells[first + centre] = stamp
        at = settle(i, t, place, total >= least, at, kept, mask)
        if scores is not None:
            scores[i] = total / window
    return at // 2


@jit
def multi_event_age_polarity(
    words: Any,
    memory: Any,
    radius: Any,
    lanes: Any,
    inside: Any,
    window: Any,
    least: Any,
    kept: Any,
    mask: Any,
    scores: Any,
) -> Any:
    """Return how many events are kept."""
    newest, second, third = memory[0].reshape(-1), memory[1].reshape(-1), memory[2].reshape(-1)
    row = np.uint64(memory.shape[2])
    centre = np.uint64(radius) * row + np.uint64(radius)
    at = 0
    for i in range(len(words) // 2):
        t, place = words[2 * i], words[2 * i + 1]
        first = y_of(place) * row + x_of(place)
        stamp = 2 * t + np.int64(p_of(place))
        total = _square(newest, first, row, radius, lanes, inside, stamp, window)
        total += _square(second, first, row, radius, lanes, inside, stamp, window)
        total += _square(third, first, row, radius, lanes, inside, stamp, window)
        here = first + centre
        third[here], second[here], newest[here] = second[here], newest[here], stamp
        at = settle(i, t, place, total >= least, at, kept, mask)
        if scores is not None:
            scores[i] = total / window
    return at // 2


def _narrow_square(lanes: int) -> Any:
    """Return the loop over a square whose rows are read `lanes` cells at once: a constant makes a row one vector."""

    @jit
    def square(cells: Any, first: Any, row: Any, radius: Any, inside: Any, stamp: Any, window: Any) -> Any:
        # 32 bits throughout, twice as many in a vector; a cell never set is 2^28 µs away
        now, span, total = np.int32(stamp), np.int32(window), np.int64(0)
        for number in range(2 * radius + 1):
            start, which = first + np.uint64(number) * row, np.uint64(number * lanes)
            part = np.int32(0)
            for lane in range(np.uint64(lanes)):
                apart = np.int32(now - cells[start + lane])
                sign = np.int32(apart >> 31)
                left = np.int32(span - (np.int32((apart ^ sign) - sign) >> 1))
                counts = np.int32(-(inside[which + lane] & ~apart & 1))
                part = np.int32(part + np.int32(left & ~np.int32(left >> 31) & counts))
            total += np.int64(part)
        return total

    return square


_square_4, _square_8, _square_16, _square_32 = (_narrow_square(lanes) for lanes in (4, 8, 16, 32))


@jit
def _square(cells: Any, first: Any, row: Any, radius: Any, lanes: Any, inside: Any, stamp: Any, window: Any) -> Any:
    """Return the sum of `window - age`, µs, over the neighbours of the same polarity."""
    if cells.itemsize == 4 and window <= _SHORT:
        if lanes == 4:
            return _square_4(cells, first, row, radius, inside, stamp, window)
        if lanes == 8:
            return _square_8(cells, first, row, radius, inside, stamp, window)
        if lanes == 16:
            return _square_16(cells, first, row, radius, inside, stamp, window)
        return _square_32(cells, first, row, radius, inside, stamp, window)
    total = np.int64(0)
    for number in range(2 * radius + 1):
        start, which = first + np.uint64(number) * row, np.uint64(number * lanes)
        total += _row(cells, start, inside, which, stamp, window, lanes)
    return total


@jit
def _row(cells: Any, start: Any, inside: Any, which: Any, stamp: Any, window: Any, lanes: Any) -> Any:
    total = np.int64(0)
    for lane in range(lanes):
        apart = stamp - np.int64(cells[start + np.uint64(lane)])
        counts = inside[which + np.uint64(lane)] & ~apart  # an odd difference of 2 t + p is another polarity
        total += max(window - (abs(apart) >> 1), 0) & -(counts & 1)
    return total


@jit
def time_surface(
    words: Any,
    cells: Any,
    base: Any,
    stride: Any,
    margin: Any,
    radius: Any,
    coarse: Any,
    fine: Any,
    shift: Any,
    threshold: Any,
    kept: Any,
    mask: Any,
    scores: Any,
) -> Any:
    """Return how many events are kept."""
    row, corner = np.uint64(stride), np.uint64((margin - radius) * stride + margin - radius)
    centre = np.uint64(radius * stride + radius)
    never = np.int64(NEVER if cells.itemsize == 8 else NEVER_NARROW)
    low, end, bits = np.uint64((1 << shift) - 1), np.uint64(len(coarse) - 1), np.uint64(shift)
    side = 2 * radius + 1
    at = 0
    for i in range(len(words) // 2):
        t, place = words[2 * i], words[2 * i + 1]
        first = y_of(place) * row + x_of(place) + corner
        stamp = 2 * (t - base) + np.int64(p_of(place))
        total, count = 0.0, 0
        for number in range(side):
            start = first + np.uint64(number) * row
            for lane in range(side):
                cell = np.int64(cells[start + np.uint64(lane)])
                apart = stamp - cell
                if cell != never and apart & 1 == 0:
                    age = np.uint64(abs(apart) >> 1)
                    total += coarse[min(age >> bits, end)] * fine[age & low]
                    count += 1
        cells[first + centre] = stamp
        mean = total / max(count, 1)
        at = settle(i, t, place, mean > threshold, at, kept, mask)
        if scores is not None:
            scores[i] = mean
    return at // 2


@jit
def plane_fit(
    words: Any,
    cells: Any,
    base: Any,
    stride: Any,
    margin: Any,
    radius: Any,
    window: Any,
    max_speed: Any,
    kept: Any,
    mask: Any,
    scores: Any,
) -> Any:
    """Return how many events are kept."""
    row, corner = np.uint64(stride), np.uint64((margin - radius) * stride + margin - radius)
    centre = np.uint64(radius * stride + radius)
    at = 0
    for i in range(len(words) // 2):
        t, place = words[2 * i], words[2 * i + 1]
        first = y_of(place) * row + x_of(place) + corner
        stamp = 2 * (t - base) + np.int64(p_of(place))
        cells[first + centre] = stamp  # the event itself is a point of the plane, with age 0
        speed = _speed(cells, first, row, radius, stamp, window)
        at = settle(i, t, place, speed <= max_speed, at, kept, mask)
        if scores is not None:
            scores[i] = speed
    return at // 2


@jit
def _speed(cells: Any, first: Any, row: Any, radius: Any, stamp: Any, window: Any) -> Any:
    """Return the speed of the fitted plane, px/s; inf where there is none."""
    n = x1 = y1 = xx = xy = yy = a1 = xa = ya = np.int64(0)
    for number in range(2 * radius + 1):
        start, y = first + np.uint64(number) * row, np.int64(number) - radius
        for lane in range(2 * radius + 1):
            apart = stamp - np.int64(cells[start + np.uint64(lane)])
            age = abs(apart) >> 1
            if apart & 1 == 0 and age < window:
                x = np.int64(lane) - radius
                n += 1
                x1 += x
                y1 += y
                xx += x * x
                xy += x * y
                yy += y * y
                a1 += age
                xa += x * age
                ya += y * age
    # normal equations about the mean, all n times too large
    sxx, sxy, syy = n * xx - x1 * x1, n * xy - x1 * y1, n * yy - y1 * y1
    sxa, sya = n * xa - x1 * a1, n * ya - y1 * a1
    area = sxx * syy - sxy * sxy
    if n < 4 or area == 0:
        return np.inf
    a = (np.float64(sxa) * syy - np.float64(sya) * sxy) / area
    b = (np.float64(sya) * sxx - np.float64(sxa) * sxy) / area
    slope = math.sqrt(a * a + b * b)
    return np.inf if slope == 0.0 else 1e6 / slope
