"""Double window: near to the last events, wherever in time these were."""

from __future__ import annotations

from typing import Annotated

from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.graph.parameters import Live, Range
from eventflow.kernels import blocks
from eventflow.messages import StreamInfo


class DoubleWindow(Node):
    """Drop events far from the last events taken for real and the last taken for noise. Guo et al. 2020.

    Memory is two short lists, whatever the sensor; time plays no part, so unordered streams are as good as
    others.

    Args:
        size: events in each list.
        radius: an event is near that is less than this away, px in x plus px in y.
        k: how many must be near.
        mark: keep all events and fill their scores with the distance of the k-th nearest, px.
    """

    size: Annotated[int, Range(1, 4096)] = 36
    radius: Annotated[int, Range(1, 1000), Live()] = 9
    k: Annotated[int, Range(1, 64)] = 1
    mark: bool = False

    def start(self, events: StreamInfo) -> None:
        """Forget all events."""
        self._lists = blocks.window_memory(self.size)

    def events(self, events: Events) -> Events:
        """Filter a packet."""
        return blocks.double_window(events, self._lists, radius=self.radius, k=self.k, mark=self.mark)
