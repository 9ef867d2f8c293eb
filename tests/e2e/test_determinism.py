"""Placement does not change results: the same bytes fused, in threads, in processes, however packets are cut."""

from __future__ import annotations

from typing import Any

import pytest

from eventflow.graph import graph_from_dict, load_graph
from eventflow.runtime import run

PACKETS = [1_000, 16_384, 60_000]


def checked_run(graph: Any, where: Any, packet_events: int | None, **options: Any) -> dict[str, Any]:
    """Run a graph; what every lossless run must show is asserted."""
    summary = run(graph, place=where, packet_events=packet_events, hash_outputs=True, **options)
    assert summary["lossless"]
    for edge in summary["edges"]:
        for what in ("messages", "events"):
            assert edge[f"{what}_sent"] == edge[f"{what}_received"] + edge[f"{what}_dropped"], edge
            assert edge[f"{what}_dropped"] == 0
    workers = summary["plan"]["workers"]
    tasks = [task for worker in workers for task in worker["tasks"]]
    nodes = len(graph.nodes)
    expected = {"fused": (1, 1), "threads": (1, nodes), "processes": (nodes, nodes)}
    if isinstance(where, str) and where in expected:
        assert (len(workers), len(tasks)) == expected[where]
    assert len({worker["pid"] for worker in workers}) == len(workers)
    return summary


def hashes(summary: dict[str, Any]) -> dict[str, str]:
    assert summary["outputs"]
    assert all(entry["reproducible"] for entry in summary["outputs"].values())
    return {name: entry["blake2b"] for name, entry in summary["outputs"].items()}


def assert_same_everywhere(graph: Any, place: dict[str, list[str]]) -> None:
    """Every placement and every packet size, each at least once, against one process and one thread."""
    first = hashes(checked_run(graph, "fused", None))
    runs = [
        *[("fused", packet_events) for packet_events in PACKETS],
        *[("threads", packet_events) for packet_events in PACKETS],
        *[("auto", 60_000), ("processes", 16_384), (place, 1_000)],
    ]
    for where, packet_events in runs:
        assert hashes(checked_run(graph, where, packet_events)) == first, (where, packet_events)


def test_a_chain(tmp_path: Any) -> None:
    graph = graph_from_dict(
        {
            "eventflow": 1,
            "name": "chain",
            "nodes": {
                "camera": {"use": "synth", "duration": "300ms", "noise": 5.0},
                "clean": {"use": "background_activity"},
                "kept": {"use": "null", "hash": True},
                "slices": {"use": "slice_time", "every": "10ms"},
                "voxels": {"use": "voxel_grid"},
                "grids": {"use": "null", "hash": True},
                "truth": {"use": "null", "hash": True},
            },
            "flow": ["camera.events -> clean -> slices -> voxels -> grids", "clean -> kept", "camera.truth -> truth"],
        }
    )
    assert_same_everywhere(graph, {"front": ["camera", "clean"], "back": ["slices", "voxels"]})


def test_a_join_and_a_diamond_with_a_slow_branch() -> None:
    """One branch gives a message a second; the other every packet; both meet again, twice."""
    graph = graph_from_dict(
        {
            "eventflow": 1,
            "name": "diamond",
            "nodes": {
                "left": {"use": "test_ramp", "events": 1_200, "every": "2700us", "seed": 1},
                "right": {"use": "test_ramp", "events": 800, "every": "4100us", "seed": 2},
                "both": {"use": "test_both"},
                "seconds": {"use": "slice_time", "every": "1s"},
                "compare": {"use": "test_compare"},
                "kept": {"use": "null", "hash": True},
                "end": {"use": "null", "hash": True},
            },
            "flow": [
                "left -> both.left",
                "right -> both.right",
                "both -> seconds -> compare.slice",
                "both -> compare.events",
                "both -> kept",
                "compare -> end",
            ],
        }
    )
    assert_same_everywhere(graph, {"one": ["left", "seconds", "compare"], "two": ["right", "both"]})


@pytest.mark.parametrize("where", ["threads", "processes"])
def test_an_edge_that_is_too_small_is_enlarged_and_counted(where: str) -> None:
    """A branch that holds back a second, and edges for two packets: no deadlock, nothing lost, the same bytes."""
    graph = graph_from_dict(
        {
            "eventflow": 1,
            "name": "parks",
            "nodes": {
                "camera": {"use": "test_ramp", "events": 5_000, "every": "500us"},
                "late": {"use": "test_holdback"},
                "both": {"use": "test_both"},
                "end": {"use": "null", "hash": True},
            },
            "flow": [
                {"camera -> late -> both.left": {"packets": 2}},
                {"camera -> both.right": {"packets": 2}},
                "both -> end",
            ],
        }
    )
    summary = checked_run(graph, where, 100)
    assert sum(edge["enlarged"] for edge in summary["edges"]) > 0
    assert summary["edges"][2]["enlarged"] > 0, "the edge that waits for the other input of the join"
    assert hashes(summary) == hashes(checked_run(graph, "fused", 16_384))


@pytest.mark.samples
@pytest.mark.slow
@pytest.mark.parametrize(
    "recording", ["aedat/davis346_demo01.aedat4", "evt/gen41_vectors.evt3.raw", "es/dvs.es"], ids=lambda path: path[:3]
)
def test_a_real_recording(recording: str, samples: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    graph = load_graph("denoise-and-track", recording=str(samples / recording))
    assert_same_everywhere(graph, {"front": ["camera", "clean"], "back": ["slices", "voxels", "tracks"]})
