"""Slices of equal time, shorter where there are many events."""

from __future__ import annotations

from typing import Annotated

from eventflow.graph.parameters import Range
from eventflow.kernels.adaptive_slices import TimeOrCountSlicer
from eventflow.messages import StreamInfo
from eventflow.units import Duration, ms, s
from eventflow_nodes.slice.slicing import Slicing


class SliceTimeOrCount(Slicing):
    """Cut the stream after `count` events or `every`, whichever is first.

    The first slice begins with the first event, every other where the one before ended. A still scene closes its
    slices by time. Slices left out of long gaps are counted as skipped.

    Args:
        count: most events a slice.
        every: longest slice.
        max_gap: how long after the last event empty slices go on.
    """

    count: Annotated[int, Range(1)] = 10_000
    every: Annotated[Duration, Range(1)] = ms(10)
    max_gap: Annotated[Duration, Range(0)] = s(1)

    def _make(self, events: StreamInfo) -> TimeOrCountSlicer:
        return TimeOrCountSlicer(self.count, self.every, max_gap=self.max_gap)
