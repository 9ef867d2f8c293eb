"""A node at work: its inlets put messages in event-time order, the runner calls the node and passes on what it returns.

Inside a task a hop is a plain call: an outlet of one runner is the inlet of the next. Nothing here knows of threads,
queues or sockets; they hand messages to the same four methods of an inlet: `start`, `receive`, `advance`, `end`.
"""

from __future__ import annotations

import time
import traceback
from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

from eventflow.errors import EventflowError, NodeFailedError, RunError
from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.messages import Message, StreamInfo, events_in
from eventflow.runtime.counters import EdgeCounts, LatencyHistogram, NodeCounts
from eventflow.runtime.join import next_key, release
from eventflow.runtime.postmortem import keep_message
from eventflow.runtime.rehearsal import rehearse
from eventflow.runtime.wire import size_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventflow.graph.graph import EdgeSpec, NodeSpec
    from eventflow.runtime.control import RunControl

NEVER = -(1 << 62)
"""Before any time: the watermark of an inlet that has seen nothing."""
_HELD_FROM_QUEUES = 2

FOREVER = 1 << 62
"""After any time: the watermark of an inlet that has ended."""


class Outlet(Protocol):
    """Where a runner sends what leaves by one edge."""

    edge: EdgeSpec

    def start(self, info: StreamInfo) -> None:
        """Announce the stream."""

    def message(self, message: Any, events: int, ingest_ns: int) -> None:
        """Send one message."""

    def advance(self, t: int, ingest_ns: int) -> None:
        """Promise that no message with time < t will come."""

    def reset(self, reason: str) -> None:
        """Say that time starts anew."""

    def end(self, t_end: int) -> None:
        """Say that nothing more will come; `t_end` is the time the stream reached."""


class Inlet:
    """Where messages of one edge reach a runner. For an edge inside a task it is the outlet as well."""

    __slots__ = (
        "anew",
        "budget_ns",
        "counts",
        "edge",
        "ended",
        "held",
        "info",
        "later",
        "port",
        "rank",
        "runner",
        "timed",
        "watermark",
    )

    def __init__(self, edge: EdgeSpec, runner: Runner, rank: int, counts: EdgeCounts) -> None:
        self.edge = edge
        self.port = edge.target_port
        self.runner = runner
        self.rank = rank
        self.counts = counts
        self.watermark = NEVER
        self.ended = False
        self.info: StreamInfo | None = None
        self.held: deque[tuple[Any, int, int]] = deque()  # message, size in bytes, ingest
        self.anew: str | None = None  # why time starts anew here, while another inlet has not come so far
        self.later: list[Callable[[], None]] = []  # what came after that
        self.timed = False
        self.budget_ns = FOREVER if edge.budget_us is None else edge.budget_us * 1000

    def start(self, info: StreamInfo) -> None:
        """Take the announcement of the stream; the node starts when every inlet has one."""
        self.info = info
        self.timed = self.runner.control.paced or info.live
        self.runner.inlet_started()

    def message(self, message: Any, events: int, ingest_ns: int) -> None:
        """Take a message from a runner of the same task."""
        counts = self.counts
        counts.messages_sent += 1
        counts.events_sent += events
        runner = self.runner
        if runner.joins or self.timed or self.anew is not None:
            self.receive(message, events, ingest_ns)
            return
        runner.process(self, message, events, ingest_ns)
        counts.messages_received += 1
        counts.events_received += events

    def receive(self, message: Any, events: int, ingest_ns: int) -> None:
        """Take a message, from wherever it came."""
        if self.anew is not None:
            self.later.append(lambda: self.receive(message, events, ingest_ns))
            return
        counts = self.counts
        runner = self.runner
        if self.timed and self._too_late(events, time.monotonic_ns() - ingest_ns):
            return
        if runner.joins:
            size = size_of(message)
            runner.control.hold(size)
            self.held.append((message, size, ingest_ns))
            counts.messages_received += 1
            counts.events_received += events
            runner.pump()
        else:
            runner.process(self, message, events, ingest_ns)
            counts.messages_received += 1
            counts.events_received += events

    def _too_late(self, events: int, age_ns: int) -> bool:
        """Note a message's age; return whether it is beyond the budget and dropped for that."""
        self.counts.latency.add(age_ns)
        if age_ns <= self.budget_ns:
            return False
        self.counts.late += 1
        if self.edge.when_late == "drop":
            self.counts.drop("late", events)
            return True
        return False

    def advance(self, t: int, ingest_ns: int) -> None:
        """Take the promise that no message with time < t will come."""
        if self.anew is not None:
            self.later.append(lambda: self.advance(t, ingest_ns))
        elif t > self.watermark:
            self.watermark = t
            runner = self.runner
            if runner.joins:
                runner.pump()
            else:
                runner.advance(t, ingest_ns)

    def end(self, t_end: int) -> None:
        """Take the end of the stream."""
        if self.anew is not None:
            self.later.append(lambda: self.end(t_end))
            return
        self.ended = True
        self.watermark = max(self.watermark, t_end)
        self.runner.inlet_ended(t_end)

    def reset(self, reason: str) -> None:
        """Take the word that time starts anew."""
        if self.anew is not None:
            self.later.append(lambda: self.reset(reason))
            return
        self.anew = reason
        self.runner.inlet_reset(reason)

    def resume(self) -> None:
        """Take what came after time started anew."""
        self.anew = None
        self.watermark = FOREVER if self.ended else NEVER
        later, self.later = self.later, []
        for take in later:
            take()

    def done(self, size: int) -> None:
        """Account for a message that left the join buffer."""
        self.runner.control.hold(-size)

    @property
    def has_room(self) -> bool:
        """Whether more may be delivered from a queue: a join that waits for another input needs no more of this one."""
        return self.anew is None and len(self.held) < _HELD_FROM_QUEUES


class Runner:
    """One node of a running graph.

    Attributes:
        node: the node.
        inlets: by rank: port in order of declaration, then edge in order of the file.
        outlets: by output port.
        joins: whether several inlets must be put in one order.
    """

    def __init__(self, spec: NodeSpec, control: RunControl, folder: Callable[[], str]) -> None:
        self.spec = spec
        self.name = spec.name
        self.control = control
        self.node: Node = spec.make()
        self.inlets: list[Inlet] = []
        self.outlets: dict[str, list[Outlet]] = {port: [] for port in spec.outputs}
        self.all_outlets: list[Outlet] = []
        self.joins = False
        self.counts = NodeCounts()
        self.latency = LatencyHistogram()
        self.watermark = NEVER
        self.t_end = NEVER
        self.ended = False
        self.infos: dict[str, StreamInfo] = {}
        self.started = False
        self._folder = folder
        self._last_out: dict[str, int] = dict.fromkeys(spec.outputs, NEVER)
        self._ticks = type(self.node).on_watermark is not Node.on_watermark
        every_kind = tuple(Message.KINDS.values())
        self._types = {name: frozenset(every_kind if port.any else port.types) for name, port in spec.outputs.items()}
        self._only_port = next(iter(spec.outputs)) if len(spec.outputs) == 1 else None
        self._measures_latency = False

    def add_inlet(self, edge: EdgeSpec, rank: int, counts: EdgeCounts) -> Inlet:
        """Return a new inlet; ranks are given in order."""
        inlet = Inlet(edge, self, rank, counts)
        self.inlets.append(inlet)
        self.inlets.sort(key=lambda each: each.rank)
        self.joins = len(self.inlets) > 1
        return inlet

    def add_outlet(self, outlet: Outlet) -> None:
        """Send what leaves by the edge's port to `outlet`."""
        self.outlets[outlet.edge.source_port].append(outlet)
        self.all_outlets.append(outlet)

    # Start: geometry travels first, in the order of the graph.

    def inlet_started(self) -> None:
        """Start the node if every inlet has its stream's description."""
        infos = {inlet.edge.target_port: inlet.info for inlet in reversed(self.inlets)}
        if all(inlet.info is not None for inlet in self.inlets):
            self.start(infos)

    def start(self, infos: dict[str, Any]) -> None:
        """Start the node and announce its outputs."""
        self._measures_latency = not self.all_outlets and (
            self.control.paced or any(info.live for info in infos.values() if info is not None)
        )
        if self.all_outlets and self.spec.node_class.rehearses:
            rehearse(self.spec, infos)
        try:
            started = self.node.start(**infos)
        except Exception as error:
            self._failed("start", 0, None, error)
            return
        first = next(iter(infos.values()), StreamInfo())
        for port, outlets in self.outlets.items():
            info = started.get(port, first) if isinstance(started, dict) else (started or first)
            self.infos[port] = info
            for outlet in outlets:
                outlet.start(info)
        self.started = True

    # Work.

    def process(self, inlet: Inlet, message: Any, events: int, ingest_ns: int) -> None:
        """Give one message to the node and pass on what it returns."""
        counts = self.counts
        counts.messages_in += 1
        counts.events_in += events
        port = inlet.port
        self._call(port, inlet.counts.messages_received, message, ingest_ns, getattr(self.node, port), message)
        if self._measures_latency:
            self.latency.add(time.monotonic_ns() - ingest_ns)

    def pump(self) -> None:
        """Process what the join may release, then advance to the time it has reached."""
        while ready := release(self.inlets):
            for inlet, message, ingest_ns in ready:
                self.process(inlet, message, events_in(message), ingest_ns)
        ingest_ns = max((inlet.held[0][2] for inlet in self.inlets if inlet.held), default=time.monotonic_ns())
        t, _ = min(next_key(inlet) for inlet in self.inlets)
        if t < FOREVER:
            self.advance(t, ingest_ns)

    def advance(self, t: int, ingest_ns: int) -> None:
        """Pass on that no message with time < t will come, after what the node makes of it."""
        if t <= self.watermark:
            return
        if self._ticks:
            self._call("on_watermark", t, None, ingest_ns, self.node.on_watermark, t)
        self.watermark = t
        t -= self.node.holdback_us
        for outlet in self.all_outlets:
            outlet.advance(t, ingest_ns)

    def inlet_ended(self, t_end: int) -> None:
        """End when every inlet has: the rest of the joins, what the node still holds, then the end itself."""
        self.t_end = max(self.t_end, t_end)
        if self.joins:
            self.pump()
        waiting = [inlet.anew for inlet in self.inlets if inlet.anew is not None]
        if waiting:
            self.inlet_reset(waiting[0])
        elif all(inlet.ended and not inlet.held for inlet in self.inlets):
            self.end(self.t_end)

    def inlet_reset(self, reason: str) -> None:
        """Start anew when every inlet has come to it or ended: flush as at an end, then begin with a new node.

        A sink goes on with the files it has.
        """
        self.t_end = max(self.t_end, *(inlet.watermark for inlet in self.inlets if not inlet.ended), NEVER)
        if self.joins:
            self.pump()
        if any((inlet.anew is None and not inlet.ended) or inlet.held for inlet in self.inlets):
            return
        if self.all_outlets:
            ingest_ns = time.monotonic_ns()
            self.advance(self.t_end, ingest_ns)
            self._call("finish", 0, None, ingest_ns, self.node.finish, max(self.t_end, 0))
            self._renew()
        self.watermark = self.t_end = NEVER
        self._last_out = dict.fromkeys(self._last_out, NEVER)
        for outlet in self.all_outlets:
            outlet.reset(reason)
        for inlet in self.inlets:
            inlet.resume()

    def _renew(self) -> None:
        """Put a new node in the old one's place; what it counted stays."""
        before = self.node
        before.close(complete=False)
        self.node = self.spec.make()
        self.node.services = before.services
        self.node.skipped, self.node.repaired = before.skipped, before.repaired
        self.node.start(**{inlet.edge.target_port: inlet.info for inlet in reversed(self.inlets)})

    def end(self, t_end: int) -> None:
        """Flush the node and end its outputs."""
        ingest_ns = time.monotonic_ns()
        if t_end > NEVER:
            self.advance(t_end, ingest_ns)
        self._call("finish", 0, None, ingest_ns, self.node.finish, max(t_end, 0))
        self.ended = True
        for outlet in self.all_outlets:
            outlet.end(t_end)

    # What a node returns.

    def _call(self, port: str, seq: int, message: Any, ingest_ns: int, method: Callable[..., Any], *given: Any) -> None:
        counts = self.counts
        begun = time.perf_counter_ns()
        try:
            returned = method(*given)
        except Exception as error:
            self._failed(port, seq, message, error)
            return
        finally:
            counts.busy_ns += time.perf_counter_ns() - begun
        if returned is None:
            return
        if isinstance(returned, (Events, Message)):
            self._send(self._only_port, returned, ingest_ns)
        elif returned == []:
            return
        elif isinstance(returned, tuple) and hasattr(returned, "_fields"):
            self._send_fields(returned, port, seq, message, ingest_ns)
        else:
            self._send_each(self._only_port, returned, port, seq, message, ingest_ns)

    def _send_fields(self, returned: Any, port: str, seq: int, message: Any, ingest_ns: int) -> None:
        for name, value in zip(returned._fields, returned, strict=True):
            if isinstance(value, (Events, Message)):
                self._send(name, value, ingest_ns)
            elif value is not None:
                self._send_each(name, value, port, seq, message, ingest_ns)

    def _send_each(
        self, out_port: str | None, returned: Any, port: str, seq: int, message: Any, ingest_ns: int
    ) -> None:
        """Send what an iterable gives; the node works between two of them, so its errors and its time count there."""
        counts = self.counts
        iterator = iter(returned)
        while True:
            begun = time.perf_counter_ns()
            try:
                each = next(iterator, iterator)
            except Exception as error:
                self._failed(port, seq, message, error)
                return
            finally:
                counts.busy_ns += time.perf_counter_ns() - begun
            if each is iterator:
                return
            if isinstance(each, tuple):
                self._send_fields(each, port, seq, message, ingest_ns)
            elif each is not None:
                self._send(out_port, each, ingest_ns)

    def _send(self, port: str | None, message: Any, ingest_ns: int) -> None:
        if port is None or type(message) not in self._types[port]:
            declared = ", ".join(f"{each.name}: {each.kinds}" for each in self.spec.outputs.values()) or "none"
            raise RunError(f"node {self.name!r} returned {type(message).__name__}; its output ports are {declared}")
        if isinstance(message, Events):
            t = message.records["t"]
            events = len(t)
            if events == 0:
                return
            first, last = t.item(0), t.item(-1)
        else:
            first = last = message.t
            events = events_in(message)
        if first < self._last_out[port] or first < self.watermark - self.node.holdback_us or last < first:
            raise self._late(port, first)
        self._last_out[port] = last
        self.counts.messages_out += 1
        self.counts.events_out += events
        for outlet in self.outlets[port]:
            outlet.message(message, events, ingest_ns)

    def _late(self, port: str, t: int) -> RunError:
        reached = max(self._last_out[port], self.watermark - self.node.holdback_us)
        return RunError(
            f"node {self.name!r}, port {port!r}: a message at t={t} µs after the stream had reached t={reached} µs; "
            "outputs must be in time order and never before the watermark (see holdback_us)"
        )

    def _failed(self, port: str, seq: int, message: Any, error: Exception) -> None:
        """Do what `on_error` says; the message and the traceback are kept in the run's folder."""
        if isinstance(error, RunError):
            raise error
        self.counts.errors += 1
        cause = str(error) if isinstance(error, EventflowError) else f"{type(error).__name__}: {error}"
        trace = "".join(traceback.format_exception(error))
        # a file that does not exist is said in one line; what surprises the node's author is kept
        expected = isinstance(error, EventflowError) and message is None
        folder = "" if expected else keep_message(self._folder(), self.name, port, seq, message, trace)
        edges = ", ".join(
            f"{inlet.edge.begin} -> {inlet.edge.end}" for inlet in self.inlets if inlet.edge.target_port == port
        )
        failure = NodeFailedError(self.name, edges or port, seq, cause, trace, folder)
        if self.spec.on_error == "fail" or port == "start":
            raise failure from error
        self.node.skipped["error"] += 1
        if self.spec.on_error == "restart":
            self._renew()
