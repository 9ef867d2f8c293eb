"""YNoise: density in space and time."""

from __future__ import annotations

from typing import Annotated

from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.graph.parameters import Live, Range
from eventflow.kernels import denoise
from eventflow.messages import StreamInfo
from eventflow.units import Duration, ms


class YNoise(Node):
    """Drop events where few of their polarity fell in the last `window` near them, their own pixel included.

    Feng et al. 2020, "Event density based denoising method for dynamic vision sensor".

    In unordered streams an age is the distance in time, to an earlier event or a later one.

    Args:
        window: how recent an event must be.
        k: how many pixels must have had one.
        radius: how far they may be, px, in x and in y.
        mark: keep all events and fill their scores with the age of the k-th youngest, µs.
        threads: 2 lets two threads judge large packets together; the same events are kept.
    """

    window: Annotated[Duration, Range(1), Live()] = ms(5)
    k: Annotated[int, Range(1)] = 2
    radius: Annotated[int, Range(1, 15)] = 1
    mark: bool = False
    threads: Annotated[int, Range(1, 2)] = 1

    def start(self, events: StreamInfo) -> None:
        """Forget all events."""
        self._last = denoise.surface(events.width, events.height, radius=self.radius, threads=self.threads)

    def events(self, events: Events) -> Events:
        """Filter a packet."""
        return denoise.stcf(events, self._last, self.window, k=self.k, radius=self.radius, own=True, mark=self.mark)
