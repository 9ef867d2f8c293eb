"""Noise added to a real recording, so that what is signal is known: the protocol of DND21."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eventflow.errors import EventsError
from eventflow.events import EVENT_DTYPE, NOISE, SIGNAL, Events
from eventflow.synth.sensor import Sensor, SensorModel
from eventflow.units import ms

if TYPE_CHECKING:
    from numpy.typing import NDArray

_STEP_US = ms(1)


def with_noise(
    events: Events, *, seed: int = 0, noise: float = 5.0, leak: float = 0.3, noise_spread: float = 0.5
) -> Events:
    """Return the events labelled 1 (signal), merged in time order with simulated noise labelled 2.

    Noise from the first to the last event of the packet, whatever a pixel sees: shot noise of both polarities and ON
    leak events with a jitter of 0.2, rates lognormal over the pixels (Guo and Delbruck 2022, "Low cost and latency
    event camera background activity denoising"). The noise that a recording has already counts as signal. Labels that
    the events have are kept where they are not 0.

    Args:
        events: in time order.
        seed: of the noise.
        noise: shot noise, events/s/px, the mean over the sensor.
        leak: leak events/s/px, the mean over the sensor.
        noise_spread: standard deviation of the pixels' rates, decades.

    Raises:
        EventsError: the events are not in time order.
        ParameterError: a rate is negative.
    """
    if not events.ordered:
        raise EventsError("noise is merged into events in time order; sort them first")
    model = SensorModel(
        noise=noise, noise_spread=noise_spread, noise_at_full=1.0, leak=leak, mismatch=0.0, refractory=0
    )
    own = np.full(len(events), SIGNAL, np.uint8) if events.labels is None else np.maximum(events.labels, SIGNAL)
    signal = events.with_columns(labels=own)
    if not len(events):
        return signal
    first = int(events.t[0])
    added = _noise(model, events.width, events.height, seed, int(events.t[-1]) + 1 - first)
    return _merged(signal, added, first)


def _noise(model: SensorModel, width: int, height: int, seed: int, duration: int) -> Events:
    sensor = Sensor(model, np.zeros((height, width), np.float32), seed=seed, step_us=_STEP_US)
    unchanged = np.zeros((0, 4), np.int64)
    image = np.zeros((height, width), np.float32)
    while sensor.t < duration:
        sensor.advance(image, unchanged)
    return sensor.take().between(0, duration)


def _merged(signal: Events, added: Events, first: int) -> Events:
    # as words of 16 bytes, since numpy leaves the pad bytes of a structured array as it found them
    words = np.concatenate([signal.records.view("V16"), added.records.view("V16")])
    records: NDArray[np.void] = words.view(EVENT_DTYPE)
    records["t"][len(signal) :] += first
    labels = np.concatenate([signal.labels, np.full(len(added), NOISE, np.uint8)])
    return Events(records, signal.width, signal.height, ordered=False, labels=labels).sorted()
