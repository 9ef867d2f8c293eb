"""Exponentially reduced ordinal surfaces (EROS)."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.kernels import ordinal_surfaces
from eventflow.kernels.pool import blank
from eventflow.messages import Grid, Slice, StreamInfo


class Eros(Node):
    """Show edges that stay until events around them wear them down. Gava et al. 2022, PUCK.

    One plane of both polarities, float32, 0 to 255.

    Events of earlier slices are remembered; time plays no part but for their order.

    Args:
        radius: half the side of a patch, px.
        decay: what a pixel keeps after as many events around it as a patch is wide.
    """

    radius: Annotated[int, Range(1, 7)] = 3
    decay: Annotated[float, Range(1e-6, 1)] = 0.3

    def start(self, slice: StreamInfo) -> None:
        """Forget all events."""
        self._surface = np.zeros((1, slice.height, slice.width), np.float32)

    def slice(self, slice: Slice) -> Grid:
        """Return the surface after the events of one slice."""
        ordinal_surfaces.exponential_reduced_surface(slice.events, self._surface, radius=self.radius, decay=self.decay)
        data = blank(self._surface.shape, self._surface.dtype)
        data[:] = self._surface
        return Grid(data, slice.t0, slice.t1, ("surface",))
