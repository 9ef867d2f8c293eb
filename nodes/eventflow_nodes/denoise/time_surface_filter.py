"""The height of the time surface as a measure of signal."""

from __future__ import annotations

from typing import Annotated

from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.graph.parameters import Live, Range
from eventflow.kernels import denoise, support
from eventflow.messages import StreamInfo
from eventflow.units import Duration, ms


class TimeSurfaceFilter(Node):
    """Drop events that stand on a low time surface of their polarity.

    The mean of exp(-age / tau) over the pixels near, the own included, whose last event had the same polarity.

    In unordered streams an age is the distance in time, to an earlier event or a later one.

    Args:
        tau: time constant of the surface.
        radius: how far a pixel may be, px, in x and in y.
        threshold: a mean up to this is too little.
        mark: keep all events and fill their scores with the mean.
        threads: 2 lets two threads judge large packets together; the same events are kept.
    """

    tau: Annotated[Duration, Range(1, 1 << 20)] = ms(20)
    radius: Annotated[int, Range(1, 15)] = 1
    threshold: Annotated[float, Range(0.0, 1.0), Live()] = 0.2
    mark: bool = False
    threads: Annotated[int, Range(1, 2)] = 1

    def start(self, events: StreamInfo) -> None:
        """Forget all events."""
        self._last = denoise.surface(events.width, events.height, radius=self.radius, threads=self.threads)

    def events(self, events: Events) -> Events:
        """Filter a packet."""
        return support.time_surface_score(
            events, self._last, self.tau, radius=self.radius, threshold=self.threshold, mark=self.mark
        )
