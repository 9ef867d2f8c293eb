"""The chain that a claim is made about: a recording, a filter, 10 ms slices, voxel grids of 5 bins; as a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from eventflow.graph.file import graph_from_dict
from eventflow.runtime.running import run

if TYPE_CHECKING:
    from pathlib import Path

    from eventflow.graph.graph import Graph

WINDOW_US: Final = 2_000
EVERY_US: Final = 10_000
BINS: Final = 5


def chain_graph(path: Path | str) -> Graph:
    """Return the chain from a recording to a node that forgets the grids."""
    nodes: dict[str, Any] = {
        "camera": {"use": "read", "path": str(path)},
        "clean": {"use": "background_activity", "window": f"{WINDOW_US}us"},
        "slices": {"use": "slice_time", "every": f"{EVERY_US}us"},
        "voxels": {"use": "voxel_grid", "bins": BINS},
        "end": {"use": "null"},
    }
    return graph_from_dict({"nodes": nodes, "flow": ["camera -> clean -> slices -> voxels -> end"]})


def run_chain(graph: Graph, place: str | None) -> int:
    """Run the chain and return how many events the filter kept."""
    return int(run(graph, place=place)["nodes"]["clean"]["events_out"])
