"""What a run promises besides its results: time is kept, streams are cut, drops are counted, thirty nodes are few."""

from __future__ import annotations

import itertools
import time
from typing import Any

import pytest

from eventflow.graph import graph_from_dict
from eventflow.runtime import run


def graph_of(nodes: dict[str, Any], flow: list[Any]) -> Any:
    return graph_from_dict({"eventflow": 1, "name": "test", "nodes": nodes, "flow": flow})


@pytest.mark.parametrize("where", ["fused", "threads", "processes"])
def test_replay_at_speed_one_keeps_time(where: str) -> None:
    """Packets come when they are due, cut at every millisecond."""
    graph = graph_of(
        {"camera": {"use": "test_ramp", "events": 100_000, "every": "10us"}, "end": {"use": "test_clock"}},
        ["camera -> end"],
    )
    summary = run(graph, place=where, speed=1)
    rows = summary["results"]["end"]["rows"]
    assert 0.95 < summary["wall_s"] < 3
    assert len(rows) == 1_000
    assert all(first // 1_000 == last // 1_000 for _, first, last, _ in rows)
    late = sorted((wall - rows[0][0]) - (last - rows[0][2]) for wall, _, last, _ in rows)
    assert late[len(late) // 2] < 200_000, "half of all packets come 200 ms late"
    assert late[0] > -20_000, "a packet came before its time"
    assert summary["latency_us"]["p50"] < 200_000


def test_twice_as_fast_takes_half_as_long() -> None:
    graph = graph_of(
        {"camera": {"use": "test_ramp", "events": 100_000, "every": "10us"}, "end": {"use": "null"}}, ["camera -> end"]
    )
    assert 0.45 < run(graph, speed="2")["wall_s"] < 2


@pytest.mark.parametrize("where", ["fused", "processes"])
def test_packet_events_and_packet_time(where: str) -> None:
    graph = graph_of(
        {
            "camera": {"use": "test_ramp", "events": 20_000, "every": "10us", "packet_time": "10ms"},
            "end": {"use": "test_clock"},
        },
        ["camera -> end"],
    )
    counts = [row[3] for row in run(graph, place=where, packet_events=700)["results"]["end"]["rows"]]
    assert set(counts) <= {700, 100}
    counts = [row[3] for row in run(graph, place=where, speed=4)["results"]["end"]["rows"]]
    assert counts == [1_000] * 20


@pytest.mark.parametrize("where", ["fused", "threads", "processes"])
def test_for_ends_after_so_much_event_time(where: str) -> None:
    graph = graph_of(
        {"camera": {"use": "test_ramp", "every": "10us"}, "end": {"use": "null", "hash": True}}, ["camera -> end"]
    )
    summary = run(graph, place=where, for_us=123_450)
    assert summary["events"] == 12_345
    assert summary["edges"][0]["events_received"] == 12_345
    assert summary["interrupted"] is False


@pytest.mark.parametrize("where", ["fused", "processes"])
@pytest.mark.parametrize("policy", ["drop_oldest", "latest"])
def test_allowed_drops_are_counted_and_the_rest_loses_nothing(where: str, policy: str) -> None:
    graph = graph_of(
        {
            "camera": {"use": "test_ramp", "events": 500_000},
            "slow": {"use": "test_pass", "sleep": "20ms"},
            "look": {"use": "null"},
            "end": {"use": "null", "hash": True},
        },
        [{"camera -> slow": {"when_full": policy, "packets": 2}}, "slow -> look", "camera -> end"],
    )
    summary = run(graph, place=where, packet_events=2_000)
    drops, kept = summary["edges"][0], summary["edges"][2]
    assert drops["messages_dropped"] > 0
    assert drops["drops"] == {policy: drops["messages_dropped"]}
    for what in ("messages", "events"):
        assert drops[f"{what}_sent"] == drops[f"{what}_received"] + drops[f"{what}_dropped"]
    assert kept["events_received"] == 500_000
    assert summary["outputs"]["end"]["reproducible"] is True
    assert summary["lossless"] is False


def test_fail_ends_the_run() -> None:
    from eventflow.errors import EdgeFullError

    graph = graph_of(
        {"camera": {"use": "test_ramp"}, "slow": {"use": "test_pass", "sleep": "50ms"}, "end": {"use": "null"}},
        [{"camera -> slow": {"when_full": "fail", "packets": 2}}, "slow -> end"],
    )
    for where in ("threads", "processes"):
        with pytest.raises(EdgeFullError, match=r"edge camera\.events -> slow\.events is full"):
            run(graph, place=where, packet_events=1_000)


@pytest.mark.parametrize("where", ["fused", "threads", {"a": ["n0"], "b": ["n10"], "c": ["n20"]}])
def test_thirty_nodes(where: Any) -> None:
    nodes: dict[str, Any] = {"camera": {"use": "test_ramp", "events": 100_000}}
    nodes |= {f"n{number}": {"use": "test_pass"} for number in range(28)}
    nodes["end"] = {"use": "null", "hash": True}
    summary = run(graph_of(nodes, [" -> ".join(nodes)]), place=where, packet_events=2_000)
    assert len(summary["nodes"]) == 30
    assert all(edge["events_received"] == 100_000 for edge in summary["edges"])


def test_a_stereo_source(tmp_path: Any) -> None:
    """Two event ports of one source, one of them empty now and then, cut like any other."""
    nodes = {
        "camera": {"use": "test_stereo"},
        "both": {"use": "test_both"},
        "end": {"use": "null", "hash": True},
    }
    graph = graph_of(nodes, ["camera.left -> both.left", "camera.right -> both.right", "both -> end"])
    found = {
        run(graph, place=where, packet_events=packet_events)["outputs"]["end"]["blake2b"]
        for where, packet_events in itertools.product(["fused", "threads"], [300, 16_384])
    }
    assert len(found) == 1


@pytest.mark.parametrize("where", ["threads", {"a": ["dense", "both"], "b": ["sparse"]}])
def test_a_source_that_waits_for_its_time_is_no_stall(where: str) -> None:
    """Two replayed sensors, one of them sparse: the edge of the other is full for a while and stays as it is."""
    nodes = {
        "dense": {"use": "test_ramp", "events": 60_000, "every": "20us"},
        "sparse": {"use": "test_ramp", "events": 3, "every": "600ms", "chunk": 1},
        "both": {"use": "test_both"},
        "end": {"use": "null"},
    }
    graph = graph_of(
        nodes, [{"dense -> both.left": {"packets": 4}}, {"sparse -> both.right": {"packets": 4}}, "both -> end"]
    )
    summary = run(graph, place=where, speed=1)
    assert [edge["enlarged"] for edge in summary["edges"]] == [0, 0, 0]


def test_names_in_any_script() -> None:
    """A graph made in Python may name its nodes in any script, worker processes included."""
    from eventflow.graph import EdgeSpec, Graph, NodeSpec
    from eventflow.graph.registry import node_class

    uses = {"カメラ": "test_ramp", "größe/ж": "test_pass", "端 1": "null"}
    nodes = {}
    for name, use in uses.items():
        cls = node_class(use)
        nodes[name] = NodeSpec(name, use, cls, {key: each.default for key, each in cls.declaration.parameters.items()})
    first, second, third = nodes
    edges = [EdgeSpec(0, first, "events", second, "events"), EdgeSpec(1, second, "events", third, "message")]
    for where in ("threads", "processes"):
        summary = run(Graph("イベント", nodes, edges), place=where)
        assert list(summary["nodes"]) == list(uses)
        assert summary["events"] == 200_000


def test_a_short_run_ends_at_once() -> None:
    graph = graph_of({"camera": {"use": "test_ramp", "events": 10}, "end": {"use": "null"}}, ["camera -> end"])
    for where in ("fused", "threads"):
        begun = time.monotonic()
        run(graph, place=where)
        assert time.monotonic() - begun < 5
