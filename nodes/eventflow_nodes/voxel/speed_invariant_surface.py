"""Speed-invariant time surfaces."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.kernels import ordinal_surfaces
from eventflow.kernels.pool import blank
from eventflow.messages import Grid, Slice, StreamInfo


class SpeedInvariantSurface(Node):
    """Show each slice's end as a surface on which edges look alike at any speed. Manderscheid et al. 2019.

    Planes OFF and ON, uint8, up to the number of pixels of a patch.

    Events of earlier slices are remembered; time plays no part but for their order.

    Args:
        radius: half the side of a patch, px.
    """

    radius: Annotated[int, Range(1, 7)] = 3

    def start(self, slice: StreamInfo) -> None:
        """Forget all events."""
        self._surface = np.zeros((2, slice.height, slice.width), np.uint8)

    def slice(self, slice: Slice) -> Grid:
        """Return the surface after the events of one slice."""
        ordinal_surfaces.speed_invariant_surface(slice.events, self._surface, radius=self.radius)
        data = blank(self._surface.shape, self._surface.dtype)
        data[:] = self._surface
        return Grid(data, slice.t0, slice.t1, ("off", "on"))
