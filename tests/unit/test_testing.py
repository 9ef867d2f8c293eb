"""The test kit finds every way to break a promise, and its reference driver keeps the engine's order."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventflow import testing
from eventflow.errors import NodeDeclarationError
from eventflow.events import EVENT_DTYPE, Events
from eventflow.graph.drive import in_engine_order, recut
from eventflow.graph.node import Node, Source
from eventflow.messages import Alarm, Frame, Grid, Label, Message, Slice, StreamInfo, Tracks, Watermark, time_of
from eventflow.testing import NodeConformance, SourceConformance, content_hash, drive


class Good(Node):
    """Count events in fixed windows. Takes unordered events as they come."""

    def start(self, events: StreamInfo) -> None:
        self._window: int | None = None
        self._count = 0

    def events(self, events: Events) -> list[Label]:
        found = []
        for t in events.t.tolist():
            found += self._close(t)
            self._window = t // 1000
            self._count += 1
        return found

    def on_watermark(self, t: int) -> list[Label]:
        return self._close(t)

    def finish(self, t_end: int) -> list[Label]:
        return [] if self._window is None else self._close((self._window + 1) * 1000)

    def _close(self, t: int) -> list[Label]:
        if self._window is None or t // 1000 == self._window:
            return []
        closed = Label((self._window + 1) * 1000, self._count, 1.0)
        self._window, self._count = None, 0
        return [closed]


class CountsPackets(Good):
    def events(self, events: Events) -> list[Label]:
        self._count += 1
        return super().events(events)


class ClosesAtPacketEnd(Good):
    def events(self, events: Events) -> list[Label]:
        found = super().events(events)
        return [*found, *self._close(1 << 60)]


class EmitsAtWatermarks(Good):
    def on_watermark(self, t: int) -> list[Label]:
        return [Label(t, 0, 0.0)]


class ForgetsItsState(Good):
    def state(self) -> dict[str, Any]:
        return {"_window": self._window}


class StateIsNoPlainValue(Good):
    def state(self) -> dict[str, Any]:
        return {"_window": self._window, "_count": self._count, "node": self}


class SharesItsState(Node):
    """Unordered or not."""

    def start(self, events: StreamInfo) -> None:
        self._seen = np.zeros(1, np.int64)

    def state(self) -> dict[str, Any]:
        return {"_seen": self._seen}

    def restore(self, state: dict[str, Any]) -> None:
        self._seen = state["_seen"]

    def events(self, events: Events) -> list[Label]:
        found = []
        for t in events.t.tolist():
            self._seen += 1
            found.append(Label(t, int(self._seen[0]), 1.0))
        return found


class WritesItsInput(Node):
    """Unordered or not."""

    def events(self, events: Events) -> Events:
        records = events.records
        if len(records):
            records.flags.writeable = True
            records["p"] = 1 - records["p"]
            records.flags.writeable = False
        return events


class ReusesItsBuffer(Good):
    def start(self, events: StreamInfo) -> None:
        super().start(events)
        self._grid = np.zeros((1, 2, 2))

    def events(self, events: Events) -> list[Grid]:
        found = []
        for t in events.t.tolist():
            self._grid += 1
            found.append(Grid(self._grid, t, t))
        return found

    def on_watermark(self, t: int) -> list[Grid]:
        return []

    def finish(self, t_end: int) -> list[Grid]:
        return []


class ReturnsAnotherType(Node):
    """Unordered or not."""

    def events(self, events: Events) -> Events:
        return Frame(np.zeros((2, 2), np.uint8), time_of(events)) if len(events) else events


class IsLate(Node):
    """Unordered or not."""

    def start(self, events: StreamInfo) -> None:
        self._first: int | None = None

    def events(self, events: Events) -> list[Label]:
        if len(events) and self._first is None:
            self._first = int(events.t[0])
        return []

    def finish(self, t_end: int) -> list[Label]:
        return [] if self._first is None else [Label(self._first, 0, 0.0)]


class NeedsEvents(Good):
    def finish(self, t_end: int) -> list[Label]:
        return super().finish(self._window + t_end)


class IsSilentAboutOrder(Good):
    """Count events in fixed windows."""


PROMISES = sorted(name for name in dir(NodeConformance) if name.startswith("test_"))


def keep(node: type[Node], promise: str) -> None:
    getattr(type("Kit", (NodeConformance,), {"node": node})(), promise)()


@pytest.mark.parametrize("promise", PROMISES)
def test_a_good_node_breaks_no_promise(promise: str):
    keep(Good, promise)


@pytest.mark.parametrize(
    ("node", "promise"),
    [
        (CountsPackets, "results_do_not_depend_on_cuts"),
        (ClosesAtPacketEnd, "results_do_not_depend_on_cuts"),
        (EmitsAtWatermarks, "watermarks_change_nothing"),
        (ForgetsItsState, "goes_on_from_its_state"),
        (StateIsNoPlainValue, "goes_on_from_its_state"),
        (SharesItsState, "goes_on_from_its_state"),
        (WritesItsInput, "keeps_its_word"),
        (ReusesItsBuffer, "keeps_its_word"),
        (ReturnsAnotherType, "keeps_its_word"),
        (IsLate, "keeps_its_word"),
        (NeedsEvents, "an_empty_stream_ends_well"),
        (IsSilentAboutOrder, "unordered_events_are_refused_or_documented"),
    ],
)
def test_every_broken_promise_is_found(node: type[Node], promise: str):
    with pytest.raises((AssertionError, TypeError, NodeDeclarationError)):
        keep(node, f"test_{promise}")


class Steady(Source):
    """A hundred events."""

    step = 10

    def start(self) -> StreamInfo:
        return StreamInfo(8, 8)

    def run(self) -> Iterator[Events | Watermark]:
        records = np.zeros(100, EVENT_DTYPE)
        records["t"] = np.arange(100) * self.step
        for begin in range(0, 100, self.packet_events % 37 + 1):
            packet = Events(records[begin : begin + self.packet_events % 37 + 1], 8, 8)
            yield packet
            yield Watermark(time_of(packet))


class Backwards(Steady):
    step = -10


class Erratic(Steady):
    def run(self) -> Iterator[Events | Watermark]:
        yield from list(super().run())[: self.packet_events % 5 + 1]


class PromisesTooMuch(Steady):
    def run(self) -> Iterator[Events | Watermark]:
        yield Watermark(500)
        yield from super().run()


class SaysNothing(Steady):
    def start(self) -> StreamInfo:
        return None


@pytest.mark.parametrize(
    ("source", "broken"),
    [
        (Steady, set()),
        (Backwards, {"gives_what_it_declares_in_time_order"}),
        (Erratic, {"gives_the_same_again"}),
        (PromisesTooMuch, {"gives_what_it_declares_in_time_order"}),
        (SaysNothing, {"says_what_comes"}),
    ],
)
def test_sources_are_held_to_their_word(source: type[Source], broken: set[str]):
    kit = type("Kit", (SourceConformance,), {"node": source})()
    found = set()
    for name in dir(kit):
        if name.startswith("test_"):
            try:
                getattr(kit, name)()
            except AssertionError:
                found.add(name.removeprefix("test_"))
    assert found == broken


def at(*times: int) -> Events:
    records = np.zeros(len(times), EVENT_DTYPE)
    records["t"] = times
    return Events(records, 4, 4)


def frame(t: int) -> Frame:
    return Frame(np.zeros((2, 2), np.uint8), t)


def order(inputs: dict[str, list[Any]], ports: list[str]) -> list[tuple[str, list[int]]]:
    return [
        (port, message.t.tolist() if isinstance(message, Events) else [message.t])
        for port, message in in_engine_order(inputs, ports)
    ]


def test_order_is_by_time_then_by_port():
    inputs = {"a": [at(1, 5, 5, 9)], "b": [frame(5), frame(5), frame(9)]}
    assert order(inputs, ["a", "b"]) == [("a", [1, 5, 5]), ("b", [5]), ("b", [5]), ("a", [9]), ("b", [9])]
    assert order(inputs, ["b", "a"]) == [("a", [1]), ("b", [5]), ("b", [5]), ("a", [5, 5]), ("b", [9]), ("a", [9])]
    assert order({"a": [at(), at(1)]}, ["a", "b"]) == [("a", []), ("a", [1])]


@settings(max_examples=60, derandomize=True, deadline=None, database=None)
@given(a=testing.events(), b=testing.tracks(), c=testing.events(), sizes=testing.cuts())
def test_order_is_the_same_however_packets_are_cut(a: Events, b: list[Tracks], c: Events, sizes: list[int]):
    def delivered(inputs: dict[str, list[Any]]) -> list[Any]:
        steps = [step for step in order(inputs, ["a", "b", "c"]) if step[1]]
        return [(port, t) for port, times in steps for t in times]

    whole = {"a": [a], "b": b, "c": [c]}
    assert delivered({port: recut(messages, sizes) for port, messages in whole.items()}) == delivered(whole)
    times = [t for _, t in delivered(whole)]
    assert times == sorted(times)


class Both(NamedTuple):
    label: Label | None = None
    frames: list[Frame] | None = None


class Two(Node):
    """Two outputs and any input, unordered or not."""

    def message(self, message: Message) -> Both:
        return Both(Label(message.t, 1, 1.0), [frame(message.t)] * 2)

    def finish(self, t_end: int) -> Iterator[Both]:
        yield Both(label=Label(t_end, 2, 1.0))


def test_drive_collects_outputs_by_port():
    outputs = drive(Two(), {"message": [frame(3), frame(4)]})
    assert [message.t for message in outputs["label"]] == [3, 4, 4]
    assert [message.t for message in outputs["frames"]] == [3, 3, 4, 4]


@pytest.mark.parametrize("kind", [Events, Slice, Tracks, Grid, Frame, Message])
def test_strategies_give_ordered_streams_of_their_kind(kind: type):
    @settings(max_examples=25, derandomize=True, deadline=None, database=None)
    @given(stream=testing.messages(kind))
    def check(stream: list[Any]) -> None:
        assert all(isinstance(message, (kind, Events)) for message in stream)
        assert all(time_of(first) <= time_of(second) for first, second in pairwise(stream))
        assert content_hash(stream) == content_hash(recut(stream, [3]))

    check()


@settings(max_examples=25, derandomize=True, deadline=None, database=None)
@given(data=st.data())
def test_events_may_carry_columns_and_be_unordered(data: Any):
    packet = data.draw(testing.events(labels=True, scores=True, ordered=False))
    assert packet.labels is not None
    assert packet.scores is not None
    assert packet.ordered == bool((np.diff(packet.t) >= 0).all())


def test_a_kind_without_strategy_says_what_to_do():
    with pytest.raises(TypeError, match="give the conformance class `inputs`"):
        testing.messages(Alarm)
