"""Graphs: the node contract, the registry, the graph file, its check and its drawing."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

_HOME = {
    "EdgeSpec": "eventflow.graph.graph",
    "Graph": "eventflow.graph.graph",
    "NodeSpec": "eventflow.graph.graph",
    "describe_node": "eventflow.graph.describe",
    "draw_mermaid": "eventflow.graph.mermaid",
    "draw_svg": "eventflow.graph.svg",
    "graph_from_dict": "eventflow.graph.file",
    "graph_names": "eventflow.graph.lookup",
    "graph_schema": "eventflow.graph.schema",
    "load_graph": "eventflow.graph.file",
    "place_from_file": "eventflow.graph.file",
}
__all__ = sorted(_HOME)

if TYPE_CHECKING:
    from eventflow.graph.describe import describe_node as describe_node
    from eventflow.graph.file import graph_from_dict as graph_from_dict
    from eventflow.graph.file import load_graph as load_graph
    from eventflow.graph.file import place_from_file as place_from_file
    from eventflow.graph.graph import EdgeSpec as EdgeSpec
    from eventflow.graph.graph import Graph as Graph
    from eventflow.graph.graph import NodeSpec as NodeSpec
    from eventflow.graph.lookup import graph_names as graph_names
    from eventflow.graph.mermaid import draw_mermaid as draw_mermaid
    from eventflow.graph.schema import graph_schema as graph_schema
    from eventflow.graph.svg import draw_svg as draw_svg


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'eventflow.graph' has no attribute {name!r}")
