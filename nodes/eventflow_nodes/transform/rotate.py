"""Quarters of a turn."""

from __future__ import annotations

from typing import Literal

from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.kernels import transforms
from eventflow.messages import StreamInfo


class Rotate(Node):
    """Turn the picture clockwise. Time plays no part: unordered events are taken too.

    Args:
        degrees: 90 and 270 exchange the sides of the sensor.
    """

    degrees: Literal[0, 90, 180, 270] = 90

    def start(self, events: StreamInfo) -> StreamInfo:
        """Say what the sensor becomes."""
        if self.degrees in (90, 270):
            return events.having(width=events.height, height=events.width)
        return events

    def events(self, events: Events) -> Events:
        """Turn a packet."""
        return transforms.rotate(events, self.degrees // 90)
