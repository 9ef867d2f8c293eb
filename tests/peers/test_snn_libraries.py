"""Neurons, layers, graphs and gradients beside spikingjelly and snntorch; what a bridge cannot carry is refused."""

import json

import numpy as np
import pytest
import torch

from eventflow.cli import main
from eventflow.errors import ParameterError
from eventflow.score.snn_agreement import compared
from eventflow.score.snn_digits import Digits, against_spikingjelly, correct, output_counts
from eventflow.snn.from_snntorch import from_snntorch
from eventflow.snn.from_spikingjelly import from_spikingjelly
from eventflow.snn.network_file import read_network
from eventflow.snn.neurons import LIFCell, PLIFCell
from eventflow.snn.soft_neurons import IntegerLIFCell
from eventflow.snn.surrogate import ATan, FastSigmoid, Rectangle, Sigmoid, Triangle
from eventflow.snn.torch_network import TorchEngine

pytest.importorskip("spikingjelly", reason="the libraries to compare with come with ./dev setup")
torch.set_num_threads(1)
pytestmark = pytest.mark.filterwarnings("ignore")


def oracles():
    from eventflow.score import snn_oracles

    return snn_oracles


def test_every_neuron_and_layer_is_its_librarys_and_streams(capsys):
    code = main(["score", "snn", "--json"])
    rows = json.loads(capsys.readouterr().out)
    wrong = [row for row in rows if not row["agrees"] or not row["active"]]
    assert not wrong
    assert code == 0
    assert len(rows) > 35


@pytest.mark.samples
@pytest.mark.parametrize("name", ["braille_noDelay_bias_zero", "braille_noDelay_noBias_subtract"])
def test_the_braille_graphs_equal_spikingjelly(samples, name):
    row = compared(oracles().braille(samples / "snn" / "nir_braille" / f"{name}.nir"))
    assert row.agrees
    assert row.largest == 0
    assert row.active > 0.01


@pytest.mark.samples
@pytest.mark.parametrize(("dtype", "bits"), [("float64", 20), ("float32", None)])
def test_the_digit_network_fires_as_in_spikingjelly(samples, dtype, bits):
    path = samples / "snn" / "nir_cnn" / "cnn_sinabs.nir"
    digits = Digits(samples / "neuromorphic_datasets" / "nmnist_1000.npz", 2, steps=100)
    model = read_network(path, step_us=1000, reset="zero", drive="impulse")
    found = against_spikingjelly(path, model, digits, dtype, bits)
    assert set(found.layers) == {"1", "3", "6", "10", "12"}
    assert [differing for _, differing in found.layers.values()] == [0] * 5
    np.testing.assert_array_equal(found.ours, found.theirs)
    assert found.ours.sum() > 20


@pytest.mark.samples
@pytest.mark.parametrize("reset", ["multispike", "subtract", "zero"])
def test_the_digit_network_knows_digits(samples, reset):
    model = read_network(samples / "snn" / "nir_cnn" / "cnn_sinabs.nir", step_us=1000, reset=reset, drive="impulse")
    digits = Digits(samples / "neuromorphic_datasets" / "nmnist_1000.npz", 2)
    assert correct(output_counts(TorchEngine(model), digits, "float32"), digits) == 2


def gradients(step, x):
    x = x.clone().requires_grad_()
    total = step(x)
    return total.detach(), torch.autograd.grad(
        (total * torch.linspace(0.5, 1.5, total.numel()).view_as(total)).sum(), x
    )[0]


@pytest.mark.parametrize(
    ("name", "options", "ours"),
    [
        ("ATan", {}, ATan()),
        ("Sigmoid", {}, Sigmoid()),
        ("PiecewiseQuadratic", {}, Triangle()),
        ("Rect", {"alpha": 2.0}, Rectangle(0.5)),
    ],
)
@pytest.mark.parametrize("kind", ["LIFNode", "ParametricLIFNode"])
@pytest.mark.parametrize("detached", [False, True])
def test_gradients_through_time_are_spikingjellys(name, options, ours, kind, detached):
    from spikingjelly.activation_based import functional, neuron, surrogate

    function = getattr(surrogate, name)(**options)
    tau = {"tau": 2.5} if kind == "LIFNode" else {"init_tau": 2.5}
    node = getattr(neuron, kind)(**tau, surrogate_function=function, detach_reset=detached).double()
    cell = (LIFCell if kind == "LIFNode" else PLIFCell)(2.5, surrogate=ours, detach_reset=detached).double()
    x = torch.randn(8, 2, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(3)) + 1

    def theirs(frames):
        functional.reset_net(node)
        return torch.stack([node(frame) for frame in frames])

    def mine(frames):
        state, outputs = cell.start(2, (5,), torch.float64), []
        for frame in frames:
            out, state = cell(frame, state)
            outputs.append(out)
        return torch.stack(outputs)

    (spikes, gradient), (expected, other) = gradients(mine, x), gradients(theirs, x)
    torch.testing.assert_close(spikes, expected, rtol=0, atol=0)
    torch.testing.assert_close(gradient, other, rtol=1e-10, atol=1e-12)
    assert gradient.abs().sum() > 0


def test_the_fast_sigmoid_is_snntorchs():
    from snntorch import surrogate

    x = torch.linspace(-2, 2, 101, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(surrogate.fast_sigmoid(slope=25)(x).sum(), x)
    torch.testing.assert_close(FastSigmoid(25).slope(x.detach()), gradient)


def test_the_integer_neuron_is_spikingjellys():
    """They round halves to even, we round them up as the paper does; random input has no halves."""
    from spikingjelly.activation_based import neuron, surrogate

    node = neuron.ILIFNode(tau=4 / 3, surrogate_function=surrogate.MultiLevelSpikeCount(4)).double()
    cell = IntegerLIFCell(4, decay=0.25)
    state = cell.start(2, (6,), torch.float64)
    for x in torch.randn(30, 2, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(2)) * 3:
        out, state = cell(x, state)
        torch.testing.assert_close(out, node(x), rtol=0, atol=0)


def refused_by_spikingjelly():
    from spikingjelly.activation_based import layer, neuron

    nn = torch.nn
    return {
        "MaxPool2d": (nn.Sequential(nn.MaxPool2d(2)), (1, 4, 4)),
        "spikingjelly keeps v normalised": (neuron.MPBNLIFNode(out_features=3), (3,)),
        "ILIFNode": (neuron.ILIFNode(), (3,)),
        "ceil_mode": (nn.AvgPool2d(2, ceil_mode=True), (1, 5, 5)),
        "pads with 'circular'": (nn.Conv2d(1, 1, 3, padding=1, padding_mode="circular"), (1, 5, 5)),
        "joins the batch": (nn.Flatten(0), (3, 2)),
        "no Linear or convolution comes before": (nn.BatchNorm2d(2), (2, 3, 3)),
        "has no layers": (nn.Sequential(), (3,)),
        r"takes \(4,\)": (layer.Linear(4, 2), (3,)),
    }


@pytest.mark.parametrize(
    "says",
    [
        "MaxPool2d", "spikingjelly keeps v normalised", "ILIFNode", "ceil_mode", "pads with 'circular'",
        "joins the batch", "no Linear or convolution comes before", "has no layers", r"takes \(4,\)",
    ],
)  # fmt: skip
def test_what_has_no_layer_is_refused_by_name(says):
    module, shape = refused_by_spikingjelly()[says]
    with pytest.raises(ParameterError, match=says):
        from_spikingjelly(module, shape)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"reset_mechanism": "none"}, "reset_mechanism 'none'"),
        ({"reset_delay": False}, "still above its threshold"),
        ({"inhibition": True}, "inhibition"),
        ({"graded_spikes_factor": 2.0}, "graded_spikes_factor"),
    ],
)
def test_what_snntorch_alone_can_do_is_refused(options, says):
    import snntorch

    with pytest.raises(ParameterError, match=says):
        from_snntorch(torch.nn.Sequential(snntorch.Leaky(beta=0.9, **options)), (3,))


def test_a_subclass_of_a_known_neuron_is_read_as_that_only_where_its_step_is_the_same():
    from spikingjelly.activation_based import neuron

    nodes = [neuron.LIAFNode(act=torch.relu, threshold_related=True), neuron.QIFNode()]
    for node in nodes:
        with pytest.raises(ParameterError, match=type(node).__name__):
            from_spikingjelly(node, (3,))


def test_a_bridge_keeps_a_whole_network():
    from spikingjelly.activation_based import functional, layer, neuron

    torch.manual_seed(5)
    nn = torch.nn
    module = nn.Sequential(
        nn.Sequential(layer.Conv2d(2, 6, 3, padding=1, bias=False), layer.BatchNorm2d(6), neuron.LIFNode(tau=2.0)),
        layer.AvgPool2d(2),
        layer.Flatten(),
        layer.Dropout(0.5),
        layer.Linear(96, 4),
        neuron.IFNode(v_reset=None),
    ).double()
    module.train()
    for _ in range(5):
        module(torch.rand(8, 2, 8, 8, dtype=torch.float64))
        functional.reset_net(module)
    module.eval()
    inputs = (torch.rand(30, 2, 2, 8, 8) < 0.6).double()
    with torch.no_grad():
        expected = torch.stack([module(frame) for frame in inputs]).numpy()
    model = from_spikingjelly(module, (2, 8, 8), step_us=1000)
    engine = TorchEngine(model, "float64")
    np.testing.assert_array_equal(engine.run(inputs.numpy(), engine.start(2))[0], expected)
    assert 0 < expected.sum() < expected.size
    assert list(model.layers) == ["0/0", "0/2", "1", "2", "4", "5"]
