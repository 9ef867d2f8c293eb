"""Mirror images."""

from __future__ import annotations

from typing import Literal

from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.kernels import transforms


class Flip(Node):
    """Mirror the picture. Time plays no part: unordered events are taken too.

    Args:
        axis: x is left to right, y top to bottom.
    """

    axis: Literal["x", "y", "both"] = "x"

    def events(self, events: Events) -> Events:
        """Mirror a packet."""
        return transforms.flip(events, self.axis)
