"""Trails: the events of one pixel and polarity that follow each other."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np

from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.graph.parameters import Live, Range
from eventflow.kernels import denoise, pixel_filters
from eventflow.messages import StreamInfo
from eventflow.units import Duration, ms


class TrailFilter(Node):
    """Keep some events of each burst: those of one pixel and polarity less than `window` apart.

    `first` cuts the trail behind the first event; `second` (spatio-temporal contrast, trail cut) keeps only the
    second, so that single events vanish too; `from_second` (trail kept) drops only the first.

    In unordered streams an event within `window` belongs to the burst, whether before or after.

    Args:
        window: how soon an event must follow to belong to the burst.
        rule: which events of a burst stay.
        mark: keep all events and fill their scores with the place in the burst: 1, 2, or 3 for all that follow.
    """

    window: Annotated[Duration, Range(1), Live()] = ms(10)
    rule: Literal["first", "second", "from_second"] = "first"
    mark: bool = False

    def start(self, events: StreamInfo) -> None:
        """Forget all events."""
        self._last = denoise.surface(events.width, events.height, radius=0)
        self._places = np.zeros((events.height, events.width), np.uint8)

    def events(self, events: Events) -> Events:
        """Filter a packet."""
        return pixel_filters.bursts(events, self._last, self._places, self.window, rule=self.rule, mark=self.mark)
