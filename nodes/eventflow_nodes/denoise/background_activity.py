"""Background activity: noise is what nothing near it agrees with."""

from __future__ import annotations

from typing import Annotated

from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.graph.parameters import Live, Range
from eventflow.kernels import denoise
from eventflow.messages import StreamInfo
from eventflow.units import Duration, ms


class BackgroundActivityFilter(Node):
    """Drop events with no recent neighbour. Delbruck 2008, "Frame-free dynamic digital vision".

    Keeps an event when at least one of its eight neighbours fired less than `window` before it. In unordered streams
    a neighbour's later event within `window` counts too.

    Args:
        window: how recent a neighbour must be.
        mark: keep all events and fill their scores with the age of the youngest neighbour, µs.
        threads: 2 lets two threads judge large packets together; the same events are kept.
    """

    window: Annotated[Duration, Range(1), Live()] = ms(5)
    mark: bool = False
    threads: Annotated[int, Range(1, 2)] = 1

    def start(self, events: StreamInfo) -> None:
        """Forget all events."""
        self._last = denoise.surface(events.width, events.height, threads=self.threads)

    def events(self, events: Events) -> Events:
        """Filter a packet."""
        return denoise.background_activity(events, self._last, self.window, mark=self.mark)
