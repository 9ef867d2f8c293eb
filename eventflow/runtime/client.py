"""`ef.connect`: the messages of a stream that a running graph publishes, in another program."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import zmq
from zmq.utils.monitor import recv_monitor_message

from eventflow.errors import LinkError
from eventflow.messages import StreamInfo
from eventflow.runtime import wire
from eventflow.runtime.curve import connect_encrypted
from eventflow.runtime.publish import address_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    from eventflow.runtime.subscriber import Policy

_PACKETS: Final = 32
_BYTES: Final = 64_000_000
_HEARTBEAT_MS: Final = 1000
_REFUSED: Final = zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
_WATCHED: Final = _REFUSED | zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED
_NO_ANSWER: Final = "no eventflow stream answered within {} s; does the graph run, and is `publish` or `tap` in it?"


def connect(
    url: str,
    *,
    timeout_s: float = 5.0,
    policy: Policy = "drop_oldest",
    patience_s: float | None = 10.0,
    server_key: Path | None = None,
    key: Path | None = None,
) -> Subscription:
    """Listen to a published stream.

    Args:
        url: the stream's name on this host, or an address: tcp://HOST:PORT, ipc://PATH.
        timeout_s: how long to wait for an answer.
        policy: what happens when this program is slow: drop_oldest, latest, or block (the graph waits, where its
            node `publish` lets it).
        patience_s: how long a broken connection is waited for; None: for ever.
        server_key: file of the publisher's public key, for an encrypted stream.
        key: file of this program's secret key, where the publisher wants to know it.

    Raises:
        LinkError: nobody answered in time, or the peer speaks another protocol.
    """
    return Subscription(url, timeout_s=timeout_s, policy=policy, patience_s=patience_s, server_key=server_key, key=key)


class Subscription:
    """A published stream. Iterating yields its messages until it ends; usable with `with`. See `connect`.

    Attributes:
        info: the stream's description.
        missed: messages that this program did not get, because it was slow or the connection broken.
        gap: how many of them lay before the message that came last.
        breaks: how often the connection broke and came back.
        restarted: whether the message that came last is the first of another run than those before it.
        after_break: whether it is the first after the connection had broken.
        received: messages by type.
        ended: whether the stream is over.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout_s: float,
        policy: Policy,
        patience_s: float | None,
        server_key: Path | None,
        key: Path | None,
    ) -> None:
        self.url = url if "://" in url else address_of(url)
        self.missed = self.gap = self.breaks = 0
        self.after_break = self.restarted = self.ended = False
        self.received: Counter[str] = Counter()
        self.info = StreamInfo()
        self._policy, self._patience_s = policy, patience_s
        self._stream, self._expected = "", -1
        self._away_since: float | None = None
        self._broken = False
        self._refused = False
        self._done_packets = self._done_bytes = 0
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._monitor = self._socket.get_monitor_socket(_WATCHED)
        try:
            self._prepare(server_key, key)
            self._greet(timeout_s)
        except BaseException:
            self.close()
            raise

    def _prepare(self, server_key: Path | None, key: Path | None) -> None:
        socket = self._socket
        socket.setsockopt(zmq.LINGER, 500)
        socket.setsockopt(zmq.RCVHWM, 0)
        socket.setsockopt(zmq.RECONNECT_IVL, 20)
        socket.setsockopt(zmq.RECONNECT_IVL_MAX, 500)
        socket.setsockopt(zmq.MAXMSGSIZE, wire.MAX_MESSAGE_BYTES)
        for option, value in ((zmq.HEARTBEAT_IVL, 1), (zmq.HEARTBEAT_TIMEOUT, 3), (zmq.HEARTBEAT_TTL, 3)):
            socket.setsockopt(option, value * _HEARTBEAT_MS)  # a pulled cable says nothing
        if server_key is not None:
            connect_encrypted(socket, server_key, key)
        try:
            socket.connect(self.url)
        except zmq.ZMQError as error:
            raise LinkError(f"{self.url}: {error}; expected a name, tcp://HOST:PORT or ipc://PATH") from None

    def _greet(self, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        self._say_hello()
        while not self._stream:
            left_s = deadline - time.monotonic()
            self._watch()
            if self._refused:
                raise LinkError(
                    f"{self.url}: the peer refuses us: it speaks another protocol, or wants other keys than "
                    "server_key= and key= give"
                )
            if left_s <= 0:
                raise LinkError(f"{self.url}: {_NO_ANSWER.format(timeout_s)}")
            self._take(min(left_s, 0.1))

    def _say_hello(self) -> None:
        self._say(wire.Hello(wire.VERSION, 0, "", "client", {"policy": self._policy}))

    def receive(self, timeout_s: float) -> Any | None:
        """Return the next message; None where nothing came in time, or the stream has ended (`ended`).

        Raises:
            LinkError: the connection is broken for longer than `patience_s`, or the peer breaks the protocol.
        """
        deadline = time.monotonic() + timeout_s
        while not self.ended:
            message = self._take(max(min(deadline - time.monotonic(), 0.1), 0.0))
            if message is not None:
                return message
            now = time.monotonic()
            self._watch()
            self._check_patience(now)
            if now >= deadline:
                break
        return None

    def __iter__(self) -> Iterator[Any]:
        while not self.ended:
            message = self.receive(1.0)
            if message is not None:
                yield message

    def _take(self, timeout_s: float) -> Any | None:
        if not self._socket.poll(int(timeout_s * 1000)):
            return None
        frames = self._socket.recv_multipart(copy=False)
        try:
            header = wire.decode_header(frames[0].buffer)
        except LinkError as error:
            raise LinkError(f"{self.url}: the peer speaks another protocol: {error}") from None
        if isinstance(header, wire.Data):
            return self._data(header, [frame.buffer for frame in frames[1:]])
        if isinstance(header, wire.Hello):
            self._welcomed(header)
        elif isinstance(header, wire.Eos):
            self.ended = True
            self.missed += max(header.seq - self._expected, 0) if self._expected >= 0 else 0
            self._say(wire.EosAck(wire.VERSION, 0, header.seq))
        elif isinstance(header, wire.Error):
            raise LinkError(f"{self.url}: {header.text}")
        return None

    def _welcomed(self, hello: wire.Hello) -> None:
        self.info = wire.info_from_plain(hello.info)
        if self._stream:
            self._broken = True
            self.breaks += 1
        if hello.token != self._stream:
            self._expected = -1
        self._stream = hello.token or "nameless"
        self._away_since = None
        self._done_packets = self._done_bytes = 0
        self._say(wire.Credit(wire.VERSION, 0, _PACKETS, _BYTES))

    def _data(self, header: wire.Data, buffers: list[Any]) -> Any:
        self.gap = max(header.seq - self._expected, 0) if self._expected >= 0 else header.gap
        self.restarted = self._broken and self._expected < 0
        self.after_break, self._broken = self._broken, False
        self._expected = header.seq + 1
        self.missed += self.gap
        self.received[header.type] += 1
        message = wire.message_from_frames(header, buffers)
        wire.check_events(message)
        self._return_credit(sum(buffer.nbytes for buffer in buffers))
        return message

    def _watch(self) -> None:
        """Take note of connections that broke and came back; who comes back greets anew."""
        while self._monitor.poll(0):
            event = int(recv_monitor_message(self._monitor)["event"])
            if event == zmq.EVENT_DISCONNECTED and self._away_since is None:
                self._away_since = time.monotonic()
            elif event == zmq.EVENT_HANDSHAKE_SUCCEEDED and self._away_since is not None and self._stream:
                self._say_hello()
            elif event & _REFUSED:
                self._refused = True

    def _check_patience(self, now: float) -> None:
        if self._away_since is None or self._patience_s is None or now - self._away_since < self._patience_s:
            return
        raise LinkError(
            f"{self.url}: the connection broke after {sum(self.received.values())} messages and did not come back "
            f"within {self._patience_s:g} s; the graph that published has died, or the network is down"
        )

    def _return_credit(self, size: int) -> None:
        self._done_packets += 1
        self._done_bytes += size
        if self._done_packets * 2 >= _PACKETS or self._done_bytes * 2 >= _BYTES:
            self._say(wire.Credit(wire.VERSION, 0, self._done_packets, self._done_bytes))
            self._done_packets = self._done_bytes = 0

    def _say(self, header: wire.AnyHeader) -> None:
        self._socket.send(wire.encode_header(header))

    def close(self) -> None:
        """Leave the stream. Safe to call twice."""
        if not self._socket.closed:
            self._socket.disable_monitor()
            self._monitor.close()
            self._socket.close()
            self._context.term()

    def __enter__(self) -> Subscription:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
