"""Noise among the events."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from eventflow.events import SIGNAL, Events
from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.kernels.slices import require_order
from eventflow.messages import StreamInfo
from eventflow.synth import augmentation
from eventflow.units import ms

_PERIOD_US = ms(10)


class AddNoise(Node):
    """Add noise of even rate, at any pixel and of either polarity, between the first event and the end.

    Noise is labelled 2, what comes without labels 1. An event of the stream comes before noise of its own time.

    Args:
        rate: noise events a second and pixel.
        seed: of the chance.
    """

    rate: Annotated[float, Range(0, 10_000)] = 1.0
    seed: int = 1

    def start(self, events: StreamInfo) -> None:
        """Wait for the first event."""
        self._blank = Events.empty(events.width, events.height)
        self._reached: int | None = None  # noise before is out

    def events(self, events: Events) -> Events | None:
        """Mix a packet with the noise before its last event."""
        if not len(events):
            return None
        require_order(events, self._reached)
        if self._reached is None:
            self._reached = int(events.t[0])
        if events.labels is None:
            events = events.with_columns(labels=np.full(len(events), SIGNAL, np.uint8))
        # of equal times the packet's come first, being first in a stable sort
        return Events.concat([events, self._noise(int(events.t[-1]))]).sorted()

    def on_watermark(self, t: int) -> Events | None:
        """Return the noise before `t`."""
        return None if self._reached is None else self._noise(t)

    def finish(self, t_end: int) -> Events | None:
        """Return the noise up to the end."""
        return None if self._reached is None else self._noise(t_end + 1)

    def _noise(self, until: int) -> Events:
        assert self._reached is not None  # noise begins with the first event
        begin, self._reached = self._reached, max(self._reached, until)
        if self._reached == begin:
            return self._blank
        size = (self._blank.width, self._blank.height)
        periods = range(begin // _PERIOD_US, (self._reached - 1) // _PERIOD_US + 1)
        found = [augmentation.noise_events(*size, self.rate, k, _PERIOD_US, seed=self.seed) for k in periods]
        return Events.concat(found).between(begin, self._reached)
