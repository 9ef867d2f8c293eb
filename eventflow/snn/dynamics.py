"""Neurons as differential equations, as NIR writes them, and how each becomes the discrete Neuron that engines run.

Time constants are in µs; r, v_leak, w_in have the units of the equations. `discretised(choice)` gives a Neuron; nothing
about the step is assumed: `Choice` holds the step, the rule, what an input is and how firing resets.

With T the step, CURRENT holds the input x over the step, IMPULSE is a charge x (in A·s, T in seconds) at its end:

              decay            gain CURRENT            gain IMPULSE      offset
    I, IF     1                r T                     r                 0
    LI, LIF   exp(-T/tau)      r (1 - decay)           r / tau           v_leak (1 - decay)      EXACT
              1 - T/tau        r T/tau                 r / tau           v_leak T/tau            EULER

The synaptic current of CubaLI and CubaLIF is an LI of its own, driven by w_in x; with EULER the new current drives the
membrane as held over the step, with EXACT both equations are solved together: hence `previous_gain`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eventflow.errors import ParameterError
from eventflow.snn.layers import Delay
from eventflow.snn.neuron import Array, Drive, Fires, Neuron, Reset, Rule, Shape, as_arrays, check_broadcast, one, zero

_US = 1e-6
_SUBTRACTING = (Reset.SUBTRACT, Reset.MULTISPIKE, Reset.DELAYED)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What the equations leave open. step_us is the step in µs."""

    step_us: float
    reset: Reset
    rule: Rule
    drive: Drive
    fires: Fires = Fires.AT


@dataclass(frozen=True, eq=False, kw_only=True)
class Continuous:
    """Common to layers that are not discrete yet: any array broadcasts to the layer's shape, and no state is known."""

    def __post_init__(self) -> None:
        as_arrays(self)

    def discretised(self, choice: Choice) -> Neuron | Delay:
        """Return the layer of one step."""
        raise TypeError(f"{type(self).__name__} does not say what a step of it is")

    def output_shape(self, shape: Shape) -> Shape:
        """Return `shape`, having checked the parameters against it."""
        check_broadcast(self, shape)
        for name, value in vars(self).items():
            if name.startswith("tau") and (value <= 0).any():
                raise ParameterError(f"{name} must be above 0 µs everywhere; the smallest is {value.min():g}")
        return shape

    def state_shapes(self, shape: Shape) -> dict[str, Shape]:
        """Return no state: what a layer remembers is known once it is discrete."""
        return {}


@dataclass(frozen=True, eq=False, kw_only=True)
class Integrator(Continuous):
    """NIR's I. dv/dt = r x; the output is v."""

    r: Array

    def discretised(self, choice: Choice) -> Neuron:
        """Return the neuron of one step."""
        return Neuron(**_integrated(self.r, choice), threshold=None)


@dataclass(frozen=True, eq=False, kw_only=True)
class IF(Continuous):
    """dv/dt = r x; fires at v_threshold."""

    r: Array
    v_threshold: Array
    v_reset: Array = field(default_factory=zero)

    def discretised(self, choice: Choice) -> Neuron:
        """Return the neuron of one step."""
        return Neuron(**_integrated(self.r, choice), **_firing(self, choice))


@dataclass(frozen=True, eq=False, kw_only=True)
class LI(Continuous):
    """tau dv/dt = v_leak - v + r x; the output is v."""

    tau_us: Array
    r: Array
    v_leak: Array = field(default_factory=zero)

    def discretised(self, choice: Choice) -> Neuron:
        """Return the neuron of one step."""
        return Neuron(**_leaky(self, choice), threshold=None)


@dataclass(frozen=True, eq=False, kw_only=True)
class LIF(Continuous):
    """tau dv/dt = v_leak - v + r x; fires at v_threshold."""

    tau_us: Array
    r: Array
    v_threshold: Array
    v_leak: Array = field(default_factory=zero)
    v_reset: Array = field(default_factory=zero)

    def discretised(self, choice: Choice) -> Neuron:
        """Return the neuron of one step."""
        return Neuron(**_leaky(self, choice), **_firing(self, choice))


@dataclass(frozen=True, eq=False, kw_only=True)
class AdaptiveLIF(LIF):
    """A LIF whose threshold rises with its own spikes: v_threshold + strength a, tau_adaptation da/dt = -a + spikes.

    Bellec et al. 2018, eq. 1-3: in a step of T, rho = exp(-T / tau_adaptation) whatever the rule, and
    a <- rho a + (1 - rho) z.
    """

    tau_adaptation_us: Array
    strength: Array

    def discretised(self, choice: Choice) -> Neuron:
        """Return the neuron of one step."""
        rho = np.exp(-choice.step_us / _double(self.tau_adaptation_us))
        adaptation: dict[str, Any] = {
            "adaptation_decay": rho,
            "adaptation_jump": 1 - rho,
            "adaptation_strength": _double(self.strength),
        }
        return Neuron(**_leaky(self, choice), **_firing(self, choice), **adaptation)


@dataclass(frozen=True, eq=False, kw_only=True)
class CubaLI(Continuous):
    """tau_syn di/dt = -i + w_in x, tau_mem dv/dt = v_leak - v + r i; the output is v."""

    tau_syn_us: Array
    tau_mem_us: Array
    r: Array
    v_leak: Array = field(default_factory=zero)
    w_in: Array = field(default_factory=one)

    def discretised(self, choice: Choice) -> Neuron:
        """Return the neuron of one step."""
        return Neuron(**_current_based(self, choice), threshold=None)


@dataclass(frozen=True, eq=False, kw_only=True)
class CubaLIF(Continuous):
    """A CubaLI that fires at v_threshold."""

    tau_syn_us: Array
    tau_mem_us: Array
    r: Array
    v_threshold: Array
    v_leak: Array = field(default_factory=zero)
    v_reset: Array = field(default_factory=zero)
    w_in: Array = field(default_factory=one)

    def discretised(self, choice: Choice) -> Neuron:
        """Return the neuron of one step."""
        return Neuron(**_current_based(self, choice), **_firing(self, choice))


@dataclass(frozen=True, eq=False, kw_only=True)
class TimeDelay(Continuous):
    """y(t) = x(t - delay); becomes a Delay of whole steps, and refuses a delay that is none (to 1e-3 of a step)."""

    delay_us: Array

    def discretised(self, choice: Choice) -> Delay:
        """Return the delay in steps. Raises ParameterError where it is not a whole number of them."""
        exact = _double(self.delay_us) / choice.step_us
        steps = np.rint(exact)
        if (np.abs(exact - steps) > 1e-3).any():
            off = exact.flat[int(np.abs(exact - steps).argmax())] * choice.step_us
            raise ParameterError(f"a delay of {off:g} µs is not a whole number of steps of {choice.step_us:g} µs")
        return Delay(steps=steps.astype(np.int64))


def _double(values: Array) -> Array:
    return np.asarray(values, np.float64)


def _integrated(r: Array, choice: Choice) -> dict[str, Any]:
    held = choice.step_us * _US if choice.drive is Drive.CURRENT else 1.0
    return {"decay": one(), "gain": _double(r) * held, "offset": zero()}


def _decayed(tau_us: Array, choice: Choice) -> tuple[Array, Array]:
    """Return the decay of one step and what a constant drive of 1 adds in it."""
    ratio = choice.step_us / _double(tau_us)
    if choice.rule is Rule.EXACT:
        return np.exp(-ratio), -np.expm1(-ratio)
    if (ratio > 1).any():
        raise ParameterError(
            f"a time constant of {choice.step_us / ratio.max():g} µs is below the step of {choice.step_us:g} µs: the "
            "Euler rule would change v's sign; take a shorter step or the exact rule"
        )
    return 1 - ratio, ratio


def _input_gain(strength: Array, tau_us: Array, added: Array, choice: Choice) -> Array:
    return _double(strength) * (added if choice.drive is Drive.CURRENT else 1 / (_double(tau_us) * _US))


def _leaky(layer: LI | LIF, choice: Choice) -> dict[str, Any]:
    decay, added = _decayed(layer.tau_us, choice)
    gain = _input_gain(layer.r, layer.tau_us, added, choice)
    return {"decay": decay, "gain": gain, "offset": _double(layer.v_leak) * added}


def _current_based(layer: CubaLI | CubaLIF, choice: Choice) -> dict[str, Any]:
    current_decay, current_added = _decayed(layer.tau_syn_us, choice)
    decay, added = _decayed(layer.tau_mem_us, choice)
    r = _double(layer.r)
    new, before = (r * added, None) if choice.rule is Rule.EULER else _both_exact(layer, r, choice)
    return {
        "decay": decay,
        "gain": new,
        "offset": _double(layer.v_leak) * added,
        "current_decay": current_decay,
        "current_gain": _input_gain(layer.w_in, layer.tau_syn_us, current_added, choice),
        "previous_gain": before,
    }


def _both_exact(layer: CubaLI | CubaLIF, r: Array, choice: Choice) -> tuple[Array, Array]:
    """Return what the current after and before the step add to v, both equations solved over the step.

    From i(0) alone the membrane gains r i(0) m with m = (alpha - beta) tau_syn / (tau_syn - tau_mem), whose limit for
    equal constants is alpha T / tau; from a held drive d it gains r d (1 - beta - m), and d = (i(T) - alpha i(0)) /
    (1 - alpha). An impulse arrives at the end, when the membrane has gained from i(0) only: then i(T) adds nothing.
    """
    syn, mem = np.broadcast_arrays(_double(layer.tau_syn_us), _double(layer.tau_mem_us))
    alpha, beta = np.exp(-choice.step_us / syn), np.exp(-choice.step_us / mem)
    same = np.isclose(syn, mem, rtol=1e-9, atol=0)
    moved = np.where(same, alpha * choice.step_us / syn, (alpha - beta) * syn / np.where(same, 1, syn - mem))
    if choice.drive is Drive.IMPULSE:
        return np.zeros_like(moved), r * moved
    held = (1 - beta - moved) / (1 - alpha)
    return r * held, r * (moved - alpha * held)


def _firing(layer: IF | LIF | CubaLIF, choice: Choice) -> dict[str, Any]:
    start = _double(layer.v_reset) if choice.reset not in _SUBTRACTING else zero()
    return {
        "threshold": _double(layer.v_threshold),
        "v_reset": _double(layer.v_reset),
        "v_start": start,
        "reset": choice.reset,
        "fires": choice.fires,
    }
