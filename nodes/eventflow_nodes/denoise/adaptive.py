"""Adaptive: a denoiser that takes its window and radius from the stream."""

from __future__ import annotations

from typing import Annotated

from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.graph.parameters import Live
from eventflow.kernels import adaptive
from eventflow.messages import StreamInfo


class Adaptive(Node):
    """Drop events that are rather noise than signal, with no window or radius to choose.

    Looks at the neighbours on six time scales and up to 3 px away, at the pixel's own past and at the noise of the
    sensor, and weighs them with a small network trained on fast and slow scenes. In unordered streams an age is the
    distance in time, to an earlier event or a later one.

    Args:
        strictness: logarithm of the odds for signal from which an event is kept. 0: signal and noise are taken for
            equally likely beforehand; larger keeps less.
        mark: keep all events and fill their scores with the logarithm of the odds.
    """

    strictness: Annotated[float, Live()] = 0.0
    mark: bool = False

    def start(self, events: StreamInfo) -> None:
        """Forget all events."""
        self._memory = adaptive.memory(events.width, events.height)

    def events(self, events: Events) -> Events:
        """Filter a packet."""
        return adaptive.adaptive(events, self._memory, threshold=self.strictness, mark=self.mark)
