"""Flicker of lamps and screens."""

from __future__ import annotations

from typing import Annotated

from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.kernels import pixel_filters
from eventflow.messages import StreamInfo


class AntiFlicker(Node):
    """Drop the events of pixels that change from OFF to ON and back at a steady frequency between `low` and `high`.

    A period inside the band counts one up, any other one down; a pixel flickers from `start_count` on and until the
    count is below `stop_count`.

    In unordered streams the distance in time counts as the period.

    Args:
        low: lowest frequency taken out, Hz. Lamps flicker with twice that of the mains: 100 or 120.
        high: highest, Hz.
        start_count: periods after which a pixel flickers.
        stop_count: count below which it no longer does.
        mark: keep all events and fill their scores with the periods that are missing to flicker.
    """

    low: Annotated[float, Range(0.001, 1e6)] = 90.0
    high: Annotated[float, Range(0.001, 1e6)] = 130.0
    start_count: Annotated[int, Range(1, 100)] = 6
    stop_count: Annotated[int, Range(1, 100)] = 4
    mark: bool = False

    def start(self, events: StreamInfo) -> None:
        """Forget all events."""
        self._pixels = pixel_filters.flicker_memory(events.width, events.height)

    def events(self, events: Events) -> Events:
        """Filter a packet."""
        return pixel_filters.anti_flicker(
            events, self._pixels, self.low, self.high, start=self.start_count, stop=self.stop_count, mark=self.mark
        )
