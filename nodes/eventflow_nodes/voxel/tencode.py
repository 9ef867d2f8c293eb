"""Tencode images."""

from __future__ import annotations

from eventflow.graph.node import Node
from eventflow.kernels import recent
from eventflow.messages import Grid, Slice


class Tencode(Node):
    """Paint each slice in colours: red ON, blue OFF, green the age of a pixel's last event. Huang et al. 2023.

    Planes red, green and blue, uint8.
    """

    def slice(self, slice: Slice) -> Grid:
        """Return the image of one slice."""
        return Grid(recent.tencode(slice.events, slice.t0, slice.t1), slice.t0, slice.t1, ("red", "green", "blue"))
