"""Every stock node keeps the promises of the node contract."""

from __future__ import annotations

from eventflow.graph.node import Node, Source
from eventflow.graph.registry import node_classes
from eventflow.testing import NodeConformance, SourceConformance

# parameters that make the streams of the kit, of few pixels and few events, reach every branch
PARAMETERS: dict[str, list[dict[str, object]]] = {
    "background_activity": [{"window": "5ms"}, {"mark": True}],
    "refractory": [{"period": "1ms"}, {"mark": True}],
    "slice_count": [{"count": 7}],
    "slice_time": [{"every": "3ms", "max_gap": "50ms"}, {"every": "10ms"}],
    "stcf": [{"k": 2, "window": "5ms"}, {"mark": True, "radius": 2, "polarity": False}],
    "synth": [{"duration": "40ms", "width": 48, "height": 36}, {"duration": "40ms", "scene": "pan"}],
    "read": [{"path": "synth:moving", "width": 48, "height": 36, "end": "60ms"}],
    "voxel_grid": [{"bins": 3}],
}
_WITH_FILES = {"export", "null", "tap", "view", "write"}  # see test_sinks


def test_every_stock_node_loads():
    broken = [str(cls) for _, cls in node_classes() if not isinstance(cls, type)]
    assert not broken


def _conformance(cls: type[Node], parameters: dict[str, object]) -> type:
    kit = SourceConformance if issubclass(cls, Source) else NodeConformance
    return type(cls.__name__, (kit,), {"node": cls, "parameters": parameters})


for _name, _class in node_classes():
    if _name not in _WITH_FILES and isinstance(_class, type) and _class.__module__.startswith("eventflow_nodes."):
        for _number, _parameters in enumerate(PARAMETERS.get(_name, [{}])):
            globals()[f"Test_{_name}_{_number}"] = _conformance(_class, _parameters)
