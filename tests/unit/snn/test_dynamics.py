"""Equations as steps: the exact rule against a solver, the Euler rule against its definition, the published traces."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from eventflow.snn import IF, LI, AdaptiveLIF, CubaLI, CubaLIF, Drive, Integrator, Model, Reset, Rule
from eventflow.snn.dynamics import Choice
from eventflow.snn.network_file import read_network
from eventflow.snn.torch_network import TorchEngine

STEP_US = 700.0
STEP_S = STEP_US * 1e-6


def voltages(layer, inputs, rule, drive="current"):
    model = Model.chain((1,), {"n": layer}).discretise(step_us=STEP_US, reset="zero", rule=rule, drive=drive)
    engine = TorchEngine(model, "float64")
    return engine.run(inputs[:, None], engine.start())[0][:, 0]


def solved(slopes, inputs, *, impulses=False):
    """Integrate d(state)/dt = slopes(state, held input) step by step; v is the last of the state, i the first."""
    state, found = np.zeros(2), []
    for x in inputs:
        held = 0.0 if impulses else x
        solution = solve_ivp(lambda _, y, held=held: slopes(y, held), (0, STEP_S), state, rtol=1e-11, atol=1e-13)
        state = solution.y[:, -1]
        if impulses:
            state = state + slopes(np.zeros(2), x) - slopes(np.zeros(2), 0.0)
        found.append(state[1])
    return np.array(found)


@pytest.fixture
def inputs():
    return np.random.default_rng(3).integers(0, 3, 12).astype(float)


@pytest.mark.parametrize("impulses", [False, True])
def test_exact_li_solves_its_equation(inputs, impulses):
    drive = "impulse" if impulses else "current"
    layer = LI(tau_us=3000.0, r=2.0, v_leak=0.3)
    expected = solved(lambda y, x: np.array([0, (0.3 - y[1] + 2 * x) / 3e-3]), inputs, impulses=impulses)
    np.testing.assert_allclose(voltages(layer, inputs, "exact", drive), expected, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("tau_syn_us", [1500.0, 3000.0, 9000.0])
@pytest.mark.parametrize("impulses", [False, True])
def test_exact_cubali_solves_both_equations_together(inputs, tau_syn_us, impulses):
    drive = "impulse" if impulses else "current"
    layer = CubaLI(tau_syn_us=tau_syn_us, tau_mem_us=3000.0, r=2.0, v_leak=0.1, w_in=1.5)

    def slopes(y, x):
        return np.array([(-y[0] + 1.5 * x) / (tau_syn_us * 1e-6), (0.1 - y[1] + 2 * y[0]) / 3e-3])

    expected = solved(slopes, inputs, impulses=impulses)
    np.testing.assert_allclose(voltages(layer, inputs, "exact", drive), expected, rtol=1e-6, atol=1e-8)


def test_euler_is_one_slope_a_step(inputs):
    layer = LI(tau_us=3000.0, r=2.0, v_leak=0.3)
    v, expected = 0.0, []
    for x in inputs:
        v += STEP_US / 3000 * (0.3 - v + 2 * x)
        expected.append(v)
    np.testing.assert_allclose(voltages(layer, inputs, "euler"), expected, rtol=1e-13)


def test_an_integrator_gains_r_dt_from_a_current_and_r_from_an_impulse(inputs):
    np.testing.assert_allclose(voltages(Integrator(r=5.0), inputs, "exact"), np.cumsum(inputs) * 5 * STEP_S, rtol=1e-12)
    np.testing.assert_allclose(voltages(Integrator(r=5.0), inputs, "exact", "impulse"), np.cumsum(inputs) * 5)


def test_finer_euler_steps_come_to_the_exact_rule():
    """Halving the step halves the error, so the two rules are of the same equation."""
    layer = CubaLI(tau_syn_us=4000.0, tau_mem_us=9000.0, r=1.0)

    def end(step_us, rule):
        model = Model.chain((1,), {"n": layer}).discretise(step_us=step_us, reset="zero", rule=rule, drive="current")
        engine = TorchEngine(model, "float64")
        return engine.run(np.ones((round(8000 / step_us), 1)), engine.start())[0][-1, 0]

    errors = [abs(end(step, "euler") - end(step, "exact")) for step in (200, 100, 50)]
    assert end(200, "exact") == pytest.approx(end(50, "exact"), rel=1e-12)
    assert errors[0] / errors[1] == pytest.approx(2, abs=0.1)
    assert errors[1] / errors[2] == pytest.approx(2, abs=0.1)


def test_an_adaptive_threshold_rises_by_spikes_and_falls_back():
    layer = AdaptiveLIF(tau_us=20_000.0, r=1.0, v_threshold=0.5, tau_adaptation_us=50_000.0, strength=2.0)
    model = Model.chain((1,), {"n": layer}).discretise(step_us=1000, reset="zero", rule="exact", drive="current")
    engine = TorchEngine(model, "float64")
    fired, state = engine.run(np.ones((200, 1)), engine.start())
    gaps = np.diff(fired[:, 0].nonzero()[0])
    assert len(gaps) > 5
    assert (np.diff(gaps) >= 0).all()
    assert gaps[-1] > gaps[0]
    level = state["n.a"][0, 0]
    _, state = engine.run(np.zeros((50, 1)), state)
    assert state["n.a"][0, 0] == pytest.approx(level * np.exp(-1), rel=1e-12)


def test_the_crossing_reset_counts_the_rest_of_the_step():
    """With two neurons of one equation, one stepped ten times finer, v agrees at every coarse step."""
    layer = IF(r=1.0, v_threshold=1.0, v_reset=-0.2)
    model = Model.chain((1,), {"n": layer})
    coarse = TorchEngine(model.discretise(step_us=1e6, reset="crossing", rule="exact", drive="current"), "float64")
    fine = TorchEngine(model.discretise(step_us=1e3, reset="crossing", rule="exact", drive="current"), "float64")
    state, other = coarse.start(), fine.start()
    for _ in range(9):
        _, state = coarse.step(np.array([0.7]), state)
        _, other = fine.run(np.full((1000, 1), 0.7), other)
        assert state["n.v"][0, 0] == pytest.approx(other["n.v"][0, 0], abs=1e-9)


@pytest.mark.samples
@pytest.mark.parametrize(("reset", "rms"), [("crossing", 1e-8), ("subtract", 1e-3), ("zero", 1.1e-3)])
def test_the_published_lif_fires_when_the_exact_solution_does(samples, reset, rms):
    folder = samples / "snn" / "nir_lif"
    x, v, spikes = np.loadtxt(folder / "lif_exact.csv", delimiter=",").T
    model = read_network(folder / "lif_norse.nir", step_us=100, reset=reset, rule="exact", drive="current")
    engine = TorchEngine(model, "float64")
    state, found, fired = engine.start(), [], []
    for each in x:
        out, state = engine.step(np.array([each]), state)
        fired.append(out[0])
        found.append(state["1.v"][0, 0])
    assert np.nonzero(fired)[0].tolist() == np.nonzero(spikes)[0].tolist() == [460, 510, 710, 760]
    assert np.sqrt(np.mean((np.array(found) - v) ** 2)) < rms


def test_v_starts_where_zero_resets_it():
    layer = CubaLIF(tau_syn_us=2000.0, tau_mem_us=3000.0, r=1.0, v_threshold=1.0, v_reset=-0.5)
    for reset, start in ((Reset.ZERO, -0.5), (Reset.DELAYED_ZERO, -0.5), (Reset.SUBTRACT, 0), (Reset.MULTISPIKE, 0)):
        choice = Choice(step_us=1000, reset=reset, rule=Rule.EULER, drive=Drive.CURRENT)
        assert layer.discretised(choice).v_start == start
