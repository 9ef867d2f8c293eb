"""An edge between threads: sent = received + dropped always, a watermark is never lost, a limit is a limit."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from runtime_parts import FakeInlet, FakeTask, edge, events_at, frame_at

from eventflow.errors import EdgeFullError, MemoryLimitError
from eventflow.messages import StreamInfo, events_in, time_of
from eventflow.runtime.control import Aborted, RunControl
from eventflow.runtime.counters import EdgeCounts
from eventflow.runtime.queues import QueueEdge, Room

EVENT_BYTES = 16


def queue_of(**policy: Any) -> tuple[QueueEdge, FakeInlet]:
    spec = edge(0, "a.events", "b.events", **policy)
    inlet = FakeInlet(spec)
    control = RunControl(policy.pop("memory", 1_000_000_000))
    queue = QueueEdge(spec, inlet, EdgeCounts(), FakeTask(), control)
    queue.sender = FakeTask()
    return queue, inlet


def drain(queue: QueueEdge) -> None:
    while queue.waiting:
        queue.deliver()


def send(queue: QueueEdge, message: Any) -> None:
    queue.message(message, events_in(message), 1)


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(
    policy=st.sampled_from(["drop_oldest", "latest"]),
    packets=st.integers(1, 4),
    limit_bytes=st.integers(1, 200),
    time_us=st.one_of(st.none(), st.integers(1, 40)),
    steps=st.lists(st.one_of(st.integers(0, 12), st.just("take"), st.just("mark")), max_size=60),
)
def test_sent_is_received_and_dropped_and_no_watermark_is_lost(
    policy: Any, packets: int, limit_bytes: int, time_us: int | None, steps: list[Any]
) -> None:
    queue, inlet = queue_of(when_full=policy, packets=packets, bytes=limit_bytes, time_us=time_us)
    queue.start(StreamInfo(4, 4))
    t = reached = 0
    sent_events = 0
    for step in steps:
        if step == "take":
            if queue.waiting:
                queue.deliver()
        elif step == "mark":
            reached = t
            queue.advance(t, 1)
        else:
            message = events_at([t + n for n in range(step)]) if step else frame_at(t, 0, 0)
            t += max(step, 1)
            sent_events += step
            send(queue, message)
            assert queue.room.packets <= (1 if policy == "latest" else packets)
    queue.end(t)
    drain(queue)
    counts = queue.counts
    assert counts.messages_sent == sum(isinstance(step, int) for step in steps)
    assert counts.events_sent == sent_events
    assert counts.messages_sent - counts.messages_dropped == len(inlet.messages)
    assert counts.events_sent - counts.events_dropped == sum(events_in(each) for each in inlet.messages)
    assert sum(counts.drops.values()) == counts.messages_dropped
    times = [time_of(each) for each in inlet.messages]
    assert times == sorted(times)
    if "mark" in steps:
        assert inlet.watermark == reached
    assert inlet.got[0][0] == "start"
    assert inlet.got[-1] == ("end", t)
    assert queue._control.held_bytes == 0
    assert all(ingest == 1 for ingest in inlet.ingests), "a dropped message took its ingest time along"


def test_a_watermark_never_overtakes_a_message() -> None:
    """Dropping must not promise more than the messages that still wait allow."""
    queue, inlet = queue_of(when_full="drop_oldest", packets=2)
    for t in range(0, 100, 10):
        send(queue, events_at([t, t + 5]))
        queue.advance(t + 5, 1)
    seen = -1
    while queue.waiting:
        before = len(inlet.got)
        queue.deliver()
        for kind, payload in inlet.got[before:]:
            if kind == "message":
                assert int(payload.t[0]) >= seen
            else:
                seen = payload


def test_drops_leave_nothing_behind() -> None:
    """A reader that stands still costs neither memory nor time, however much is dropped."""
    queue, _ = queue_of(when_full="drop_oldest", packets=4)
    for t in range(20_000):
        send(queue, frame_at(t, 0, 0))
        queue.advance(t, 1)
    assert queue.counts.messages_dropped == 20_000 - 4
    assert len(queue._items) <= 6


def test_latest_keeps_the_newest() -> None:
    queue, inlet = queue_of(when_full="latest")
    for t in range(5):
        send(queue, frame_at(t, 0, 0))
    drain(queue)
    assert [each.t for each in inlet.messages] == [4]
    assert queue.counts.drops == {"latest": 4}


def test_fail_names_the_edge_and_the_time() -> None:
    queue, _ = queue_of(when_full="fail", packets=2)
    send(queue, events_at([1]))
    send(queue, events_at([2]))
    with pytest.raises(EdgeFullError, match=r"edge a\.events -> b\.events is full at t=3 µs \(2 packets, 32 bytes"):
        send(queue, events_at([3]))


def test_block_waits_for_room() -> None:
    queue, inlet = queue_of(packets=2)
    total = 200

    def feed() -> None:
        for t in range(total):
            send(queue, events_at([t]))
        queue.end(total)

    sender = threading.Thread(target=feed, daemon=True)
    sender.start()
    deadline = time.monotonic() + 20
    while ("end", total) not in inlet.got and time.monotonic() < deadline:
        if queue.waiting:
            queue.deliver()
    sender.join(5)
    assert [int(each.t[0]) for each in inlet.messages] == list(range(total))
    assert queue.counts.max_fill <= 2
    assert queue.counts.messages_dropped == 0


def test_block_waits_where_too_much_time_is_under_way() -> None:
    queue, _ = queue_of(packets=100, time_us=50)
    send(queue, events_at([0, 40]))
    blocked = threading.Thread(target=send, args=(queue, events_at([41, 60])), daemon=True)
    blocked.start()
    blocked.join(0.2)
    assert blocked.is_alive(), "60 µs were allowed to wait on an edge of 50 µs"
    queue.deliver()
    blocked.join(5)
    assert not blocked.is_alive()


def test_an_enlarged_edge_lets_the_sender_go_on_whatever_the_limit_was() -> None:
    for policy in ({"packets": 1}, {"bytes": 20}, {"time_us": 5}):
        queue, _ = queue_of(**policy)
        send(queue, events_at([0]))
        blocked = threading.Thread(target=send, args=(queue, events_at([9])), daemon=True)
        blocked.start()
        blocked.join(0.1)
        if policy != {"bytes": 20}:  # 16 bytes are more than half of 20, so one more waits
            assert blocked.is_alive()
        queue.grow()
        blocked.join(5)
        assert not blocked.is_alive(), policy


def test_a_blocked_sender_ends_when_the_run_is_given_up() -> None:
    queue, _ = queue_of(packets=1)
    send(queue, events_at([0]))
    ended: list[BaseException] = []

    def feed() -> None:
        try:
            send(queue, events_at([1]))
        except Aborted as error:
            ended.append(error)

    sender = threading.Thread(target=feed, daemon=True)
    sender.start()
    time.sleep(0.05)
    queue._control.abort()
    sender.join(5)
    assert len(ended) == 1


def test_the_memory_limit_counts_what_waits() -> None:
    spec = edge(0, "a.events", "b.events", packets=1000)
    queue = QueueEdge(spec, FakeInlet(spec), EdgeCounts(), FakeTask(), RunControl(1_000))
    for t in range(1_000 // EVENT_BYTES):
        send(queue, events_at([t]))
    with pytest.raises(MemoryLimitError, match="queues and join buffers hold"):
        send(queue, events_at([100]))


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(
    limit_packets=st.integers(1, 8),
    limit_bytes=st.integers(1, 1000),
    sizes=st.lists(st.integers(0, 5000), min_size=1, max_size=40),
)
def test_room_always_admits_one_and_keeps_its_limits(limit_packets: int, limit_bytes: int, sizes: list[int]) -> None:
    room = Room(edge(0, "a.events", "b.events", packets=limit_packets, bytes=limit_bytes))
    waiting: list[int] = []
    for size in sizes:
        while room.full(size):
            assert waiting, "an empty edge must admit a message of any size"
            room.give(1, waiting.pop(0))
        room.take(size)
        waiting.append(size)
        assert room.packets == len(waiting) <= limit_packets
        assert room.bytes - max(waiting) <= limit_bytes
