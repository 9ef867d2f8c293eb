"""Slower time."""

from __future__ import annotations

from typing import Annotated

from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.kernels import transforms
from eventflow.messages import StreamInfo


class ScaleTime(Node):
    """Stretch time from the first event on: everything moves slower by a factor. Unordered events are stretched too.

    Time cannot be compressed in a stream, whose events may not come before what has been seen already; the function
    `eventflow.kernels.transforms.scale_time` does that to a recording.

    Args:
        factor: of the time since the first event.
    """

    factor: Annotated[float, Range(1, 1e6)] = 2.0

    def start(self, events: StreamInfo) -> None:
        """Wait for the first event."""
        self._origin: int | None = None

    def events(self, events: Events) -> Events:
        """Stretch a packet."""
        if self._origin is None and len(events):
            self._origin = int(events.t[0])
        return events if self._origin is None else transforms.scale_time(events, self.factor, origin=self._origin)
