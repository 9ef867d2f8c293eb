"""The network of NIR's authors on labelled N-MNIST: what the sparse engine answers, and that it is the dense answer."""

from dataclasses import replace

import numpy as np
import pytest
from dense_reference import Dense

from eventflow.events import Events
from eventflow.snn.engines.sparse import SparseEngine
from eventflow.snn.neuron import Neuron
from eventflow.snn.nir_file import read_nir

pytestmark = pytest.mark.samples


@pytest.fixture(scope="module")
def digits(samples):
    with np.load(samples / "neuromorphic_datasets" / "nmnist_1000.npz") as file:
        return {name: file[name] for name in file}


def recording(digits, number):
    own = slice(*digits["offsets"][number : number + 2])
    columns = [digits[name][own].astype(np.int64) for name in "txyp"]
    return Events.from_numpy(np.stack(columns, 1), columns="txyp", width=34, height=34)


def network(samples, reset, *, exact=False):
    model = read_nir(samples / "snn" / "nir_cnn" / "cnn_sinabs.nir")
    model = model.discretise(step_us=1000, reset=reset, drive="impulse")
    if not exact:
        return model
    layers = {
        name: replace(layer, weight=np.round(layer.weight.astype(np.float64) * 2**20) / 2**20)
        if hasattr(layer, "weight")
        else layer
        for name, layer in model.layers.items()
    }
    return replace(model, layers=layers)


@pytest.mark.parametrize("reset", ["zero", "subtract", "multispike", "delayed"])
def test_every_layer_spikes_as_in_the_dense_simulation(samples, digits, reset):
    model = network(samples, reset, exact=True)
    events = recording(digits, 500).between(0, 60_000)
    engine, dense = SparseEngine(model, dtype=np.float64), Dense(model)
    state = engine.start()
    neurons = [name for name, layer in model.layers.items() if isinstance(layer, Neuron)]
    for k in range(60):
        within = events.between(k * 1000, (k + 1) * 1000)
        frame = np.zeros(model.input_shape)
        np.add.at(frame, (within.p, within.y, within.x), 1)
        _, state = engine.step(frame, state)
        dense.step(frame)
        for name in neurons:
            assert (engine.fired(name, state)[0] == dense.out[name]).all(), (k, name)
            assert (state[f"{name}.v"][0] == dense.state[f"{name}.v"]).all(), (k, name)
    assert min(engine.spikes(state).values()) > 0


def test_digits_are_told_from_their_events(samples, digits):
    """Training recordings, so no test accuracy: every one of these hundred but a few, as their labels say."""
    engine = SparseEngine(network(samples, "multispike"))
    right = 0
    for number in range(0, 1000, 10):
        events = recording(digits, number)
        spikes, _ = engine.feed(events, engine.start(), until=int(events.t[-1]) + 1000)
        answer = np.bincount(spikes.unit, spikes.value, 10).argmax()
        right += int(answer == digits["label"][number])
    assert right >= 97
