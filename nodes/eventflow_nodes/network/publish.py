"""A stream for other programs and hosts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.messages import Message, StreamInfo
from eventflow.units import Duration, s


class Publish(Node):
    """Publish every message over ZeroMQ for any number of listeners: `ef.connect`, node `subscribe`, docs/wire.md.

    Who comes late gets what is published from then on. Each listener chooses what happens when it is slow: it misses
    the oldest (drop_oldest), all but the newest (latest), or, where `may_block`, the graph waits (block). What was
    missed is counted on both sides. Addresses that other hosts reach need a key; `eventflow keys` makes one.

    Args:
        address: a name on this host, ipc://PATH, or tcp://HOST:PORT; tcp://*:PORT is every interface.
        key: file of this stream's secret key, NAME.key_secret: only who has NAME.key can listen, and nobody else read.
        allowed: a folder of listeners' public keys; null: whoever has NAME.key.
        may_block: whether listeners may have the graph wait for them.
        patience: how long the graph waits for a listener that has stopped reading; then it misses messages, too.
        listeners: wait for so many listeners before the first message.
    """

    rehearses = False
    address: str
    key: Path | None = None
    allowed: Path | None = None
    may_block: bool = False
    patience: Annotated[Duration, Range(0)] = s(10)
    listeners: Annotated[int, Range(0)] = 0

    def start(self, message: StreamInfo) -> None:
        """Listen for listeners."""
        self._publish: Any = None
        if self.services is not None:
            options = {"key": self.key, "allowed": self.allowed, "may_block": self.may_block}
            self._publish = self.services.publisher(self.address, message, patience_s=self.patience / 1e6, **options)

    def message(self, message: Events | Message) -> None:
        """Publish any message."""
        if self._publish is None:
            return
        if self.listeners:
            self._publish.wait_for(self.listeners)
            self.listeners = 0
        self._publish(message)
        self._count()

    def finish(self, t_end: int) -> None:
        """Count for the last time."""
        if self._publish is not None:
            self._publish.close()
            self._count()
            self.results |= self._publish.totals()

    def _count(self) -> None:
        publish = self._publish
        counts = {
            "messages that listeners missed": publish.totals()["missed"],
            "listeners that stopped reading": publish.stalled,
            "messages of strangers": publish.strangers,
        }
        self.skipped.update({name: count - self.skipped[name] for name, count in counts.items() if count})
