"""A stream that another run publishes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal, NamedTuple

from eventflow.errors import ParameterError
from eventflow.events import Events
from eventflow.graph.node import Source
from eventflow.graph.parameters import Range
from eventflow.io.order import BEFORE_ALL_TIME
from eventflow.messages import Message, Reset, StreamInfo, Watermark, first_time_of, time_of
from eventflow.units import Duration, s

_WAIT_S: Final = 0.05


class Published(NamedTuple):
    """What a run may publish: events, or messages of any other kind."""

    events: Events | None = None
    messages: Message | None = None


class Subscribe(Source):
    """Receive what the node `publish` or `tap` of another run sends.

    A broken connection is waited for; messages missed meanwhile, or because this graph was slow, are counted, and after
    a break, or where another run goes on in its place, every node below starts anew. The stream ends when the other
    run ends.

    Args:
        url: the stream's name on this host, ipc://PATH, or tcp://HOST:PORT.
        policy: what happens when this graph is slow: it misses the oldest, all but the newest, or the other run waits.
        server_key: file of the publisher's public key, for an encrypted stream.
        key: file of this program's secret key, where the publisher wants to know it.
        patience: how long to wait for the publisher, at the start and after a break.
    """

    live: ClassVar[bool] = True
    url: str
    policy: Literal["drop_oldest", "latest", "block"] = "drop_oldest"
    server_key: Path | None = None
    key: Path | None = None
    patience: Annotated[Duration, Range(1)] = s(10)

    def start(self) -> StreamInfo:
        """Connect."""
        if self.services is None:
            raise ParameterError("subscribe works within a run only; in Python use ef.connect(url)")
        wait_s = self.patience / 1e6
        options: dict[str, Any] = {"policy": self.policy, "server_key": self.server_key, "key": self.key}
        self._stream = self.services.subscription(self.url, timeout_s=wait_s, patience_s=wait_s, **options)
        info: StreamInfo = self._stream.info
        return info.having(live=True)

    def run(self) -> Iterator[Published | Reset | Watermark]:
        """Yield messages as they come."""
        self._before = 0
        stream, reached = self._stream, {"events": BEFORE_ALL_TIME, "messages": BEFORE_ALL_TIME}
        while not stream.ended:
            message = stream.receive(_WAIT_S)
            if message is None:
                yield Watermark(max(reached.values()))  # also before anything came, so that the run may end
                continue
            if not sum(stream.received.values()) > 1:
                self._before = stream.missed  # while this run was getting ready: it came late
            self._count()
            port = "events" if isinstance(message, Events) else "messages"
            if stream.after_break or first_time_of(message) < reached[port]:
                yield Reset(self._why())
                reached = dict.fromkeys(reached, BEFORE_ALL_TIME)
            reached[port] = time_of(message)
            yield Published(**{port: message})
        self._count()

    def close(self, *, complete: bool) -> None:
        """End the connection."""
        if hasattr(self, "_stream"):
            self._stream.close()
        super().close(complete=complete)

    def _why(self) -> str:
        stream = self._stream
        if not stream.after_break:
            return "time jumped back"
        lost = "another run goes on" if stream.restarted else f"{stream.gap} messages were missed"
        return f"the connection was broken; {lost}"

    def _count(self) -> None:
        counts = {"missed messages": self._stream.missed - self._before, "breaks": self._stream.breaks}
        self.skipped.update({name: count - self.skipped[name] for name, count in counts.items() if count})
