"""TORE volumes."""

from __future__ import annotations

from typing import Annotated

from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.kernels import recent
from eventflow.messages import Grid, Slice, StreamInfo
from eventflow.units import Duration, s, us


class Tore(Node):
    """Show the logarithmic ages of the last events of each pixel at the end of each slice. Baldwin et al. 2022.

    Planes: OFF from the newest event to the oldest, then ON; float32; 0 is newest. Earlier slices are remembered.

    Args:
        depth: events remembered a pixel and polarity.
        shortest: ages below count as this.
        longest: ages above, and missing events, count as this.
    """

    depth: Annotated[int, Range(1, 64)] = 4
    shortest: Annotated[Duration, Range(0)] = us(150)
    longest: Annotated[Duration, Range(1, (1 << 31) - 2)] = s(5)

    def start(self, slice: StreamInfo) -> None:
        """Forget all events."""
        self._times = recent.recent_times(slice.width, slice.height, self.depth)
        self._channels = tuple(f"{side}{number}" for side in ("off", "on") for number in range(self.depth))

    def slice(self, slice: Slice) -> Grid:
        """Return the volume at the end of one slice."""
        data = recent.tore(slice.events, slice.t1, state=self._times, shortest=self.shortest, longest=self.longest)
        return Grid(data, slice.t0, slice.t1, self._channels)
