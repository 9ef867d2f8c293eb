"""Delays by chance."""

from __future__ import annotations

from typing import Annotated

from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.kernels.slices import require_order
from eventflow.messages import StreamInfo
from eventflow.synth import augmentation
from eventflow.units import Duration, us


class JitterTime(Node):
    """Delay each event by chance, for itself, and put them in order again: the jitter of a read-out.

    Args:
        most: longest delay.
        seed: of the chance.
    """

    most: Annotated[Duration, Range(0)] = us(100)
    seed: int = 1

    def start(self, events: StreamInfo) -> None:
        """Begin with nothing delayed."""
        self._number = 0
        self._waiting = Events.empty(events.width, events.height)
        self._latest: int | None = None

    def events(self, events: Events) -> Events | None:
        """Delay a packet; what no later event can come before leaves."""
        if not len(events):
            return None
        require_order(events, self._latest)
        self._latest = int(events.t[-1])
        records = events.records.view("V16").copy().view(events.records.dtype)
        records["t"] += augmentation.delays(len(events), self.most, seed=self.seed, first=self._number)
        self._number += len(events)
        delayed = Events(
            records, events.width, events.height, ordered=False, labels=events.labels, scores=events.scores
        )
        self._waiting = Events.concat([self._waiting, delayed]).sorted()
        return self._release(self._latest)

    def on_watermark(self, t: int) -> Events | None:
        """Let what is before `t` leave."""
        return self._release(t)

    def finish(self, t_end: int) -> Events | None:
        """Let everything leave."""
        return self._waiting

    def _release(self, t: int) -> Events:
        count = int(self._waiting.t.searchsorted(t))
        leaving, self._waiting = self._waiting[:count], self._waiting[count:]
        return leaving
