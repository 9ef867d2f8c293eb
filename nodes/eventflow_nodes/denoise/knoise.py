"""KNoise: one event a row and one a column are enough memory."""

from __future__ import annotations

from typing import Annotated

from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.graph.parameters import Live, Range
from eventflow.kernels import crossings
from eventflow.messages import StreamInfo
from eventflow.units import Duration, ms


class KNoise(Node):
    """Drop events that the last events of the nearest rows and columns do not support. Khodamoradi & Kastner 2018.

    Memory grows with width + height, not with the number of pixels; in busy scenes an edge forgets itself quickly.

    In unordered streams an age is the distance in time, to an earlier event or a later one.

    Args:
        window: how recent the support must be.
        own: let an event of the same pixel be support.
        mark: keep all events and fill their scores with the age of the youngest support, µs.
    """

    window: Annotated[Duration, Range(1), Live()] = ms(5)
    own: bool = False
    mark: bool = False

    def start(self, events: StreamInfo) -> None:
        """Forget all events."""
        self._crossings = crossings.crossing_memory(events.width, events.height)

    def events(self, events: Events) -> Events:
        """Filter a packet."""
        return crossings.crossings(events, self._crossings, self.window, own=self.own, mark=self.mark)
