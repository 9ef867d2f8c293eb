"""Costs of networks: against hand counts, plain loops and NeuroBench on the same network."""

from __future__ import annotations

import numpy as np
import pytest

from eventflow.errors import ParameterError
from eventflow.snn import Conv1d, Conv2d, DelayLinear, Flatten, Linear, Model, SumPool2d
from eventflow.snn.energy import EnergyCosts, activation_bits, bit_budget, energy_uj
from eventflow.snn.fan_out import fan_out
from eventflow.snn.metrics import Meter, Operations, connection_sparsity, footprint
from eventflow.snn.neuron import Neuron

ONE, ZERO = np.ones(()), np.zeros(())


def integrate_and_fire():
    return Neuron(decay=ONE, gain=ONE, offset=ZERO, threshold=ONE)


def small(seed=0):
    """Two convolutions, a pool and a full connection, some weights 0."""
    rng = np.random.default_rng(seed)
    first, second, third = rng.normal(size=(4, 2, 3, 3)), rng.normal(size=(3, 4, 3, 3)), rng.normal(size=(5, 27))
    first[0, 1], second[:, 2, 1, 1], third[rng.random(third.shape) < 0.3] = 0, 0, 0
    layers = {
        "one": Conv2d(weight=first, bias=rng.normal(size=4), stride=(2, 1), padding=((1, 1), (1, 1))),
        "if1": integrate_and_fire(),
        "pool": SumPool2d(kernel=(2, 2), stride=(2, 2)),
        "two": Conv2d(weight=second, padding=((1, 1), (1, 1))),
        "if2": integrate_and_fire(),
        "flat": Flatten(),
        "three": Linear(weight=third),
        "if3": integrate_and_fire(),
    }
    return Model.chain((2, 12, 6), layers, step_us=1000)


def _reached_by_impulse(torch, weight, shape, place, **how):
    x = torch.zeros(1, *shape)
    x[(0, *place)] = 1
    return int(torch.nn.functional.conv2d(x, torch.tensor((weight != 0).astype(np.float32)), **how).sum())


@pytest.mark.parametrize(
    "how",
    [
        {"stride": (1, 1), "padding": 0, "dilation": (1, 1), "groups": 1},
        {"stride": (2, 3), "padding": 1, "dilation": (1, 1), "groups": 2},
        {"stride": (1, 2), "padding": 2, "dilation": (2, 1), "groups": 1},
    ],
)
def test_fan_out_is_what_an_impulse_reaches(how):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(1)
    weight = rng.integers(-1, 2, (4, 2 // how["groups"] * 1, 3, 3)).astype(np.float32)
    padding = ((how["padding"],) * 2,) * 2
    layer = Conv2d(weight=weight, stride=how["stride"], padding=padding, dilation=how["dilation"], groups=how["groups"])
    found = fan_out(layer, (2, 7, 8))
    for place in np.ndindex(2, 7, 8):
        assert found[place] == _reached_by_impulse(torch, weight, (2, 7, 8), place, **how)


def test_fan_out_of_other_connections():
    weight = np.array([[1.0, 0.0, 2.0], [0.0, 0.0, 3.0]])
    assert fan_out(Linear(weight=weight), (3,)).tolist() == [1, 0, 2]
    assert fan_out(Linear(weight=weight), (3,), zeros=True).tolist() == [2, 2, 2]
    delayed = DelayLinear(weight=weight, delay=np.zeros((2, 3), np.int64))
    assert fan_out(delayed, (3,)).tolist() == [1, 0, 2]
    line = Conv1d(weight=np.ones((5, 1, 3)), padding=(1, 1))
    assert fan_out(line, (1, 4)).tolist() == [[10, 15, 15, 10]]


def test_meter_counts_as_a_loop_does():
    model = Model.chain(
        (3,), {"full": Linear(weight=np.array([[1.0, 0.0, 2.0], [1.0, 5.0, 0.0]])), "if": integrate_and_fire()}, 1
    )
    meter = Meter(model)
    meter.add({"input": np.array([1.0, 0, -1]), "full": np.zeros(2), "if": np.array([1.0, 0])})
    meter.add({"input": np.array([2.0, 1, 0]), "full": np.zeros(2), "if": np.array([0.0, 0])})
    assert meter.operations() == Operations(macs=3, acs=3, dense=12)
    assert meter.operations(per=2) == Operations(macs=1.5, acs=1.5, dense=6)
    assert meter.activation_sparsity() == 0.75
    assert meter.by_layer()["if"] == {"fired": 1, "sparsity": 0.75}


def test_footprint_counts_bits():
    model = small()
    weights = 4 * 2 * 9 + 4 + 3 * 4 * 9 + 5 * 27
    state = 4 * 6 * 6 + 3 * 3 * 3 + 5
    found = footprint(model)
    assert found.parameters == 4 * weights
    assert found.state == 4 * state
    assert footprint(model, weight_bits=4).parameters == int(np.ceil(weights / 2))
    assert found.total == found.parameters + found.neurons + found.state


def _spiking(torch):
    """Our IF in torch, without any buffer, as NeuroBench is shown it."""

    class Spiking(torch.nn.Module):
        def forward(self, x):
            v = getattr(self, "v", 0) + x
            out = (v >= 1).float()
            self.v = v * (1 - out)
            return out

    return Spiking


def test_equals_neurobench_on_the_same_network():
    torch = pytest.importorskip("torch")
    pytest.importorskip("neurobench")
    from neurobench.metrics.static import ConnectionSparsity, Footprint
    from neurobench.metrics.workload import ActivationSparsity, SynapticOperations
    from neurobench.models import TorchModel

    model, kind = small(), _spiking(torch)
    nn = torch.nn
    net = nn.Sequential(
        nn.Conv2d(2, 4, 3, (2, 1), 1), kind(), nn.AvgPool2d(2, divisor_override=1),
        nn.Conv2d(4, 3, 3, 1, 1, bias=False), kind(), nn.Flatten(), nn.Linear(27, 5, bias=False), kind(),
    )  # fmt: skip
    with torch.no_grad():
        for place, name in [(0, "one"), (3, "two"), (6, "three")]:
            net[place].weight.copy_(torch.tensor(model.layers[name].weight))
        net[0].bias.copy_(torch.tensor(model.layers["one"].bias))
    theirs = TorchModel(net)
    theirs.add_activation_module(kind)
    theirs.register_hooks()
    frames = np.random.default_rng(2).poisson(0.4, (20, 1, 2, 12, 6)).astype(np.float32)
    frames[3:9] = np.minimum(frames[3:9], 1)
    meter, outputs = Meter(model), {}
    names = list(model.layers)
    for place, name in enumerate(names):
        net[place].register_forward_hook(lambda _, __, out, name=name: outputs.update({name: out[0].detach().numpy()}))
    operations = SynapticOperations()
    with torch.no_grad():
        for frame in frames:
            net(torch.tensor(frame))
            meter.add({"input": frame[0], **outputs})
    theirs_found = operations(theirs, None, (torch.zeros(1),))
    ours = meter.operations()
    assert {"Effective_MACs": ours.macs, "Effective_ACs": ours.acs, "Dense": ours.dense} == theirs_found
    assert ours.macs > 0
    assert ours.acs > 0
    assert meter.activation_sparsity() == ActivationSparsity()(theirs, None, None)
    assert 0 < meter.activation_sparsity() < 1
    assert footprint(model).parameters == Footprint()(theirs)
    assert connection_sparsity(model) == ConnectionSparsity()(theirs)


def test_energy_is_its_formula():
    assert energy_uj(Operations(macs=1e6, acs=2e6)) == pytest.approx(4.6 + 1.8)
    costs = EnergyCosts(mac=1, ac=1, bit=0.5)
    assert energy_uj(Operations(macs=1e6, acs=0), costs, weight_bits=8) == pytest.approx(1 + 4)


def test_bit_budget_is_its_formula():
    assert bit_budget(steps=4, weight_bits=8) == 32
    assert bit_budget(steps=1, weight_bits=8, spike_bits=2) == 16
    assert activation_bits(3) == 2
    assert activation_bits(7) == 3
    with pytest.raises(ParameterError, match="steps 0"):
        bit_budget(steps=0, weight_bits=1)


def test_a_network_without_connections_has_no_sparsity():
    with pytest.raises(ParameterError, match="no connections"):
        connection_sparsity(Model.chain((3,), {"if": integrate_and_fire()}, 1))
