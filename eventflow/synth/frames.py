"""Frames that come one by one before the sensor: what lies between two of them is interpolated linearly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.synth.sensor import Sensor, SensorModel, checked_geometry, whole
from eventflow.synth.video import blend, intensity_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eventflow.events import Events


class FrameSimulation:
    """A sensor before a screen that shows frames as they come.

    Args:
        first: the image at time 0, as OpenCV has it: grey or BGR, uint8.
        width: sensor width, px.
        height: sensor height, px.
        model: how the sensor behaves.
        seed: of mismatch and noise.
        step_us: time between two interpolated images, µs.
        gamma: intensity = luma ** gamma.
    """

    def __init__(
        self,
        first: NDArray[Any],
        *,
        width: int,
        height: int,
        model: SensorModel,
        seed: int = 0,
        step_us: int = 4000,
        gamma: float = 1.0,
    ) -> None:
        self.width, self.height = checked_geometry(width, height)
        self._gamma = gamma
        self._last, self._last_us = intensity_of(first, width, height, gamma), 0
        self._image = self._last.copy()
        self._sensor = Sensor(model, self._image, seed=seed, step_us=step_us)

    @property
    def t(self) -> int:
        """The time that the sensor has reached, µs."""
        return self._sensor.t

    def show(self, frame: NDArray[Any], t_us: int) -> Events:
        """Return the events up to a frame that was taken at `t_us`, later than the one before it."""
        after, sensor = intensity_of(frame, self.width, self.height, self._gamma), self._sensor
        span = max(t_us - self._last_us, 1)
        while sensor.t + sensor.step_us <= t_us:
            share = (sensor.t + sensor.step_us - self._last_us) / span
            blend(self._last, after, np.float64(min(max(share, 0.0), 1.0)), self._image)
            sensor.advance(self._image, whole(self.width, self.height))
        self._last, self._last_us = after, t_us
        return sensor.take()
