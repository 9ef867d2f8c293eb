"""Conversion, quantisation and chips: identities, tables of rules, real weights, bad files."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from eventflow.errors import ParameterError
from eventflow.snn import Conv2d, Flatten, Linear, Model, SumPool2d
from eventflow.snn.chip import Chip, fit_report, read_chip
from eventflow.snn.conversion import (
    Ann,
    BatchNorm,
    Rectifier,
    balanced_thresholds,
    converted,
    folded,
    mean_output,
    nmnist_cnn,
    with_torch_weights,
)
from eventflow.snn.neuron import Neuron
from eventflow.snn.quantisation import quantised

torch = pytest.importorskip("torch")
from eventflow.snn.torch_network import TorchEngine  # noqa: E402 - after torch is known to be there


def run(model, x, steps):
    engine = TorchEngine(model, "float64")
    outputs, _ = engine.run(np.repeat(x[None], steps, axis=0), engine.start())
    return outputs


@pytest.mark.parametrize("levels", [1, 3, 4, 8, 15])
def test_qcfs_is_an_if_neuron_over_as_many_steps(levels):
    x = np.random.default_rng(levels).integers(-300, 700, 2000) / 256
    threshold = 1.5
    ann = Ann((2000,), {"one": Linear(weight=np.eye(2000)), "relu": Rectifier(threshold=threshold, levels=levels)})
    spikes = run(converted(ann), x, levels)
    found = spikes.mean(axis=0) * threshold
    np.testing.assert_allclose(found, ann.layers["relu"].of(x), rtol=1e-12)
    assert set(np.unique(spikes)) <= {0.0, 1.0}
    assert (found > 0).any()
    assert (found == threshold).any()


def test_more_steps_come_nearer_to_the_rectified_network():
    rng = np.random.default_rng(0)
    layers = {
        "one": Conv2d(weight=rng.normal(size=(6, 2, 3, 3)).astype(np.float32) / 3, padding=((1, 1), (1, 1))),
        "relu1": Rectifier(),
        "pool": SumPool2d(kernel=(2, 2), stride=(2, 2)),
        "flat": Flatten(),
        "two": Linear(weight=rng.normal(size=(30, 96)).astype(np.float32) / 8),
        "relu2": Rectifier(),
        "three": Linear(weight=rng.normal(size=(5, 30)).astype(np.float32) / 4),
    }
    ann, x = Ann((2, 8, 8), layers), rng.random((12, 2, 8, 8))
    thresholds = balanced_thresholds(ann, x, percentile=100)
    wanted = ann.activations(x)["three"]
    model = converted(ann, thresholds)
    outputs = np.stack([run(model, each, 256) for each in x])
    errors = [np.abs(outputs[:, :t].mean(axis=1) - wanted).mean() for t in (4, 16, 64, 256)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.02 * np.abs(wanted).mean()
    np.testing.assert_array_equal(mean_output(outputs[0]), outputs[0].mean(axis=0))


def test_batch_norm_folds_into_the_connection_before_it():
    rng = np.random.default_rng(1)
    norm = BatchNorm(
        mean=rng.normal(size=4), variance=rng.random(4) + 0.1, scale=rng.normal(size=4), shift=rng.normal(size=4)
    )
    weight = rng.normal(size=(4, 2, 3, 3)).astype(np.float32)
    ann = Ann((2, 6, 6), {"conv": Conv2d(weight=weight, bias=rng.normal(size=4)), "norm": norm, "relu": Rectifier()})
    x = rng.normal(size=(3, 2, 6, 6)).astype(np.float32)
    found = folded(ann).layers
    assert list(found) == ["conv", "relu"]
    reference = torch.nn.functional.conv2d(
        torch.tensor(x), torch.tensor(weight), torch.tensor(ann.layers["conv"].bias, dtype=torch.float32)
    )
    as32 = [torch.tensor(each, dtype=torch.float32) for each in (norm.mean, norm.variance, norm.scale, norm.shift)]
    reference = torch.nn.functional.batch_norm(reference, as32[0], as32[1], as32[2], as32[3], eps=norm.epsilon)
    np.testing.assert_allclose(ann.activations(x)["conv"], reference.numpy(), atol=1e-5)
    with pytest.raises(ParameterError, match="'norm': a BatchNorm is folded into the connection before it"):
        folded(Ann((4, 6, 6), {"relu": Rectifier(), "norm": norm}))


@pytest.mark.samples
def test_the_shipped_weights_classify_and_are_those_of_the_shipped_graph(samples):
    from eventflow.datasets import packed
    from eventflow.snn.nir_file import read_nir

    ann = with_torch_weights(nmnist_cnn(), samples / "snn/nir_cnn/ann_pretraining/pretrained_ann_weights.pth")
    graph = read_nir(samples / "snn/nir_cnn/cnn_sinabs.nir")
    np.testing.assert_array_equal(ann.layers["full2"].weight, graph.layers["11"].weight)
    listing = packed(samples / "neuromorphic_datasets/nmnist_1000.npz")[:40]
    frames = np.zeros((40, 2, 34, 34), np.float32)
    for number, item in enumerate(listing):
        events = item.events().between(100_000, 150_000)
        np.add.at(frames[number], (events.p.astype(int), events.y, events.x), 1)
    activations = ann.activations(frames)
    assert (activations["full2"].argmax(axis=1) == listing.labels).mean() > 0.85
    model = converted(ann, balanced_thresholds(ann, frames))
    outputs = np.stack([run(model, each, 32).mean(axis=0) for each in frames[:8]])
    assert (outputs.argmax(axis=1) == activations["full2"][:8].argmax(axis=1)).all()


def test_bad_weight_files_are_named(tmp_path):
    ann = Ann((3,), {"one": Linear(weight=np.zeros((2, 3), np.float32))})
    with pytest.raises(ParameterError, match=r"absent\.pth: no such file"):
        with_torch_weights(ann, tmp_path / "absent.pth")
    (tmp_path / "text.pth").write_text("hello")
    with pytest.raises(ParameterError, match=r"text\.pth: cannot be read as torch weights"):
        with_torch_weights(ann, tmp_path / "text.pth")
    torch.save({"a.weight": torch.nn.ReLU()}, tmp_path / "pickle.pth")
    with pytest.raises(ParameterError, match=r"pickle\.pth: cannot be read as torch weights"):
        with_torch_weights(ann, tmp_path / "pickle.pth")
    for given, message in [
        ({"a.weight": torch.zeros(3, 3)}, r"a\.weight has shape \(3, 3\), layer 'one' needs \(2, 3\)"),
        ({"a.weight": torch.full((2, 3), float("nan"))}, "not finite"),
        ({"a.weight": torch.zeros(2, 3), "b.weight": torch.zeros(1)}, "weights of 2 layers, the network has 1"),
    ]:
        torch.save(given, tmp_path / "weights.pth")
        with pytest.raises(ParameterError, match=message):
            with_torch_weights(ann, tmp_path / "weights.pth")
    with pytest.raises(ParameterError, match="'relu': its threshold is None"):
        converted(Ann((3,), {"relu": Rectifier()}))


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
def test_quantised_weights_lie_on_the_grid_and_near(bits):
    weight = np.random.default_rng(bits).normal(size=(6, 50)).astype(np.float32)
    weight[2] *= 100
    model = Model.chain((50,), {"full": Linear(weight=weight, bias=np.ones(6))}, step_us=1)
    for per_channel in (False, True):
        found = quantised(model, bits=bits, per_channel=per_channel).layers["full"].weight
        largest = np.abs(weight).max(axis=1, keepdims=True) if per_channel else np.abs(weight).max()
        step = largest / (2 ** (bits - 1) - 1)
        np.testing.assert_allclose(found / step, np.rint(found / step), atol=1e-4)
        assert (np.abs(found - weight) <= step / 2 * (1 + 1e-5)).all()
        assert np.abs(found / step).max() <= 2 ** (bits - 1) - 1 + 1e-4
    with pytest.raises(ParameterError, match="bits is 1"):
        quantised(model, bits=1)


def _neuron():
    return Neuron(decay=np.ones(()), gain=np.ones(()), offset=np.zeros(()), threshold=np.ones(()))


CHIP = Chip(name="small", cores=4, neurons=100, synapses=1000, fan_in=64, weight_bits=8)


def two_layers():
    layers = {
        "conv": Conv2d(weight=np.ones((5, 2, 3, 3))),
        "if1": _neuron(),
        "flat": Flatten(),
        "full": Linear(weight=np.ones((10, 180))),
        "if2": _neuron(),
    }
    return Model.chain((2, 8, 8), layers, step_us=1)


def test_a_fit_is_counted_by_hand():
    report = fit_report(two_layers(), replace(CHIP, fan_in=200), weight_bits=8)
    first, second = report.layers
    assert (first.neurons, first.weights, first.fan_in, first.cores) == (180, 90, 18, 2)
    assert (second.neurons, second.weights, second.fan_in, second.cores) == (10, 1800, 180, 2)
    assert report.fits
    assert "4 of 4 cores of small" in report.text()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"fan_in": 64}, "layer 'if2' has a fan-in of 180, a neuron takes 64"),
        ({"cores": 3}, "the network takes 4 cores, the chip has 3"),
        ({"synapses": 80}, "layer 'if1': 90 weights do not fit cores of 80 synapses"),
        ({"weight_bits": 4}, "weights have 8 bits, the chip stores 4"),
    ],
)
def test_what_does_not_fit_is_said(change, problem):
    chip = replace(CHIP, **({"fan_in": 200} | change))
    report = fit_report(two_layers(), chip, weight_bits=8)
    assert not report.fits
    assert any(problem in each for each in report.problems)


def test_a_chip_is_read_and_a_wrong_one_refused(tmp_path):
    path = tmp_path / "chip.yaml"
    path.write_text("{name: small, cores: 4, neurons: 100, synapses: 1000, fan_in: 64, weight_bits: 8}")
    assert read_chip(path) == CHIP
    for text, message in [
        ("{name: small}", "expected exactly the keys"),
        ("[", "no YAML"),
        ("{name: s, cores: 0, neurons: 1, synapses: 1, fan_in: 1, weight_bits: 8}", "cores: expected whole numbers"),
    ]:
        path.write_text(text)
        with pytest.raises(ParameterError, match=message):
            read_chip(path)
    with pytest.raises(ParameterError, match="cannot be read"):
        read_chip(tmp_path / "absent.yaml")
