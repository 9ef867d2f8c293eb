"""Published streams: points of a running graph that others may listen to.

A node hands a message over and goes on. A thread sends it to whoever listens, each with credits, a short queue and a
policy of its own; what a slow listener misses is counted and stands in the next message's `gap`. The addresses and the
protocol are in docs/wire.md.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter, deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

import zmq

from eventflow.errors import EventflowError, LinkError, ParameterError
from eventflow.messages import time_of
from eventflow.runtime import wire
from eventflow.runtime.counters import LatencyHistogram
from eventflow.runtime.curve import is_loopback, serve_encrypted
from eventflow.runtime.sockets import PATH_LENGTH, own_folder
from eventflow.runtime.subscriber import QUEUED_MESSAGES, Subscriber, policy_from

if TYPE_CHECKING:
    from eventflow.messages import StreamInfo
    from eventflow.runtime.counters import EdgeCounts

_FAREWELL_S = 1.0
_BEAT_S = 1.0
_HEARD_AT_ONCE = 256
_MOST_CREDIT = 1 << 40


def address_of(name: str, *, encrypted: bool = False) -> str:
    """Return the address of a stream: a name lies in a folder of this user's, tcp://127.0.0.1:5560 is kept.

    Raises:
        ParameterError: the address is neither ipc nor tcp, or a tcp one that other hosts can reach: such a stream
            must be encrypted.
    """
    if "://" not in name:
        path = f"{own_folder('taps')}/{name.replace('/', '.')}"
        if len(path.encode()) > PATH_LENGTH:
            raise ParameterError(
                f"tap {name!r}: its socket {path} would be longer than {PATH_LENGTH} bytes; shorten it"
            )
        return f"ipc://{path}"
    transport, _, rest = name.partition("://")
    if transport == "ipc":
        return name
    host = rest.rpartition(":")[0].strip("[]")
    if transport != "tcp" or not host:
        raise ParameterError(f"address {name!r}: expected a name, ipc://PATH or tcp://127.0.0.1:PORT")
    if not encrypted and not is_loopback(host):
        raise ParameterError(
            f"address {name!r}: other hosts could read it unencrypted; bind to 127.0.0.1, or give key="
            " (`eventflow keys` makes one)"
        )
    return name


class Publisher:
    """One published stream. Calling it hands a message over; its thread does the rest.

    Args:
        name: of the stream on this host, or its address.
        info: what is known of it.
        key: file of the secret key of an encrypted stream.
        allowed: folder of the public keys that may read it.
        may_block: whether listeners may ask the graph to wait for them.
        patience_s: how long the graph waits for one of these; then it is treated like the others.

    Attributes:
        dropped: messages given up because this process's own thread was behind.
        strangers: messages of peers that are none of this protocol.
        stalled: listeners that were not waited for any longer.
    """

    def __init__(
        self,
        name: str,
        info: StreamInfo,
        *,
        key: Path | None = None,
        allowed: Path | None = None,
        may_block: bool = False,
        patience_s: float = 10.0,
    ) -> None:
        self.address = address_of(name, encrypted=key is not None)
        self.dropped = self.strangers = self.stalled = 0
        self._name, self._info, self._keys = name, info, (key, allowed)
        self._may_block, self._patience_s = may_block, patience_s
        self._handed: deque[Any] = deque(maxlen=QUEUED_MESSAGES)
        self._subscribers: dict[bytes, Subscriber] = {}
        self._gone = Counter[str]()
        self._numbered = 0
        self._id = os.urandom(8).hex()
        self._ended = self._give_up = self._full = False
        self._room = threading.Condition()
        self._failure: Exception | None = None
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._bound = threading.Event()
        self._thread = threading.Thread(target=self._serve, name=f"publish {name}", daemon=True)
        self._thread.start()
        self._bound.wait()
        if self._failure is not None:
            raise self._failure

    def __call__(self, message: Any) -> None:
        """Hand a message over; waits only where a listener asked for it and may."""
        if self._may_block:
            self._wait_for_room()
        elif len(self._handed) == QUEUED_MESSAGES:
            self.dropped += 1
        self._handed.append(message)
        os.eventfd_write(self._wake, 1)

    @property
    def listeners(self) -> int:
        """How many listen now."""
        return len(self._subscribers)

    def totals(self) -> dict[str, int]:
        """Return what was sent to and missed by all listeners so far, those that left included."""
        now = list(self._subscribers.values())
        sent, missed = sum(each.sent for each in now), sum(each.missed for each in now)
        return {"sent": sent + self._gone["sent"], "missed": missed + self._gone["missed"] + self.dropped}

    def wait_for(self, listeners: int) -> None:
        """Wait until so many listen."""
        while len(self._subscribers) < listeners:
            time.sleep(0.01)

    def close(self) -> None:
        """End the stream for all listeners. Safe to call twice."""
        if self._ended:
            return
        self._ended = True
        os.eventfd_write(self._wake, 1)
        self._thread.join()
        os.close(self._wake)

    def _wait_for_room(self) -> None:
        with self._room:
            there_is = self._room.wait_for(
                lambda: not self._full and len(self._handed) < QUEUED_MESSAGES, self._patience_s
            )
            self._give_up = not there_is
        while len(self._handed) == QUEUED_MESSAGES:  # the thread takes them within a moment
            time.sleep(0.001)

    def _serve(self) -> None:
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        socket = context.socket(zmq.ROUTER)
        authenticator = None
        try:
            socket.setsockopt(zmq.LINGER, 500)
            socket.setsockopt(zmq.SNDHWM, 0)
            socket.setsockopt(zmq.MAXMSGSIZE, 1 << 16)
            socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
            if self._keys[0] is not None:
                authenticator = serve_encrypted(socket, self._keys[0], self._keys[1])
            socket.bind(self.address)
        except (zmq.ZMQError, EventflowError) as error:
            problem = f"{self._name!r}: cannot listen at {self.address}: {error}"
            self._failure = LinkError(problem) if isinstance(error, zmq.ZMQError) else error
        else:
            self._bound.set()
            self._work(socket)
        if authenticator is not None:
            authenticator.stop()
        socket.close()
        context.term()
        self._bound.set()
        if self.address.startswith("ipc://") and self._failure is None:
            Path(self.address.removeprefix("ipc://")).unlink(missing_ok=True)

    def _work(self, socket: zmq.Socket[bytes]) -> None:
        poller = zmq.Poller()
        poller.register(socket, zmq.POLLIN)
        poller.register(self._wake, zmq.POLLIN)
        deadline, beat = None, time.monotonic()
        while deadline is None or (time.monotonic() < deadline and not all(s.done for s in self._subscribers.values())):
            poller.poll(100 if deadline is None else 5)
            self._take_wakeups()
            heard = self._listen(socket)
            self._distribute()
            self._send(socket)
            if deadline is not None:
                self._say_goodbye(socket)
            now = time.monotonic()
            if now - beat > _BEAT_S:
                beat = now
                for peer in list(self._subscribers):
                    self._say(socket, peer, wire.Beat(wire.VERSION, 0, time.monotonic_ns()))
            if self._ended and not self._handed and deadline is None:
                deadline = now + _FAREWELL_S
            elif deadline is not None and heard and any(s.waiting for s in self._subscribers.values()):
                deadline = now + _FAREWELL_S  # who goes on reading gets the rest

        self._say_goodbye(socket, to_all=True)

    def _distribute(self) -> None:
        with self._room:
            if self._give_up:
                for subscriber in self._subscribers.values():
                    if subscriber.full:
                        subscriber.policy = "drop_oldest"
                        self.stalled += 1
                self._give_up = False
            while self._handed and not (self._may_block and any(s.full for s in self._subscribers.values())):
                message = self._handed.popleft()
                size = wire.size_of(message)
                for subscriber in self._subscribers.values():
                    subscriber.put(self._numbered, message, size)
                self._numbered += 1
            self._full = any(subscriber.full for subscriber in self._subscribers.values())
            self._room.notify_all()

    def _take_wakeups(self) -> None:
        try:
            os.eventfd_read(self._wake)
        except BlockingIOError:
            return

    def _listen(self, socket: zmq.Socket[bytes]) -> bool:
        """Take what peers say, at most so much at once that those who flood us do not stop the stream."""
        heard = False
        for _ in range(_HEARD_AT_ONCE):
            try:
                peer, *frames = socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                break
            heard = True
            try:
                header = wire.decode_header(frames[0] if frames else b"")
            except LinkError as error:
                self.strangers += 1
                self._say(socket, peer, wire.Error(wire.VERSION, 0, str(error)))
                continue
            self._hear(socket, peer, header)
        return heard

    def _hear(self, socket: zmq.Socket[bytes], peer: bytes, header: wire.AnyHeader) -> None:
        subscriber = self._subscribers.get(peer)
        if isinstance(header, wire.Hello):
            policy = policy_from(header.info.get("policy"), may_block=self._may_block)
            self._subscribers[peer] = Subscriber(policy, self._numbered)
            hello = wire.Hello(wire.VERSION, 0, self._id, self._name, wire.plain_from_info(self._info))
            self._say(socket, peer, hello)
        elif subscriber is None:
            self.strangers += 1
        elif isinstance(header, wire.Credit):
            # more than the largest window helps nobody
            subscriber.packets = min(subscriber.packets + max(header.packets, 0), _MOST_CREDIT)
            subscriber.bytes = min(subscriber.bytes + max(header.bytes, 0), _MOST_CREDIT)
        elif isinstance(header, wire.EosAck):
            subscriber.done = True

    def _send(self, socket: zmq.Socket[bytes]) -> None:
        for peer, subscriber in list(self._subscribers.items()):
            for number, gap, message, size in subscriber.ready():
                header, arrays = wire.data_header(message, 0, number, gap, time_of(message), time.monotonic_ns())
                buffers = [array.reshape(-1).view("u1").data for array in arrays]
                frames = [peer, wire.encode_header(header), *buffers]
                if not self._sent(socket, frames, copy=size < wire.COPY_BELOW_BYTES):
                    break

    def _say_goodbye(self, socket: zmq.Socket[bytes], *, to_all: bool = False) -> None:
        """Tell the end to those who have everything before it, at last to the others, too."""
        for peer, subscriber in list(self._subscribers.items()):
            if to_all:
                subscriber.give_up()
            if not (subscriber.waiting or subscriber.told):
                subscriber.told = True
                self._say(socket, peer, wire.Eos(wire.VERSION, 0, self._numbered, 0))

    def _say(self, socket: zmq.Socket[bytes], peer: bytes, header: wire.AnyHeader) -> None:
        self._sent(socket, [peer, wire.encode_header(header)])

    def _sent(self, socket: zmq.Socket[bytes], frames: list[Any], *, copy: bool = True) -> bool:
        """Send, or forget the listener that has left; return whether it is still there."""
        try:
            socket.send_multipart(frames, copy=copy)
        except zmq.ZMQError:
            left = self._subscribers.pop(frames[0], None)
            if left is not None:
                self._gone.update(sent=left.sent, missed=left.missed + left.waiting)
            return False
        return True


class Publishers:
    """What the engine offers to nodes as `services`: the taps of one process, its edges, and the text of the graph."""

    def __init__(self, edges: dict[int, EdgeCounts], graph_text: str = "") -> None:
        self.edges, self.graph_text = edges, graph_text
        self._publishers: list[Publisher] = []

    def publisher(self, name: str, info: StreamInfo, **options: Any) -> Publisher:
        """Return what publishes messages under `name`, or at an address; see Publisher for the options."""
        publisher = Publisher(name, info, **options)
        self._publishers.append(publisher)
        return publisher

    def subscription(self, url: str, **options: Any) -> Any:
        """Return the messages of another run's stream; see `connect` for the options."""
        from eventflow.runtime.client import connect

        return connect(url, **options)

    def traffic(self, before: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what passed over all edges of this process so far; `age_p99_us` is of what passed since `before`.

        Args:
            before: what an earlier call returned.
        """
        ages = LatencyHistogram()
        for counts in self.edges.values():
            ages.merge(counts.latency.counts, counts.latency.max_ns)
        known = LatencyHistogram(dict(before["ages"]) if before else None)
        return {
            "sent": sum(counts.messages_sent for counts in self.edges.values()),
            "dropped": sum(counts.messages_dropped for counts in self.edges.values()),
            "ages": ages.counts,
            "age_p99_us": ages.since(known).percentile_us(0.99),
        }

    def close(self) -> None:
        """End all streams."""
        for publisher in self._publishers:
            publisher.close()
        self._publishers.clear()
