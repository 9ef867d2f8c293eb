"""One sensor's time on another's clock."""

from __future__ import annotations

from typing import Annotated, ClassVar

from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.kernels.clock_alignment import aligned
from eventflow.messages import StreamInfo


class AlignClock(Node):
    """Give events the time of another sensor's clock: t + offset + drift (t - at), as the node `clock_fit` finds them.

    Times may come to lie half a second earlier at most: of two sensors align the one whose times are the smaller.
    What is joined with other streams behind it waits for a second of event time. With a drift below 0 events that fall
    further behind than that end the run: after three hours at -100 ppm.
    Unordered events are moved as they are.

    Args:
        offset_us: the other clock minus this one at `at_us`, µs.
        drift_ppm: how much faster the other clock goes, parts per million.
        at_us: time on this clock at which the offset holds, µs.
    """

    holdback_us: ClassVar[int] = 1_000_000
    offset_us: Annotated[float, Range(-500_000)]
    drift_ppm: Annotated[float, Range(-10_000, 10_000)] = 0.0
    at_us: int = 0

    def start(self, events: StreamInfo) -> StreamInfo:
        """Forget when the recording begins and ends: that was on the other clock."""
        return events.having(t_start=None, t_end=None)

    def events(self, events: Events) -> Events:
        """Give a packet its new times."""
        return aligned(events, self.offset_us, self.drift_ppm, self.at_us)
