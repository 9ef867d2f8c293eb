"""A node of another distribution than eventflow's own."""

from __future__ import annotations

from typing import Literal

from eventflow import Events, Node


class PolarityFilter(Node):
    """Keep the events of one polarity. Unordered events stay as they are.

    Args:
        keep: which.
    """

    keep: Literal["on", "off"] = "on"

    def events(self, events: Events) -> Events:
        """Filter a packet."""
        return events[events.p == (self.keep == "on")]
