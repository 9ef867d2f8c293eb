"""Event flow: signal lies on moving edges."""

from __future__ import annotations

from typing import Annotated

from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.graph.parameters import Live, Range
from eventflow.kernels import denoise, support
from eventflow.messages import StreamInfo
from eventflow.units import Duration, ms


class EventFlow(Node):
    """Drop events through whose recent neighbours no plane of a plausible speed can be laid.

    A plane is fitted to the times of the event and its neighbours of the same polarity; its slope is 1 / speed.

    In unordered streams an age is the distance in time, to an earlier event or a later one.

    Args:
        window: how recent a neighbour must be.
        radius: how far it may be, px, in x and in y.
        max_speed: px/s; noise falls together by chance and looks faster than any edge.
        mark: keep all events and fill their scores with the speed, px/s.
        threads: 2 lets two threads judge large packets together; the same events are kept.
    """

    window: Annotated[Duration, Range(1, 1 << 27), Live()] = ms(10)
    radius: Annotated[int, Range(1, 15)] = 1
    max_speed: Annotated[float, Range(0.0), Live()] = 20_000.0
    mark: bool = False
    threads: Annotated[int, Range(1, 2)] = 1

    def start(self, events: StreamInfo) -> None:
        """Forget all events."""
        self._last = denoise.surface(events.width, events.height, radius=self.radius, threads=self.threads)

    def events(self, events: Events) -> Events:
        """Filter a packet."""
        return support.plane_fit(
            events, self._last, self.window, radius=self.radius, max_speed=self.max_speed, mark=self.mark
        )
