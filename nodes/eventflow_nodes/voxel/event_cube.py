"""Prophesee's event cubes."""

from __future__ import annotations

from typing import Annotated, Literal

from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.kernels import voxels
from eventflow.messages import Grid, Slice, StreamInfo


class EventCube(Node):
    """Spread the events of each slice over bins round their middles, each polarity apart. Perot et al. 2020.

    Planes: the bins of OFF, then those of ON, float32.

    Args:
        bins: planes a polarity.
        edges: what of an event lies before the first or after the last middle: drop it, or clamp it to that bin.
    """

    bins: Annotated[int, Range(1, 1024)] = 5
    edges: Literal["drop", "clamp"] = "drop"

    def start(self, slice: StreamInfo) -> None:
        """Name the planes."""
        self._channels = tuple(f"{side}{number}" for side in ("off", "on") for number in range(self.bins))

    def slice(self, slice: Slice) -> Grid:
        """Return the cube of one slice."""
        data = voxels.event_cube(slice.events, slice.t0, slice.t1, self.bins, edges=self.edges)
        return Grid(data, slice.t0, slice.t1, self._channels)
