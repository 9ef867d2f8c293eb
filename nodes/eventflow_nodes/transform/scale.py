"""Another number of pixels."""

from __future__ import annotations

from typing import Annotated

from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.kernels import transforms
from eventflow.messages import StreamInfo


class Scale(Node):
    """Map the picture onto a sensor of other size; every event stays. Time plays no part: unordered ones too.

    Args:
        factor: of the width, and of the height too unless that has its own.
        factor_y: of the height.
    """

    factor: Annotated[float, Range(1e-3, 1000)] = 0.5
    factor_y: Annotated[float, Range(1e-3, 1000)] | None = None

    def start(self, events: StreamInfo) -> StreamInfo:
        """Say what the sensor becomes."""
        scaled = transforms.scale(Events.empty(events.width, events.height), self.factor, self.factor_y)
        return events.having(width=scaled.width, height=scaled.height)

    def events(self, events: Events) -> Events:
        """Scale a packet."""
        return transforms.scale(events, self.factor, self.factor_y)
