"""A share of the events."""

from __future__ import annotations

from typing import Annotated

from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.messages import StreamInfo
from eventflow.synth import augmentation


class DropEvents(Node):
    """Drop a share of the events by chance, each for itself. Unordered events are treated alike.

    Args:
        share: of the events.
        seed: of the chance.
    """

    share: Annotated[float, Range(0, 1)] = 0.1
    seed: int = 1

    def start(self, events: StreamInfo) -> None:
        """Begin to number the events."""
        self._number = 0

    def events(self, events: Events) -> Events:
        """Thin a packet."""
        kept = augmentation.drop_events(events, self.share, seed=self.seed, first=self._number)
        self._number += len(events)
        self.skipped["dropped by chance"] += len(events) - len(kept)
        return kept
