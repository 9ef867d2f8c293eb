"""Slices of equal time."""

from __future__ import annotations

from typing import Annotated

from eventflow.graph.parameters import Range
from eventflow.kernels.slices import TimeSlicer
from eventflow.messages import StreamInfo
from eventflow.units import Duration, ms, s
from eventflow_nodes.slice.slicing import Slicing


class SliceTime(Slicing):
    """Cut the stream at the multiples of a period, counted from event time 0.

    Slice k holds the events with k * every <= t < (k + 1) * every, from that of the first event on. The last is marked
    incomplete. Slices left out of long gaps are counted as skipped.

    Args:
        every: length of a slice.
        max_gap: how long after the last event empty slices go on.
    """

    every: Annotated[Duration, Range(1)] = ms(10)
    max_gap: Annotated[Duration, Range(0)] = s(1)

    def _make(self, events: StreamInfo) -> TimeSlicer:
        return TimeSlicer(self.every, max_gap=self.max_gap)
