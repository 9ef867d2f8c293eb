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


@pytest.mark.parametrize("reset", list(Reset))
@pytest.mark.parametrize("kind", ["if", "lif"])
def test_every_reset_equals_the_dense_simulation_to_the_bit(kind, reset):
    rng = np.random.default_rng(list(Reset).index(reset))
    shape = (2, 9, 8)
    conv = Conv2d(weight=weights(rng, 5, 2, 3, 3), padding=((1, 1), (1, 1)))
    own = neuron(rng, (5, 9, 8), kind=kind, reset=reset)
    model = Model.chain(shape, {"conv": conv, "cells": own}, step_us=1000)
    engine, state, _ = held_against_dense(
        model, random_inputs(rng, shape, 40, 0.2), v_tolerance=1e-12 if reset is Reset.CROSSING else 1e-14
    )
    assert engine.spikes(state)["cells"] > 50


def recurrent(rng):
    """Two populations that feed each other and themselves, a skip connection, and a readout that does not fire."""
    layers = {
        "in": Linear(weight=weights(rng, 6, 4)),
        "a": neuron(rng, (6,), kind="lif"),
        "aa": Linear(weight=weights(rng, 6, 6, scale=0.3), bias=weights(rng, 6, scale=0.02)),
        "ab": Linear(weight=weights(rng, 5, 6)),
        "b": neuron(rng, (5,), kind="cuba"),
        "ba": Linear(weight=weights(rng, 6, 5, scale=0.3)),
        "skip": DelayLinear(weight=weights(rng, 3, 4), delay=rng.integers(0, 6, (3, 4))),
        "bc": Linear(weight=weights(rng, 3, 5)),
        "out": Neuron(decay=np.full((), 0.75), gain=np.ones(()), offset=np.zeros(()), threshold=None),
    }
    edges = [("input", "in"), ("in", "a"), ("a", "aa"), ("aa", "a"), ("a", "ab"), ("ab", "b"), ("b", "ba"), ("ba", "a")]
    edges += [("input", "skip"), ("skip", "out"), ("b", "bc"), ("bc", "out")]
    return Model(input_shape=(4,), layers=layers, edges=tuple(edges), output="out", step_us=1000)


@pytest.mark.parametrize("seed", range(8))
def test_recurrent_networks_with_skips_equal_the_dense_simulation(seed):
    rng = np.random.default_rng(seed)
    model = recurrent(rng)
    _, state, dense = held_against_dense(model, random_inputs(rng, (4,), 40, 0.3), v_tolerance=1e-12)
    for name in model.state_shapes():
        assert np.allclose(state[name][0], dense.state[name], atol=1e-12), name


def test_a_long_rest_is_made_up_for_in_closed_form():
    """After more missed steps than are replayed, v is the dense v to 1e-6, and the spikes are the same."""
    rng = np.random.default_rng(5)
    for kind in ("lif", "cuba", "cuba_exact", "adaptive"):
        cells = {"conv": Conv2d(weight=weights(rng, 9, 2, 3, 3)), "cells": neuron(rng, (9, 6, 6), kind=kind)}
        model = Model.chain((2, 8, 8), cells, step_us=1000)
        inputs = random_inputs(rng, (2, 8, 8), 400, 0.1)
        inputs[np.arange(400) % 90 > 8] = 0
        engine, state, _ = held_against_dense(model, inputs, replayed_steps=4, v_tolerance=1e-9)
        assert engine.spikes(state)["cells"] > 20


def test_only_what_events_reach_is_updated():
    conv = Conv2d(weight=np.full((1, 1, 3, 3), 0.1), padding=((1, 1), (1, 1)))
    quiet = Neuron(decay=np.full((), 0.5), gain=np.ones(()), offset=np.zeros(()), threshold=np.ones(()))
    engine = SparseEngine(Model.chain((1, 50, 50), {"conv": conv, "cells": quiet}))
    state, x = engine.start(), np.zeros((1, 50, 50), np.float32)
    x[0, 20, 20] = 1
    _, state = engine.step(x, state)
    _, state = engine.step(x * 0, state)
    assert engine.updates(state) == {"cells": 9}
    assert engine.synops(state) == {"conv": 9}


def counts(model, elements, offsets):
    frames = np.zeros((len(offsets) - 1, int(np.prod(model.input_shape))), np.float32)
    for k in range(len(offsets) - 1):
        np.add.at(frames[k], elements[offsets[k] : offsets[k + 1]], 1)
    return frames.reshape(-1, *model.input_shape)


def event_chain(rng):
    model = random_chain(rng)
    while model.input_shape[0] > 2:
        model = random_chain(rng)
    return model


def random_events(rng, model, steps, step_us=1000):
    planes, height, width = model.input_shape
    t = np.sort(rng.integers(0, steps * step_us, 6 * steps))
    t[t // step_us % 7 == 3] //= 2
    t.sort()
    count = len(t)
    columns = [t, rng.integers(0, width, count), rng.integers(0, height, count), rng.integers(0, planes, count)]
    return Events.from_numpy(np.stack(columns, 1), columns="txyp", width=width, height=height)


def as_rows(spikes):
    return list(zip(spikes.step.tolist(), spikes.unit.tolist(), spikes.value.tolist(), strict=True))


@pytest.mark.parametrize("seed", range(12))
def test_batch_stream_and_any_cut_give_the_same(seed):
    """Dense steps, all steps at once, flat elements and a stream of packets, cut anywhere and put away in between."""
    rng = np.random.default_rng(100 + seed)
    model = event_chain(rng)
    engine, steps = SparseEngine(model, dtype=np.float64), 40
    events = random_events(rng, model, steps)
    _, height, width = model.input_shape
    elements = (events.p.astype(int) * height + events.y) * width + events.x
    offsets = np.searchsorted(events.t, np.arange(steps + 1) * 1000)
    frames = counts(model, elements, offsets)
    whole, last = engine.run(frames, engine.start())
    stepped, state = [], engine.start()
    for frame in frames:
        out, state = engine.step(frame, state)
        stepped.append(out)
    flat, _ = engine.run_elements(elements, offsets, engine.start())
    assert np.array_equal(stepped, whole)
    assert np.allclose(flat, whole, atol=1e-9)

    at_once, end = engine.feed(events, engine.start(), until=steps * 1000)
    for name in model.state_shapes():
        assert np.allclose(end[name], last[name], atol=1e-9), name
    state, found = engine.start(), []
    cuts = np.sort(rng.integers(0, len(events) + 1, 9))
    for begin, stop in zip([0, *cuts], [*cuts, len(events)], strict=True):
        spikes, state = engine.feed(events[begin:stop], state, until=int(events.t[begin - 1]) if begin else None)
        found += as_rows(spikes)
        state = {name: value.copy() for name, value in state.items()}
    spikes, state = engine.feed(events[:0], state, until=steps * 1000)
    assert found + as_rows(spikes) == as_rows(at_once)
    assert state["sparse.floats"].tobytes() == end["sparse.floats"].tobytes()
    assert state["sparse.ints"].tobytes() == end["sparse.ints"].tobytes()


@pytest.mark.parametrize("seed", range(8))
def test_a_state_under_the_models_names_goes_on_as_if_never_put_away(seed):
    rng = np.random.default_rng(200 + seed)
    model = random_chain(rng)
    engine = SparseEngine(model, dtype=np.float64)
    inputs = random_inputs(rng, model.input_shape, 30)
    whole, _ = engine.run(inputs, engine.start())
    _, state = engine.run(inputs[:13], engine.start())
    named = {name: state[name] for name in model.state_shapes()}
    rest, _ = engine.run(inputs[13:], named)
    assert np.allclose(rest, whole[13:], atol=1e-9)


def test_a_batch_is_its_streams():
    rng = np.random.default_rng(7)
    model = random_chain(rng)
    engine = SparseEngine(model)
    inputs = np.stack([random_inputs(rng, model.input_shape, 20) for _ in range(3)], 1)
    together, _ = engine.run(inputs, engine.start(3))
    first, _ = engine.step(inputs[0], engine.start(3))
    assert np.array_equal(first, together[0])
    for k in range(3):
        alone, _ = engine.run(inputs[:, k], engine.start())
        assert np.array_equal(together[:, k], alone)


def test_setting_a_potential_acts_in_the_next_step():
    """What a hybrid network does: another network says where the membranes are."""
    cells = Neuron(decay=np.full((), 0.5), gain=np.ones(()), offset=np.zeros(()), threshold=np.ones(()))
    engine = SparseEngine(Model.chain((3,), {"linear": Linear(weight=np.eye(3)), "cells": cells}))
    state = engine.start()
    _, state = engine.step(np.zeros(3, np.float32), state)
    state["cells.v"] = np.array([[0.0, 2.5, 1.9]])
    out, state = engine.step(np.zeros(3, np.float32), state)
    assert out.tolist() == [0, 1, 0]
    assert np.allclose(state["cells.v"], [[0, 0, 0.95]])


def small():
    cells = Neuron(decay=np.ones(()), gain=np.ones(()), offset=np.zeros(()), threshold=np.ones(()))
    layers = {"pool": SumPool2d(kernel=(2, 2), stride=(2, 2)), "cells": cells, "flat": Flatten()}
    return SparseEngine(Model.chain((2, 4, 6), layers, step_us=1000))


def packet(*rows, width=6, height=4):
    return Events.from_numpy(np.array(rows), columns="txyp", width=width, height=height)


def test_wrong_inputs_are_named():
    engine = small()
    with pytest.raises(ParameterError, match=r"shape \(2, 4, 5\), expected \(2, 4, 6\)"):
        engine.step(np.zeros((2, 4, 5), np.float32), engine.start())
    with pytest.raises(ParameterError, match="NaN"):
        engine.step(np.full((2, 4, 6), np.nan), engine.start())
    with pytest.raises(ParameterError, match="dtype"):
        SparseEngine(engine.model, dtype=np.float16)
    with pytest.raises(ParameterError, match="element 1 is 48"):
        engine.run_elements(np.array([0, 48]), np.array([0, 2]), engine.start())
    with pytest.raises(ParameterError, match="offsets"):
        engine.run_elements(np.array([0, 1]), np.array([0, 3]), engine.start())
    with pytest.raises(ParameterError, match="not a state"):
        engine.step(np.zeros((2, 4, 6), np.float32), {"other.v": np.zeros((1, 2))})
    with pytest.raises(ParameterError, match="another network's"):
        engine.step(np.zeros((2, 4, 6)), {"sparse.floats": np.zeros((1, 3)), "sparse.ints": np.zeros((1, 3), int)})


def test_wrong_events_are_named_and_what_came_before_them_counts():
    engine = small()
    outside = packet((0, 1, 1, 1), (1200, 9, 1, 0), width=20, height=20)
    with pytest.raises(EventsError, match="event 1 at x = 9, y = 1 lies outside the network's input of 6x4") as error:
        engine.feed(outside, engine.start())
    assert error.value.index == 1
    state = engine.start()
    _, state = engine.feed(packet((5000, 0, 0, 1)), state)
    with pytest.raises(EventsError, match="lies before the open step, which began at 5000"):
        engine.feed(packet((4999, 0, 0, 1)), state)
    spikes, state = engine.feed(packet((5100, 1, 1, 1)), state, until=6000)
    assert as_rows(spikes) == [(5, 6, 1.0)]
    assert state["cells.v"].sum() == 0


def test_a_step_that_is_none_and_a_network_that_takes_no_events_are_refused():
    engine = small()
    with pytest.raises(ParameterError, match="step_us is 0"):
        engine.feed(packet((0, 0, 0, 0)), engine.start(), step_us=0)
    flat = SparseEngine(Model.chain((3,), {"linear": Linear(weight=np.eye(3))}, step_us=1000))
    with pytest.raises(ParameterError, match="events go into"):
        flat.feed(packet((0, 0, 0, 0)), flat.start())
