"""Slices of time that overlap."""

from __future__ import annotations

from typing import Annotated

from eventflow.graph.parameters import Range
from eventflow.kernels.overlapping_slices import WindowSlicer
from eventflow.messages import Slice, StreamInfo
from eventflow.units import Duration, ms, s
from eventflow_nodes.slice.slicing import Slicing


class SliceOverlapping(Slicing):
    """Cut windows of `span` out of the stream, one every `every`, counted from event time 0.

    Slice k holds the events with k * every <= t < k * every + span. Slices left out of long gaps, and events between
    windows that do not touch, are counted as skipped.

    Args:
        span: length of a window.
        every: from the beginning of one window to that of the next.
        max_gap: how long after the last event empty slices go on.
    """

    span: Annotated[Duration, Range(1)] = ms(30)
    every: Annotated[Duration, Range(1)] = ms(10)
    max_gap: Annotated[Duration, Range(0)] = s(1)

    def _make(self, events: StreamInfo) -> WindowSlicer:
        return WindowSlicer(self.span, self.every, max_gap=self.max_gap)

    def finish(self, t_end: int) -> list[Slice]:
        """Return what is cut short."""
        if self._slicer.between:
            self.skipped["events between windows"] = self._slicer.between
        return super().finish(t_end)
