"""Graph files: found by path or name, read, checked as a whole, with params and settings from outside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eventflow.errors import GraphError
from eventflow.graph.check import checked_graph
from eventflow.graph.flatten import Flattener, Overrides, placed_nodes, read_yaml
from eventflow.graph.lookup import graph_path
from eventflow.graph.node import did_you_mean
from eventflow.graph.yaml12 import Problems, Value, Where, value_from_python

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from eventflow.graph.graph import Graph

    Settings = Mapping[str, Any] | Iterable[str]


def load_graph(path: str | Path, *, set: Settings = (), **params: Any) -> Graph:
    """Return the checked graph of a file.

    Args:
        path: a path, or a name looked up in ./graphs and among the installed graphs.
        set: what the command line's `--set` takes: "NAME=value" or "NODE.PARAM=value", or a mapping of these.
        params: values of the graph's params.

    Raises:
        GraphError: `problems` are all that is wrong, each with its place.
    """
    file = graph_path(path)
    problems = Problems()
    overrides = _overrides(set, params, problems)
    try:
        root = read_yaml(file, problems)
        text = file.read_text("utf-8-sig")
    except OSError as error:
        raise GraphError([f"{file}: cannot be read: {error.strerror}"]) from None
    return _graph(root, file.parent, (file.resolve(),), overrides, problems, str(file), text)


def graph_from_dict(mapping: Mapping[str, Any], *, set: Settings = (), **params: Any) -> Graph:
    """Return the checked graph that a mapping with the keys of a graph file describes; `eventflow: 1` may be left out.

    Raises:
        GraphError: `problems` are all that is wrong, each with its path such as `graph.nodes.clean.window`.
    """
    problems = Problems()
    overrides = _overrides(set, params, problems)
    root = value_from_python({"eventflow": 1, **mapping}, "graph")
    return _graph(root, Path(), (), overrides, problems, "", json.dumps(dict(mapping), default=str))


def _graph(
    root: Value,
    folder: Path,
    files: tuple[Path, ...],
    overrides: Overrides,
    problems: Problems,
    path: str,
    text: str,
) -> Graph:
    from dataclasses import replace

    flat = Flattener(overrides, problems).open(root, folder, files)
    graph = checked_graph(flat, root.where, problems)
    problems.raise_if_any()
    return replace(graph, name=graph.name or (Path(path).stem if path else "graph"), path=path, text=text)


def place_from_file(path: str | Path, graph: Graph) -> dict[str, list[str]]:
    """Return the placement of a `--place` file: YAML with a `place:` map as a graph file has it.

    Raises:
        GraphError: the file cannot be read, or a node is unknown or named twice.
    """
    problems = Problems()
    try:
        root = read_yaml(Path(path), problems)
    except OSError as error:
        raise GraphError([f"{path}: cannot be read: {error.strerror}"]) from None
    bare = root.bare()
    if not isinstance(bare, dict) or not isinstance(bare.get("place"), dict):
        raise GraphError([f"{path}: expected a `place:` map such as `place: {{front: [camera, clean]}}`"])
    place: dict[str, list[str]] = {}
    for name, members in root.content["place"].content.items():
        place[name] = []
        for member in members.content if isinstance(members.content, list) else [members]:
            found = placed_nodes(str(member.content), graph.nodes)
            if not found:
                text = (
                    f"place {name!r}: unknown node {member.content!r}{did_you_mean(str(member.content), graph.nodes)}"
                )
                problems.add(member.where, text)
            taken = [node for node in found if any(node in each for each in place.values())]
            for node in taken:
                problems.add(member.where, f"place {name!r}: node {node!r} is already placed")
            place[name] += found
    problems.raise_if_any()
    return place


def _overrides(settings: Settings, params: Mapping[str, Any], problems: Problems) -> Overrides:
    overrides = Overrides()
    for name, content in params.items():
        overrides.given["", name] = value_from_python(_plain(content), f"{name}={content}")
    if isinstance(settings, str):
        settings = [settings]
    pairs = settings.items() if hasattr(settings, "items") else map(_split, settings)
    for name, content in pairs:
        where = Where(f"--set {name}" if content is None else f"--set {name}={content}")
        if content is None or not name:
            problems.add(where, "expected NAME=value or NODE.PARAM=value")
            continue
        owner, _, own = str(name).rpartition(".")
        value = value_from_python(_plain(content), where.file)
        overrides.given[owner, own] = value
    return overrides


def _split(text: str) -> tuple[str, str | None]:
    name, sign, value = str(text).partition("=")
    return name.strip(), value if sign else None


def _plain(content: Any) -> Any:
    return str(content) if isinstance(content, Path) else content
