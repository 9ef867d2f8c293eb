"""What the nodes share that cut when events have spread over enough of the sensor."""

from __future__ import annotations

from typing import Annotated, ClassVar

from eventflow.graph.parameters import Range
from eventflow.kernels.adaptive_slices import FillSlicer
from eventflow.messages import StreamInfo
from eventflow.units import Duration, ms, s
from eventflow_nodes.slice.slicing import Slicing


class Filling(Slicing):
    """Cut when events have spread over a share of the sensor: the abstract base of nodes that measure how far.

    Args:
        share: of all blocks, that ends a slice.
        block: side of a block, px.
        min_duration: no slice is ended by its events before.
        max_duration: a slice is ended by time, though the scene is still.
        max_gap: how long after the last event empty slices go on.
    """

    measure: ClassVar[str]
    share: Annotated[float, Range(1e-9, 1)] = 0.05
    block: Annotated[int, Range(1)] = 2
    min_duration: Annotated[Duration, Range(0)] = 0
    max_duration: Annotated[Duration, Range(1)] = ms(300)
    max_gap: Annotated[Duration, Range(0)] = s(1)

    def _make(self, events: StreamInfo) -> FillSlicer:
        return FillSlicer(
            events.width,
            events.height,
            measure=self.measure,
            share=self.share,
            block=self.block,
            min_duration=self.min_duration,
            max_duration=self.max_duration,
            max_gap=self.max_gap,
        )
