"""A rectangle of the sensor."""

from __future__ import annotations

from typing import Annotated

from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.kernels import selection
from eventflow.messages import StreamInfo


class Region(Node):
    """Keep the events of a rectangle; places do not change.

    Unordered streams are filtered all the same.

    Args:
        x: first column, px.
        y: first row, px.
        width: columns, px.
        height: rows, px.
    """

    x: int = 0
    y: int = 0
    width: Annotated[int, Range(1, 65536)]
    height: Annotated[int, Range(1, 65536)]

    def start(self, events: StreamInfo) -> None:
        """Forget all events."""
        self._mask = selection.region_mask(events.width, events.height, self.x, self.y, self.width, self.height)

    def events(self, events: Events) -> Events:
        """Filter a packet."""
        return selection.inside_mask(events, self._mask)
