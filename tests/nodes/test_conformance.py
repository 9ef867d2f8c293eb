"""Every stock node keeps the promises of the node contract."""

from __future__ import annotations

from eventflow.graph.node import Node, Source
from eventflow.graph.registry import node_classes
from eventflow.testing import NodeConformance, SourceConformance

# parameters that make the streams of the kit, of few pixels and few events, reach every branch
PARAMETERS: dict[str, list[dict[str, object]]] = {
    "accumulator": [
        {"tau": "5ms", "synchronous": True},
        {"decay": "linear", "slope": 20.0, "neutral": 0.5, "synchronous": True},
        {"decay": "step", "rectify": True},
        {"decay": "none"},
    ],
    "background_activity": [{"window": "5ms"}, {"mark": True}],
    "refractory": [{"period": "1ms"}, {"mark": True}],
    "slice_count": [{"count": 7}],
    "slice_time": [{"every": "3ms", "max_gap": "50ms"}, {"every": "10ms"}],
    "stcf": [{"k": 2, "window": "5ms"}, {"mark": True, "radius": 2, "polarity": False}],
    "synth": [{"duration": "40ms", "width": 48, "height": 36}, {"duration": "40ms", "scene": "pan"}],
    "read": [{"path": "synth:moving", "width": 48, "height": 36, "end": "60ms"}],
    "bina_rep": [{"bits": 3}],
    "distance_surface": [{"least": 2}, {"formula": "linear"}],
    "event_cube": [{"bins": 3}, {"bins": 3, "edges": "clamp"}],
    "hats": [{"cell": 5}, {"cell": 4, "radius": 1, "decay": "linear", "window": "2ms"}],
    "mixed_density": [{"bins": 4, "most": 1}],
    "multi_channel_surface": [{}, {"remember": False, "scales": 1}],
    "scarf": [{"block": 4}],
    "sparse_voxels": [{"bins": 3, "stride": 4}],
    "stacked_histogram": [{"bins": 3, "most": 1}],
    "timestamp_image": [{"moment": "last"}, {"moment": "first"}, {"moment": "mean"}],
    "tore": [{"depth": 2}],
    "voxel_grid": [{"bins": 3}],
    "voxel_grid_tonic": [{"bins": 3}],
    "warped_events": [{"vx": 300.0, "vy": -150.0, "instant": "middle"}, {"objective": "entropy", "signed": True}],
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
