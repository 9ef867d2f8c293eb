"""Event streams made from a seed that look, to a decoder and to a filter, like those of real sensors.

They are drawn, not simulated, because a simulator is slow at the sizes that matter here: outlines of moving discs give
the neighbourhoods that filters look for, and a tenth of the events is noise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from eventflow.events import EVENT_DTYPE, Events

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

VERSION: Final = 2
"""Part of the key of cached inputs; to be raised with every change to what is drawn."""

EPOCH_US: Final = 1_643_243_628_000_000
_NOISE_SHARE: Final = 0.1
_DISCS: Final = 12


def sparse(count: int, *, seed: int = 1) -> Events:
    """Return single events of a 640x480 sensor at 8 Mev/s, from 1 s on."""
    return _discs(count, 640, 480, rate=8e6, t_first=1_000_000, seed=seed)


def small(count: int, *, seed: int = 2) -> Events:
    """Return events of a 346x260 sensor at 1 Mev/s, in Unix time as iniVation cameras write it."""
    return _discs(count, 346, 260, rate=1e6, t_first=EPOCH_US, seed=seed)


def tiny(count: int, *, seed: int = 4) -> Events:
    """Return events of a 240x180 sensor at 1 Mev/s, from 0 on: for formats that hold little."""
    return _discs(count, 240, 180, rate=1e6, t_first=0, seed=seed)


def vectors(count: int, *, seed: int = 3) -> Events:
    """Return events of a 1280x720 sensor that reads whole rows: runs of neighbouring pixels at one time, 25 Mev/s."""
    rng = np.random.default_rng(seed)
    runs = count // 4 + 1
    spans = np.minimum(rng.geometric(1 / 14, runs), 64)
    number = np.repeat(np.arange(runs), spans)
    column = np.arange(len(number)) - np.repeat(np.cumsum(spans) - spans, spans)
    fired = rng.random(len(number)) < 0.75
    number, column = number[fired][:count], column[fired][:count]
    times = 1_000_000 + np.cumsum(rng.exponential(10.5 / 25, runs)).astype(np.int64)
    x0, y = rng.integers(0, 1280 - 64, runs), rng.integers(0, 720, runs)
    polarity = rng.integers(0, 2, runs)
    return _events(times[number], x0[number] + column, y[number], polarity[number], 1280, 720)


STREAMS: Final[dict[str, Callable[[int], Events]]] = {
    "sparse": sparse,
    "small": small,
    "tiny": tiny,
    "vectors": vectors,
}


def _discs(count: int, width: int, height: int, *, rate: float, t_first: int, seed: int) -> Events:
    rng = np.random.default_rng(seed)
    seconds = np.cumsum(rng.exponential(1 / rate, count))
    disc = rng.integers(0, _DISCS, count)
    angle = rng.uniform(0, 2 * np.pi, count)
    radius = rng.uniform(0.04, 0.12, _DISCS)[disc] * width + rng.normal(0, 0.6, count)
    centres = [_bounce(rng, disc, seconds, size) for size in (width, height)]
    x = centres[0] + radius * np.cos(angle)
    y = centres[1] + radius * np.sin(angle)
    polarity = (np.cos(angle - rng.uniform(0, 2 * np.pi, _DISCS)[disc]) > 0).astype(np.uint8)
    noise = (rng.random(count) < _NOISE_SHARE) | (x < 0) | (x >= width) | (y < 0) | (y >= height)
    x = np.where(noise, rng.uniform(0, width, count), x)
    y = np.where(noise, rng.uniform(0, height, count), y)
    return _events(t_first + (seconds * 1e6).astype(np.int64), x, y, polarity, width, height)


def _bounce(
    rng: np.random.Generator, disc: NDArray[np.int64], seconds: NDArray[np.float64], size: int
) -> NDArray[np.float64]:
    start, speed = rng.uniform(0, size, _DISCS), rng.uniform(-2, 2, _DISCS) * size
    path = (start[disc] + speed[disc] * seconds) % (2 * size)
    return np.minimum(path, 2 * size - path)


def _events(t: NDArray[np.int64], x: object, y: object, p: object, width: int, height: int) -> Events:
    records = np.zeros(len(t), EVENT_DTYPE)
    for name, column in zip("txyp", (t, x, y, p), strict=True):
        records[name] = column
    return Events(records, width, height, ordered=True)
