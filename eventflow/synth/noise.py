"""Noise of a DVS pixel: shot noise of both polarities and ON leak events.

Shot noise is a Poisson process over the whole sensor, thinned to each pixel's own rate; the time to the next event is
drawn, not the presence of one in a step, so nothing depends on the step. Leak events of a pixel are a renewal process.
Both are added to the signal and leave the pixel's memory alone, as in jAER's noise tester (Guo and Delbruck 2022,
DND21), so that rates are what was asked for and labels are exact; the dependence of shot noise on intensity and
threshold follows v2e (Hu et al. 2021).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from eventflow.events import NOISE
from eventflow.kernels.jit import jit
from eventflow.synth.hashing import (
    LEAK_INTERVAL,
    LEAK_PHASE,
    SHOT,
    bits_at,
    random_normal,
    random_uniform,
    stream_key,
    uniform_from_bits,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eventflow.synth.pixels import Records

WHEEL_SLOTS = 1 << 14
SHORTEST_INTERVAL = 0.1
ALIAS_DTYPE = np.dtype([("own", "<f4"), ("other", "<i4")])
_END = -1
_HALF, _LOW_HALF, _TWO_TO_MINUS_32 = np.uint64(32), np.uint64(0xFFFFFFFF), 2.0**-32


@jit
def alias_table(weights: NDArray[np.float64], table: Records) -> None:
    """Fill the table (ALIAS_DTYPE) from which a pixel is drawn in proportion to its weight in O(1).

    Vose 1991, "A linear algorithm for generating random numbers with a given distribution".
    """
    n = len(weights)
    mean = weights.sum() / n
    rest = weights / mean
    stack = np.empty(n, np.int32)
    small, large = 0, n
    for i in range(n):
        table[i].own, table[i].other = 1.0, i
        if rest[i] < 1.0:
            stack[small] = i
            small += 1
        else:
            large -= 1
            stack[large] = i
    while small > 0 and large < n:
        small -= 1
        poor, rich = stack[small], stack[large]
        table[poor].own, table[poor].other = rest[poor], rich
        rest[rich] -= 1.0 - rest[poor]
        if rest[rich] < 1.0:
            large += 1
            stack[small] = rich
            small += 1


@jit
def shoot(
    pixels: Records,
    table: Records,
    clock: NDArray[np.float64],
    key: np.uint64,
    rate_per_us: float,
    at_full: float,
    t0: int,
    step_us: int,
    found: Records,
    found_count: int,
) -> int:
    """Append the shot noise of one step to `found` and return the new `found_count`.

    Args:
        pixels: PIXEL_DTYPE; intensity and thresholds are read.
        table: ALIAS_DTYPE, one entry a pixel.
        clock: float64, (time of the next event in µs, number of draws so far). Where `found` is full the loop stops
            before `clock[0]` reaches the end of the step and can be called again with more room.
        key: of the random numbers.
        rate_per_us: events of the whole sensor in the dark, per µs.
        at_full: rate at full intensity relative to the dark.
        t0: start of the step, µs.
        step_us: length of the step, µs.
        found: CANDIDATE_DTYPE.
        found_count: how many are in use.
    """
    n = len(table)
    end = np.float64(t0 + step_us)
    stream = stream_key(key, SHOT)
    while clock[0] < end and found_count < len(found):
        draw = 3 * int(clock[1])
        spot = uniform_from_bits(bits_at(stream, draw)) * n
        place = min(int(spot), n - 1)
        if spot - place >= table[place].own:
            place = int(table[place].other)
        pixel = pixels[place]
        brightness = min(max(np.float64(pixel.intensity), 0.0), 1.0)
        halves = bits_at(stream, draw + 1)
        if np.float64(halves >> _HALF) * _TWO_TO_MINUS_32 < 1.0 + (at_full - 1.0) * brightness:
            candidate = found[found_count]
            candidate.offset = min(max(int(clock[0]) - t0, 0), step_us - 1)
            candidate.pixel = place
            # a lower threshold is crossed by noise more often: rates are as 1 / threshold
            coin = np.float64(halves & _LOW_HALF) * _TWO_TO_MINUS_32
            candidate.p = coin * (pixel.on + pixel.off) < pixel.off
            candidate.label = NOISE
            found_count += 1
        clock[0] -= math.log(uniform_from_bits(bits_at(stream, draw + 2))) / rate_per_us
        clock[1] += 1.0
    return found_count


@jit
def _interval(key: np.uint64, pixel: int, t: int, period: float, jitter: float) -> float:
    """Return the time in µs from an event of `pixel` at `t` to its next leak event."""
    deviation = random_normal(key, LEAK_INTERVAL + (pixel << 8), t + 1)
    return float(max(period * max(1.0 + jitter * deviation, SHORTEST_INTERVAL), 1.0))


@jit
def start_leak(
    periods: NDArray[np.float64],
    due: NDArray[np.int64],
    following: NDArray[np.int32],
    heads: NDArray[np.int32],
    key: np.uint64,
    jitter: float,
    step_us: int,
) -> None:
    """Put every pixel's first leak event, at a random phase, into the wheel of steps (a list of pixels a slot)."""
    heads[:] = _END
    for i in range(len(periods)):
        due[i] = np.int64(_interval(key, i, 0, periods[i], jitter) * random_uniform(key, LEAK_PHASE, i))
        slot = due[i] // step_us % len(heads)
        following[i] = heads[slot]
        heads[slot] = i


@jit
def leak(
    periods: NDArray[np.float64],
    due: NDArray[np.int64],
    following: NDArray[np.int32],
    heads: NDArray[np.int32],
    key: np.uint64,
    jitter: float,
    t0: int,
    step_us: int,
    found: Records,
    found_count: int,
) -> int:
    """Append the leak events of one step to `found` and return the new `found_count`.

    Room for one event a pixel must be there; a pixel leaks once a step at most.
    """
    end = t0 + step_us
    slot = t0 // step_us % len(heads)
    i = heads[slot]
    heads[slot] = _END
    while i != _END:
        after = following[i]
        if due[i] < end:
            candidate = found[found_count]
            candidate.offset = due[i] - t0
            candidate.pixel = i
            candidate.p = 1
            candidate.label = NOISE
            found_count += 1
            due[i] = max(due[i] + np.int64(_interval(key, i, due[i], periods[i], jitter)), end)
        slot = due[i] // step_us % len(heads)
        following[i] = heads[slot]
        heads[slot] = i
        i = after
    return found_count
