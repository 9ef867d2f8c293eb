"""STCF: noise is what too few around it agree with."""

from __future__ import annotations

from typing import Annotated

from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.graph.parameters import Live, Range
from eventflow.kernels import denoise
from eventflow.messages import StreamInfo
from eventflow.units import Duration, ms


class SpatioTemporalCorrelationFilter(Node):
    """Drop events with fewer than `k` recent neighbours of their polarity. Guo & Delbruck 2022.

    Keeps an event when at least `k` pixels within `radius` of it had their last event less than `window` before it. In
    unordered streams a later event within `window` counts too.

    Args:
        window: how recent a neighbour must be.
        k: how many neighbours must agree.
        radius: how far a neighbour may be, px, in x and in y.
        polarity: count only neighbours whose last event has the same polarity.
        mark: keep all events and fill their scores with the age of the k-th youngest such neighbour, µs.
        threads: 2 lets two threads judge large packets together; the same events are kept.
    """

    window: Annotated[Duration, Range(1), Live()] = ms(5)
    k: Annotated[int, Range(1)] = 2
    radius: Annotated[int, Range(1, 15)] = 1
    polarity: bool = True
    mark: bool = False
    threads: Annotated[int, Range(1, 2)] = 1

    def start(self, events: StreamInfo) -> None:
        """Forget all events."""
        self._last = denoise.surface(events.width, events.height, radius=self.radius, threads=self.threads)

    def events(self, events: Events) -> Events:
        """Filter a packet."""
        return denoise.stcf(
            events, self._last, self.window, k=self.k, radius=self.radius, polarity=self.polarity, mark=self.mark
        )
