"""Slices of equal count."""

from __future__ import annotations

from typing import Annotated

from eventflow.graph.parameters import Range
from eventflow.kernels.slices import CountSlicer
from eventflow.messages import StreamInfo
from eventflow_nodes.slice.slicing import Slicing


class SliceCount(Slicing):
    """Cut the stream after every `count` events.

    A slice begins and ends at the times of its first and last event. The last is marked incomplete and ends with the
    stream.

    Args:
        count: events a slice.
    """

    count: Annotated[int, Range(1)] = 10_000

    def _make(self, events: StreamInfo) -> CountSlicer:
        return CountSlicer(self.count)
