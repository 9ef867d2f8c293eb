"""Voxel grids."""

from __future__ import annotations

from typing import Annotated

from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.kernels import representations
from eventflow.messages import Grid, Slice, StreamInfo


class VoxelGrid(Node):
    """Spread the events of each slice over bins, bilinearly in time and signed by polarity. Zhu et al. 2019.

    The slice's t0 and t1 are the window: an event at t0 is all in the first bin, one at t1 would be all in the last.

    Args:
        bins: number of planes.
    """

    bins: Annotated[int, Range(1, 1024)] = 5

    def start(self, slice: StreamInfo) -> None:
        """Name the planes."""
        self._channels = tuple(f"bin{number}" for number in range(self.bins))

    def slice(self, slice: Slice) -> Grid:
        """Return the grid of one slice."""
        data = representations.voxel_grid(slice.events, slice.t0, slice.t1, self.bins)
        return Grid(data, slice.t0, slice.t1, self._channels)
