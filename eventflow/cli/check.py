"""Say everything that is wrong with graphs, each problem with its place, without running or writing anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventflow.cli.options import add_json, add_set, print_json

if TYPE_CHECKING:
    import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the verb takes."""
    parser.add_argument("graphs", metavar="GRAPH", nargs="+", help="a graph file, or a name such as demo")
    add_set(parser)
    add_json(parser)


def main(options: argparse.Namespace) -> int:
    """Check every graph."""
    found = [_checked(name, options.set) for name in options.graphs]
    if options.json:
        print_json(found[0] if len(found) == 1 else found)
    else:
        for each in found:
            print("\n".join(each["problems"]) if each["problems"] else _praise(each))
    return 2 if any(each["problems"] for each in found) else 0


def _checked(name: str, settings: list[str]) -> dict[str, Any]:
    from eventflow.errors import GraphError
    from eventflow.graph.file import load_graph

    try:
        graph = load_graph(name, set=settings)
    except GraphError as error:
        return {"graph": name, "ok": False, "problems": error.problems, "nodes": [], "edges": []}
    edges = [{"from": edge.begin, "to": edge.end, "policy": edge.when_full} for edge in graph.edges]
    return {"graph": name, "ok": True, "problems": [], "path": graph.path, "nodes": list(graph.nodes), "edges": edges}


def _praise(checked: dict[str, Any]) -> str:
    return f"{checked['path']}: sound, {len(checked['nodes'])} nodes and {len(checked['edges'])} edges"
