"""Several inputs have one order, fixed by event time: arrival, cuts and watermarks change nothing."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from runtime_parts import events_at, frame_at, joining_runner

FEW_TIMES = st.integers(0, 12)  # few, so that streams meet
Action = tuple[str, Any, int]


@st.composite
def stream(draw: st.DrawFn, rank: int) -> tuple[list[tuple[int, int, int]], list[Action]]:
    """Rows (t, rank, position) of one edge, and one of the ways in which they can arrive."""
    times = sorted(draw(st.lists(FEW_TIMES, max_size=14)))
    rows = [(t, rank, position) for position, t in enumerate(times)]
    actions: list[Action] = []
    begin = 0
    while begin < len(times):
        low = times[begin - 1] if begin else -5
        if draw(st.booleans()):
            actions.append(("advance", draw(st.integers(low, times[begin])), 0))
        if draw(st.integers(0, 3)) == 0:
            actions.append(("message", frame_at(times[begin], rank, begin), 0))
            begin += 1
            continue
        count = draw(st.integers(1, 6))
        packet = events_at(times[begin : begin + count], rank, begin)
        actions.append(("message", packet, len(packet)))
        begin += count
        if draw(st.booleans()):
            actions.append(("advance", int(packet.t[-1]), 0))
    end = max([*times, 0]) + draw(st.integers(0, 4))
    if draw(st.booleans()):
        actions.append(("advance", end, 0))
    return rows, [*actions, ("end", end, 0)]


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[list[str], list[tuple[int, int, int]], list[tuple[int, Action]]]:
    """Ports of the edges, all rows, and the actions of all edges in some interleaving."""
    ports = draw(st.sampled_from([["first", "second"], ["first", "first"], ["first", "first", "second"]]))
    made = [draw(stream(rank)) for rank in range(len(ports))]
    left = {rank: list(actions) for rank, (_, actions) in enumerate(made)}
    interleaved = []
    while any(left.values()):
        rank = draw(st.sampled_from([rank for rank, actions in left.items() if actions]))
        interleaved.append((rank, left[rank].pop(0)))
    return ports, [row for rows, _ in made for row in rows], interleaved


def perform(inlet: Any, action: Action) -> None:
    kind, payload, count = action
    if kind == "message":
        inlet.message(payload, count, 1)
    elif kind == "advance":
        inlet.advance(payload, 1)
    else:
        inlet.end(payload)


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(arrivals())
def test_the_order_is_that_of_time_rank_and_position(drawn: Any) -> None:
    ports, rows, interleaved = drawn
    runner, inlets = joining_runner(ports)
    for rank, action in interleaved:
        perform(inlets[rank], action)
    assert [row[:3] for row in runner.node.seen] == sorted(rows)
    assert [row[3] for row in runner.node.seen] == [ports[rank] for _, rank, _ in sorted(rows)]
    assert runner.ended
    assert runner.control.held_bytes == 0, "what left the join buffers is still accounted for"
    for inlet in inlets:
        assert inlet.counts.messages_sent == inlet.counts.messages_received
        assert inlet.counts.events_sent == inlet.counts.events_received


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(arrivals())
def test_nothing_is_held_that_no_input_can_precede(drawn: Any) -> None:
    """A join is never slower than it must be: what every watermark allows has been delivered."""
    ports, _, interleaved = drawn
    runner, inlets = joining_runner(ports)
    seen: dict[int, int] = dict.fromkeys(range(len(ports)), -(1 << 62))
    sent: list[tuple[int, int, int]] = []
    for rank, action in interleaved:
        perform(inlets[rank], action)
        kind, payload, _ = action
        if kind == "advance":
            seen[rank] = max(seen[rank], payload)
        elif kind == "end":
            seen[rank] = 1 << 62
        elif hasattr(payload, "records"):
            sent += [(int(r["t"]), rank, int(r["y"])) for r in payload.records]
            seen[rank] = max(seen[rank], sent[-1][0])
        else:
            sent.append((payload.t, rank, int(payload.image[0, 1])))
            seen[rank] = max(seen[rank], payload.t)
        safe = min(seen.values())
        assert {row for row in sent if row[0] < safe} <= {row[:3] for row in runner.node.seen}


def test_two_sensors_on_a_port_are_merged_in_packets() -> None:
    """Interleaved streams come as few packets, not event by event."""
    runner, (left, right) = joining_runner(["first", "first"])
    calls = []
    take = runner.node.first
    runner.node.first = lambda message: (calls.append(len(message)), take(message))[1]
    for begin in range(0, 1000, 100):
        left.message(events_at(list(range(begin, begin + 100, 2)), 0, begin), 50, 1)
        right.message(events_at(list(range(begin + 1, begin + 101, 2)), 1, begin), 50, 1)
    left.end(1000)
    right.end(1001)
    assert [row[0] for row in runner.node.seen] == list(range(1000))
    assert len(calls) <= 25
