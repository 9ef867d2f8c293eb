"""ON minus OFF."""

from __future__ import annotations

from eventflow.graph.node import Node
from eventflow.kernels import frames
from eventflow.messages import Grid, Slice


class SignedFrame(Node):
    """Count ON events minus OFF events of each pixel in each slice: one plane, int32."""

    def slice(self, slice: Slice) -> Grid:
        """Return the sums of one slice."""
        return Grid(frames.signed_frame(slice.events), slice.t0, slice.t1, ("on-off",))
