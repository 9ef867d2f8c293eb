"""Mixed-density event stacks."""

from __future__ import annotations

from typing import Annotated

from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.kernels import voxels
from eventflow.messages import Grid, Slice, StreamInfo


class MixedDensity(Node):
    """Sum polarities over the whole slice, its first half, quarter and so on. Nam et al. 2022, in the form of RVT.

    Planes from the shortest part to the whole slice, int8.

    Args:
        bins: number of planes.
        most: sums beyond ± this stay there.
    """

    bins: Annotated[int, Range(1, 50)] = 10
    most: Annotated[int, Range(1, 127)] = 127

    def start(self, slice: StreamInfo) -> None:
        """Name the planes."""
        self._channels = tuple(f"1/{2 ** (self.bins - 1 - number)}" for number in range(self.bins))

    def slice(self, slice: Slice) -> Grid:
        """Return the stack of one slice."""
        data = voxels.mixed_density(slice.events, slice.t0, slice.t1, self.bins, most=self.most)
        return Grid(data, slice.t0, slice.t1, self._channels)
