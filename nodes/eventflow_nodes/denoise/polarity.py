"""One polarity alone."""

from __future__ import annotations

from typing import Literal

from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.kernels import selection


class PolarityFilter(Node):
    """Keep the events of one polarity.

    Unordered streams are filtered all the same.

    Args:
        polarity: `on` or `off`.
    """

    polarity: Literal["on", "off"] = "on"

    def events(self, events: Events) -> Events:
        """Filter a packet."""
        return selection.of_polarity(events, self.polarity)
