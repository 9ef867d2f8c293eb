"""Bands of frequency, pixel by pixel."""

from __future__ import annotations

from typing import Annotated, Literal

from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.kernels import denoise, pixel_filters
from eventflow.messages import StreamInfo


class FrequencyBandFilter(Node):
    """Keep the events whose pixel fires with a frequency inside a band, or outside it.

    The frequency is 1 / (time since the event before at the pixel). `high` alone is a low-pass, `low` alone a
    high-pass.

    In unordered streams the distance in time counts.

    Args:
        low: lowest frequency of the band, Hz; absent: no limit, and the first event of a pixel is inside.
        high: highest, Hz; absent: no limit.
        keep: events `inside` the band or `outside`.
        mark: keep all events and fill their scores with the time since the event before at the pixel, µs.
    """

    low: Annotated[float | None, Range(1e-6, 1e6)] = None
    high: Annotated[float | None, Range(1e-6, 1e6)] = None
    keep: Literal["inside", "outside"] = "inside"
    mark: bool = False

    def start(self, events: StreamInfo) -> None:
        """Forget all events."""
        self._last = denoise.surface(events.width, events.height, radius=0)

    def events(self, events: Events) -> Events:
        """Filter a packet."""
        return pixel_filters.band(events, self._last, self.low, self.high, keep=self.keep, mark=self.mark)
