"""Saturating counts of events."""

from __future__ import annotations

from typing import Annotated

from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.kernels import frames
from eventflow.messages import Grid, Slice


class Histogram(Node):
    """Count the events of each pixel and polarity in each slice, up to a limit: planes OFF and ON, uint8.

    Args:
        most: counts above stay at this.
    """

    most: Annotated[int, Range(1, 255)] = 255

    def slice(self, slice: Slice) -> Grid:
        """Return the counts of one slice."""
        return Grid(frames.histogram(slice.events, most=self.most), slice.t0, slice.t1, ("off", "on"))
