"""Where events were."""

from __future__ import annotations

from eventflow.graph.node import Node
from eventflow.kernels import frames
from eventflow.messages import Grid, Slice


class BinaryFrame(Node):
    """Mark the pixels that had an event in each slice: planes OFF and ON, uint8, 0 or 1."""

    def slice(self, slice: Slice) -> Grid:
        """Return the marks of one slice."""
        return Grid(frames.binary_frame(slice.events), slice.t0, slice.t1, ("off", "on"))
