"""Binary frames as the bits of a number."""

from __future__ import annotations

from typing import Annotated

from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.kernels import frames
from eventflow.messages import Grid, Slice


class BinaRep(Node):
    """Read a binary frame for each part of a slice as the bits of one number. Barchid et al. 2022, Bina-Rep.

    Planes OFF and ON, float32, 0 to 1; the first part of the slice is the highest bit.

    Args:
        bits: parts of a slice.
    """

    bits: Annotated[int, Range(1, 24)] = 8

    def slice(self, slice: Slice) -> Grid:
        """Return the numbers of one slice."""
        data = frames.bina_rep(slice.events, slice.t0, slice.t1, bits=self.bits)
        return Grid(data, slice.t0, slice.t1, ("off", "on"))
