"""Every stock node keeps the promises of the node contract."""

from __future__ import annotations

from eventflow.graph.node import Node, Source
from eventflow.graph.registry import node_classes
from eventflow.testing import NodeConformance, SourceConformance

# parameters that make the streams of the kit reach every branch: few pixels, few events
PARAMETERS: dict[str, dict[str, object]] = {
    "slice_count": {"count": 7},
    "slice_time": {"every": "3ms", "max_gap": "50ms"},
    "stcf": {"k": 2, "window": "5ms"},
    "synth": {"duration": "40ms", "width": 48, "height": 36},
    "voxel_grid": {"bins": 3},
}
_ELSEWHERE = {"export", "null", "read", "tap", "view", "write"}


def test_every_stock_node_loads():
    broken = [str(cls) for _, cls in node_classes() if not isinstance(cls, type)]
    assert not broken


def _conformance(name: str, cls: type[Node]) -> type:
    kit = SourceConformance if issubclass(cls, Source) else NodeConformance
    return type(f"Test_{name}", (kit,), {"node": cls, "parameters": PARAMETERS.get(name, {})})


for _name, _class in node_classes():
    if _name not in _ELSEWHERE and isinstance(_class, type) and _class.__module__.startswith("eventflow_nodes."):
        globals()[f"Test_{_name}"] = _conformance(_name, _class)
