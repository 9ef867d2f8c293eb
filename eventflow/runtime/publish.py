"""Taps: named points of a running graph that others may subscribe to, and that never slow the main path.

A node hands a message over and goes on. One thread per process sends it to whoever subscribed, each with credits and a
short queue of its own that drops its oldest message when the subscriber is slow; the drops are counted and stand in the
next message's `gap`. The addresses and the protocol are in docs/wire.md.
"""

from __future__ import annotations

import ipaddress
import os
import tempfile
import threading
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

import zmq

from eventflow.errors import LinkError, ParameterError
from eventflow.messages import time_of
from eventflow.runtime import wire
from eventflow.runtime.counters import LatencyHistogram

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventflow.messages import StreamInfo
    from eventflow.runtime.counters import EdgeCounts

_QUEUED_MESSAGES = 64
_QUEUED_BYTES = 16_000_000
_FAREWELL_S = 1.0
_PATH_LENGTH = 107


def tap_folder() -> Path:
    """Return this user's folder of tap sockets; it is made, for this user alone, when it is first needed."""
    base = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    folder = Path(base) / f"eventflow-taps-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise LinkError(f"{folder} belongs to somebody else; set XDG_RUNTIME_DIR to a folder of your own")
    return folder


def address_of(name: str) -> str:
    """Return the address of a tap: a name lies in `tap_folder`, an address such as tcp://127.0.0.1:5560 is kept.

    Raises:
        ParameterError: the address is neither ipc nor tcp, or a tcp one that other hosts can reach: such a stream
            must be encrypted.
    """
    if "://" not in name:
        path = f"{tap_folder()}/{name.replace('/', '.')}"
        if len(path.encode()) > _PATH_LENGTH:
            raise ParameterError(
                f"tap {name!r}: its socket {path} would be longer than {_PATH_LENGTH} bytes; shorten it"
            )
        return f"ipc://{path}"
    transport, _, rest = name.partition("://")
    if transport == "ipc":
        return name
    host = rest.rpartition(":")[0].strip("[]")
    if transport != "tcp" or not host:
        raise ParameterError(f"tap address {name!r}: expected a name, ipc://PATH or tcp://127.0.0.1:PORT")
    if host != "localhost" and not _is_loopback(host):
        raise ParameterError(f"tap address {name!r}: other hosts could read it unencrypted; bind to 127.0.0.1")
    return name


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _Subscriber:
    """One peer: its credits, what waits for them, and how much it missed."""

    def __init__(self) -> None:
        self.packets = self.bytes = 0
        self.queue: deque[tuple[Any, int]] = deque()
        self.seq = self.gap = self.queued_bytes = 0
        self.done = False

    def put(self, message: Any, size: int) -> None:
        self.queue.append((message, size))
        self.queued_bytes += size
        while len(self.queue) > _QUEUED_MESSAGES or (self.queued_bytes > _QUEUED_BYTES and len(self.queue) > 1):
            _, dropped = self.queue.popleft()
            self.queued_bytes -= dropped
            self.gap += 1
            self.seq += 1


class Publisher:
    """One tap. Calling it hands a message over; its thread does the rest.

    Attributes:
        dropped: messages given up because this process's own thread was behind.
    """

    def __init__(self, name: str, info: StreamInfo) -> None:
        self.address = address_of(name)
        self.dropped = 0
        self._name = name
        self._handed: deque[Any] = deque(maxlen=_QUEUED_MESSAGES)
        self._subscribers: dict[bytes, _Subscriber] = {}
        self._ended = False
        self._info = info
        self._failure: Exception | None = None
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._bound = threading.Event()
        self._thread = threading.Thread(target=self._serve, name=f"tap {name}", daemon=True)
        self._thread.start()
        self._bound.wait()
        if self._failure is not None:
            raise self._failure

    def __call__(self, message: Any) -> None:
        """Hand a message over; never waits."""
        if len(self._handed) == _QUEUED_MESSAGES:
            self.dropped += 1
        self._handed.append(message)
        os.eventfd_write(self._wake, 1)

    def close(self) -> None:
        """End the stream for all subscribers."""
        self._ended = True
        os.eventfd_write(self._wake, 1)
        self._thread.join()
        os.close(self._wake)

    def _serve(self) -> None:
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        socket = context.socket(zmq.ROUTER)
        try:
            socket.setsockopt(zmq.LINGER, 500)
            socket.setsockopt(zmq.SNDHWM, 0)
            socket.setsockopt(zmq.MAXMSGSIZE, 1 << 16)
            socket.bind(self.address)
        except zmq.ZMQError as error:
            self._failure = LinkError(f"tap {self._name!r}: cannot listen at {self.address}: {error}")
            socket.close()
            context.term()
            self._bound.set()
            return
        self._bound.set()
        poller = zmq.Poller()
        poller.register(socket, zmq.POLLIN)
        poller.register(self._wake, zmq.POLLIN)
        deadline = None
        while deadline is None or (time.monotonic() < deadline and not all(s.done for s in self._subscribers.values())):
            poller.poll(100)
            self._take_wakeups()
            self._listen(socket)
            while self._handed:
                message = self._handed.popleft()
                size = wire.size_of(message)
                for subscriber in self._subscribers.values():
                    subscriber.put(message, size)
            self._send(socket)
            if self._ended and not self._handed and deadline is None:
                deadline = time.monotonic() + _FAREWELL_S
                for peer, subscriber in self._subscribers.items():
                    self._say(socket, peer, wire.Eos(wire.VERSION, 0, subscriber.seq + len(subscriber.queue), 0))
        socket.close()
        context.term()
        if self.address.startswith("ipc://"):
            Path(self.address.removeprefix("ipc://")).unlink(missing_ok=True)

    def _take_wakeups(self) -> None:
        try:
            os.eventfd_read(self._wake)
        except BlockingIOError:
            return

    def _listen(self, socket: zmq.Socket[bytes]) -> None:
        while True:
            try:
                peer, *frames = socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            try:
                header = wire.decode_header(frames[0] if frames else b"")
            except LinkError as error:
                self._say(socket, peer, wire.Error(wire.VERSION, 0, str(error)))
                continue
            if isinstance(header, wire.Hello):
                self._subscribers[peer] = _Subscriber()
                hello = wire.Hello(wire.VERSION, 0, "", self._name, wire.plain_from_info(self._info))
                self._say(socket, peer, hello)
            elif peer in self._subscribers:
                subscriber = self._subscribers[peer]
                if isinstance(header, wire.Credit):
                    subscriber.packets += header.packets
                    subscriber.bytes += header.bytes
                elif isinstance(header, wire.EosAck):
                    subscriber.done = True

    def _send(self, socket: zmq.Socket[bytes]) -> None:
        for peer, subscriber in self._subscribers.items():
            while subscriber.queue and subscriber.packets > 0 and subscriber.bytes > 0:
                message, size = subscriber.queue.popleft()
                subscriber.queued_bytes -= size
                subscriber.packets -= 1
                subscriber.bytes -= size
                header, arrays = wire.data_header(
                    message, 0, subscriber.seq, subscriber.gap, time_of(message), time.monotonic_ns()
                )
                subscriber.seq += 1
                subscriber.gap = 0
                frames: list[Any] = [
                    peer,
                    wire.encode_header(header),
                    *(array.reshape(-1).view("u1").data for array in arrays),
                ]
                socket.send_multipart(frames, copy=size < wire.COPY_BELOW_BYTES)

    @staticmethod
    def _say(socket: zmq.Socket[bytes], peer: bytes, header: wire.AnyHeader) -> None:
        socket.send_multipart([peer, wire.encode_header(header)])


class Publishers:
    """What the engine offers to nodes as `services`: the taps of one process, its edges, and the text of the graph."""

    def __init__(self, edges: dict[int, EdgeCounts], graph_text: str = "") -> None:
        self.edges, self.graph_text = edges, graph_text
        self._publishers: list[Publisher] = []

    def publisher(self, name: str, info: StreamInfo) -> Callable[[Any], None]:
        """Return a function that publishes a message under `name` and never waits."""
        publisher = Publisher(name, info)
        self._publishers.append(publisher)
        return publisher

    def traffic(self) -> dict[str, float]:
        """Return what passed over all edges of this process so far: `sent`, `dropped`, and the ages' `age_p99_us`."""
        ages = LatencyHistogram()
        for counts in self.edges.values():
            ages.merge(counts.latency.counts, counts.latency.max_ns)
        return {
            "sent": sum(counts.messages_sent for counts in self.edges.values()),
            "dropped": sum(counts.messages_dropped for counts in self.edges.values()),
            "age_p99_us": ages.percentile_us(0.99),
        }

    def close(self) -> None:
        """End all streams."""
        for publisher in self._publishers:
            publisher.close()
        self._publishers.clear()
