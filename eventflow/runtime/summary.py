"""The summary of a run: one plain object, from the counters of all its processes."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eventflow.runtime.counters import LatencyHistogram

if TYPE_CHECKING:
    from eventflow.graph.graph import EdgeSpec, Graph
    from eventflow.runtime.plan import Plan

_NODE_COUNTS = ("events_in", "events_out", "messages_in", "messages_out")
_EDGE_SUMS = (
    "messages_sent",
    "messages_received",
    "messages_dropped",
    "events_sent",
    "events_received",
    "events_dropped",
)


_CHANGES = frozenset({"seek", "set", "stop"})  # pauses and steps change when, not what


def make_summary(
    graph: Graph,
    plan: Plan,
    snapshots: dict[str, dict[str, Any]],
    reports: dict[str, dict[str, Any]],
    pids: dict[str, int],
    *,
    wall_s: float,
    paced: bool,
    interrupted: bool,
    grown: dict[int, int],
    steering: list[dict[str, Any]],
    hash_files: bool,
) -> dict[str, Any]:
    """Return the summary; `snapshots`, `reports` and `pids` are by worker name."""
    nodes = {name: _node(entry) for snapshot in snapshots.values() for name, entry in snapshot["nodes"].items()}
    edges = [_edge(edge, snapshots, grown.get(edge.index, 0)) for edge in graph.edges]
    latency = LatencyHistogram()
    for snapshot in snapshots.values():
        latency.merge(*snapshot["latency"])
    return {
        "graph": graph.name,
        "plan": {
            "workers": [
                {"name": each.name, "pid": pids.get(each.name, 0), "tasks": each.tasks} for each in plan.workers
            ]
        },
        "nodes": {name: nodes[name] for name in graph.nodes if name in nodes},
        "edges": edges,
        "latency_us": latency.plain() if paced else None,
        "latency_steps_us": latency.steps_us() if paced else None,
        "wall_s": wall_s,
        "events": sum(
            nodes[name]["events_out"] for name, spec in graph.nodes.items() if spec.is_source and name in nodes
        ),
        "lossless": all(edge["messages_sent"] == edge["messages_received"] for edge in edges),
        "interrupted": interrupted,
        "outputs": _outputs(graph, reports, hash_files, steered=any(each["do"] in _CHANGES for each in steering)),
        "steering": steering,
        "results": {name: found for report in reports.values() for name, found in report["results"].items()},
    }


def lost(graph: Graph, summary: dict[str, Any]) -> list[str]:
    """Return a line for each edge that lost what the graph does not allow it to lose."""
    lines = []
    for edge, counts in zip(graph.edges, summary["edges"], strict=True):
        missing = counts["messages_sent"] - counts["messages_received"] - counts["messages_dropped"]
        if missing or (edge.lossless and counts["messages_dropped"]):
            lines.append(
                f"edge {edge.begin} -> {edge.end} ({edge.when_full}): {counts['messages_sent']} sent, "
                f"{counts['messages_received']} received, {counts['messages_dropped']} dropped, {missing} missing"
            )
    return lines


def _node(entry: dict[str, Any]) -> dict[str, Any]:
    counts = {name: entry[name] for name in _NODE_COUNTS}
    return counts | {
        "busy_s": entry["busy_ns"] / 1e9,
        "errors": entry["errors"],
        "skipped": entry["skipped"],
        "repaired": entry["repaired"],
    }


def _edge(edge: EdgeSpec, snapshots: dict[str, dict[str, Any]], grown: int) -> dict[str, Any]:
    ends = [snapshot["edges"][edge.index] for snapshot in snapshots.values() if edge.index in snapshot["edges"]]
    drops: dict[str, int] = {}
    for end in ends:
        for reason, count in end["drops"].items():
            drops[reason] = drops.get(reason, 0) + count
    age = LatencyHistogram()
    for end in ends:
        age.merge(*end["latency"])
    return {
        "from": edge.begin,
        "to": edge.end,
        "policy": edge.when_full,
        **{name: sum(end[name] for end in ends) for name in _EDGE_SUMS},
        "drops": drops,
        "max_fill": max((end["max_fill"] for end in ends), default=0),
        "enlarged": grown,
        "latency_us": age.plain(),
        "late": sum(end["late"] for end in ends),
    }


def _outputs(graph: Graph, reports: dict[str, dict[str, Any]], hash_files: bool, *, steered: bool) -> dict[str, Any]:
    reproducible = set() if steered else graph.reproducible_nodes()
    found: dict[str, Any] = {}
    for report in reports.values():
        for name, paths in report["outputs"].items():
            for number, path in enumerate(paths):
                found[name if number == 0 else f"{name}#{number + 1}"] = {
                    "path": path,
                    "blake2b": hash_of_path(Path(path)) if hash_files else None,
                    "reproducible": name in reproducible,
                }
        for name, digest in report["hashes"].items():
            found[name] = {"path": None, "blake2b": digest, "reproducible": name in reproducible}
    return {name: found[name] for name in sorted(found)}


def hash_of_path(path: Path) -> str:
    """Return the blake2b of a file's bytes; of a folder: of its sorted relative names and contents."""
    digest = hashlib.blake2b(digest_size=32)
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if not file.is_file():
            continue
        if path.is_dir():
            digest.update(file.relative_to(path).as_posix().encode() + b"\0")
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
