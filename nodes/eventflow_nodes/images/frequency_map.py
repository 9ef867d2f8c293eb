"""Maps of flicker and vibration."""

from __future__ import annotations

from typing import Annotated, Any

from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.kernels.vibration import FrequencyMap as Map
from eventflow.messages import Grid, Slice, StreamInfo


class FrequencyMap(Node):
    """Show at which frequency each pixel flickers, at the end of each slice: lamps, screens, what vibrates.

    One plane, float32, Hz; 0 where a pixel does not flicker. Earlier slices are remembered.

    Args:
        lowest: frequency, Hz.
        highest: frequency, Hz.
        tolerance: how far a period may lie from the mean of those before, as a share of it.
        least: periods that must have agreed.
    """

    lowest: Annotated[float, Range(1e-3)] = 5.0
    highest: Annotated[float, Range(1e-3)] = 2_000.0
    tolerance: Annotated[float, Range(0, 1)] = 0.2
    least: Annotated[int, Range(1)] = 3

    def start(self, slice: StreamInfo) -> None:
        """Forget all events."""
        rule = {"lowest": self.lowest, "highest": self.highest, "tolerance": self.tolerance}
        self._map = Map(slice.width, slice.height, least=self.least, **rule)

    def slice(self, slice: Slice) -> Grid:
        """Return the frequencies at the end of one slice."""
        self._map.push(slice.events)
        return Grid(self._map.hertz(slice.t1), slice.t0, slice.t1, ("hertz",))

    def state(self) -> dict[str, Any]:
        """Return what is known of each pixel."""
        return {"times": self._map.times.copy(), "periods": self._map.periods.copy()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to what was known."""
        self._map.times[:] = state["times"]
        self._map.periods[:] = state["periods"]
