"""Hot pixels: those that never stop."""

from __future__ import annotations

from typing import Annotated

from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.graph.parameters import Live, Range
from eventflow.kernels import denoise, pixel_filters
from eventflow.messages import StreamInfo


class HotPixelFilter(Node):
    """Drop the events of pixels that fire faster than `rate` for longer than a burst of `burst` events.

    A pixel may have `burst` events at once and `rate` events/s for ever; one that has more is hot until it has been
    quiet long enough, `2 burst / rate` at most.

    In unordered streams a pixel begins anew where its time steps back by more than it can be silenced for.

    Args:
        rate: events/s of a pixel that may go on for ever.
        burst: events of a pixel that may come at once.
        mark: keep all events and fill their scores with how far the pixel is from being hot, events; below 0 it is.
    """

    rate: Annotated[float, Range(0.001, 1e6), Live()] = 200.0
    burst: Annotated[int, Range(1, 1 << 20), Live()] = 50
    mark: bool = False

    def start(self, events: StreamInfo) -> None:
        """Forget all events."""
        self._buckets = denoise.surface(events.width, events.height, radius=0)

    def events(self, events: Events) -> Events:
        """Filter a packet."""
        return pixel_filters.hot_pixel(events, self._buckets, self.rate, self.burst, mark=self.mark)
