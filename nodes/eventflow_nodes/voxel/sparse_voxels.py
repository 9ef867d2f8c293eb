"""Voxels as a list."""

from __future__ import annotations

from typing import Annotated

from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.kernels import sparse
from eventflow.messages import Slice, Voxels


class SparseVoxels(Node):
    """List the voxels of each slice that hold events: coordinates and features, for sparse convolutions.

    Features: OFF events, ON events, their mean time in the slice (0 to 1).

    Args:
        bins: voxels along time.
        stride: side of a voxel, px.
    """

    bins: Annotated[int, Range(1, 1024)] = 5
    stride: Annotated[int, Range(1, 1024)] = 1

    def slice(self, slice: Slice) -> Voxels:
        """Return the voxels of one slice."""
        found = sparse.sparse_voxels(slice.events, slice.t0, slice.t1, self.bins, stride=self.stride)
        return Voxels(*found, slice.t0, slice.t1, sparse.FEATURES)
