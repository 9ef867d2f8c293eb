"""One step of a layer of neurons in torch, differentiable: the text of `eventflow.snn.neuron` as code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from eventflow.snn.neuron import Fires, Neuron, Reset
from eventflow.snn.surrogate import ATan, Surrogate, spike, spike_count

if TYPE_CHECKING:
    import numpy as np

State = dict[str, Tensor]
COEFFICIENTS = (
    "decay",
    "gain",
    "offset",
    "threshold",
    "v_reset",
    "v_start",
    "current_decay",
    "current_gain",
    "previous_gain",
    "adaptation_decay",
    "adaptation_jump",
    "adaptation_strength",
)


@dataclass
class NeuronTensors:
    """A Neuron's coefficients as tensors, and how it is trained.

    `detach_reset` keeps the reset out of the gradient, as is common practice.
    """

    decay: Tensor
    gain: Tensor
    offset: Tensor
    threshold: Tensor | None
    v_reset: Tensor
    v_start: Tensor
    current_decay: Tensor | None
    current_gain: Tensor | None
    previous_gain: Tensor | None
    adaptation_decay: Tensor | None
    adaptation_jump: Tensor | None
    adaptation_strength: Tensor | None
    reset: Reset
    fires: Fires
    surrogate: Surrogate
    detach_reset: bool = False


def neuron_tensors(
    neuron: Neuron, dtype: torch.dtype, surrogate: Surrogate | None = None, *, detach_reset: bool = False
) -> NeuronTensors:
    """Return the coefficients of `neuron` as tensors."""
    values = {name: _tensor(getattr(neuron, name), dtype) for name in COEFFICIENTS}
    return NeuronTensors(
        **values,
        reset=neuron.reset,
        fires=neuron.fires,
        surrogate=surrogate or ATan(),
        detach_reset=detach_reset,
    )


def neuron_from_tensors(tensors: NeuronTensors) -> Neuron:
    """Return the description with the present values of `tensors`."""
    values = {name: getattr(tensors, name) for name in COEFFICIENTS}
    arrays: dict[str, Any] = {
        name: None if value is None else value.detach().double().numpy().copy() for name, value in values.items()
    }
    return Neuron(**arrays, reset=tensors.reset, fires=tensors.fires)


def neuron_step(neuron: NeuronTensors, x: Tensor, state: State) -> tuple[Tensor, State]:
    """Return what the layer puts out for the input x (batch, *shape), and its state afterwards."""
    after, fresh = _driven(neuron, x, state)
    if neuron.threshold is None:
        fresh["v"] = after
        return after, fresh
    level = _level(neuron, state)
    if neuron.reset in (Reset.DELAYED, Reset.DELAYED_ZERO):
        after = _reset(neuron, after, _fired(neuron, state["v"], level).detach(), level)
        fresh["v"] = after
        return _fired(neuron, after, level), fresh
    out = _fired(neuron, after, level)
    if neuron.reset is Reset.MULTISPIKE:
        out = torch.where(out > 0, spike_count(after / level), torch.zeros((), dtype=after.dtype))
    if neuron.reset is Reset.CROSSING:
        fresh["v"] = torch.where(out > 0, _after_crossing(neuron, state["v"], after, level), after)
    else:
        fresh["v"] = _reset(neuron, after, out.detach() if neuron.detach_reset else out, level)
    if neuron.adaptation_decay is not None:
        fresh["a"] = neuron.adaptation_decay * state["a"] + neuron.adaptation_jump * out
    return out, fresh


def _driven(neuron: NeuronTensors, x: Tensor, state: State) -> tuple[Tensor, State]:
    """Return v after decay and input, and the state's other parts."""
    if neuron.current_decay is None:
        return neuron.decay * state["v"] + neuron.gain * x + neuron.offset, {}
    current = neuron.current_decay * state["i"] + neuron.current_gain * x
    v = neuron.decay * state["v"] + neuron.gain * current + neuron.offset
    if neuron.previous_gain is not None:
        v = v + neuron.previous_gain * state["i"]
    return v, {"i": current}


def _level(neuron: NeuronTensors, state: State) -> Tensor:
    if neuron.threshold is None or neuron.adaptation_strength is None:
        return neuron.threshold
    return neuron.threshold + neuron.adaptation_strength * state["a"]


def _fired(neuron: NeuronTensors, v: Tensor, level: Tensor) -> Tensor:
    return spike(v - level, neuron.surrogate, at=neuron.fires is Fires.AT)


def _reset(neuron: NeuronTensors, v: Tensor, out: Tensor, level: Tensor) -> Tensor:
    if neuron.reset in (Reset.ZERO, Reset.DELAYED_ZERO):
        return (1 - out) * v + out * neuron.v_reset
    return v - out * level


def _after_crossing(neuron: NeuronTensors, before: Tensor, after: Tensor, level: Tensor) -> Tensor:
    """Return v at the end of a step in which it crossed the level on its way from `before` to `after`.

    v(t) moves towards goal = drive / (1 - decay) as exp(-t / tau); what is left of the step decays by
    decay (goal - before) / (goal - level), whatever tau is. Without decay v(t) is a line. Where v is over the level
    already, all of the step is left.
    """
    drive = after - neuron.decay * before
    lost = 1 - neuron.decay
    leaky = lost > 0
    goal = drive / torch.where(leaky, lost, torch.ones_like(lost))
    gap = goal - level
    left = (neuron.decay * (goal - before) / torch.where(gap > 0, gap, torch.ones_like(gap))).clamp(max=1)
    ahead = (after - level) / torch.where(drive > 0, drive, torch.ones_like(drive))
    over = before >= level
    left, ahead = torch.where(over, neuron.decay, left), torch.where(over, torch.ones_like(ahead), ahead)
    return torch.where(leaky, goal + (neuron.v_reset - goal) * left, neuron.v_reset + ahead * drive)


def _tensor(values: np.ndarray | None, dtype: torch.dtype) -> Tensor | None:
    return None if values is None else torch.tensor(values, dtype=dtype)
