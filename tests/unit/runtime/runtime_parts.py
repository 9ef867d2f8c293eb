"""Runners, tasks and edges without a run around them: what the tests of single parts are built from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eventflow.events import EVENT_DTYPE, Events
from eventflow.graph.graph import EdgeSpec, Graph, NodeSpec
from eventflow.graph.node import Node, Source
from eventflow.messages import Frame, Message, StreamInfo
from eventflow.runtime.control import RunControl
from eventflow.runtime.counters import EdgeCounts
from eventflow.runtime.runner import Runner

SIZE = (640, 480)


def events_at(times: list[int], x: int = 0, first_y: int = 0) -> Events:
    """Events of one edge: x says which edge, y which event of it."""
    records = np.zeros(len(times), EVENT_DTYPE)
    records["t"] = times
    records["x"] = x
    records["y"] = np.arange(first_y, first_y + len(times))
    return Events(records, *SIZE, ordered=True)


def frame_at(t: int, x: int, y: int) -> Frame:
    """A message that is no packet, marked like an event."""
    return Frame(np.array([[x, y & 255]], np.uint8), t)


class Record(Node):
    """Keep what arrives, event by event, in the order of arrival."""

    def __init__(self, **parameters: Any) -> None:
        super().__init__(**parameters)
        self.seen: list[tuple[int, int, int, str]] = []
        self.reached = -(1 << 62)

    def first(self, first: Events | Message) -> None:
        self._keep("first", first)

    def second(self, second: Events | Message) -> None:
        self._keep("second", second)

    def on_watermark(self, t: int) -> None:
        assert t >= self.reached
        self.reached = t

    def _keep(self, port: str, message: Any) -> None:
        if isinstance(message, Events):
            rows = [(int(r["t"]), int(r["x"]), int(r["y"]), port) for r in message.records]
        else:
            rows = [(message.t, int(message.image[0, 0]), int(message.image[0, 1]), port)]
        assert all(t >= self.reached for t, _, _, _ in rows), "a message below a watermark the node has seen"
        self.seen += rows


class Emit(Source):
    """A source that gives nothing; edges need one to begin at."""

    def start(self) -> StreamInfo:
        return StreamInfo(*SIZE)

    def run(self) -> Iterator[Events]:
        yield from ()


class Pass(Node):
    """Hand everything on."""

    def events(self, events: Events) -> Events:
        return events


class Heavy(Pass):
    """One that earns a thread where the planner decides."""

    heavy = True


class Live(Emit):
    """One for which time passes by itself."""

    live = True


class Join(Node):
    """Two inputs, one output."""

    def left(self, left: Events) -> Events:
        return left

    def right(self, right: Events) -> Events:
        return right


class Sink(Node):
    """Take anything."""

    def message(self, message: Events | Message) -> None:
        return None


def spec(name: str, cls: type[Node], on_error: Any = "fail", **parameters: Any) -> NodeSpec:
    """A node of a graph made in Python."""
    from eventflow.graph.node import parsed_parameters

    return NodeSpec(name, cls.__name__.lower(), cls, parsed_parameters(cls, parameters), on_error)


def edge(index: int, source: str, target: str, **policy: Any) -> EdgeSpec:
    """An edge; ends are written `node.port`."""
    begin, end = source.split("."), target.split(".")
    return EdgeSpec(index, begin[0], begin[1], end[0], end[1], **policy)


def graph_of(nodes: list[NodeSpec], edges: list[EdgeSpec]) -> Graph:
    """A graph made in Python."""
    return Graph("test", {each.name: each for each in nodes}, edges)


def joining_runner(ports: list[str]) -> tuple[Runner, list[Any]]:
    """A Record node with an inlet a port named, in this order; a port may be named twice."""
    runner = Runner(spec("record", Record), RunControl(), lambda: "")
    inlets = [
        runner.add_inlet(edge(rank, f"source{rank}.events", f"record.{port}"), rank, EdgeCounts())
        for rank, port in enumerate(ports)
    ]
    for inlet in inlets:
        inlet.start(StreamInfo(*SIZE))
    return runner, inlets


@dataclass
class FakeTask:
    """As much of a task as an edge needs of its two ends."""

    inbox_lock: Any = None
    blocked_on: Any = None
    woken: int = 0
    steps: int = 0

    def __post_init__(self) -> None:
        import threading

        self.inbox_lock = self.inbox_lock or threading.RLock()

    def wake(self) -> None:
        self.woken += 1

    def tell_watermarks(self) -> None:
        """There is one link only, and it is the one that asks."""


@dataclass
class FakeInlet:
    """Takes what an edge delivers."""

    edge: EdgeSpec
    has_room: bool = True
    watermark: int = -(1 << 62)
    got: list[tuple[str, Any]] = field(default_factory=list)
    ingests: list[int] = field(default_factory=list)

    def start(self, info: StreamInfo) -> None:
        self.got.append(("start", info))

    def receive(self, message: Any, events: int, ingest_ns: int) -> None:
        self.got.append(("message", message))
        self.ingests.append(ingest_ns)

    def advance(self, t: int, ingest_ns: int) -> None:
        self.watermark = max(self.watermark, t)
        self.got.append(("watermark", t))
        self.ingests.append(ingest_ns)

    def end(self, t_end: int) -> None:
        self.got.append(("end", t_end))

    @property
    def messages(self) -> list[Any]:
        return [payload for kind, payload in self.got if kind == "message"]
