"""SCARF pictures."""

from __future__ import annotations

from typing import Annotated, Any

from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.kernels.receptive_fields import ReceptiveFields
from eventflow.messages import Grid, Slice, StreamInfo


class Scarf(Node):
    """Draw the last events of each receptive field, however long ago they were. SCARF, Ikura et al. 2026.

    One plane of both polarities, float32, 0 to 1. What stands still stays drawn.

    Args:
        block: side of a receptive field, px.
        density: events a field remembers, for each of its pixels.
        contribution: what an event adds to its pixel.
    """

    block: Annotated[int, Range(2, 256)] = 14
    density: Annotated[float, Range(0.001, 16)] = 0.3
    contribution: Annotated[float, Range(0, 1)] = 0.3

    def start(self, slice: StreamInfo) -> None:
        """Forget all events."""
        self._fields = ReceptiveFields(slice.width, slice.height, block=self.block, density=self.density)

    def slice(self, slice: Slice) -> Grid:
        """Return the picture after the events of one slice."""
        self._fields.push(slice.events)
        return Grid(self._fields.picture(self.contribution), slice.t0, slice.t1, ("events",))

    def state(self) -> dict[str, Any]:
        """Return what the fields remember."""
        return {"counts": self._fields.counts.copy(), "memory": self._fields.memory.copy()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to what the fields remembered."""
        self._fields.counts[:] = state["counts"]
        self._fields.memory[:] = state["memory"]
