"""Time surfaces."""

from __future__ import annotations

from typing import Annotated

from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.kernels import representations
from eventflow.messages import Grid, Slice, StreamInfo
from eventflow.units import Duration, ms


class TimeSurface(Node):
    """Show how recent each pixel's last event is at the end of each slice: exp(-age / tau). Lagorce et al. 2017.

    Planes OFF and ON, float32, 0 where there was no event.

    Args:
        tau: after this time a pixel has faded to 0.37.
        remember: count the events of earlier slices too.
    """

    tau: Annotated[Duration, Range(1)] = ms(30)
    remember: bool = True

    def start(self, slice: StreamInfo) -> None:
        """Forget all events."""
        self._last = representations.time_map(slice.width, slice.height) if self.remember else None

    def slice(self, slice: Slice) -> Grid:
        """Return the surface at the end of one slice."""
        data = representations.time_surface(slice.events, slice.t1, self.tau, state=self._last)
        return Grid(data, slice.t0, slice.t1, ("off", "on"))
