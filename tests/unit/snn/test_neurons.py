"""Neurons to train: gradients, what they become for engines, and the mathematics of the soft and the integer ones."""

import math

import numpy as np
import pytest
import torch

from eventflow.errors import ParameterError
from eventflow.snn import Model, Reset
from eventflow.snn.delays import GaussianDelayLinear
from eventflow.snn.neurons import AdaptiveLIFCell, CubaLIFCell, IFCell, LIFCell, MPBNLIFCell, PLIFCell, fold_mpbn
from eventflow.snn.soft_neurons import IntegerLIFCell, UltraLIFCell, soft_maximum
from eventflow.snn.surrogate import (
    ATan,
    FastSigmoid,
    Gaussian,
    Rectangle,
    Sigmoid,
    Triangle,
    integer_spikes,
    spike,
    spike_count,
)
from eventflow.snn.torch_network import TorchEngine
from eventflow.snn.voxels import SubmanifoldConv3d

torch.set_num_threads(1)
SURROGATES = [ATan(), Sigmoid(), FastSigmoid(), Triangle(), Rectangle(), Gaussian()]


def draw(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def streamed(cell, inputs, batch, shape):
    state, outputs = cell.start(batch, shape, torch.float64), []
    for x in inputs:
        out, state = cell(x, state)
        outputs.append(out)
    return torch.stack(outputs), state


@pytest.mark.parametrize("surrogate", SURROGATES, ids=lambda each: type(each).__name__)
def test_a_surrogate_is_a_step_forward_and_its_slope_backward(surrogate):
    x = torch.linspace(-3, 3, 601, dtype=torch.float64, requires_grad=True)
    at, above = spike(x, surrogate), spike(x, surrogate, at=False)
    assert torch.equal(at, (x >= 0).double())
    assert torch.equal(above, (x > 0).double())
    (gradient,) = torch.autograd.grad(at.sum(), x)
    assert torch.equal(gradient, surrogate.slope(x))
    assert gradient.argmax() == 300 or gradient[300] == gradient.max()
    assert torch.allclose(gradient, gradient.flip(0))


@pytest.mark.parametrize("surrogate", [ATan(), Sigmoid(), Triangle(), Rectangle(), Gaussian()])
def test_a_slope_is_a_density(surrogate):
    """It adds up to the height of the step, so a spike far from the threshold is learned from at the right scale."""
    x = torch.linspace(-400, 400, 800_001, dtype=torch.float64)
    assert torch.trapezoid(surrogate.slope(x), x).item() == pytest.approx(1, abs=3e-3)


def test_counts_and_integers_have_the_derivative_of_their_line():
    x = torch.tensor([-1.2, 0.2, 0.5, 2.7, 4.4, 6.0], requires_grad=True)
    assert spike_count(x).tolist() == [0, 0, 0, 2, 4, 6]
    assert integer_spikes(x, 4).tolist() == [0, 0, 1, 3, 4, 4]
    assert torch.autograd.grad(spike_count(x).sum(), x)[0].tolist() == [0, 1, 1, 1, 1, 1]
    assert torch.autograd.grad(integer_spikes(x, 4).sum(), x)[0].tolist() == [0, 1, 1, 1, 0, 0]


CELLS = [
    IFCell(reset="subtract"),
    IFCell(reset="multispike"),
    LIFCell(3.0),
    LIFCell(3.0, decay_input=False, v_reset=-0.3, fires="above"),
    PLIFCell(2.5),
    CubaLIFCell(0.6, 0.8, reset="subtract"),
    CubaLIFCell(0.6, 0.8, reset="delayed_zero"),
    AdaptiveLIFCell(4.0, rho=0.9, strength=0.7),
]


@pytest.mark.parametrize("cell", CELLS, ids=lambda each: f"{type(each).__name__} {each.reset.value}")
def test_a_cell_is_the_neuron_it_describes(cell):
    cell = cell.double()
    inputs = draw(30, 2, 5) + 0.5
    outputs, _ = streamed(cell, inputs, 2, (5,))
    engine = TorchEngine(Model.chain((5,), {"n": cell.described()}), "float64")
    expected, _ = engine.run(inputs.numpy(), engine.start(2))
    np.testing.assert_array_equal(outputs.detach().numpy(), expected)
    assert 0 < expected.sum() < expected.size * 3


def test_detached_resets_keep_the_gradient_out_of_the_reset():
    def gradient(detached):
        cell = LIFCell(2.0, detach_reset=detached).double()
        x = (draw(6, 1, 3) + 1).requires_grad_()
        outputs, state = streamed(cell, x, 1, (3,))
        return torch.autograd.grad(outputs.sum() + state["v"].sum(), x)[0]

    assert not torch.equal(gradient(True), gradient(False))


def test_plif_learns_its_time_constant():
    cell = PLIFCell(2.0).double()
    outputs, _ = streamed(cell, draw(10, 2, 4) + 1, 2, (4,))
    outputs.sum().backward()
    assert cell.w.grad.abs() > 0
    assert cell.described().decay == pytest.approx(0.5)


def test_a_time_constant_of_no_step_is_refused():
    with pytest.raises(ParameterError, match="tau is 1 steps"):
        LIFCell(1)


@pytest.mark.parametrize("dimensions", [0, 2])
def test_a_folded_normalisation_gives_the_same_spikes(dimensions):
    shape = (6, 5, 4)[: 1 + dimensions]
    cell = MPBNLIFCell(6, dimensions=dimensions).double().eval()
    cell.norm.running_mean.copy_(draw(6) * 0.3)
    cell.norm.running_var.copy_(draw(6).abs() + 0.3)
    cell.norm.weight.data.copy_(draw(6, seed=2).abs() + 0.3)
    cell.norm.bias.data.copy_(draw(6, seed=3) * 0.2)
    inputs = draw(40, 3, *shape) + 0.3
    outputs, _ = streamed(cell, inputs, 3, shape)
    engine = TorchEngine(Model.chain(shape, {"n": fold_mpbn(cell)}), "float64")
    np.testing.assert_array_equal(outputs.detach().numpy(), engine.run(inputs.numpy(), engine.start(3))[0])
    assert 0.02 < outputs.mean() < 0.9


def test_a_gamma_that_turns_the_order_round_cannot_be_folded():
    cell = MPBNLIFCell(3)
    cell.norm.weight.data[1] = -0.5
    with pytest.raises(ParameterError, match="1 gammas are not above 0"):
        cell.described()
    with pytest.raises(ParameterError, match="the reset is subtract"):
        fold_mpbn(MPBNLIFCell(3, reset=Reset.SUBTRACT))


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("eps", [0.1, 1.0, 20.0])
def test_the_soft_maximum_lies_within_its_bounds(count, eps):
    parts = list(draw(count, 1000) * 5)
    over = soft_maximum(parts, eps) - torch.stack(parts).max(0).values
    assert over.min() >= -1e-12
    assert over.max() <= eps * math.log(count) + 1e-12


@pytest.mark.parametrize("neighbours", [False, True])
def test_a_cold_ultralif_is_the_max_plus_recursion(neighbours):
    cell = UltraLIFCell(0.7, eps=1e-4, neighbours=neighbours).double()
    inputs = draw(30, 2, 6)
    outputs, _ = streamed(cell, inputs, 2, (6,))
    v = torch.zeros(2, 6, dtype=torch.float64)
    for x, out in zip(inputs, outputs, strict=True):
        if neighbours:
            padded = torch.nn.functional.pad(v, (1, 1), value=-torch.inf)
            v = torch.stack([padded[:, :-2], v, padded[:, 2:]]).max(0).values + x
        else:
            v = torch.maximum(v + math.log(0.7), x)
        fired = (v > 1).double()
        assert torch.allclose(out, fired, atol=1e-6)
        v = v * (1 - fired)
    assert 0 < outputs.sum() < outputs.numel()


@pytest.mark.parametrize("neighbours", [False, True])
def test_ultralif_has_its_exact_gradient(neighbours):
    cell = UltraLIFCell(0.9, learned=True, learned_tau=True, neighbours=neighbours).double()
    names = [name for name, _ in cell.named_parameters()]

    def last(x, *parameters):
        state = cell.start(1, (3,), torch.float64)
        with_values = dict(zip(names, parameters, strict=True))
        for frame in x:
            out, state = torch.func.functional_call(cell, with_values, (frame, state))
        return out

    x = draw(4, 1, 3).requires_grad_()
    values = [parameter.detach().clone().requires_grad_() for parameter in cell.parameters()]
    assert torch.autograd.gradcheck(last, (x, *values))


@pytest.mark.parametrize("top", [1, 3, 4])
def test_integer_training_is_binary_inference(top):
    cell = IntegerLIFCell(top, decay=0.25)
    inputs = draw(50, 2, 7) * 3
    state, other = (cell.start(2, (7,), torch.float64) for _ in range(2))
    for x in inputs:
        whole, state = cell(x, state)
        binary, other = cell.unrolled(x, other)
        assert set(binary.unique().tolist()) <= {0.0, 1.0}
        assert torch.equal(binary.sum(0), whole)
        assert torch.equal(state["v"], other["v"])
    assert whole.max() <= top


def test_delays_in_training_become_delays_in_the_stream():
    """Once sigma is small a Gaussian around a whole step is that step; the stream is the convolution, step by step."""
    delays = GaussianDelayLinear(6, 4, steps=7, bias=True).double()
    with torch.no_grad():
        delays.position.copy_(delays.position.round())
        delays.weight.copy_(torch.round(draw(4, 6) * 64) / 64)
        delays.bias.copy_(torch.round(draw(4) * 64) / 64)
    delays.sigma = 0.02
    inputs = (draw(25, 3, 6) > 0).double()
    engine = TorchEngine(Model.chain((6,), {"d": delays.described()}), "float64")
    expected, _ = engine.run(inputs.numpy(), engine.start(3))
    np.testing.assert_allclose(delays(inputs).detach().numpy(), expected, atol=1e-12)


def test_a_planted_delay_is_found():
    torch.manual_seed(2)
    inputs = (torch.rand(60, 4, 1) < 0.3).float()
    target = torch.cat([torch.zeros(5, 4, 1), inputs[:-5]])
    delays = GaussianDelayLinear(1, 1, steps=10)
    with torch.no_grad():
        delays.position.fill_(8.4)
        delays.weight.fill_(0.5)
    for epoch in range(120):
        delays.anneal(epoch, 500)
        loss = (delays(inputs) - target).square().mean()
        by_weight, by_position = torch.autograd.grad(loss, (delays.weight, delays.position))
        with torch.no_grad():
            delays.weight -= 0.02 * by_weight.sign()
            delays.position -= 0.1 * by_position.sign()
    delays.anneal(500, 500)
    assert delays.sigma == pytest.approx(0.23)
    assert delays.described().delay.tolist() == [[5]]


@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_a_submanifold_convolution_is_the_dense_one_where_it_is_active(kernel):
    torch.manual_seed(4)
    conv = SubmanifoldConv3d(3, 5, kernel, bias=True).double()
    active = torch.rand(6, 7, 8) < 0.2
    places = active.nonzero()[torch.randperm(int(active.sum()))]
    values = draw(len(places), 3).requires_grad_()
    dense = torch.zeros(1, 3, 6, 7, 8, dtype=torch.float64).index_put(
        (torch.zeros(1, dtype=torch.long), torch.arange(3)[:, None], *places.T), values.T
    )
    expected = torch.nn.functional.conv3d(dense, conv.weight, conv.bias, padding=kernel // 2)[0][:, *places.T].T
    found = conv(places, values)
    assert torch.allclose(found, expected, atol=1e-12)
    weights = draw(*found.shape, seed=5)
    first = torch.autograd.grad((found * weights).sum(), (values, conv.weight))
    second = torch.autograd.grad((expected * weights).sum(), (values, conv.weight))
    assert all(torch.allclose(a, b, atol=1e-10) for a, b in zip(first, second, strict=True))


def test_no_voxels_give_no_voxels():
    conv = SubmanifoldConv3d(2, 3)
    assert conv(torch.zeros(0, 3, dtype=torch.long), torch.zeros(0, 2)).shape == (0, 3)


def test_voxels_that_do_not_fit_are_refused():
    conv = SubmanifoldConv3d(2, 3)
    with pytest.raises(ParameterError, match="listed twice"):
        conv(torch.zeros(2, 3, dtype=torch.long), torch.zeros(2, 2))
    with pytest.raises(ParameterError, match="do not fit"):
        conv(torch.zeros(2, 3, dtype=torch.long), torch.zeros(2, 4))
    with pytest.raises(ParameterError, match="has to be odd"):
        SubmanifoldConv3d(2, 3, 4)
