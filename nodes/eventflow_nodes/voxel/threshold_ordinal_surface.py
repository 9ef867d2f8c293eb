"""Threshold-ordinal surfaces (TOS)."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.kernels import ordinal_surfaces
from eventflow.kernels.pool import blank
from eventflow.messages import Grid, Slice, StreamInfo


class ThresholdOrdinalSurface(Node):
    """Show which pixels had the latest events of their surroundings. Glover et al. 2021, luvHarris.

    One plane of both polarities, uint8: 255 for the newest event of a patch, 0 for old ones.

    Events of earlier slices are remembered; time plays no part but for their order.

    Args:
        radius: half the side of a patch, px.
    """

    radius: Annotated[int, Range(1, 7)] = 3

    def start(self, slice: StreamInfo) -> None:
        """Forget all events."""
        self._surface = np.zeros((1, slice.height, slice.width), np.uint8)

    def slice(self, slice: Slice) -> Grid:
        """Return the surface after the events of one slice."""
        ordinal_surfaces.threshold_ordinal_surface(slice.events, self._surface, radius=self.radius)
        data = blank(self._surface.shape, self._surface.dtype)
        data[:] = self._surface
        return Grid(data, slice.t0, slice.t1, ("surface",))
