"""RVT's stacked histograms."""

from __future__ import annotations

from typing import Annotated

from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.kernels import voxels
from eventflow.messages import Grid, Slice, StreamInfo


class StackedHistogram(Node):
    """Count the events of each polarity in each bin of a slice. Gehrig and Scaramuzza 2023, RVT.

    Planes: the bins of OFF, then those of ON, uint8.

    Args:
        bins: planes a polarity.
        most: counts above stay at this.
    """

    bins: Annotated[int, Range(1, 1024)] = 10
    most: Annotated[int, Range(1, 255)] = 255

    def start(self, slice: StreamInfo) -> None:
        """Name the planes."""
        self._channels = tuple(f"{side}{number}" for side in ("off", "on") for number in range(self.bins))

    def slice(self, slice: Slice) -> Grid:
        """Return the histogram of one slice."""
        data = voxels.stacked_histogram(slice.events, slice.t0, slice.t1, self.bins, most=self.most)
        return Grid(data, slice.t0, slice.t1, self._channels)
