"""Slices of equal count that overlap."""

from __future__ import annotations

from typing import Annotated

from eventflow.graph.parameters import Range
from eventflow.kernels.slices import CountSlicer
from eventflow.messages import Slice, StreamInfo
from eventflow_nodes.slice.slicing import Slicing


class SliceOverlappingCount(Slicing):
    """Cut windows of `count` events out of the stream, one every `every` events.

    A slice begins and ends at the times of its first and last event. Events between windows that do not touch are
    counted as skipped.

    Args:
        count: events of a window.
        every: events from the first of one window to the first of the next.
    """

    count: Annotated[int, Range(1)] = 10_000
    every: Annotated[int, Range(1)] = 5_000

    def _make(self, events: StreamInfo) -> CountSlicer:
        return CountSlicer(self.count, self.every)

    def finish(self, t_end: int) -> list[Slice]:
        """Return what is cut short."""
        if self._slicer.between:
            self.skipped["events between windows"] = self._slicer.between
        return super().finish(t_end)
