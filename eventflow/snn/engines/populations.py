"""A layer of neurons, or a relay, as the kernel keeps it: sites of channels, parameters a lane, what may be skipped."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from eventflow.snn.engines import fields as at
from eventflow.snn.neuron import Reset

if TYPE_CHECKING:
    from eventflow.snn.neuron import Array, Neuron, Shape

_MARGIN = 1e-4  # of a threshold; far above what rounding does, far below what matters for speed
_NEVER = 1e30


@dataclass(eq=False)
class Population:
    """Where a layer's units lie. `places[C-order index]` is the unit; a unit is site x width + lane."""

    name: str
    shape: Shape
    neuron: Neuron | None
    sites: int
    width: int
    places: Array
    history: int = 1
    bias: Array = field(default_factory=lambda: np.zeros(()))

    @property
    def units(self) -> int:
        """How many units there are, padding included."""
        return self.sites * self.width

    @property
    def kind(self) -> int:
        """RELAY, SPIKING or READOUT."""
        if self.neuron is None:
            return at.RELAY
        return at.SPIKING if self.neuron.spikes else at.READOUT


def laid_out(name: str, shape: Shape, neuron: Neuron | None, *, whole: bool) -> Population:
    """Return a population of `shape`; one of (N,) is one site if what reaches it reaches all of it (`whole`)."""
    count = int(np.prod(shape))
    if len(shape) == 1:
        padded = -(-count // at.LANES) * at.LANES
        sites, width = (1, padded) if whole else (padded // at.LANES, at.LANES)
        return Population(name, shape, neuron, sites, width, np.arange(count))
    sites, width = count // shape[0], -(-shape[0] // at.LANES) * at.LANES
    places = np.arange(sites)[None, :] * width + np.arange(shape[0])[:, None]
    return Population(name, shape, neuron, sites, width, places.reshape(-1))


def entrance(name: str, shape: Shape) -> Population:
    """Return the input: units in C order, a site each."""
    count = int(np.prod(shape))
    return Population(name, shape, None, count, 1, np.arange(count))


def parameters(own: Population) -> dict[int, Array]:
    """Return field -> values (sites, width), or (1, width) where all sites share theirs; float64."""
    neuron = own.neuron
    zero = np.zeros(())
    values = {at.BIAS: (own.bias, 0.0)}
    if neuron is not None:
        threshold = neuron.threshold if neuron.threshold is not None else np.full((), _NEVER)
        values |= {
            at.DECAY: (neuron.decay, 0.0),
            at.GAIN: (neuron.gain, 0.0),
            at.OFFSET: (neuron.offset, 0.0),
            at.THRESHOLD: (threshold, _NEVER),
            at.V_RESET: (neuron.v_reset, 0.0),
            at.CURRENT_DECAY: (_or(neuron.current_decay, zero), 0.0),
            at.CURRENT_GAIN: (_or(neuron.current_gain, zero), 0.0),
            at.PREVIOUS_GAIN: (_or(neuron.previous_gain, zero), 0.0),
            at.ADAPTATION_DECAY: (_or(neuron.adaptation_decay, zero), 0.0),
            at.ADAPTATION_JUMP: (_or(neuron.adaptation_jump, zero), 0.0),
            at.ADAPTATION_STRENGTH: (_or(neuron.adaptation_strength, zero), 0.0),
        }
        resting, reach = _resting(neuron, own.bias), _reach(neuron)
        nearly = threshold - _MARGIN * np.abs(threshold)
        values |= {at.REST: (resting, 0.0), at.REACH: (reach, 0.0), at.NEARLY: (nearly, _NEVER)}
    return {which: _spread(own, value, padding) for which, (value, padding) in values.items()}


def is_restless(own: Population) -> bool:
    """Return whether some neuron may fire, or put something out, though nothing reaches it: all are seen each step."""
    neuron = own.neuron
    if neuron is None:
        return bool((own.bias != 0).any())
    if neuron.threshold is None:
        return True
    decays = [value for value in (neuron.decay, neuron.current_decay, neuron.adaptation_decay) if value is not None]
    strange = any(((value < 0) | (value > 1)).any() for value in decays)
    if neuron.current_decay is not None and (neuron.current_decay == 1).any():
        return True
    if neuron.adaptation_strength is not None and neuron.adaptation_jump is not None:
        strange |= bool((neuron.adaptation_strength * neuron.adaptation_jump < 0).any())
    low = neuron.threshold - _MARGIN * np.abs(neuron.threshold)
    alone = (neuron.threshold <= 0).any() or (_resting(neuron, own.bias) >= low).any()
    return bool(strange or alone)


def is_still(own: Population) -> bool:
    """Return whether nothing changes in a neuron that nothing reaches."""
    neuron = own.neuron
    if neuron is None:
        return True
    moving = (neuron.decay != 1).any() or (neuron.offset != 0).any() or (own.bias != 0).any()
    return not (moving or neuron.current_decay is not None or neuron.adaptation_decay is not None)


def is_plain(own: Population) -> bool:
    """Return whether a step needs v and the drive only."""
    neuron = own.neuron
    if neuron is None or neuron.threshold is None or neuron.delayed or neuron.reset is Reset.CROSSING:
        return False
    return neuron.current_decay is None and neuron.adaptation_decay is None


def needs_first_look(own: Population) -> bool:
    """Return whether the first step must see all sites, since they start elsewhere than at rest."""
    return own.neuron is not None and bool((own.neuron.v_start != 0).any())


def _constant(neuron: Neuron, bias: Array) -> Array:
    """Return at least what a step adds to v in the long run when nothing arrives."""
    if neuron.current_decay is None or neuron.current_gain is None:
        return np.asarray(neuron.offset + neuron.gain * bias)
    left = 1 - neuron.current_decay
    current = neuron.current_gain * bias / np.where(left > 0, left, 1)
    driven = (neuron.gain + _or(neuron.previous_gain, np.zeros(()))) * current
    return np.asarray(np.maximum(neuron.offset, 0) + np.maximum(driven, 0))


def _resting(neuron: Neuron, bias: Array) -> Array:
    """Return the highest v that a neuron below it can drift to when nothing arrives, at least 0."""
    constant, left = _constant(neuron, bias), 1 - neuron.decay
    level = np.where(left > 0, constant / np.where(left > 0, left, 1), np.where(constant > 0, np.inf, 0))
    return np.asarray(np.maximum(level, 0))


def _reach(neuron: Neuron) -> Array:
    """Return how far v can rise at most per unit of synaptic current."""
    if neuron.current_decay is None:
        return np.zeros(())
    left = np.where(neuron.current_decay < 1, 1 - neuron.current_decay, 1)
    gains = np.abs(neuron.gain) * neuron.current_decay + np.abs(_or(neuron.previous_gain, np.zeros(())))
    return np.asarray(gains / left)


def _or(value: Array | None, otherwise: Array) -> Array:
    return otherwise if value is None else value


def _spread(own: Population, value: Array, padding: float) -> Array:
    full = np.full(own.units, padding, np.float64)
    full[own.places] = np.broadcast_to(value, own.shape).reshape(-1)
    rows = full.reshape(own.sites, own.width)
    return rows[:1] if (rows == rows[0]).all() else rows
