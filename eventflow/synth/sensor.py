"""A DVS: images in, events out, one fixed step at a time.

Model: ln(intensity + dark), a first-order low-pass with intensity-dependent cut-off, ON and OFF thresholds that differ
from pixel to pixel, linear interpolation of the crossings within a step, refractory period, leak and shot noise. After
v2e (Hu et al. 2021, "v2e: from video frames to realistic DVS events") and ESIM (Rebecq et al. 2018).

State advances by whole steps counted from time 0 and random numbers are drawn by counter, so the events of a seed are
the same bytes however long the run is and however its packets are cut.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from eventflow.errors import ParameterError
from eventflow.events import EVENT_DTYPE, Events
from eventflow.synth import hashing, noise, pixels

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LOWEST_THRESHOLD = 0.01
_LARGEST_SIDE = 1 << 14
_LONGEST_STEP_US = 1_000_000


@dataclass(frozen=True, kw_only=True)
class SensorModel:
    """How the sensor behaves.

    Attributes:
        threshold_on: rise of ln intensity that makes an ON event.
        threshold_off: fall of ln intensity that makes an OFF event, positive.
        mismatch: standard deviation of both thresholds over the pixels, natural log units.
        refractory: time after an event in which a pixel loses its crossings, µs.
        bandwidth: cut-off of a fully lit pixel, Hz; darker ones are slower. 0: no low-pass.
        dark: dark current, relative to a full-scale photocurrent.
        noise: shot noise of a dark pixel, events/s/px, both polarities together; the mean over the sensor.
        noise_at_full: rate of shot noise at full intensity, relative to the dark.
        noise_spread: standard deviation of the pixels' rates of shot and leak noise, decades (lognormal).
        leak: ON leak events/s/px, the mean over the sensor.
        leak_jitter: standard deviation of leak intervals, relative to their mean.
    """

    threshold_on: float = 0.2
    threshold_off: float = 0.2
    mismatch: float = 0.03
    refractory: int = 100
    bandwidth: float = 1000.0
    dark: float = 0.01
    noise: float = 1.0
    noise_at_full: float = 0.25
    noise_spread: float = 0.0
    leak: float = 0.1
    leak_jitter: float = 0.2

    def __post_init__(self) -> None:
        for name in (field.name for field in fields(self)):
            value = getattr(self, name)
            low = _LOWEST_THRESHOLD if name.startswith("threshold") else 1e-6 if name == "dark" else 0
            if not low <= value < 1e9:  # NaN fails too
                raise ParameterError(f"{name} is {value!r}, expected a number of at least {low} and below 1e9")


class Sensor:
    """A simulated DVS that starts at time 0, adapted to its first image.

    Args:
        model: how it behaves.
        image: intensity at time 0, float32, shape (height, width), 0 to 1.
        seed: of mismatch and noise.
        step_us: length of a step, µs.
    """

    def __init__(self, model: SensorModel, image: NDArray[np.float32], *, seed: int = 0, step_us: int = 1000) -> None:
        self.height, self.width = checked_geometry(image.shape[1], image.shape[0])[::-1]
        if not 1 <= step_us <= _LONGEST_STEP_US:
            raise ParameterError(f"step is {step_us} µs, expected 1 to {_LONGEST_STEP_US}")
        self.model = model
        self.step_us = step_us
        self.t = 0
        self._key = hashing.key_from_seed(seed)
        count = image.size
        self._pixels = np.zeros(count, pixels.PIXEL_DTYPE)
        self._pixels["last"] = pixels.NEVER
        self._pixels["on"] = self._thresholds(model.threshold_on, seed, hashing.THRESHOLD_ON)
        self._pixels["off"] = self._thresholds(model.threshold_off, seed, hashing.THRESHOLD_OFF)
        self._active = np.empty(count, np.int32)
        self._active_count = 0
        self._found = np.empty(max(count, 4096), pixels.CANDIDATE_DTYPE)
        self._ranks = np.empty(len(self._found), np.int32)
        self._starts = np.zeros(step_us + 1, np.int64)
        self._progress = np.zeros(3, np.int64)
        self._words = np.empty(2 * 65536, np.int64)
        self._labels = np.empty(65536, np.uint8)
        self._count = 0
        self._start_noise(seed)
        self._adapt(image)

    def _thresholds(self, nominal: float, seed: int, stream: int) -> NDArray[np.float64]:
        deviation = hashing.normals(seed, stream, len(self._pixels)) * self.model.mismatch
        return np.maximum(nominal + deviation, _LOWEST_THRESHOLD)

    def _adapt(self, image: NDArray[np.float32]) -> None:
        self._look(image, whole(self.width, self.height))
        self._active_count = 0
        # a pixel that was zero from the start has not been looked at
        dark = self._pixels["intensity"] == 0
        self._pixels["level"][dark] = np.float32(np.log(self.model.dark))
        self._pixels["value"] = self._pixels["level"]
        self._pixels["memory"] = self._pixels["level"]

    def _start_noise(self, seed: int) -> None:
        model, count = self.model, len(self._pixels)
        spread = hashing.normals(seed, hashing.RATE_SPREAD, count) * (model.noise_spread * np.log(10.0))
        rates = np.exp(spread - spread.max())
        rates /= rates.mean()
        weights = rates * (model.threshold_on / self._pixels["on"] + model.threshold_off / self._pixels["off"])
        self._alias = np.empty(count, noise.ALIAS_DTYPE)
        noise.alias_table(weights, self._alias)
        self._shot_rate = model.noise * count * 1e-6
        wait = (
            -np.log(hashing.uniforms(seed, hashing.SHOT_START, 1)[0]) / self._shot_rate if self._shot_rate else np.inf
        )
        self._clock = np.array([wait, 0.0])
        self._periods = 1e6 / (np.maximum(rates, 1e-6) * max(model.leak, 1e-9))
        self._leak_due = np.zeros(count, np.int64)
        self._leak_following = np.empty(count, np.int32)
        self._leak_heads = np.empty(noise.WHEEL_SLOTS, np.int32)
        if model.leak:
            noise.start_leak(*self._leak_state(), self._key, model.leak_jitter, self.step_us)

    def _leak_state(self) -> tuple[NDArray[np.generic], ...]:
        return self._periods, self._leak_due, self._leak_following, self._leak_heads

    def _look(self, image: NDArray[np.float32], rects: NDArray[np.int64]) -> None:
        self._active_count = pixels.look(image, rects, self._pixels, self._active, self._active_count, self.model.dark)

    def advance(self, image: NDArray[np.float32], rects: NDArray[np.int64]) -> None:
        """Go one step on, to the end of which `image` belongs; only `rects` of it may have changed.

        Args:
            image: intensity, float32, shape (height, width), C-contiguous, 0 to 1.
            rects: int64, shape (n, 4): x0, y0, x1, y1 within the image.
        """
        self._look(image, rects)
        found = self._add_leak()
        found = self._add_crossings(found)
        found = self._add_shot(found)
        self._append(found)
        self.t += self.step_us

    def _add_leak(self) -> int:
        if not self.model.leak:
            return 0
        jitter = self.model.leak_jitter
        return int(noise.leak(*self._leak_state(), self._key, jitter, self.t, self.step_us, self._found, 0))

    def _add_crossings(self, found: int) -> int:
        self._progress[:] = 0, 0, self._active_count
        while True:
            found = pixels.follow(
                self._pixels, self._active, self._progress, self._found, found, self.step_us, self.model.bandwidth
            )
            if self._progress[0] == self._active_count:
                self._active_count = int(self._progress[1])
                return found
            self._widen()

    def _add_shot(self, found: int) -> int:
        tables = self._pixels, self._alias, self._clock, self._key
        rate = self._shot_rate, self.model.noise_at_full
        while True:
            found = noise.shoot(*tables, *rate, self.t, self.step_us, self._found, found)
            if self._clock[0] >= self.t + self.step_us:
                return found
            self._widen()

    def _widen(self) -> None:
        self._found = np.resize(self._found, 2 * len(self._found))
        self._ranks = np.empty(len(self._found), np.int32)

    def _append(self, found: int) -> None:
        if self._count + found > len(self._labels):
            room = max(2 * len(self._labels), self._count + found)
            self._words = np.concatenate([self._words, np.empty(2 * (room - len(self._labels)), np.int64)])
            self._labels = np.concatenate([self._labels, np.empty(room - len(self._labels), np.uint8)])
        self._count = pixels.settle(
            self._found,
            found,
            self._ranks,
            self._starts,
            self._pixels,
            self.width,
            self.t,
            max(self.model.refractory, 1),
            self._words,
            self._labels,
            self._count,
        )

    def __len__(self) -> int:
        """Return how many events wait to be taken."""
        return self._count

    def take(self) -> Events:
        """Return the events since the last call."""
        records = self._words[: 2 * self._count].copy().view(EVENT_DTYPE)
        labels = self._labels[: self._count].copy()
        self._count = 0
        return Events(records, self.width, self.height, ordered=True, labels=labels)


def whole(width: int, height: int) -> NDArray[np.int64]:
    """Return the one rectangle that covers the image."""
    return np.array([[0, 0, width, height]], np.int64)


def checked_geometry(width: int, height: int) -> tuple[int, int]:
    """Return (width, height) if a sensor can have them."""
    for name, side in (("width", width), ("height", height)):
        if not isinstance(side, int) or not 1 <= side <= _LARGEST_SIDE:
            raise ParameterError(f"{name} is {side!r}, expected 1 to {_LARGEST_SIDE} pixels")
    return width, height
