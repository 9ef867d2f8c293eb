"""Events near where they were."""

from __future__ import annotations

from typing import Annotated

from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.messages import StreamInfo
from eventflow.synth import augmentation


class JitterPlaces(Node):
    """Move each event by chance to a pixel near its own; what leaves the sensor is dropped. Unordered ones too.

    Args:
        radius: px, along either axis.
        seed: of the chance.
    """

    radius: Annotated[int, Range(0, 1000)] = 1
    seed: int = 1

    def start(self, events: StreamInfo) -> None:
        """Begin to number the events."""
        self._number = 0

    def events(self, events: Events) -> Events:
        """Move a packet."""
        moved, left = augmentation.jitter_places(events, self.radius, seed=self.seed, first=self._number)
        self._number += len(events)
        self.skipped["outside the sensor"] += left
        return moved
