"""The hybrid: a set state leaves no transient, the kit's promises, operations counted."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st

from eventflow.errors import EventflowError
from eventflow.events import Events
from eventflow.graph.drive import drive
from eventflow.snn import Flatten, Linear, Model
from eventflow.snn.engines.sparse import SparseEngine
from eventflow.snn.neuron import Neuron
from eventflow.testing import NodeConformance, messages

pytest.importorskip("torch")
from eventflow.snn.hybrid import RateStates
from eventflow_nodes.snn.hybrid import Hybrid

ZERO = np.zeros(())


def slow(threshold, *, inputs=4):
    """A leaky layer of a long memory; without a threshold it puts out v."""
    rng = np.random.default_rng(2)
    layers = {
        "flat": Flatten(),
        "full": Linear(weight=rng.integers(1, 5, (3, 2 * inputs)) / 64),
        "out": Neuron(decay=np.array(0.96875), gain=np.ones(()), offset=ZERO, threshold=threshold),
    }
    return Model.chain((2, 1, inputs), layers, step_us=1000)


def after(model, states, x, steps):
    """Outputs under a constant input, from a given state of the neurons."""
    engine = SparseEngine(model, dtype=np.float64)
    state = dict(engine.start())
    for name, value in states.items():
        state[f"{name}.v"] = value[None]
    return engine.run(np.repeat(x[None], steps, axis=0), state)[0]


@pytest.mark.parametrize("threshold", [None, np.array(100.0)])
def test_the_converged_state_leaves_no_transient(threshold):
    model = slow(threshold)
    x = np.random.default_rng(0).integers(0, 3, (2, 1, 4)).astype(np.float64)
    states = RateStates(model)(x)
    found = after(model, states, x, 200)
    if threshold is None:
        np.testing.assert_allclose(found, np.broadcast_to(found[0], found.shape), rtol=1e-6)
        cold = after(model, {}, x, 200)
        off = np.abs(cold - found[0]).max(axis=1) > 0.05 * found[0].max()
        assert off[:50].all()  # without it 5 % of the value are still missing after 50 steps
    else:
        assert not found.any()


def test_a_firing_neuron_fires_at_its_rate_from_the_first_step():
    model = slow(np.array(1.0))
    x = np.full((2, 1, 4), 3.0)
    rates = after(model, {}, x, 2000)[1000:].mean(axis=0)
    warm = after(model, RateStates(model)(x), x, 20).mean(axis=0)
    cold = after(model, {}, x, 20).mean(axis=0)
    assert np.abs(warm - rates).max() <= 0.05 + 1e-9
    assert np.abs(warm - rates).sum() <= np.abs(cold - rates).sum()


_FOLDER = tempfile.TemporaryDirectory()
FILE = Path(_FOLDER.name) / "slow.safetensors"
Model.chain((2, 9, 12), dict(slow(np.array(0.5), inputs=108).layers), step_us=1000).save(FILE)


class TestHybrid(NodeConformance):
    node = Hybrid
    parameters = {"model": str(FILE), "period": "4ms", "gap": "9ms"}  # noqa: RUF012 - as the kit declares it
    inputs = st.fixed_dictionaries({"stream": messages(Events)})


def test_operations_of_both_networks_are_counted():
    t = np.arange(0, 100_000, 500)
    rows = np.stack([t, t % 12, t % 9, t % 2], axis=1)
    node = Hybrid(model=str(FILE), period="20ms")
    drive(node, {"stream": [Events.from_numpy(rows, columns="txyp", width=12, height=9)]})
    assert node.results["steps"] == 100
    assert node.results["ann_runs"] == 4
    assert node.results["ann_macs"] == 4 * 3 * 216
    assert node.results["synops"] == len(t) * 3


def test_a_period_between_steps_is_refused():
    with pytest.raises(EventflowError, match="period is 1500 µs, expected a multiple of step"):
        drive(Hybrid(model=str(FILE), period="1500us"), {"stream": []})
