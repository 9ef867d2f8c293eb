"""Inverse distance surfaces."""

from __future__ import annotations

from typing import Annotated, Literal

from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.kernels import distance
from eventflow.messages import Grid, Slice


class DistanceSurface(Node):
    """Show how near the next pixel with events is, in each slice. Brebion et al. 2022.

    One plane of both polarities, float32, 1 at an edge; all 0 where a slice has no edge.

    Args:
        alpha: how far the surface reaches, px.
        least: events that make a pixel an edge.
        formula: how it falls off.
    """

    alpha: Annotated[float, Range(1e-6)] = 6.0
    least: Annotated[int, Range(1)] = 1
    formula: Literal["exponential", "linear"] = "exponential"

    def slice(self, slice: Slice) -> Grid:
        """Return the surface of one slice."""
        data = distance.distance_surface(slice.events, alpha=self.alpha, least=self.least, formula=self.formula)
        return Grid(data, slice.t0, slice.t1, ("nearness",))
