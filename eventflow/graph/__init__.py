"""Graphs: the node contract, the registry, the graph file, its check and its drawing."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

_HOME = {
    "EdgeSpec": "eventflow.graph.graph",
    "Graph": "eventflow.graph.graph",
    "NodeSpec": "eventflow.graph.graph",
    "load_graph": "eventflow.graph.file",
}
__all__ = ["EdgeSpec", "Graph", "NodeSpec", "load_graph"]

if TYPE_CHECKING:
    from eventflow.graph.file import load_graph as load_graph
    from eventflow.graph.graph import EdgeSpec as EdgeSpec
    from eventflow.graph.graph import Graph as Graph
    from eventflow.graph.graph import NodeSpec as NodeSpec


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'eventflow.graph' has no attribute {name!r}")
