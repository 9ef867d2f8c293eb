"""The dense torch engine: its text is the layers' text, a cut stream is the whole one, and bad input is refused."""

import subprocess
import sys

import h5py
import numpy as np
import pytest
import torch

from eventflow.errors import ParameterError
from eventflow.score.snn_agreement import is_streamed, put_away_and_back
from eventflow.snn import (
    AvgPool2d,
    Conv1d,
    Conv2d,
    Delay,
    DelayLinear,
    Fires,
    Flatten,
    Linear,
    Model,
    Neuron,
    Reset,
    Scale,
    SumPool2d,
    Threshold,
)
from eventflow.snn.surrogate import ATan
from eventflow.snn.torch_network import TorchEngine, TorchNetwork
from tests.unit.snn.dense_reference import Dense

GRID = 2.0**-10


def drawn(*shape, scale=1.0):
    """Numbers whose sums are exact in any order."""
    return np.rint(np.random.default_rng(7).normal(size=shape) * scale / GRID) * GRID


def neuron(reset=Reset.ZERO, **options):
    return Neuron(**{"decay": 0.75, "gain": 1, "offset": 0.125, "threshold": 1, "reset": reset} | options)


CURRENT = {"current_decay": 0.5, "current_gain": 0.75}
ADAPTIVE = {"adaptation_decay": 0.5, "adaptation_jump": 0.5, "adaptation_strength": 1.0}
NEURONS = {
    **{reset.value: neuron(reset) for reset in Reset},
    "above": neuron(fires=Fires.ABOVE),
    "reset below": neuron(v_reset=-0.5, v_start=-0.5),
    "integrator": neuron(threshold=None),
    "each its own": neuron(threshold=np.linspace(0.5, 2, 6), decay=np.linspace(0, 1, 6)),
    "current": neuron(**CURRENT),
    "current before": neuron(Reset.SUBTRACT, **CURRENT, previous_gain=0.25),
    "current, delayed zero": neuron(Reset.DELAYED_ZERO, **CURRENT),
    "adaptive": neuron(**ADAPTIVE),
    "adaptive, subtract": neuron(Reset.SUBTRACT, **ADAPTIVE),
    "adaptive, multispike, current": neuron(Reset.MULTISPIKE, **ADAPTIVE, **CURRENT),
}
LAYERS = {
    "conv2d": ((2, 9, 8), Conv2d(weight=drawn(4, 1, 3, 2), bias=drawn(4), stride=(2, 1), padding=((1, 0), (0, 2)),
                                 groups=2)),
    "conv1d": ((3, 11), Conv1d(weight=drawn(4, 3, 3), bias=drawn(4), stride=2, padding=(2, 1), dilation=2)),
    "linear": ((6,), Linear(weight=drawn(5, 6), bias=drawn(5))),
    "sum pool": ((2, 7, 8), SumPool2d(kernel=(3, 2), stride=(2, 2), padding=((1, 0), (0, 1)))),
    "avg pool": ((2, 8, 8), AvgPool2d(kernel=(2, 4), stride=(2, 3), padding=((1, 1), (0, 0)))),
    "flatten": ((2, 3, 4), Flatten(start=1)),
    "scale": ((2, 3, 4), Scale(scale=drawn(2, 1, 1))),
    "threshold": ((6,), Threshold(threshold=np.full(6, 0.5))),
    "delay": ((2, 3, 3), Delay(steps=np.arange(18).reshape(2, 3, 3) % 5)),
    "no delay": ((3,), Delay(steps=np.zeros(3, int))),
    "delay linear": ((6,), DelayLinear(weight=drawn(5, 6), delay=np.arange(30).reshape(5, 6) % 4, bias=drawn(5))),
}  # fmt: skip


def cases():
    for name, layer in NEURONS.items():
        yield pytest.param(Model.chain((5,), {"fc": Linear(weight=drawn(6, 5)), "n": layer}), id=name)
    for name, (shape, layer) in LAYERS.items():
        yield pytest.param(Model.chain(shape, {"layer": layer}), id=name)
    yield pytest.param(recurrent(), id="recurrent")


def recurrent():
    layers = {
        "fc": Linear(weight=drawn(6, 5)),
        "rec": Linear(weight=drawn(6, 6), bias=drawn(6)),
        "n": neuron(Reset.SUBTRACT, **CURRENT),
        "out": Linear(weight=drawn(3, 6)),
    }
    edges = (("input", "fc"), ("fc", "n"), ("n", "rec"), ("rec", "n"), ("n", "out"))
    return Model(input_shape=(5,), layers=layers, edges=edges, output="out")


def spikes(model, steps=40, batch=2):
    return (np.random.default_rng(9).random((steps, batch, *model.input_shape)) < 0.4).astype(np.float64)


@pytest.mark.parametrize("model", list(cases()))
def test_every_layer_is_its_text_and_streams(model):
    inputs = spikes(model)
    network = TorchNetwork(model, "float64").requires_grad_(False)
    batch = network(torch.from_numpy(inputs))[0].numpy()
    for stream in range(inputs.shape[1]):
        plain = Dense(model)
        expected = np.stack([plain.step(x) for x in inputs[:, stream]])
        np.testing.assert_array_equal(batch[:, stream], expected)
    assert (batch != 0).sum() > 0
    assert is_streamed(model, inputs, batch)


@pytest.mark.parametrize("model", list(cases()))
def test_float32_gives_float32(model):
    engine = TorchEngine(model, "float32")
    inputs = spikes(model, 5)
    outputs, state = engine.run(inputs, engine.start(2))
    exact = TorchEngine(model, "float64")
    assert outputs.dtype == np.float32
    assert all(value.dtype == np.float32 for value in state.values())
    np.testing.assert_allclose(outputs, exact.run(inputs, exact.start(2))[0], atol=1e-5)


def test_a_batch_is_so_many_streams():
    model = recurrent()
    engine = TorchEngine(model, "float64")
    inputs = spikes(model, 20, 3)
    together, state = engine.run(inputs, engine.start(3))
    for stream in range(3):
        alone, own = engine.run(inputs[:, stream], engine.start())
        np.testing.assert_array_equal(together[:, stream], alone)
        for name, value in own.items():
            np.testing.assert_array_equal(value[0], state[name][stream])


def test_state_goes_from_engine_to_engine():
    model = recurrent()
    inputs = spikes(model)[:, 0]
    first, second = TorchEngine(model, "float64"), TorchEngine(model, "float64")
    whole, end = first.run(inputs, first.start())
    head, state = first.run(inputs[:17], first.start())
    tail, other = second.run(inputs[17:], put_away_and_back(state))
    np.testing.assert_array_equal(whole, np.concatenate([head, tail]))
    for name, value in end.items():
        np.testing.assert_array_equal(value, other[name])


def test_running_no_steps_changes_nothing():
    engine = TorchEngine(recurrent())
    outputs, state = engine.run(np.zeros((0, 5)), engine.start())
    assert outputs.shape == (0, 3)
    assert set(state) == set(engine.model.state_shapes())


@pytest.mark.parametrize(
    ("x", "batch", "says"),
    [
        (np.zeros(4), 1, r"the input has shape \(4,\), the network takes \(5,\)"),
        (np.zeros((2, 5)), 1, r"batch of 2: .* is \(1, 6\), expected \(2, 6\)"),
        (np.zeros((2, 2, 5)), 2, "the input has shape"),
    ],
)
def test_input_of_another_shape_is_refused(x, batch, says):
    engine = TorchEngine(recurrent())
    with pytest.raises(ParameterError, match=says):
        engine.step(x, engine.start(batch))


def test_a_state_of_another_network_is_refused():
    engine = TorchEngine(recurrent())
    other = TorchEngine(Model.chain((5,), {"n": neuron()}))
    with pytest.raises(ParameterError, match="the state is not of this network"):
        engine.step(np.zeros(5), other.start())
    with pytest.raises(ParameterError, match="is float64, the engine computes in float32"):
        engine.step(np.zeros(5), {name: value.astype(float) for name, value in engine.start().items()})


def test_equations_are_refused():
    from eventflow.snn import LI

    with pytest.raises(ParameterError, match=r"model\.discretise"):
        TorchEngine(Model.chain((2,), {"n": LI(tau_us=1.0, r=1.0)}))


def test_an_unknown_dtype_is_refused():
    with pytest.raises(ParameterError, match="dtype is 'float16'"):
        TorchNetwork(recurrent(), "float16")


def test_a_trained_network_is_described_as_it_is():
    """A gradient step changes weights and the decay it may learn; the description runs the same."""
    torch.manual_seed(0)
    model = recurrent()
    network = TorchNetwork(model, "float64", surrogate=ATan(), learned=("decay",))
    inputs = torch.from_numpy(spikes(model, 10))
    optimiser = torch.optim.SGD(network.parameters(), 0.05)
    network(inputs)[0].square().sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in network.parameters())
    optimiser.step()
    described = network.described()
    assert described.layers["n"].decay != model.layers["n"].decay
    engine = TorchEngine(described, "float64")
    np.testing.assert_allclose(
        engine.run(inputs.numpy(), engine.start(2))[0], network(inputs)[0].detach().numpy(), rtol=1e-12
    )


def test_eventflow_and_the_description_import_no_torch():
    code = (
        "import sys, eventflow, eventflow.snn as s; from eventflow.snn import Model, Neuron, Conv2d, IF;"
        "import eventflow.snn.nir_file, eventflow.snn.nir_writing, eventflow.snn.network_file, eventflow.snn.storage;"
        "assert 'torch' not in sys.modules and 'nir' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.samples
@pytest.mark.parametrize("layer", [1, 2])
def test_currents_of_a_published_network_on_loihi_are_its_convolution_of_the_spikes_before(samples, layer):
    """lava-dl's traces are (x, y, channel, step); a current there is the weighted spikes of the last step, times 64."""
    folder = samples / "snn" / "lava_dl" / "pilotnet_lif"
    before = np.load(folder / f"conv-{layer - 1}.npy").transpose(3, 2, 1, 0).astype(float)
    currents = np.load(folder / f"conv-{layer}-u.npy").transpose(3, 2, 1, 0)
    with h5py.File(folder / "network.net") as file:
        weight = file[f"layer/{layer + 1}/weight"][()]
    shape = before.shape[1:]
    layers = {
        "late": Delay(steps=np.ones(shape, int)),
        "conv": Conv2d(weight=weight, stride=(2, 2)),
        "mantissa": Scale(scale=np.full((), 64.0)),
    }
    engine = TorchEngine(Model.chain(shape, layers), "float32")
    np.testing.assert_array_equal(engine.run(before, engine.start())[0], currents)
    assert (currents != 0).mean() > 0.5
