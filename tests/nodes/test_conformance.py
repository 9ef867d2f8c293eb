"""Every stock node keeps the promises of the node contract."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

from eventflow.graph.node import Node, Source
from eventflow.graph.registry import node_classes
from eventflow.kernels import judging
from eventflow.messages import Flow, Triggers
from eventflow.testing import NodeConformance, SourceConformance, events

# parameters that make the streams of the kit, of few pixels and few events, reach every branch
PARAMETERS: dict[str, list[dict[str, object]]] = {
    "accumulator": [
        {"tau": "5ms", "synchronous": True},
        {"decay": "linear", "slope": 20.0, "neutral": 0.5, "synchronous": True},
        {"decay": "step", "rectify": True},
        {"decay": "none"},
    ],
    "alarm": [
        {"every": "3ms", "rate_above": 1000.0, "rate_below": 300.0, "pixel_above": 400.0, "flicker_above": 0.2},
        {"every": "7ms", "rate_below": 5000.0},
    ],
    "adaptive": [{}, {"mark": True, "strictness": 1.0}],
    "age_polarity": [{}, {"mark": True, "radius": 4}],
    "anti_flicker": [{"low": 20, "high": 2000, "start_count": 2, "stop_count": 1}, {"mark": True, "low": 20}],
    "background_activity": [{"window": "5ms"}, {"mark": True}, {"threads": 2}],
    "double_window": [{"size": 5, "radius": 3}, {"mark": True, "size": 3, "k": 2}],
    "event_flow": [{"radius": 2}, {"mark": True}],
    "fast_decay": [{"threshold": 2.0}, {"mark": True, "block": 5}],
    "frequency_band": [{"low": 50.0, "high": 2000.0}, {"high": 100.0, "mark": True}],
    "hot_pixel": [{"rate": 100.0, "burst": 2}, {"mark": True}],
    "knoise": [{}, {"mark": True, "own": True}],
    "multi_event_age_polarity": [{"radius": 3}, {"mark": True}],
    "labelled": [{"count": 2}],
    "order_n": [{}, {"mark": True}],
    "region": [{"x": 2, "y": 1, "width": 7, "height": 5}],
    "refractory": [{"period": "1ms"}, {"mark": True}],
    "slice_area": [{"count": 2, "area": 4}, {"count": 3, "area": 4, "min_duration": "2ms", "max_duration": "5ms"}],
    "slice_contrast": [{"share": 0.05, "block": 1}],
    "slice_count": [{"count": 7}, {"count": 7, "tail": "drop"}],
    "slice_entropy": [{"share": 0.1, "block": 1}, {"share": 0.9, "max_duration": "5ms", "max_gap": "20ms"}],
    "slice_overlapping": [{"span": "7ms", "every": "3ms", "max_gap": "50ms"}, {"span": "2ms", "every": "5ms"}],
    "slice_overlapping_count": [{"count": 7, "every": 3}, {"count": 2, "every": 5}],
    "slice_time_or_count": [{"count": 5, "every": "3ms", "max_gap": "50ms"}],
    "slice_together": [{"every": "3ms", "max_gap": "50ms"}, {"tail": "drop"}],
    "align_clock": [{"offset_us": 70.4, "drift_ppm": 300.0}, {"offset_us": -5000.0, "at_us": 7}],
    "slice_triggers": [{}, {"edge": "both", "line": 0}],
    "slice_variance": [{"block": 3, "downsampling": 0}, {"block": 1, "threshold": 0.0, "downsampling": 1}],
    "slice_time": [{"every": "3ms", "max_gap": "50ms"}, {"every": "10ms"}],
    "snn_slicer": [{"cell": "2ms", "most": 4}],
    "stcf": [{"k": 2, "window": "5ms"}, {"mark": True, "radius": 2, "polarity": False}, {"threads": 2}],
    "synth": [{"duration": "40ms", "width": 48, "height": 36}, {"duration": "40ms", "scene": "pan"}],
    "read": [{"path": "synth:moving", "width": 48, "height": 36, "end": "60ms"}],
    "add_noise": [{"rate": 200.0}],
    "affine": [{"matrix": [0.5, 0.2, 1.0, -0.2, 1.5, 2.0]}],
    "complementary_filter": [{"every": "3ms", "tau": "5ms", "max_gap": "20ms"}],
    "crop": [{"x": 2, "y": 1, "width": 7}],
    "describe": [{}, {"rows": 3, "columns": 4, "patch": 2}],
    "drop_area": [{"share": 0.4, "every": "5ms"}],
    "drop_events": [{"share": 0.4}],
    "drop_time": [{"share": 0.4, "every": "5ms"}],
    "est": [{"bins": 3}],
    "flip": [{"axis": "x"}, {"axis": "both"}],
    "jitter_places": [{"radius": 2}],
    "jitter_time": [{"most": "200us"}, {"most": "20ms"}],
    "mix": [{}, {"label": "stream"}],
    "rotate": [{"degrees": 90}, {"degrees": 270}],
    "scale": [{"factor": 0.5}, {"factor": 1.7, "factor_y": 0.3}],
    "bina_rep": [{"bits": 3}],
    "distance_surface": [{"least": 2}, {"formula": "linear"}],
    "event_cube": [{"bins": 3}, {"bins": 3, "edges": "clamp"}],
    "frequency_map": [{"least": 1, "lowest": 0.1}],
    "hats": [{"cell": 5}, {"cell": 4, "radius": 1, "decay": "linear", "window": "2ms"}],
    "mixed_density": [{"bins": 4, "most": 1}],
    "multi_channel_surface": [{}, {"remember": False, "scales": 1}],
    "scarf": [{"block": 4}],
    "sparse_voxels": [{"bins": 3, "stride": 4}],
    "stacked_histogram": [{"bins": 3, "most": 1}],
    "timestamp_image": [{"moment": "last"}, {"moment": "first"}, {"moment": "mean"}],
    "tore": [{"depth": 2}],
    "time_surface_filter": [{}, {"mark": True, "radius": 3}],
    "trail": [{"rule": rule} for rule in ("first", "second", "from_second")] + [{"mark": True}],
    "undistort": [{"fx": 9.0, "fy": 9.0, "distortion": [-0.4, 0.1, 0.0, 0.01]}],
    "y_noise": [{}, {"mark": True, "radius": 2}],
    "voxel_grid": [{"bins": 3}],
    "voxel_grid_tonic": [{"bins": 3}],
    "warped_events": [{"vx": 300.0, "vy": -150.0, "instant": "middle"}, {"objective": "entropy", "signed": True}],
}


@pytest.fixture(autouse=True)
def small_packets_are_shared(monkeypatch):
    """With `threads: 2` the packets of the kit, of a few dozen events, are divided too."""
    monkeypatch.setattr(judging, "LEAST_WORK", 20)


_WITH_FILES = {
    "classify",
    "export",
    "hybrid",
    "mask",
    "mlpf",
    "null",
    "onnx_reconstruct",
    "record",
    "samples",
    "score_model",
    "snn",
    "tap",
    "view",
    "write",
}  # tested with their files
_WITH_DEVICES = {"camera", "webcam"}  # see test_camera.py, test_webcam.py
# see tests/peers, tests/unit/runtime/test_publish.py, test_ros_live.py
_OF_PLACES = {"place_learn", "place_recognise", "place_score", "sequence_match", "slice_distance"}  # see test_places
_WITH_SOCKETS = {"dv_network", "dv_serve", "ros_receive", "ros_send", "publish", "subscribe", "udp", "udp_send"}


def test_every_stock_node_loads():
    broken = [str(cls) for _, cls in node_classes() if not isinstance(cls, type)]
    assert not broken


def _strategies(name: str) -> dict[str, object]:
    """Streams for nodes whose kinds of messages the kit has no strategy for."""
    if name == "slice_triggers":
        return {"inputs": st.fixed_dictionaries({"triggers": triggers(), "events": one_packet(events())})}
    if name == "clock_fit":
        return {"inputs": st.fixed_dictionaries({"reference": triggers(), "other": triggers()})}
    if name == "slice_area":
        return {"inputs": st.fixed_dictionaries({"flow": flows(), "events": one_packet(events())})}
    return {}


def one_packet(packets):
    return packets.map(lambda packet: [packet] if len(packet) else [])


@st.composite
def triggers(draw):
    """Messages of one to three edges, in time order, some edges long before their message."""
    t, found = draw(st.sampled_from([0, 5_000])), []
    for steps in draw(
        st.lists(st.lists(st.sampled_from([0, 700, 12_000, 2_000_000]), min_size=1, max_size=3), max_size=4)
    ):
        time = t + np.cumsum(steps)
        t = int(time[-1])
        value = (np.arange(len(time)) % 2).astype(np.uint8)
        found.append(Triggers(t, time.astype(np.int64), np.zeros(len(time), np.uint8), value))
    return found


@st.composite
def flows(draw):
    """Flow of enough vectors to be followed, fast and slow."""
    t, found = 0, []
    for step, speed in draw(st.lists(st.tuples(st.integers(1, 9_000), st.sampled_from([0.0, 9e4])), max_size=5)):
        t += step
        vectors = np.full(60, speed, np.float32)
        found.append(Flow(t, vectors, vectors, vectors, vectors))
    return found


def _conformance(name: str, cls: type[Node], parameters: dict[str, object]) -> type:
    kit = SourceConformance if issubclass(cls, Source) else NodeConformance
    return type(cls.__name__, (kit,), {"node": cls, "parameters": parameters} | _strategies(name))


for _name, _class in node_classes():
    if (
        _name not in _WITH_FILES | _WITH_SOCKETS | _OF_PLACES | _WITH_DEVICES
        and isinstance(_class, type)
        and _class.__module__.startswith("eventflow_nodes.")
    ):
        for _number, _parameters in enumerate(PARAMETERS.get(_name, [{}])):
            globals()[f"Test_{_name}_{_number}"] = _conformance(_name, _class, _parameters)
