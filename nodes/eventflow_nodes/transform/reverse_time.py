"""Slices played backwards."""

from __future__ import annotations

from eventflow.graph.node import Node
from eventflow.kernels import transforms
from eventflow.messages import Slice


class ReverseTime(Node):
    """Play each slice backwards: its last event first, polarities exchanged, the same window."""

    def slice(self, slice: Slice) -> Slice:
        """Reverse one slice."""
        events = transforms.reverse_time(slice.events, slice.t0, slice.t1)
        return Slice(events, slice.t0, slice.t1, slice.index, slice.complete)
