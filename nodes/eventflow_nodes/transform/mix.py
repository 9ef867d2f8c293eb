"""Two streams as one."""

from __future__ import annotations

from typing import Literal

import numpy as np

from eventflow.errors import ParameterError
from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.messages import StreamInfo


class Mix(Node):
    """Merge two streams of one sensor size in time order; of equal times the first stream's events come first.

    Unordered streams are an error of the engine's, which orders inputs by time.

    Args:
        label: leave labels as they are, or label events by their stream, 1 and 2.
    """

    label: Literal["keep", "stream"] = "keep"

    def start(self, first: StreamInfo, second: StreamInfo) -> StreamInfo:
        """Compare the sensors."""
        if (first.width, first.height) != (second.width, second.height):
            raise ParameterError(
                f"streams of {first.width}x{first.height} and {second.width}x{second.height} px cannot be mixed; "
                "crop or scale one of them"
            )
        return first

    def first(self, events: Events) -> Events:
        """Pass a packet of the first stream on."""
        return self._labelled(events, 1)

    def second(self, events: Events) -> Events:
        """Pass a packet of the second stream on."""
        return self._labelled(events, 2)

    def _labelled(self, events: Events, label: int) -> Events:
        return events if self.label == "keep" else events.with_columns(labels=np.full(len(events), label, np.uint8))
