"""The network in the stream: the kit's promises under every policy, equal to the engine alone, bad input said."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st

from eventflow.errors import EventflowError
from eventflow.events import Events
from eventflow.graph.drive import drive
from eventflow.messages import Grid, Slice
from eventflow.snn import LIF, Conv2d, Drive, Flatten, Linear, Model, Reset, Rule
from eventflow.snn.engines.sparse import SparseEngine
from eventflow.testing import NodeConformance, messages
from eventflow_nodes.snn.network import SpikingNetwork


def leaky(threshold):
    return LIF(tau_us=np.array(4000.0), r=np.array(1.0), v_threshold=np.array(threshold))


def small_network(width=12, height=9, seed=0):
    """A leaky network with biases, whose answer depends on every step."""
    rng = np.random.default_rng(seed)
    layers = {
        "conv": Conv2d(weight=rng.integers(-2, 5, (3, 2, 3, 3)) / 4, bias=np.array([0.1, 0.0, 0.2]), stride=(2, 2)),
        "lif": leaky(0.3),
        "flat": Flatten(),
    }
    spread = 3 * ((height - 3) // 2 + 1) * ((width - 3) // 2 + 1)
    layers |= {"full": Linear(weight=rng.integers(-2, 5, (4, spread)) / 4), "out": leaky(0.2)}
    model = Model.chain((2, height, width), layers)
    return model.discretise(step_us=1000, reset=Reset.ZERO, rule=Rule.EXACT, drive=Drive.CURRENT)


_FOLDER = tempfile.TemporaryDirectory()
FILE = Path(_FOLDER.name) / "small.safetensors"
small_network().save(FILE)


@pytest.fixture
def network_file():
    return FILE


def _two_planes(grids):
    """Grids of the kit, with a second plane."""
    return [Grid(np.concatenate([each.data, each.data[:, ::-1]]) % 3, each.t0, each.t1) for each in grids]


STREAMS = st.fixed_dictionaries(
    {"stream": st.one_of(messages(Events), messages(Slice), messages(Grid).map(_two_planes))}
)


def _conformance(**parameters):
    declared = {"node": SpikingNetwork, "inputs": STREAMS, "parameters": {"model": str(FILE), **parameters}}
    return type("Kit", (NodeConformance,), declared)


TestGap = _conformance(gap="5ms")
TestNever = _conformance(forgets="never", max_gap="20ms", every="3ms")
TestSlices = _conformance(forgets="slice", step="1ms", binary=True, every="2ms", gap="9ms")


@pytest.fixture
def events():
    rng = np.random.default_rng(3)
    t = np.sort(rng.integers(0, 40_000, 600))
    rows = np.stack([t, rng.integers(0, 12, 600), rng.integers(0, 9, 600), rng.integers(0, 2, 600)], axis=1)
    return Events.from_numpy(rows, columns="txyp", width=12, height=9)


def frames_of(events, steps):
    frames = np.zeros((steps, 2, 9, 12), np.float32)
    np.add.at(frames, (events.t // 1000, events.p.astype(int), events.y, events.x), 1)
    return frames


def test_the_stream_gives_what_the_engine_gives_alone(events, network_file):
    engine = SparseEngine(Model.load(network_file))
    outputs, _ = engine.run(frames_of(events, 40), engine.start())
    found = drive(SpikingNetwork(model=str(network_file)), {"stream": [events]}, cuts=[7])["grid"]
    assert [each.t1 for each in found] == list(range(1000, 40_001, 1000))
    np.testing.assert_array_equal(np.stack([each.data[:, 0, 0] for each in found]), outputs)
    assert outputs.any()


def test_slices_and_grids_are_the_same_network(events, network_file):
    engine = SparseEngine(Model.load(network_file))
    outputs, _ = engine.run(frames_of(events, 40), engine.start())
    slices = [Slice(events.between(t, t + 10_000), t, t + 10_000, t // 10_000) for t in range(0, 40_000, 10_000)]
    node = SpikingNetwork(model=str(network_file), forgets="never")
    found = drive(node, {"stream": slices})["grid"]
    np.testing.assert_array_equal(
        np.stack([each.data[:, 0, 0] for each in found]), outputs.reshape(4, 10, 4).sum(axis=1)
    )
    assert node.results["lives"] == 1
    assert node.results["steps"] == 40
    frames = frames_of(events, 40)
    grids = [Grid(frames[k], 1000 * k, 1000 * (k + 1)) for k in range(40)]
    found = drive(SpikingNetwork(model=str(network_file), forgets="never"), {"stream": grids})["grid"]
    np.testing.assert_array_equal(np.stack([each.data[:, 0, 0] for each in found]), outputs)


def test_each_slice_may_begin_afresh(events, network_file):
    slices = [Slice(events.between(t, t + 10_000), t, t + 10_000, t // 10_000) for t in range(0, 40_000, 10_000)]
    node = SpikingNetwork(model=str(network_file), forgets="slice")
    together = drive(node, {"stream": slices})["grid"]
    assert node.results["lives"] == 4
    alone = drive(SpikingNetwork(model=str(network_file)), {"stream": slices[2:3]})["grid"]
    np.testing.assert_array_equal(together[2].data, alone[0].data)


@pytest.mark.parametrize("engine", ["sparse", "torch"])
def test_engines_agree_and_count(events, network_file, engine):
    pytest.importorskip("torch")
    node = SpikingNetwork(model=str(network_file), engine=engine, every="10ms")
    found = drive(node, {"stream": [events]})["grid"]
    reference = drive(SpikingNetwork(model=str(network_file), every="10ms"), {"stream": [events]})["grid"]
    np.testing.assert_array_equal([each.data for each in found], [each.data for each in reference])
    assert node.results["steps"] == 40
    if engine == "sparse":
        assert node.results["synops"] == sum(node.results["synops_by_layer"].values()) > 0


def test_a_wrong_geometry_is_refused_or_cropped(events, network_file):
    wide = Events(events.records, 20, 9)
    with pytest.raises(EventflowError, match=r"takes 12x9 px, the sensor has 20x9; say fit: crop"):
        drive(SpikingNetwork(model=str(network_file)), {"stream": [wide]})
    node = SpikingNetwork(model=str(network_file), fit="crop")
    drive(node, {"stream": [wide]})
    assert node.skipped["events outside the network's input"] == int((events.x < 4).sum())


def test_bad_files_are_named(tmp_path, network_file):
    cases = [
        (str(tmp_path / "absent.nir"), "no such file"),
        (_written(tmp_path / "text.nir", b"hello"), "cannot be read as a NIR file"),
        (_written(tmp_path / "cut.safetensors", network_file.read_bytes()[:500]), "cut off"),
        (_written(tmp_path / "changed.safetensors", _flipped(network_file.read_bytes())), "checksum does not match"),
    ]
    for path, message in cases:
        with pytest.raises(EventflowError, match=message) as caught:
            drive(SpikingNetwork(model=path), {"stream": []})
        assert path in str(caught.value)
    with pytest.raises(EventflowError, match="made for steps of 1000 µs, asked to run in steps of 500"):
        drive(SpikingNetwork(model=str(network_file), step="500us"), {"stream": []})


def test_grids_that_do_not_fit_are_refused(network_file):
    wrong = Grid(np.zeros((2, 3, 3), np.float32), 0, 1000)
    with pytest.raises(EventflowError, match=r"takes \(2, 9, 12\), the grid is \(2, 3, 3\)"):
        drive(SpikingNetwork(model=str(network_file)), {"stream": [wrong]})
    bad = Grid(np.full((2, 9, 12), np.nan, np.float32), 0, 1000)
    with pytest.raises(EventflowError, match="NaN"):
        drive(SpikingNetwork(model=str(network_file)), {"stream": [bad]})


def _written(path, raw):
    path.write_bytes(raw)
    return str(path)


def _flipped(raw):
    return raw[:-3] + bytes([raw[-3] ^ 1]) + raw[-2:]
