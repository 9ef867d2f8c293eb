"""The event-driven engine gives what the dense simulation gives, spike for spike, however the stream is cut."""

import numpy as np
import pytest
from dense_reference import Dense
from random_networks import neuron, random_chain, random_inputs, weights

from eventflow.errors import EventsError, ParameterError
from eventflow.events import Events
from eventflow.snn.engines.sparse import SparseEngine
from eventflow.snn.layers import Conv2d, DelayLinear, Flatten, Linear, SumPool2d
from eventflow.snn.model import Model
from eventflow.snn.neuron import Neuron, Reset


def held_against_dense(model, inputs, *, replayed_steps=10**9, v_tolerance=0.0):
    """Run both; every neuron layer's output must agree at every step, and v to a tolerance."""
    engine, dense = SparseEngine(model, dtype=np.float64, replayed_steps=replayed_steps), Dense(model)
    state, neurons = engine.start(), [n for n, layer in model.layers.items() if isinstance(layer, Neuron)]
    for step, x in enumerate(inputs):
        out, state = engine.step(x, state)
        expected = dense.step(x)
        for name in neurons:
            assert (engine.fired(name, state)[0] == dense.out[name]).all(), (step, name)
            assert np.abs(state[f"{name}.v"][0] - dense.state[f"{name}.v"]).max() <= v_tolerance, (step, name)
        assert np.abs(out - expected).max() <= v_tolerance
    return engine, state, dense


@pytest.mark.parametrize("seed", range(60))
def test_random_chains_equal_the_dense_simulation(seed):
    rng = np.random.default_rng(seed)
    model = random_chain(rng)
    _, state, dense = held_against_dense(model, random_inputs(rng, model.input_shape, 25), v_tolerance=1e-9)
    for name in model.state_shapes():
        assert np.allclose(state[name][0], dense.state[name], atol=1e-9), name
