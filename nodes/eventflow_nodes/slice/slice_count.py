"""Slices of equal count."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.kernels.slices import CountSlicer
from eventflow.messages import Slice, StreamInfo


class SliceCount(Node):
    """Cut the stream after every `count` events.

    A slice begins and ends at the times of its first and last event. The last is marked incomplete and ends with the
    stream.

    Args:
        count: events a slice.
    """

    heavy: ClassVar[bool] = True  # what works on whole windows works beside what works on packets
    count: Annotated[int, Range(1)] = 10_000

    def start(self, events: StreamInfo) -> None:
        """Begin with nothing pending."""
        self._slicer = CountSlicer(self.count)

    def events(self, events: Events) -> list[Slice]:
        """Return the slices a packet completes."""
        return self._slicer.push(events)

    def finish(self, t_end: int) -> list[Slice]:
        """Return the slice that is cut short."""
        return self._slicer.finish(t_end)

    def state(self) -> dict[str, Any]:
        """Return what is pending."""
        return self._slicer.state()

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to what was pending."""
        self._slicer.restore(state)
