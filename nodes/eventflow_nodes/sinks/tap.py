"""A named point of a running graph that others may listen to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.messages import Message, StreamInfo


class Tap(Node):
    """Publish every message under a name, for whoever listens; who is slow misses some, the graph never waits.

    Events that are unordered are published as they are.

    Args:
        name: what listeners ask for.
    """

    name: str

    def start(self, message: StreamInfo) -> None:
        """Open the point."""
        self._publish: Callable[[Any], None] | None = None
        if self.services is not None:
            self._publish = self.services.publisher(self.name, message)

    def message(self, message: Events | Message) -> None:
        """Publish any message."""
        if self._publish is not None:
            self._publish(message)
