"""When pixels had their events."""

from __future__ import annotations

from typing import Literal

from eventflow.graph.node import Node
from eventflow.kernels import frames
from eventflow.messages import Grid, Slice


class TimestampImage(Node):
    """Show when in the slice each pixel had its events: 0 at its start, 1 at its end. Zhu et al. 2018, EV-FlowNet.

    Planes OFF and ON, float32, 0 where there was no event.

    Args:
        moment: of several events of a pixel, the time of the last, of the first, or the mean of all.
    """

    moment: Literal["last", "first", "mean"] = "last"

    def slice(self, slice: Slice) -> Grid:
        """Return the times of one slice."""
        data = frames.timestamp_image(slice.events, slice.t0, slice.t1, moment=self.moment)
        return Grid(data, slice.t0, slice.t1, ("off", "on"))
