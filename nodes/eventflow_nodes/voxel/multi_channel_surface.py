"""Multi-channel time surfaces (MCTS)."""

from __future__ import annotations

from typing import Annotated

from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.kernels import recent, representations
from eventflow.messages import Grid, Slice, StreamInfo
from eventflow.units import Duration, ms


class MultiChannelSurface(Node):
    """Show how recent each pixel's last event is, on several scales of time. SuperEvent, Burkhardt et al. 2025.

    Planes: the scales of OFF, shortest first, then those of ON; float32, 1 fading to 0.

    Args:
        shortest: shortest scale.
        longest: longest scale.
        scales: number of scales, at equal ratios.
        remember: count the events of earlier slices too.
    """

    shortest: Annotated[Duration, Range(1)] = ms(1)
    longest: Annotated[Duration, Range(1)] = ms(30)
    scales: Annotated[int, Range(1, 64)] = 5
    remember: bool = True

    def start(self, slice: StreamInfo) -> None:
        """Forget all events."""
        self._windows = recent.mcts_windows(self.shortest, self.longest, self.scales)
        self._last = representations.time_map(slice.width, slice.height)
        self._channels = tuple(f"{side}<{span}us" for side in ("off", "on") for span in self._windows)

    def slice(self, slice: Slice) -> Grid:
        """Return the surfaces at the end of one slice."""
        if not self.remember:
            self._last[:] = recent.NEVER
        data = recent.multi_channel_surface(slice.events, slice.t1, self._windows, state=self._last)
        return Grid(data, slice.t0, slice.t1, self._channels)
