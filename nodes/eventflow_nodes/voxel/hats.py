"""Histograms of averaged time surfaces (HATS)."""

from __future__ import annotations

from typing import Annotated, Literal

from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.kernels import hats as kernel
from eventflow.messages import Grid, Slice, StreamInfo
from eventflow.units import Duration, ms


class Hats(Node):
    """Average the time surfaces of the events of each cell and polarity in each slice. Sironi et al. 2018.

    The grid has one pixel a cell and one plane for each polarity and pixel of the surface, float32.

    Args:
        cell: side of a cell, px.
        radius: half the side of a surface, px.
        window: how far back events are remembered, within the slice.
        tau: time constant.
        decay: how the surface fades.
    """

    cell: Annotated[int, Range(1)] = 10
    radius: Annotated[int, Range(0, 7)] = 2
    window: Annotated[Duration, Range(0)] = ms(100)
    tau: Annotated[Duration, Range(1)] = ms(50)
    decay: Literal["exponential", "linear"] = "exponential"

    def start(self, slice: StreamInfo) -> StreamInfo:
        """Name the planes; the grid is as wide as there are cells."""
        steps = range(-self.radius, self.radius + 1)
        self._channels = tuple(f"{side}{dy:+d}{dx:+d}" for side in ("off", "on") for dy in steps for dx in steps)
        return slice.having(width=-(-slice.width // self.cell), height=-(-slice.height // self.cell))

    def slice(self, slice: Slice) -> Grid:
        """Return the histograms of one slice."""
        data = kernel.hats(
            slice.events, cell=self.cell, radius=self.radius, window=self.window, tau=self.tau, decay=self.decay
        )
        return Grid(data, slice.t0, slice.t1, self._channels)
