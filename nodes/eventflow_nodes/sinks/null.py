"""The end of a stream that nobody needs."""

from __future__ import annotations

from typing import Any

from eventflow.digest import ContentDigest
from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.messages import Message


class Null(Node):
    """Take messages, unordered events too, and forget them; with `hash`, report the hash of their content.

    Args:
        hash: whether the summary's outputs hold the blake2b of the content, the same however it was cut into packets.
    """

    hash: bool = False

    def __init__(self, **parameters: Any) -> None:
        super().__init__(**parameters)
        self.content_hash: str | None = None
        self._digest = ContentDigest()

    def message(self, message: Events | Message) -> None:
        """Take any message."""
        if self.hash:
            self._digest.add(message)

    def finish(self, t_end: int) -> None:
        """Know the hash."""
        if self.hash:
            self.content_hash = self._digest.hexdigest()

    def state(self) -> dict[str, Any]:
        """Return the digest in plain values."""
        return {"digest": self._digest.state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a digest."""
        self._digest.restore(state["digest"])
