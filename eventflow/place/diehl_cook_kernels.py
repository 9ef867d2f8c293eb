"""The clock-driven loop of a population of excitatory and inhibitory neurons that competes for what it is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eventflow.kernels.jit import jit

if TYPE_CHECKING:
    from numpy.typing import NDArray

REST_E, RESET_E, THRESHOLD_E, OFFSET_E = -65.0, -65.0, -52.0, -20.0
REST_I, RESET_I, THRESHOLD_I = -60.0, -45.0, -40.0
REVERSAL_E = -100.0
MEMBRANE_E_MS, MEMBRANE_I_MS = 100.0, 10.0
EXCITATION_MS, INHIBITION_MS = 1.0, 2.0
REFRACTORY_E_MS, REFRACTORY_I_MS = 5.0, 2.0
TRACE_MS, SLOW_TRACE_MS = 20.0, 40.0
THETA_STEP_MV, THETA_MS = 0.05, 1e7
RATE_BEFORE, RATE_AFTER = 1e-4, 1e-2
EXCITE_PARTNER, INHIBIT_OTHERS = 10.4, 17.0


@jit
def _relaxed(potential: float, rest: float, excitation: float, inhibition: float, share: float) -> float:
    """Return a potential one step on, exact for conductances that stay: no step is too long to be stable."""
    conductance = 1.0 + excitation + inhibition
    target = (rest + inhibition * REVERSAL_E) / conductance
    return float(target + (potential - target) * np.exp(-share * conductance))


@jit
def normalise(weights: NDArray[np.float64], total: float) -> None:
    """Scale the weights into each neuron to one sum, so that none wins by its size.

    Args:
        weights: float64 (inputs, neurons), changed in place.
        total: The sum of the weights into a neuron.
    """
    for j in range(weights.shape[1]):
        mass = 0.0
        for i in range(weights.shape[0]):
            mass += weights[i, j]
        if mass > 0:
            factor = total / mass
            for i in range(weights.shape[0]):
                weights[i, j] *= factor


@jit
def clear(potentials: NDArray[np.float64]) -> None:
    """Put a population at rest: potentials, conductances, refractory times, spikes and traces.

    Args:
        potentials: float64 (11, neurons); the rows are those of `present`, changed in place.
    """
    potentials[:] = 0.0
    potentials[0] = REST_E
    potentials[1] = REST_I


@jit
def present(
    rates: NDArray[np.float64],
    steps: int,
    step_ms: float,
    weights: NDArray[np.float64],
    theta: NDArray[np.float64],
    state: NDArray[np.float64],
    learn: bool,
    seed: int,
    counts: NDArray[np.int64],
) -> None:
    """Show one image as Poisson spikes for a while, and count what each excitatory neuron answers.

    Args:
        rates: float64 (inputs,); spikes a second.
        steps: How many steps of `step_ms`.
        step_ms: The step of the integration, ms.
        weights: float64 (inputs, neurons), changed in place where `learn`.
        theta: float64 (neurons,) mV above the resting threshold; rises with each spike where `learn`.
        state: float64 (11, neurons): potential and potential of the partner, mV; excitation, inhibition, excitation
            of the partner, inhibition of the partner (conductances); steps that remain refractory, of the neuron and
            of the partner; traces after a spike, fast and slow; last step's partner spikes.
        learn: Whether weights and theta change.
        seed: Of the input spikes.
        counts: int64 (neurons,), added to.
    """
    np.random.seed(seed)
    inputs, neurons = weights.shape
    before = np.zeros(inputs)
    fired = np.zeros(neurons, np.bool_)
    keep_excitation, keep_inhibition = np.exp(-step_ms / EXCITATION_MS), np.exp(-step_ms / INHIBITION_MS)
    keep_trace, keep_slow = np.exp(-step_ms / TRACE_MS), np.exp(-step_ms / SLOW_TRACE_MS)
    keep_theta = np.exp(-step_ms / THETA_MS)
    active = np.flatnonzero(rates > 0)
    v, partner, excitation, inhibition = state[0], state[1], state[2], state[3]
    partner_excitation, rest, partner_rest = state[4], state[6], state[7]
    after, slow, partner_fired = state[8], state[9], state[10]
    for _ in range(steps):
        inhibitors = 0.0
        for j in range(neurons):
            inhibitors += partner_fired[j]
        for j in range(neurons):
            excitation[j] *= keep_excitation
            inhibition[j] = inhibition[j] * keep_inhibition + INHIBIT_OTHERS * (inhibitors - partner_fired[j])
            after[j] *= keep_trace
            slow[j] *= keep_slow
        for k in range(active.shape[0]):
            before[active[k]] *= keep_trace
            if np.random.random() >= rates[active[k]] * step_ms * 1e-3:
                continue
            i = active[k]
            for j in range(neurons):
                excitation[j] += weights[i, j]
            if learn:
                before[i] = 1.0
                for j in range(neurons):
                    weights[i, j] = max(weights[i, j] - RATE_BEFORE * after[j], 0.0)
        for j in range(neurons):
            if learn:
                theta[j] *= keep_theta
            fired[j] = False
            if rest[j] > 0:
                rest[j] -= 1
            else:
                v[j] = _relaxed(v[j], REST_E, excitation[j], inhibition[j], step_ms / MEMBRANE_E_MS)
                if v[j] > THRESHOLD_E + OFFSET_E + theta[j]:
                    fired[j] = True
                    counts[j] += 1
                    v[j] = RESET_E
                    rest[j] = np.rint(REFRACTORY_E_MS / step_ms)
                    if learn:
                        theta[j] += THETA_STEP_MV
            partner_excitation[j] *= keep_excitation
            partner_fired[j] = 0.0
            if partner_rest[j] > 0:
                partner_rest[j] -= 1
            else:
                partner[j] = _relaxed(partner[j], REST_I, partner_excitation[j], 0.0, step_ms / MEMBRANE_I_MS)
                if partner[j] > THRESHOLD_I:
                    partner_fired[j] = 1.0
                    partner[j] = RESET_I
                    partner_rest[j] = np.rint(REFRACTORY_I_MS / step_ms)
            if fired[j]:
                partner_excitation[j] += EXCITE_PARTNER
        for j in range(neurons):
            if not fired[j]:
                continue
            if learn:
                for k in range(active.shape[0]):
                    i = active[k]
                    weights[i, j] = min(weights[i, j] + RATE_AFTER * before[i] * slow[j], 1.0)
            after[j] = 1.0
            slow[j] = 1.0
