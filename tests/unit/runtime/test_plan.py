"""Which process and which thread runs a node; tasks never wait for each other in a circle."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from runtime_parts import Emit, Heavy, Join, Live, Pass, Sink, edge, graph_of, spec

from eventflow.errors import GraphError
from eventflow.runtime.plan import Plan, make_plan


def diamond(**last: Any) -> Any:
    nodes = [spec("camera", Emit), spec("a", Pass), spec("b", Heavy), spec("both", Join), spec("end", Sink)]
    edges = [
        edge(0, "camera.events", "a.events"),
        edge(1, "camera.events", "b.events"),
        edge(2, "a.events", "both.left"),
        edge(3, "b.events", "both.right"),
        edge(4, "both.events", "end.message", **last),
    ]
    return graph_of(nodes, edges)


def shape(plan: Plan) -> dict[str, list[list[str]]]:
    return {worker.name: worker.tasks for worker in plan.workers}


def circles(graph: Any, plan: Plan) -> bool:
    """Whether data can leave a task and come back to it."""
    task_of = {n: (w.name, i) for w in plan.workers for i, names in enumerate(w.tasks) for n in names}
    links = {(task_of[e.source], task_of[e.target]) for e in graph.edges if task_of[e.source] != task_of[e.target]}
    left = set(task_of.values())
    while left:
        free = {task for task in left if not any(end == task and begin in left for begin, end in links)}
        if not free:
            return True
        left -= free
    return False


def test_the_named_placements() -> None:
    graph = diamond()
    names = ["camera", "a", "b", "both", "end"]
    assert shape(make_plan(graph, "fused")) == {"main": [names]}
    assert shape(make_plan(graph, "threads")) == {"main": [[name] for name in names]}
    assert shape(make_plan(graph, "processes")) == {name: [[name]] for name in names}


def test_auto_gives_heavy_nodes_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    assert shape(make_plan(diamond())) == {"main": [["camera", "a"], ["b"], ["both", "end"]]}
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    assert shape(make_plan(diamond())) == {"main": [["camera", "a", "b", "both", "end"]]}


def test_a_map_places_the_rest_with_what_feeds_it() -> None:
    plan = make_plan(diamond(), {"front": ["camera"], "back": ["b"]})
    assert shape(plan) == {"front": [["camera", "a"], ["both", "end"]], "back": [["b"]]}
    assert plan.worker_of("both") == "front"


def test_a_node_that_may_miss_messages_does_not_wait_for_others() -> None:
    plan = make_plan(diamond(when_full="latest"), "fused")
    assert shape(plan) == {"main": [["camera", "a", "b", "both"], ["end"]]}


def test_a_live_source_has_a_thread_of_its_own() -> None:
    graph = graph_of(
        [spec("live", Live), spec("file", Emit), spec("both", Join)],
        [edge(0, "live.events", "both.left"), edge(1, "file.events", "both.right")],
    )
    assert shape(make_plan(graph, "fused"))["main"][0] == ["live"]


def test_wrong_places_are_all_named() -> None:
    with pytest.raises(GraphError) as caught:
        make_plan(diamond(), {"x": ["camera", "camer"], "y": ["camera"]})
    assert len(caught.value.problems) == 2
    assert "Did you mean 'camera'" in caught.value.problems[0]
    assert "named twice, in x and y" in caught.value.problems[1]


@st.composite
def graphs(draw: st.DrawFn) -> Any:
    count = draw(st.integers(2, 9))
    nodes = [spec("n0", Emit)]
    edges: list[Any] = []
    for number in range(1, count):
        kind = draw(st.sampled_from([Pass, Heavy, Join]))
        nodes.append(spec(f"n{number}", kind))
        for port in ["left", "right"] if kind is Join else ["events"]:
            above = draw(st.integers(0, number - 1))
            policy = draw(st.sampled_from(["block", "block", "block", "latest", "drop_oldest"]))
            edges.append(edge(len(edges), f"n{above}.events", f"n{number}.{port}", when_full=policy))
    return graph_of(nodes, edges)


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(graph=graphs(), data=st.data())
def test_tasks_never_wait_in_a_circle_and_every_node_runs_once(graph: Any, data: Any) -> None:
    names = list(graph.nodes)
    workers = data.draw(st.lists(st.integers(0, 2), min_size=len(names), max_size=len(names)))
    place: dict[str, list[str]] = {}
    for name, worker in zip(names, workers, strict=True):
        place.setdefault(f"w{worker}", []).append(name)
    for wanted in ("fused", "threads", "processes", "auto", place):
        plan = make_plan(graph, wanted)
        ran = [name for worker in plan.workers for task in worker.tasks for name in task]
        assert sorted(ran) == sorted(names)
        assert not circles(graph, plan)
        order = graph.topological()
        for worker in plan.workers:
            assert all(task == sorted(task, key=order.index) for task in worker.tasks)
    assert {w.name for w in make_plan(graph, place).workers} == place.keys()
