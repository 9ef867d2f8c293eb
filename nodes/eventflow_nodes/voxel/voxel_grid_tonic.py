"""Voxel grids in the convention of tonic and evlib."""

from __future__ import annotations

from typing import Annotated

from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.kernels import voxels
from eventflow.messages import Grid, Slice, StreamInfo


class VoxelGridTonic(Node):
    """Spread the events of each slice over bins as tonic and evlib do: `bins` steps of time, signed, bilinear.

    An event at the start of the slice is all in the first bin; what would go to a bin after the last is left out.

    Args:
        bins: number of planes.
    """

    bins: Annotated[int, Range(1, 1024)] = 10

    def start(self, slice: StreamInfo) -> None:
        """Name the planes."""
        self._channels = tuple(f"bin{number}" for number in range(self.bins))

    def slice(self, slice: Slice) -> Grid:
        """Return the grid of one slice."""
        data = voxels.voxel_grid_tonic(slice.events, slice.t0, slice.t1, self.bins)
        return Grid(data, slice.t0, slice.t1, self._channels)
