"""Slices that end when their picture is sharpest."""

from __future__ import annotations

from typing import Annotated

from eventflow.graph.parameters import Range
from eventflow.kernels.adaptive_slices import VarianceSlicer
from eventflow.messages import StreamInfo
from eventflow.units import Duration, ms, s
from eventflow_nodes.slice.slicing import Slicing


class SliceVariance(Slicing):
    """Cut when the picture's variance an event stops rising, or its pixels begin to have both polarities.

    OpenEB's adaptive-rate splitter, exact for any packets.

    Args:
        threshold: the variance an event that a slice must have reached.
        downsampling: how coarsely the picture is looked at, as a power of two.
        both: the share of pixels with both polarities that ends a slice.
        block: events from one look to the next.
        min_duration: no slice is ended by its events before.
        max_duration: a slice is ended by time, though the scene is still.
        max_gap: how long after the last event empty slices go on.
    """

    threshold: Annotated[float, Range(0)] = 5e-4
    downsampling: Annotated[int, Range(0, 8)] = 2
    both: Annotated[float, Range(0, 1)] = 0.1
    block: Annotated[int, Range(1)] = 100
    min_duration: Annotated[Duration, Range(0)] = 0
    max_duration: Annotated[Duration, Range(1)] = ms(300)
    max_gap: Annotated[Duration, Range(0)] = s(1)

    def _make(self, events: StreamInfo) -> VarianceSlicer:
        return VarianceSlicer(
            events.width,
            events.height,
            threshold=self.threshold,
            downsampling=self.downsampling,
            both=self.both,
            block=self.block,
            min_duration=self.min_duration,
            max_duration=self.max_duration,
            max_gap=self.max_gap,
        )
