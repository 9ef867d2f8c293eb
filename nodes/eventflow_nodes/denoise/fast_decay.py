"""Fast decay: blocks of pixels that are busy."""

from __future__ import annotations

from typing import Annotated

from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.graph.parameters import Live, Range
from eventflow.kernels import blocks
from eventflow.messages import StreamInfo
from eventflow.units import Duration, ms


class FastDecay(Node):
    """Drop the events of blocks of pixels in which little happens.

    Each block counts its events, and the count halves every `half_life`. The rule of dv-processing.

    In unordered streams nothing decays where time steps back.

    Args:
        half_life: how soon the count halves.
        block: side of a block, px.
        threshold: a count up to this is too little.
        mark: keep all events and fill their scores with the count.
    """

    half_life: Annotated[Duration, Range(1)] = ms(10)
    block: Annotated[int, Range(1, 256)] = 4
    threshold: Annotated[float, Range(0.0), Live()] = 6.0
    mark: bool = False

    def start(self, events: StreamInfo) -> None:
        """Forget all events."""
        self._times, self._counts = blocks.decay_memory(events.width, events.height, self.block)

    def events(self, events: Events) -> Events:
        """Filter a packet."""
        return blocks.fast_decay(
            events,
            (self._times, self._counts),
            self.half_life,
            block=self.block,
            threshold=self.threshold,
            mark=self.mark,
        )
