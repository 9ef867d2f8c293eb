"""x and y exchanged."""

from __future__ import annotations

from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.kernels import transforms
from eventflow.messages import StreamInfo


class Transpose(Node):
    """Exchange x and y, and the sides of the sensor. Time plays no part: unordered events are taken too."""

    def start(self, events: StreamInfo) -> StreamInfo:
        """Say what the sensor becomes."""
        return events.having(width=events.height, height=events.width)

    def events(self, events: Events) -> Events:
        """Transpose a packet."""
        return transforms.transpose(events)
