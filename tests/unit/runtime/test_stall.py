"""A graph that waits for itself gets a larger edge; one that is only quiet, or waits for a clock, does not."""

from __future__ import annotations

from typing import Any

from runtime_parts import Emit, Join, Pass, edge, graph_of, spec

from eventflow.runtime.stall import StallDetector

GRAPH = graph_of(
    [spec("s", Emit), spec("a", Pass), spec("j", Join), spec("p", Pass)],
    [
        edge(0, "s.events", "a.events", packets=1),
        edge(1, "s.events", "j.left", packets=8),
        edge(2, "a.events", "j.right", packets=4),
        edge(3, "j.events", "p.events", packets=2),
    ],
)


def task(state: str, steps: int = 0, blocked_on: int | None = None) -> dict[str, Any]:
    return {"nodes": ["x"], "state": state, "steps": steps, "blocked_on": blocked_on}


def looks(detector: StallDetector, tasks: list[dict[str, Any]], times: int = 2) -> list[int | None]:
    return [detector.look(tasks) for _ in range(times)]


def test_two_looks_without_progress_enlarge_the_smallest_edge_into_a_join() -> None:
    detector = StallDetector(GRAPH)
    tasks = [task("blocked", 5, 1), task("blocked", 7, 2), task("blocked", 1, 0), task("waiting"), task("ended")]
    assert looks(detector, tasks) == [None, 2]
    assert looks(detector, tasks) == [None, 1] or detector.grown == {2: 2}
    assert sum(detector.grown.values()) == 2


def test_the_smaller_after_growth_is_next() -> None:
    detector = StallDetector(GRAPH)
    tasks = [task("blocked", 5, 1), task("blocked", 7, 2)]
    found = looks(detector, tasks, 8)
    assert found == [None, 2, None, 1, None, 2, None, 1] or sorted(filter(None, found)) == [1, 1, 2, 2]


def test_progress_resets_the_suspicion() -> None:
    detector = StallDetector(GRAPH)
    assert detector.look([task("blocked", 5, 1), task("waiting")]) is None
    assert detector.look([task("blocked", 6, 1), task("waiting")]) is None
    assert detector.look([task("working", 6), task("waiting")]) is None
    assert detector.look([task("blocked", 6, 1), task("waiting")]) is None
    assert detector.look([task("blocked", 6, 1), task("waiting")]) == 1


def test_waiting_alone_is_no_stall() -> None:
    detector = StallDetector(GRAPH)
    assert looks(detector, [task("waiting"), task("waiting")], 4) == [None] * 4


def test_a_source_that_waits_for_its_time_is_no_stall() -> None:
    detector = StallDetector(GRAPH)
    assert looks(detector, [task("blocked", 5, 1), task("pacing")], 4) == [None] * 4


def test_an_edge_outside_a_join_is_enlarged_when_no_other_is_full() -> None:
    detector = StallDetector(GRAPH)
    assert looks(detector, [task("blocked", 5, 0), task("waiting")]) == [None, 0]


def test_the_drawing_names_the_full_edges() -> None:
    text = StallDetector(GRAPH).drawing([task("blocked", 5, 1), task("waiting"), task("ended")])
    assert text == "  x: waits to send on the full edge s.events -> j.left\n  x: waits for input"
