"""ERGO-12."""

from __future__ import annotations

from eventflow.graph.node import Node
from eventflow.kernels import ergo
from eventflow.messages import Grid, Slice


class Ergo12(Node):
    """Measure each pixel's events of a slice in the twelve ways that serve detectors best. Zubić et al. 2023.

    Twelve planes, float32, named by what they measure.
    """

    def slice(self, slice: Slice) -> Grid:
        """Return the measures of one slice."""
        return Grid(ergo.ergo12(slice.events, slice.t0, slice.t1), slice.t0, slice.t1, ergo.CHANNEL_NAMES)
