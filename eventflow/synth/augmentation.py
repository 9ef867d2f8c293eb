"""Chance by counter: events dropped, jittered, and noise added, the same however the stream is cut.

Every random number is a function of the seed and of the number of the event in the stream (or of the instant, for
noise), so neither packets nor the order of calls can change a result.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow.events import EVENT_DTYPE, NOISE, Events
from eventflow.kernels.jit import jit
from eventflow.kernels.windows import check_number
from eventflow.synth.hashing import bits_at, key_from_seed, stream_key, uniform_from_bits

if TYPE_CHECKING:
    from numpy.typing import NDArray

DROP: Final = 101
JITTER_TIME: Final = 102
JITTER_PLACE: Final = 103
NOISE_COUNT: Final = 105
NOISE_PLACE: Final = 106
AREA: Final = 107
PERIOD: Final = 108


@jit
def _fill(key: Any, stream: Any, first: Any, out: Any) -> None:
    base = stream_key(key, stream)
    for i in range(len(out)):
        out[i] = uniform_from_bits(bits_at(base, first + i))


def uniforms(seed: int, stream: int, first: int, count: int) -> NDArray[np.float64]:
    """Return numbers in (0, 1), float64: draws `first` to `first + count - 1` of a stream under a seed."""
    out = np.empty(count)
    _fill(key_from_seed(seed), stream, first, out)
    return out


def drop_events(events: Events, share: float, *, seed: int, first: int) -> Events:
    """Return the events less a share of them.

    Args:
        events: number `first` and following of the stream.
        share: chance of an event to go, 0 to 1.
        seed: any number.
        first: number of the first event in its stream.
    """
    check_number("share", share, 0, 1)
    return events[uniforms(seed, DROP, first, len(events)) >= share]


def jitter_places(events: Events, radius: int, *, seed: int, first: int) -> tuple[Events, int]:
    """Return the events moved by up to `radius` px along either axis, evenly, and how many left the sensor.

    Args:
        events: number `first` and following of the stream.
        radius: px, at least 0.
        seed: any number.
        first: number of the first event in its stream.
    """
    check_number("radius", radius, 0, 1000)
    numbers = uniforms(seed, JITTER_PLACE, 2 * first, 2 * len(events)).reshape(-1, 2)
    steps = np.floor(numbers * (2 * radius + 1)).astype(np.int64) - radius
    x, y = events.x + steps[:, 0], events.y + steps[:, 1]
    inside = (x >= 0) & (x < events.width) & (y >= 0) & (y < events.height)
    kept = events[inside]
    moved = kept.records.view("V16").copy().view(EVENT_DTYPE)
    moved["x"], moved["y"] = x[inside], y[inside]
    found = Events(moved, events.width, events.height, ordered=events.ordered, labels=kept.labels, scores=kept.scores)
    return found, len(events) - len(kept)


def delays(count: int, most: int, *, seed: int, first: int) -> NDArray[np.int64]:
    """Return delays of 0 to `most` µs, evenly, of the events number `first` and following of a stream."""
    return np.floor(uniforms(seed, JITTER_TIME, first, count) * (most + 1)).astype(np.int64)


def gap_of(k: int, every: int, share: float, *, seed: int) -> tuple[int, int]:
    """Return where in period number `k` (of `every` µs) a gap of `share` of it lies: begin and end, µs."""
    length = round(share * every)
    begin = k * every + int(uniforms(seed, PERIOD, k, 1)[0] * (every - length + 1))
    return begin, begin + length


def rectangle_of(k: int, width: int, height: int, share: float, *, seed: int) -> tuple[int, int, int, int]:
    """Return a rectangle of `share` of the sensor's area for period number `k`: x0, y0, x1, y1, px.

    Its sides are in the ratio of the sensor's, its place is even over those where it lies inside.
    """
    sides = [max(1, round(side * share**0.5)) if share > 0 else 0 for side in (width, height)]
    chance = uniforms(seed, AREA, 2 * k, 2)
    x0, y0 = (int(c * (whole - side + 1)) for c, whole, side in zip(chance, (width, height), sides, strict=True))
    return x0, y0, x0 + sides[0], y0 + sides[1]


def noise_events(width: int, height: int, rate: float, k: int, every: int, *, seed: int) -> Events:
    """Return the noise of one period: events at even places and times, of either polarity, labelled as noise.

    Args:
        width: sensor width, px.
        height: sensor height, px.
        rate: events a second and pixel, at least 0.
        k: number of the period, which is `k * every` to `(k + 1) * every`.
        every: length of a period, µs.
        seed: any number.

    Returns:
        Events in time order. Their number is that of a Poisson process with the rate: the counting of exponential gaps.
    """
    check_number("rate", rate, 0)
    expected = rate * width * height * every / 1e6
    key = (seed * 0x9E3779B97F4A7C15 + k) & 0xFFFF_FFFF_FFFF_FFFF
    gaps = np.empty(0)
    reach = 0.0
    while expected > 0 and reach <= expected:  # gaps of mean 1 until they reach the expected number
        more = -np.log(uniforms(key, NOISE_COUNT, len(gaps), int(expected + 4 * expected**0.5) + 16))
        gaps = np.concatenate([gaps, more])
        reach = float(gaps.sum())
    instants = np.cumsum(gaps)
    instants = instants[instants < expected]
    count = len(instants)
    chance = uniforms(key, NOISE_PLACE, 0, 3 * count).reshape(-1, 3)
    records = np.zeros(count, EVENT_DTYPE)
    records["t"] = k * every + np.minimum(np.floor(instants / max(expected, 1e-300) * every), every - 1).astype(
        np.int64
    )
    records["x"] = np.floor(chance[:, 0] * width)
    records["y"] = np.floor(chance[:, 1] * height)
    records["p"] = chance[:, 2] >= 0.5
    return Events(records, width, height, ordered=True, labels=np.full(count, NOISE, np.uint8))
