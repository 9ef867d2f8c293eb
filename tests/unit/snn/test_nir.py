"""NIR graphs: the published ones, what is refused and how it is said, and that a written graph is the one read."""

import warnings

import h5py
import numpy as np
import pytest

from eventflow.errors import ParameterError
from eventflow.snn import (
    IF,
    LI,
    LIF,
    AvgPool2d,
    Conv1d,
    Conv2d,
    CubaLI,
    CubaLIF,
    Delay,
    DelayLinear,
    Flatten,
    Integrator,
    Linear,
    Model,
    Neuron,
    Reset,
    Scale,
    SumPool2d,
    Threshold,
    TimeDelay,
)
from eventflow.snn.network_file import read_network
from eventflow.snn.nir_file import read_nir
from eventflow.snn.nir_writing import write_nir


def values(*shape, low=0.5):
    return np.random.default_rng(2).random(shape) + low


def every_layer():
    """One layer of every NIR kind, each feeding the next."""
    return Model.chain(
        (2, 12, 12),
        {
            "conv": Conv2d(weight=values(4, 2, 3, 3), bias=values(4), stride=(2, 1), padding=((1, 1), (2, 2))),
            "if": IF(r=values(4, 6, 14), v_threshold=values(4, 6, 14), v_reset=values(4, 6, 14)),
            "sum": SumPool2d(kernel=(2, 2), stride=(2, 2)),
            "avg": AvgPool2d(kernel=(1, 2), stride=(1, 1), padding=((0, 0), (1, 1))),
            "rows": Flatten(start=1, end=2),
            "conv1": Conv1d(weight=values(6, 4, 3), bias=values(6), stride=2, padding=(1, 1)),
            "flat": Flatten(),
            "lin": Linear(weight=values(5, 72)),
            "lif": LIF(tau_us=values(5) * 1e4, r=values(5), v_threshold=values(5), v_leak=values(5), v_reset=values(5)),
            "affine": Linear(weight=values(7, 5), bias=values(7)),
            "cuba": CubaLIF(
                tau_syn_us=values(7) * 1e4,
                tau_mem_us=values(7) * 1e4,
                r=values(7),
                v_threshold=values(7),
                w_in=values(7),
            ),
            "scale": Scale(scale=values(7)),
            "delay": TimeDelay(delay_us=np.arange(7) * 1000.0),
            "li": LI(tau_us=values(7) * 1e4, r=values(7), v_leak=values(7)),
            "cubali": CubaLI(tau_syn_us=values(7) * 1e4, tau_mem_us=values(7) * 1e4, r=values(7)),
            "i": Integrator(r=values(7)),
            "threshold": Threshold(threshold=values(7)),
        },
    )


def assert_same(model, other):
    assert model.order == other.order
    assert model.shapes == other.shapes
    for name, layer in model.layers.items():
        assert type(layer) is type(other.layers[name])
        for field, value in vars(layer).items():
            kept = getattr(other.layers[name], field)
            if isinstance(value, np.ndarray):
                np.testing.assert_allclose(kept, np.broadcast_to(value, kept.shape), rtol=1e-12)
            else:
                assert kept == value, (name, field)


def test_every_kind_written_and_read_back(tmp_path):
    model = every_layer()
    write_nir(model, tmp_path / "all.nir")
    assert_same(model, read_nir(tmp_path / "all.nir"))


def test_groups_are_kept(tmp_path):
    conv = Conv2d(weight=values(4, 1, 3, 3), bias=values(4), groups=2, dilation=(1, 2))
    write_nir(Model.chain((2, 9, 9), {"conv": conv}), tmp_path / "net.nir")
    assert_same(Model.chain((2, 9, 9), {"conv": conv}), read_nir(tmp_path / "net.nir"))


def test_the_nir_package_reads_what_is_written_and_writes_what_is_read(tmp_path):
    nir = pytest.importorskip("nir")
    write_nir(every_layer(), tmp_path / "ours.nir")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        graph = nir.read(tmp_path / "ours.nir")
        nir.write(tmp_path / "theirs.nir", graph)
    assert sorted({type(node).__name__ for node in graph.nodes.values()}) == [
        "Affine", "AvgPool2d", "Conv1d", "Conv2d", "CubaLI", "CubaLIF", "Delay", "Flatten", "I", "IF", "Input", "LI",
        "LIF", "Linear", "Output", "Scale", "SumPool2d", "Threshold",
    ]  # fmt: skip
    assert_same(every_layer(), read_nir(tmp_path / "theirs.nir"))


def test_nested_graphs_are_opened(tmp_path):
    nir = pytest.importorskip("nir")
    ones = np.ones(3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        inner = nir.NIRGraph(
            nodes={
                "input": nir.Input({"input": np.array([3])}),
                "lif": nir.LIF(tau=ones, r=ones, v_leak=ones * 0, v_threshold=ones),
                "rec": nir.Linear(weight=values(3, 3)),
                "output": nir.Output({"output": np.array([3])}),
            },
            edges=[("input", "lif"), ("lif", "rec"), ("rec", "lif"), ("lif", "output")],
        )
        outer = nir.NIRGraph(
            nodes={
                "input": nir.Input({"input": np.array([2])}),
                "fc": nir.Linear(weight=values(3, 2)),
                "block": inner,
                "scale": nir.Scale(scale=ones),
                "output": nir.Output({"output": np.array([3])}),
            },
            edges=[("input", "fc"), ("fc", "block"), ("block", "scale"), ("scale", "output")],
        )
        nir.write(tmp_path / "nested.nir", outer)
    model = read_nir(tmp_path / "nested.nir")
    assert set(model.edges) == {
        ("input", "fc"), ("fc", "block/lif"), ("block/lif", "block/rec"), ("block/rec", "block/lif"),
        ("block/lif", "scale"),
    }  # fmt: skip
    assert model.feedback == {("block/lif", "block/rec")}


@pytest.mark.samples
def test_published_graphs_load(samples):
    folder = samples / "snn"
    cnn = read_nir(folder / "nir_cnn" / "cnn_sinabs.nir")
    assert cnn.shapes["7"] == (8, 4, 4)
    assert (len(cnn.layers), cnn.input_shape, cnn.output_shape) == (13, (2, 34, 34), (10,))
    for name, hidden in (("bias_zero", 38), ("noBias_subtract", 40)):
        braille = read_nir(folder / "nir_braille" / f"braille_noDelay_{name}.nir")
        assert (braille.input_shape, braille.output_shape) == ((12,), (7,))
        assert braille.shapes["lif1.lif"] == (hidden,)
        assert braille.feedback == {("lif1.lif", "lif1.w_rec")}


@pytest.mark.samples
def test_a_published_graph_whose_edges_name_no_node_is_refused(samples):
    path = samples / "snn" / "nir_braille" / "extras" / "braille_noDelay_bias_zero_subgraph.nir"
    with pytest.raises(ParameterError, match=r"subgraph\.nir: node 'lif1': an edge names 'lif', which is no node"):
        read_nir(path)


@pytest.mark.samples
@pytest.mark.parametrize("missing", ["step_us", "reset", "drive"])
def test_the_step_and_the_reset_are_asked_for(samples, missing):
    choices = {"step_us": 1000, "reset": "zero", "drive": "impulse"}
    del choices[missing]
    with pytest.raises(ParameterError, match=missing):
        read_network(samples / "snn" / "nir_cnn" / "cnn_sinabs.nir", **choices)


def spoil(path, change):
    write_nir(every_layer(), path)
    with h5py.File(path, "r+") as file:
        change(file["node"]["nodes"], file["node"])


def put(group, name, value):
    del group[name]
    group[name] = value


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda nodes, _: put(nodes["lif"], "type", b"Izhikevich"), r"node 'lif'.*'Izhikevich' are unknown.*CubaLIF"),
        (
            lambda nodes, _: put(nodes["lin"], "weight", np.full((5, 72), np.nan)),
            r"'lin': 360 of 360 .*not finite",
        ),
        (lambda nodes, _: put(nodes["lif"], "tau", np.full(5, np.inf)), r"node 'lif': 5 of 5 .*tau.*not finite"),
        (lambda nodes, _: put(nodes["lin"], "weight", values(5, 71)), r"layer 'lin' .*takes \(71,\).*\(72,\)"),
        (lambda nodes, _: put(nodes["lif"], "tau", values(4)), r"layer 'lif' .*tau_us has shape \(4,\)"),
        (lambda nodes, _: put(nodes["conv"], "weight", values(4, 2, 3)), r"node 'conv': weight has shape"),
        (lambda nodes, _: put(nodes["conv"], "stride", b"two"), r"node 'conv': stride is"),
        (lambda nodes, _: put(nodes["conv"], "padding", b"reflect"), r"node 'conv': padding is 'reflect'"),
        (lambda nodes, _: put(nodes["conv"], "input_shape", [9, 9]), r"node 'conv' says its input is \(9, 9\)"),
        (lambda nodes, _: put(nodes["output"], "shape", [8]), r"the Output node says \(8,\)"),
        (lambda nodes, _: put(nodes["lif"], "r", b"many"), r"node 'lif': r is .*, expected numbers"),
        (lambda nodes, _: nodes["lif"].__delitem__("v_threshold"), r"node 'lif': the field 'v_threshold' is missing"),
        (lambda nodes, _: nodes.__delitem__("lif"), r"an edge names 'lif', which is no node"),
        (lambda nodes, _: nodes.__delitem__("input"), r"an edge names 'input'"),
        (lambda _, root: put(root, "edges", [[1, 2, 3]]), r"its edges have shape"),
        (lambda _, root: put(root, "type", b"LIF"), r"holds a single LIF node"),
        (lambda _, root: root.__delitem__("nodes"), r"without the group 'nodes'"),
    ],
)
def test_a_spoilt_graph_is_refused_with_file_and_node(tmp_path, change, says):
    path = tmp_path / "bad.nir"
    spoil(path, change)
    with pytest.raises(ParameterError, match=says) as caught:
        read_nir(path)
    assert "bad.nir" in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\x89HDF\r\n\x1a\n", b"no such thing" * 100])
def test_what_is_no_nir_file_is_refused(tmp_path, content):
    path = tmp_path / "bad.nir"
    path.write_bytes(content)
    with pytest.raises(ParameterError, match=r"bad\.nir"):
        read_nir(path)
    with pytest.raises(ParameterError, match=r"bad\.nir"):
        read_network(path)


def test_other_hdf5_is_refused(tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["data"] = np.zeros(3)
    with pytest.raises(ParameterError, match="has no group 'node'"):
        read_nir(tmp_path / "other.h5")


def test_discrete_neurons_come_back_as_they_were(tmp_path):
    layers = {
        "if": Neuron(decay=1, gain=0.7, offset=0, threshold=1.5, v_reset=0.25, v_start=0.25),
        "lif": Neuron(decay=values(5, low=-0.0) * 0.9, gain=0.3, offset=0.01, threshold=1),
        "cuba": Neuron(decay=0.9, gain=0.5, offset=0, threshold=1, current_decay=0.6, current_gain=0.8),
        "late": Delay(steps=np.arange(5)),
        "out": Neuron(decay=0.75, gain=1, offset=0, threshold=None),
    }
    model = Model.chain((5,), layers, step_us=250)
    write_nir(model, tmp_path / "net.nir")
    back = read_network(tmp_path / "net.nir", step_us=250, reset="zero", rule="euler", drive="current")
    assert back.layers["late"].steps.tolist() == list(range(5))
    for name in ("if", "lif", "cuba", "out"):
        for field in ("decay", "gain", "offset", "threshold", "v_reset", "current_decay", "current_gain"):
            before, after = getattr(layers[name], field), getattr(back.layers[name], field)
            assert (before is None) == (after is None), (name, field)
            if before is not None and not (name == "out" and field == "v_reset"):
                np.testing.assert_allclose(after, np.broadcast_to(before, (5,)), rtol=1e-12, atol=1e-15)
    assert back.layers["if"].v_start.max() == 0.25


@pytest.mark.parametrize(
    ("layer", "says"),
    [
        (DelayLinear(weight=values(3, 3), delay=np.ones((3, 3), int)), "no node for DelayLinear"),
        (Neuron(decay=-0.5, gain=1, offset=0, threshold=1), "no Euler step"),
        (Neuron(decay=[1.0, 0.5, 0.5], gain=1, offset=0, threshold=1), "some neurons do not decay"),
        (
            Neuron(decay=0.5, gain=1, offset=0, threshold=1, adaptation_decay=0.5, adaptation_jump=1,
                   adaptation_strength=1),
            "adapts",
        ),
    ],
)  # fmt: skip
def test_what_nir_cannot_hold_is_refused_and_nothing_is_written(tmp_path, layer, says):
    with pytest.raises(ParameterError, match=says):
        write_nir(Model.chain((3,), {"layer": layer}, step_us=1), tmp_path / "net.nir")
    assert list(tmp_path.iterdir()) == []


def test_one_sided_padding_cannot_be_written(tmp_path):
    conv = Conv2d(weight=values(1, 1, 2, 2), padding=((0, 1), (0, 1)))
    with pytest.raises(ParameterError, match="pads both sides alike"):
        write_nir(Model.chain((1, 4, 4), {"conv": conv}), tmp_path / "net.nir")


def test_same_and_valid_padding_are_resolved(tmp_path):
    path = tmp_path / "net.nir"
    write_nir(Model.chain((2, 12, 12), {"conv": Conv2d(weight=values(4, 2, 4, 3))}), path)
    with h5py.File(path, "r+") as file:
        put(file["node"]["nodes"]["conv"], "padding", b"same")
        put(file["node"]["nodes"]["output"], "shape", [4, 12, 12])
    assert read_nir(path).layers["conv"].padding == ((1, 2), (1, 1))


def test_the_resets_are_all_offered():
    assert {reset.value for reset in Reset} == {
        "zero", "subtract", "multispike", "crossing", "delayed", "delayed_zero",
    }  # fmt: skip
