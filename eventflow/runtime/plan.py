"""Which process and which thread runs each node.

Nodes placed together form one task; a task is one thread, and inside it a hop is a plain call. Tasks must not wait for
each other in a circle, so nodes of one process that data leaves and comes back to are split by how often it left.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eventflow.errors import GraphError
from eventflow.graph.file import place_from_file
from eventflow.graph.node import did_you_mean

if TYPE_CHECKING:
    from pathlib import Path

    from eventflow.graph.graph import Graph

MAIN = "main"


@dataclass(frozen=True)
class WorkerPlan:
    """One process: its name and, for each of its threads, the nodes in topological order."""

    name: str
    tasks: list[list[str]]


@dataclass(frozen=True)
class Plan:
    """Where everything runs."""

    workers: list[WorkerPlan]

    def worker_of(self, node: str) -> str:
        """Return the name of the process that runs a node."""
        return next(worker.name for worker in self.workers for task in worker.tasks if node in task)


def make_plan(graph: Graph, place: str | Path | dict[str, list[str]] | None = None) -> Plan:
    """Return the plan for a placement: fused, threads, processes, auto, a YAML file with a `place:` map, or such a map.

    Raises:
        GraphError: the placement names a node that the graph does not have, or names one twice.
    """
    if place is None:
        place = graph.place or "auto"
    if place == "fused":
        return _from_groups(graph, dict.fromkeys(graph.nodes, (MAIN, "")))
    if place == "threads":
        return _from_groups(graph, {name: (MAIN, name) for name in graph.nodes})
    if place == "processes":
        return _from_groups(graph, {name: (name, "") for name in graph.nodes})
    if place == "auto":
        return _from_groups(graph, _auto(graph))
    if not isinstance(place, dict):
        place = place_from_file(place, graph)
    return _from_groups(graph, _placed(graph, place))


def _placed(graph: Graph, place: dict[str, list[str]]) -> dict[str, tuple[str, str]]:
    """Groups from a place map; a node it does not name runs with the node that feeds its first input."""
    groups: dict[str, tuple[str, str]] = {}
    problems = []
    for worker, names in place.items():
        for name in names:
            if name not in graph.nodes:
                problems.append(f"place: {worker}: no node is named {name!r}{did_you_mean(name, graph.nodes)}")
            elif name in groups:
                problems.append(f"place: node {name!r} is named twice, in {groups[name][0]} and {worker}")
            else:
                groups[name] = (worker, "")
    if problems:
        raise GraphError(problems)
    first_worker = next(iter(place), MAIN)
    for name in graph.topological():
        if name not in groups:
            feeding = graph.edges_to(name)
            groups[name] = groups[feeding[0].source] if feeding else (first_worker, "")
    return groups


def _auto(graph: Graph) -> dict[str, tuple[str, str]]:
    """One process; a thread for each heavy node and what it feeds, where there are cores for them."""
    groups: dict[str, tuple[str, str]] = {}
    if (os.cpu_count() or 1) < 2:
        return dict.fromkeys(graph.nodes, (MAIN, ""))
    for name in graph.topological():
        feeding = graph.edges_to(name)
        heavy = graph.nodes[name].node_class.heavy or not feeding
        groups[name] = (MAIN, name) if heavy else groups[feeding[0].source]
    return groups


def _from_groups(graph: Graph, groups: dict[str, tuple[str, str]]) -> Plan:
    """Turn (process, group) of each node into tasks."""
    groups = {name: _own_thread(graph, name, group) for name, group in groups.items()}
    levels: dict[str, int] = {}
    for name in graph.topological():
        above = graph.edges_to(name)
        levels[name] = max((levels[edge.source] + (groups[edge.source] != groups[name]) for edge in above), default=0)
    tasks: dict[tuple[str, str, int], list[str]] = {}
    for name in graph.topological():
        tasks.setdefault((*groups[name], levels[name]), []).append(name)
    workers: dict[str, list[list[str]]] = {}
    for (worker, _, _), names in tasks.items():
        workers.setdefault(worker, []).append(names)
    return Plan([WorkerPlan(name, tasks) for name, tasks in workers.items()])


def _own_thread(graph: Graph, name: str, group: tuple[str, str]) -> tuple[str, str]:
    """A live source, and a node fed by an edge that drops, must not wait for anyone else's work."""
    spec = graph.nodes[name]
    dropping = any(edge.when_full in ("drop_oldest", "latest") for edge in graph.edges_to(name))
    return (group[0], f"{name} alone") if dropping or spec.node_class.live else group
