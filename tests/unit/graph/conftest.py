"""Nodes small enough that a test of graphs sees nothing but graphs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from eventflow.graph import registry

TESTS = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TESTS))

from plugins import visible, write_dist_info  # noqa: E402

NODES = {
    "camera": "graph_nodes:Camera",
    "both": "graph_nodes:Both",
    "baf": "graph_nodes:Baf",
    "cutter": "graph_nodes:Cutter",
    "grid": "graph_nodes:ToGrid",
    "pass": "graph_nodes:Pass",
    "join": "graph_nodes:Join",
    "save": "graph_nodes:Save",
    "show": "graph_nodes:Show",
}


@pytest.fixture(autouse=True)
def _small_nodes(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch):
    folder = tmp_path_factory.mktemp("dist")
    write_dist_info(folder, "eventflow-graph-tests", NODES)
    everything = registry.entry_points
    others = lambda group: [each for each in everything(group=group) if not each.value.startswith("eventflow_nodes.")]  # noqa: E731
    monkeypatch.setattr(registry, "entry_points", others)
    with visible(monkeypatch, folder, Path(__file__).parent):
        yield
