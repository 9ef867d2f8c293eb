"""Training: it learns, one seed gives one network, the exit rule belongs to the file, bad input is refused."""

from __future__ import annotations

import numpy as np
import pytest

from eventflow.errors import ParameterError
from eventflow.snn import Flatten, Linear, Model
from eventflow.snn.exit_rules import read_rule
from eventflow.snn.loading import network_from
from eventflow.snn.neuron import Neuron

pytest.importorskip("torch")
from eventflow.snn.digits import digit_network, sample_frames, write_trained
from eventflow.snn.training import Recipe, trained
from eventflow.synth.digits import written_digit

ZERO, ONE = np.zeros(()), np.ones(())


def small():
    layers = {
        "flat": Flatten(),
        "full": Linear(weight=np.zeros((12, 32), np.float32)),
        "lif": Neuron(decay=np.array(0.8), gain=ONE, offset=ZERO, threshold=ONE),
        "last": Linear(weight=np.zeros((2, 12), np.float32)),
        "votes": Neuron(decay=ZERO, gain=ONE, offset=ZERO, threshold=None),
    }
    return Model.chain((2, 4, 4), layers, step_us=10_000)


def sides(count, seed=0):
    """Events on the left half, or on the right."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    frames = rng.poisson(0.05, (count, 6, 2, 4, 4))
    for number, label in enumerate(labels):
        frames[number, ..., 2 * label : 2 * label + 2] += rng.poisson(0.8, (6, 2, 4, 2))
    return frames.astype(np.uint8), labels


def test_it_learns_and_one_seed_gives_one_network():
    frames, labels = sides(80)
    recipe = Recipe(epochs=6, batch=16, shift=0, seed=3)
    seen = []
    first = trained(small(), frames, labels, recipe, report=lambda *each: seen.append(each))
    second = trained(small(), frames, labels, recipe)
    assert seen[-1][2] > 0.9
    assert seen[-1][1] < seen[0][1]
    for name in ("full", "last"):
        np.testing.assert_array_equal(first.layers[name].weight, second.layers[name].weight)


def test_what_is_written_is_a_network_and_its_rule(tmp_path):
    frames, labels = sides(80)
    path = tmp_path / "sides.safetensors"
    said = []
    found = write_trained(
        small(), frames, labels, path, validation=20, recipe=Recipe(epochs=6, batch=16, shift=0), report=said.append
    )
    assert found["accuracy"] > 0.8
    assert len(said) == 7
    network = network_from(str(path), step_us=10_000)
    read_rule(tmp_path / "sides.exit.json", step_us=10_000, model=network.digest)
    with pytest.raises(ParameterError, match="calibrated for network"):
        read_rule(tmp_path / "sides.exit.json", step_us=10_000, model="another")


def test_samples_become_frames_from_their_time_0():
    frames, labels = sample_frames(written_digit(number) for number in (3, 4))
    assert frames.shape == (2, 30, 2, 34, 34)
    assert labels.tolist() == [3, 4]
    events, _ = written_digit(3)
    assert frames[0].sum() == len(events.between(0, 300_000))
    assert frames.shape[2:] == digit_network().input_shape


def test_what_does_not_fit_is_refused():
    frames, labels = sides(4)
    for given, message in [
        ((frames[:, :, :1], labels), "frames have shape"),
        ((frames, labels[:3]), "4 samples, 3 labels"),
        ((frames, labels + 1), "labels go from 1 to 2, the network has 2"),
    ]:
        with pytest.raises(ParameterError, match=message):
            trained(small(), *given)
