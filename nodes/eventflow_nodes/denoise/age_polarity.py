"""Age-polarity: how recent the neighbours of the same polarity are, together."""

from __future__ import annotations

from typing import Annotated

from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.graph.parameters import Live, Range
from eventflow.kernels import denoise, support
from eventflow.messages import StreamInfo
from eventflow.units import Duration, ms


class AgePolarity(Node):
    """Drop events whose neighbours of their polarity are not recent enough in sum.

    Each neighbour counts 1 - age / window. Ranks events better than a count of neighbours does.

    In unordered streams an age is the distance in time, to an earlier event or a later one.

    Args:
        window: age at which a neighbour no longer counts.
        radius: how far a neighbour may be, px, in x and in y.
        threshold: the sum that is enough.
        mark: keep all events and fill their scores with the sum.
        threads: 2 lets two threads judge large packets together; the same events are kept.
    """

    window: Annotated[Duration, Range(1, 1 << 27), Live()] = ms(10)
    radius: Annotated[int, Range(1, 15)] = 2
    threshold: Annotated[float, Range(0.0), Live()] = 1.0
    mark: bool = False
    threads: Annotated[int, Range(1, 2)] = 1

    def start(self, events: StreamInfo) -> None:
        """Forget all events."""
        self._last = denoise.surface(events.width, events.height, radius=self.radius, threads=self.threads)

    def events(self, events: Events) -> Events:
        """Filter a packet."""
        return support.age_polarity(
            events, self._last, self.window, radius=self.radius, threshold=self.threshold, mark=self.mark
        )
