"""Slices of equal time."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.kernels.slices import TimeSlicer
from eventflow.messages import Slice, StreamInfo
from eventflow.units import Duration, ms, s


class SliceTime(Node):
    """Cut the stream at the multiples of a period, counted from event time 0.

    Slice k holds the events with k * every <= t < (k + 1) * every, from that of the first event on. The last is marked
    incomplete. Slices left out of long gaps are counted as skipped.

    Args:
        every: length of a slice.
        max_gap: how long after the last event empty slices go on.
    """

    heavy: ClassVar[bool] = True  # what works on whole windows works beside what works on packets
    every: Annotated[Duration, Range(1)] = ms(10)
    max_gap: Annotated[Duration, Range(0)] = s(1)

    def start(self, events: StreamInfo) -> None:
        """Begin with nothing pending."""
        self._slicer = TimeSlicer(self.every, max_gap=self.max_gap)

    def events(self, events: Events) -> list[Slice]:
        """Return the slices a packet completes."""
        slices = self._slicer.push(events)
        if self._slicer.left_out:
            self.skipped["slices left out of gaps"] = self._slicer.left_out
        return slices

    def on_watermark(self, t: int) -> list[Slice]:
        """Return the slices that end at `t` or before."""
        return self._slicer.advance(t)

    def finish(self, t_end: int) -> list[Slice]:
        """Return the slice that is cut short."""
        return self._slicer.finish()

    def state(self) -> dict[str, Any]:
        """Return what is pending."""
        return self._slicer.state()

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to what was pending."""
        self._slicer.restore(state)
