"""An edge between two processes: a ZeroMQ DEALER that sends, a ROUTER that receives, credits between them.

Flow control is by credits in packets and bytes, returned half a window at a time, so that no high-water mark is ever
reached. The end of the stream is a message of its own and is acknowledged before the sender closes: without that, ipc
loses the tail (libzmq issue 4660). A peer that does not belong here is counted and ignored.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import zmq

from eventflow.errors import EdgeFullError, LinkError
from eventflow.messages import StreamInfo, first_time_of, time_of
from eventflow.runtime import wire
from eventflow.runtime.queues import Room

if TYPE_CHECKING:
    from eventflow.graph.graph import EdgeSpec
    from eventflow.runtime.control import RunControl
    from eventflow.runtime.counters import EdgeCounts
    from eventflow.runtime.runner import Inlet
    from eventflow.runtime.task import Task

_POLL_MS = 100
_UNTOLD_WATERMARKS = 16


def _has_arrived(socket: zmq.Socket[bytes]) -> bool:
    """Return whether something can be received, at a third of the cost of an exception that says "nothing"."""
    return bool(int(socket.get(zmq.EVENTS)) & zmq.POLLIN)


class LinkOutlet:
    """The sending end of an edge to another process. Used by one thread only."""

    def __init__(
        self, edge: EdgeSpec, counts: EdgeCounts, sender: Task, control: RunControl, address: str, token: str
    ) -> None:
        self.edge = edge
        self.counts = counts
        self.room = Room(edge)
        self.ended = False
        self.acknowledged = False
        self._task = sender
        self._control = control
        self._address = address
        self._token = token
        self._pending: deque[list[Any]] = deque()  # drop policies: message, events, size, ingest, watermark after it
        self._times: deque[int] = deque(maxlen=self.room.limit_packets)
        self._seq = 0
        self._gap = 0
        self._watermark = self._told = -(1 << 62)  # what holds, and what the receiver knows of it
        self._untold: list[int] = []  # when the packets behind what it does not know came in
        self.socket: zmq.Socket[bytes] | None = None

    def open(self, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        """Connect, in the thread that will send."""
        self.socket = context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.SNDHWM, 0)
        self.socket.setsockopt(zmq.RCVHWM, 0)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.RECONNECT_IVL, 10)
        self.socket.setsockopt(zmq.MAXMSGSIZE, 1 << 16)
        self.socket.connect(self._address)

    def close(self) -> None:
        """Close the socket."""
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    # What a runner calls.

    def start(self, info: StreamInfo) -> None:
        """Announce the stream."""
        hello = wire.Hello(wire.VERSION, self.edge.index, self._token, self.edge.begin, wire.plain_from_info(info))
        self._send_header(hello)

    def message(self, message: Any, events: int, ingest_ns: int) -> None:
        """Send one message, or wait, drop or fail as the edge's policy says."""
        size = wire.size_of(message)
        counts = self.counts
        counts.messages_sent += 1
        counts.events_sent += events
        counts.bytes_sent += size
        if self.room.packets or self._pending:
            self.read()
        if self.edge.when_full in ("block", "fail"):
            while self.room.full(size) or self._spans_too_much(message):
                self._wait_for_credit(message)
            self._transmit(message, size, ingest_ns, self._watermark)
            return
        self._pending.append([message, events, size, ingest_ns, self._watermark])
        self._control.hold(size)
        self.flush()
        limit = 1 if self.edge.when_full == "latest" else self.edge.packets
        while self._pending and (len(self._pending) > limit or self._pending_is_large(message)):
            self._drop_oldest()

    def advance(self, t: int, ingest_ns: int) -> None:
        """Promise that no message with time < t will come."""
        self._watermark = t
        if self._pending:
            self._pending[-1][4] = t
        elif t > self._told:
            self._untold.append(ingest_ns)
            if len(self._untold) >= _UNTOLD_WATERMARKS:
                self.tell_watermark()

    def tell_watermark(self) -> None:
        """Send the watermark if the receiver does not know it: before every wait, and every so often.

        While messages flow each carries the one before it, so a watermark of its own would only cost a frame.
        """
        if self._untold and not self._pending:
            self._send_header(wire.Watermark(wire.VERSION, self.edge.index, self._watermark, self._untold[-1]))
            self._told = self._watermark
        self._untold.clear()

    def reset(self, reason: str) -> None:
        """Say that time starts anew."""
        self._send_all_pending()
        self._watermark = self._told = -(1 << 62)
        self._untold.clear()
        self._send_header(wire.Reset(wire.VERSION, self.edge.index, reason))

    def _send_all_pending(self) -> None:
        while self._pending:
            self._wait_for_credit(None)
            self.flush()

    def end(self, t_end: int) -> None:
        """Say that nothing more will come; `drained` tells when the receiver knows."""
        self._send_all_pending()
        self._send_header(wire.Eos(wire.VERSION, self.edge.index, self._seq, t_end))
        self.ended = True

    # Flow control.

    def read(self) -> None:
        """Take what the receiver sent: credits, and the acknowledgement of the end."""
        assert self.socket is not None  # open() came first
        while _has_arrived(self.socket):
            header = wire.decode_header(self.socket.recv(zmq.NOBLOCK))
            if isinstance(header, wire.Credit):
                self.room.give(header.packets, header.bytes)
            elif isinstance(header, wire.EosAck):
                self.acknowledged = True
            elif isinstance(header, wire.Error):
                raise LinkError(f"edge {self.edge.begin} -> {self.edge.end}: the receiver gave up: {header.text}")

    def flush(self) -> None:
        """Send what waits for credit, as far as there is some."""
        while self._pending and not self.room.full(self._pending[0][2]):
            message, _, size, ingest_ns, watermark = self._pending.popleft()
            self._control.hold(-size)
            self._transmit(message, size, ingest_ns, watermark)

    @property
    def pending(self) -> bool:
        """Whether messages wait for credit, or the end for its acknowledgement."""
        return bool(self._pending) or (self.ended and not self.acknowledged)

    def wait_for_acknowledgement(self) -> None:
        """Wait until the receiver has everything. However long it takes: the supervisor watches the processes."""
        while not self.acknowledged:
            self._poll()

    def _wait_for_credit(self, message: Any) -> None:
        if self.edge.when_full == "fail":
            raise EdgeFullError(
                f"edge {self.edge.begin} -> {self.edge.end} is full at t={time_of(message)} µs "
                f"({self.room.packets} packets, {self.room.bytes} bytes wait) and its policy is fail"
            )
        self._task.tell_watermarks()
        self._task.blocked_on = self
        self._poll()
        self._task.blocked_on = None

    def _poll(self) -> None:
        assert self.socket is not None  # open() came first
        self._control.check()
        self.socket.poll(_POLL_MS)
        self._control.check()
        self.read()

    def _spans_too_much(self, message: Any) -> bool:
        """Whether more event time is under way than the edge allows."""
        limit = self.edge.time_us
        return limit is not None and self.room.packets > 0 and time_of(message) - self._oldest_t() > limit

    def _oldest_t(self) -> int:
        """The first time (µs) of the oldest message that is not done with; times of the last window are kept."""
        return self._times[-self.room.packets] if 0 < self.room.packets <= len(self._times) else self._times[0]

    def _pending_is_large(self, message: Any) -> bool:
        if len(self._pending) < 2:
            return False
        span = time_of(message) - first_time_of(self._pending[0][0])
        if self.edge.time_us is not None and span > self.edge.time_us:
            return True
        return bool(sum(each[2] for each in self._pending) > self.edge.bytes)

    def _drop_oldest(self) -> None:
        _, events, size, _, _ = self._pending.popleft()
        self._control.hold(-size)
        self._gap += 1
        self._seq += 1
        self.counts.drop(self.edge.when_full, events)

    # Frames.

    def _transmit(self, message: Any, size: int, ingest_ns: int, watermark: int) -> None:
        header, arrays = wire.data_header(message, self.edge.index, self._seq, self._gap, watermark, ingest_ns)
        self._seq += 1
        self._gap = 0
        self.room.take(size)
        self._times.append(header.t0)
        self._told = max(watermark, header.t1)
        self._untold.clear()
        self.counts.max_fill = max(self.counts.max_fill, self.room.packets)
        assert self.socket is not None  # open() came first
        self.socket.send(wire.encode_header(header), zmq.SNDMORE if arrays else 0)
        for left, array in zip(range(len(arrays) - 1, -1, -1), arrays, strict=True):
            buffer = array.reshape(-1).view("u1").data
            self.socket.send(buffer, zmq.SNDMORE if left else 0, copy=array.nbytes < wire.COPY_BELOW_BYTES)

    def _send_header(self, header: wire.AnyHeader) -> None:
        assert self.socket is not None  # open() came first
        self.socket.send(wire.encode_header(header))


class LinkInlet:
    """The receiving end of one edge from another process: what has arrived and waits for the node."""

    def __init__(self, edge: EdgeSpec, inlet: Inlet, receiver: LinkReceiver, control: RunControl) -> None:
        self.edge = edge
        self.inlet = inlet
        self.room = Room(edge)
        self.peer: bytes | None = None
        self._control = control
        self._receiver = receiver
        self._items: deque[tuple[Any, ...]] = deque()
        self._next_seq = 0
        self._done_packets = 0
        self._done_bytes = 0
        self._missing = 0

    def take(self, peer: bytes, header: wire.AnyHeader, frames: list[zmq.Frame]) -> None:
        """Take one arrived message into the queue.

        Raises:
            LinkError: the peer breaks the protocol.
        """
        if isinstance(header, wire.Data):
            if header.seq != self._next_seq + header.gap:
                raise LinkError(
                    f"edge {self.edge.begin} -> {self.edge.end}: message {header.seq} came after "
                    f"{self._next_seq - 1} with {header.gap} dropped: the link lost messages"
                )
            self._next_seq = header.seq + 1
            self._items.append((header, [frame.buffer for frame in frames]))
            self._control.hold(sum(frame.buffer.nbytes for frame in frames))
        elif isinstance(header, wire.Eos):
            if header.seq != self._next_seq and self.edge.lossless:
                raise LinkError(
                    f"edge {self.edge.begin} -> {self.edge.end}: the stream ended at message {header.seq}, "
                    f"{self._next_seq} arrived: the link lost messages"
                )
            self._receiver.send(peer, wire.EosAck(wire.VERSION, self.edge.index, self._next_seq))
            self._items.append((header, []))
        else:
            self._items.append((header, []))

    @property
    def waiting(self) -> bool:
        """Whether there is anything the inlet can take now."""
        return bool(self._items) and self.inlet.has_room

    def deliver(self) -> None:
        """Hand the oldest item to the inlet."""
        header, buffers = self._items.popleft()
        inlet = self.inlet
        if isinstance(header, wire.Data):
            size = sum(buffer.nbytes for buffer in buffers)
            message = wire.message_from_frames(header, buffers)
            self._control.hold(-size)
            inlet.receive(message, header.count, header.ingest_ns)
            inlet.advance(max(header.watermark, header.t1), header.ingest_ns)
            self._return_credit(size)  # last: it wakes the other process, which would then compete with the node
        elif isinstance(header, wire.Watermark):
            inlet.advance(header.t, header.ingest_ns)
        elif isinstance(header, wire.Hello):
            inlet.start(wire.info_from_plain(header.info))
        elif isinstance(header, wire.Reset):
            inlet.reset(header.reason)
        elif isinstance(header, wire.Eos):
            inlet.end(header.t_end)

    def grow(self) -> None:
        """Double the window, in the thread that owns the socket; any thread may ask for it."""
        self._receiver.growing.append(self)

    def grow_now(self) -> None:
        """Double the window: what is added is given as credit at once."""
        packets, size = self.room.limit_packets, self.room.limit_bytes
        self.room.grow()
        if self.peer is not None:
            self._receiver.send(self.peer, wire.Credit(wire.VERSION, self.edge.index, packets, size))

    def _return_credit(self, size: int) -> None:
        self._done_packets += 1
        self._done_bytes += size
        # half a window at a time, and at once when nothing is left: a credit costs as much as a small packet
        half = self._done_packets * 2 >= self.room.limit_packets or self._done_bytes * 2 >= self.room.limit_bytes
        if self.peer is not None and (half or not self._items):
            credit = wire.Credit(wire.VERSION, self.edge.index, self._done_packets, self._done_bytes)
            self._receiver.send(self.peer, credit)
            self._done_packets = self._done_bytes = 0


class LinkReceiver:
    """One task's ROUTER: the receiving ends of all its edges from other processes."""

    def __init__(self, address: str, token: str) -> None:
        self.address = address
        self.inlets: dict[int, LinkInlet] = {}
        self.growing: deque[LinkInlet] = deque()
        self.strangers = 0
        self._token = token
        self._peers: dict[bytes, LinkInlet] = {}
        self.socket: zmq.Socket[bytes] | None = None

    def open(self, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        """Bind, in the thread that will receive."""
        self.socket = context.socket(zmq.ROUTER)
        self.socket.setsockopt(zmq.SNDHWM, 0)
        self.socket.setsockopt(zmq.RCVHWM, 0)
        self.socket.setsockopt(zmq.LINGER, 2000)
        self.socket.setsockopt(zmq.MAXMSGSIZE, wire.MAX_MESSAGE_BYTES)
        self.socket.bind(self.address)

    def close(self) -> None:
        """Close the socket."""
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    def send(self, peer: bytes, header: wire.AnyHeader) -> None:
        """Send a header to one sender."""
        assert self.socket is not None  # open() came first
        self.socket.send_multipart([peer, wire.encode_header(header)])

    def read(self) -> None:
        """Take everything that has arrived. Strangers and garbage are counted and ignored."""
        assert self.socket is not None  # open() came first
        while self.growing:
            self.growing.popleft().grow_now()
        while _has_arrived(self.socket):
            frames = self.socket.recv_multipart(zmq.NOBLOCK, copy=False)
            peer = frames[0].bytes
            known = self._peers.get(peer)
            try:
                header = wire.decode_header(frames[1].buffer if len(frames) > 1 else b"")
            except LinkError:
                if known is not None:
                    raise
                self.strangers += 1
                continue
            if known is None:
                known = self._admit(peer, header)
                if known is None:
                    self.strangers += 1
                    continue
            known.take(peer, header, frames[2:])

    def _admit(self, peer: bytes, header: wire.AnyHeader) -> LinkInlet | None:
        if not isinstance(header, wire.Hello) or header.token != self._token:
            return None
        inlet = self.inlets.get(header.edge)
        if inlet is None or inlet.peer is not None:
            return None
        inlet.peer = peer
        self._peers[peer] = inlet
        return inlet
