"""Discrete layers as the equations of which they are a step: the way back from `Model.discretise`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.errors import ParameterError
from eventflow.snn import dynamics
from eventflow.snn.layers import Delay

if TYPE_CHECKING:
    from eventflow.snn.neuron import Neuron

_US = 1e-6


def undiscretised(name: str, layer: Neuron | Delay, step_us: float | None) -> dynamics.Continuous:
    """Return the equation of which `layer` is the Euler step of `step_us` under a held current.

    Raises:
        ParameterError: the model has no step, or the neuron is no such step: it decays only in part, or adapts.
    """
    if step_us is None:
        raise ParameterError(f"layer {name!r} is discrete and the network has no step_us to say what a step is")
    if isinstance(layer, Delay):
        return dynamics.TimeDelay(delay_us=layer.steps * step_us)
    kept = np.concatenate([np.ravel(layer.decay), np.ravel(0 if layer.current_decay is None else layer.current_decay)])
    if layer.adaptation_decay is not None or layer.previous_gain is not None or (kept < 0).any() or (kept > 1).any():
        raise ParameterError(
            f"layer {name!r} is no Euler step of a NIR neuron: it adapts, was made with the exact rule for a synaptic "
            "current, or has a decay outside 0 … 1"
        )
    integrates = np.broadcast_to(layer.decay == 1, np.broadcast_shapes(layer.decay.shape, layer.gain.shape))
    if integrates.all() and layer.current_decay is None and not layer.offset.any():
        values: dict[str, Any] = {"r": layer.gain / (step_us * _US)}
        return dynamics.Integrator(**values) if layer.threshold is None else dynamics.IF(**values, **_firing(layer))
    if integrates.any() or (layer.current_decay is not None and (layer.current_decay == 1).any()):
        raise ParameterError(f"layer {name!r}: some neurons do not decay and others do; NIR has no node for both")
    lost = 1 - layer.decay
    values = {"r": layer.gain / lost, "v_leak": layer.offset / lost}
    if layer.current_decay is None:
        values["tau_us"] = step_us / lost
        return dynamics.LI(**values) if layer.threshold is None else dynamics.LIF(**values, **_firing(layer))
    current_lost = 1 - layer.current_decay
    values |= {
        "tau_mem_us": step_us / lost,
        "tau_syn_us": step_us / current_lost,
        "w_in": layer.current_gain / current_lost,
    }
    return dynamics.CubaLI(**values) if layer.threshold is None else dynamics.CubaLIF(**values, **_firing(layer))


def _firing(neuron: Neuron) -> dict[str, Any]:
    return {"v_threshold": neuron.threshold, "v_reset": neuron.v_reset}
