"""A part of the sensor."""

from __future__ import annotations

from typing import Annotated

from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.kernels import transforms
from eventflow.messages import StreamInfo


class Crop(Node):
    """Keep the events of a rectangle, which becomes the whole sensor: its top left pixel is (0, 0).

    Time plays no part: unordered events are taken too.

    Args:
        x: left edge of the rectangle, px.
        y: upper edge, px.
        width: px; null is up to the right edge of the sensor.
        height: px; null is down to the lower edge of the sensor.
    """

    x: Annotated[int, Range(0)] = 0
    y: Annotated[int, Range(0)] = 0
    width: Annotated[int, Range(1)] | None = None
    height: Annotated[int, Range(1)] | None = None

    def start(self, events: StreamInfo) -> StreamInfo:
        """Fix the rectangle."""
        self._width = events.width - self.x if self.width is None else self.width
        self._height = events.height - self.y if self.height is None else self.height
        transforms.crop(Events.empty(events.width, events.height), self.x, self.y, self._width, self._height)
        return events.having(width=self._width, height=self._height)

    def events(self, events: Events) -> Events:
        """Crop a packet."""
        kept = transforms.crop(events, self.x, self.y, self._width, self._height)
        self.skipped["outside the rectangle"] += len(events) - len(kept)
        return kept
