"""Counts of events."""

from __future__ import annotations

from eventflow.graph.node import Node
from eventflow.kernels import representations
from eventflow.messages import Grid, Slice


class CountFrame(Node):
    """Count the events of each pixel and polarity in each slice: planes OFF and ON, int32."""

    def slice(self, slice: Slice) -> Grid:
        """Return the counts of one slice."""
        return Grid(representations.count_frame(slice.events), slice.t0, slice.t1, ("off", "on"))
