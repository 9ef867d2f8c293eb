"""An edge between two threads of one process: a bounded queue with the edge's policy.

Invariants:
- what waits never exceeds the edge's limits, except that one message always fits, however large;
- a join holds at most a few messages of an edge: while it waits for another input, messages wait here;
- a message is sent, then either received or dropped and counted: never both, never neither;
- a watermark is never lost, only merged into a later one.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Any

from eventflow.errors import EdgeFullError
from eventflow.messages import StreamInfo, first_time_of, time_of
from eventflow.runtime.wire import size_of

if TYPE_CHECKING:
    from eventflow.graph.graph import EdgeSpec
    from eventflow.runtime.control import RunControl
    from eventflow.runtime.counters import EdgeCounts
    from eventflow.runtime.runner import Inlet
    from eventflow.runtime.task import Task

_NO_TIME = -(1 << 62)


class Room:
    """How much may be outstanding on an edge, and how much is: the same rule for queues and links."""

    __slots__ = ("bytes", "limit_bytes", "limit_packets", "packets", "time_us")

    def __init__(self, edge: EdgeSpec) -> None:
        self.limit_packets = 1 if edge.when_full == "latest" else edge.packets
        self.limit_bytes = edge.bytes
        self.time_us = edge.time_us
        self.packets = 0
        self.bytes = 0

    def full(self, size: int) -> bool:
        """Whether a message of `size` bytes must wait. At most half outstanding always admits one, however large."""
        if self.packets >= self.limit_packets:
            return True
        return self.bytes + size > self.limit_bytes and self.bytes > self.limit_bytes // 2

    def take(self, size: int) -> None:
        """Account for a message that is sent."""
        self.packets += 1
        self.bytes += size

    def give(self, packets: int, size: int) -> None:
        """Account for messages that are done with."""
        self.packets -= packets
        self.bytes -= size

    def grow(self) -> None:
        """Double the limits."""
        self.limit_packets *= 2
        self.limit_bytes *= 2
        if self.time_us is not None:
            self.time_us *= 2


class QueueEdge:
    """Outlet of one task's runner and inbox of another's."""

    def __init__(self, edge: EdgeSpec, inlet: Inlet, counts: EdgeCounts, receiver: Task, control: RunControl) -> None:
        self.edge = edge
        self.inlet = inlet
        self.counts = counts
        self.sender: Task | None = None
        self.room = Room(edge)
        self.last_t = _NO_TIME
        self._receiver = receiver
        self._control = control
        self._items: deque[list[Any]] = deque()  # [kind, payload, events, size, ingest_ns, watermark]
        self._lock = receiver.inbox_lock
        self._space = threading.Condition(self._lock)
        control.on_change(self._wake)

    # The sender's side.

    def start(self, info: StreamInfo) -> None:
        """Announce the stream."""
        self._put(["start", info, 0, 0, 0, _NO_TIME])

    def message(self, message: Any, events: int, ingest_ns: int) -> None:
        """Send one message, or wait, drop or fail as the edge's policy says."""
        size = size_of(message)
        counts = self.counts
        with self._lock:
            counts.messages_sent += 1
            counts.events_sent += events
            counts.bytes_sent += size
            while self._is_full(message, size):
                self._make_room(message)
            self.room.take(size)
            counts.max_fill = max(counts.max_fill, self.room.packets)
            self._items.append(["message", message, events, size, ingest_ns, _NO_TIME])
            self._receiver.wake()
        self._control.hold(size)

    def advance(self, t: int, ingest_ns: int) -> None:
        """Promise that no message with time < t will come."""
        with self._lock:
            if self._items and self._items[-1][0] in ("message", "watermark"):
                self._items[-1][5] = t
            else:
                self._items.append(["watermark", None, 0, 0, ingest_ns, t])
            self._receiver.wake()

    def reset(self, reason: str) -> None:
        """Say that time starts anew."""
        self._put(["reset", reason, 0, 0, 0, _NO_TIME])

    def end(self, t_end: int) -> None:
        """Say that nothing more will come."""
        self._put(["end", t_end, 0, 0, 0, _NO_TIME])

    def _put(self, item: list[Any]) -> None:
        with self._lock:
            self._items.append(item)
            self._receiver.wake()

    def _is_full(self, message: Any, size: int) -> bool:
        if self.room.packets and self.room.time_us is not None:
            oldest = next((item[1] for item in self._items if item[0] == "message"), None)
            if oldest is not None and time_of(message) - first_time_of(oldest) > self.room.time_us:
                return True
        return self.room.full(size)

    def _make_room(self, message: Any) -> None:
        """Wait, drop or fail. Called with the lock held."""
        policy = self.edge.when_full
        if policy == "fail":
            raise EdgeFullError(
                f"edge {self.edge.begin} -> {self.edge.end} is full at t={time_of(message)} µs "
                f"({self.room.packets} packets, {self.room.bytes} bytes wait) and its policy is fail"
            )
        if policy != "block":
            oldest = next((index for index, item in enumerate(self._items) if item[0] == "message"), None)
            if oldest is not None:
                self._drop(oldest)
                return
        self._control.check()
        if self.sender is not None:
            self.sender.blocked_on = self
        self._space.wait(0.5)
        if self.sender is not None:
            self.sender.blocked_on = None
        self._control.check()

    def _drop(self, index: int) -> None:
        """Give up one message; its watermark goes on, merged with the one before it."""
        _, _, events, size, ingest_ns, watermark = self._items[index]
        before = self._items[index - 1] if index else None
        if before is not None and before[0] == "watermark":
            before[4:] = [ingest_ns, max(before[5], watermark)]
            del self._items[index]
        else:
            self._items[index] = ["watermark", None, 0, 0, ingest_ns, watermark]
        self.room.give(1, size)
        self.counts.drop(self.edge.when_full, events)
        self._control.hold(-size)

    # The receiver's side.

    @property
    def waiting(self) -> bool:
        """Whether there is anything the inlet can take now."""
        return bool(self._items) and self.inlet.has_room

    def deliver(self) -> None:
        """Hand the oldest item to the inlet."""
        with self._lock:
            kind, payload, events, size, ingest_ns, watermark = self._items.popleft()
            if kind == "message":
                self.room.give(1, size)
                self._space.notify()
        inlet = self.inlet
        if kind == "message":
            self._control.hold(-size)
            inlet.receive(payload, events, ingest_ns)
        elif kind == "start":
            inlet.start(payload)
        elif kind == "reset":
            inlet.reset(payload)
        elif kind == "end":
            inlet.end(payload)
        if watermark > _NO_TIME:
            inlet.advance(watermark, ingest_ns)

    def grow(self) -> None:
        """Double the limits; the sender may go on."""
        with self._lock:
            self.room.grow()
            self._space.notify_all()

    def _wake(self) -> None:
        with self._lock:
            self._space.notify_all()
