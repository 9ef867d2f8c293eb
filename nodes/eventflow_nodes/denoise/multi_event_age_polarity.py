"""Age-polarity over the last three events of each pixel."""

from __future__ import annotations

from typing import Annotated

from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.graph.parameters import Live, Range
from eventflow.kernels import support
from eventflow.messages import StreamInfo
from eventflow.units import Duration, ms


class MultiEventAgePolarity(Node):
    """Drop events whose neighbours had too few recent events of their polarity, of their last three each.

    In unordered streams an age is the distance in time, to an earlier event or a later one.

    Args:
        window: age at which an event no longer counts.
        radius: how far a neighbour may be, px, in x and in y.
        threshold: the sum of 1 - age / window that is enough.
        mark: keep all events and fill their scores with the sum.
    """

    window: Annotated[Duration, Range(1, 1 << 27), Live()] = ms(10)
    radius: Annotated[int, Range(1, 15)] = 1
    threshold: Annotated[float, Range(0.0), Live()] = 2.0
    mark: bool = False

    def start(self, events: StreamInfo) -> None:
        """Forget all events."""
        self._history = support.history(events.width, events.height, self.radius)

    def events(self, events: Events) -> Events:
        """Filter a packet."""
        return support.multi_event_age_polarity(
            events, self._history, self.window, radius=self.radius, threshold=self.threshold, mark=self.mark
        )
