"""The neuron that engines run: one discrete update with named coefficients, whatever model it was made from.

One step of a layer of neurons with input x, all arrays of the layer's shape:

    i_before = i
    i = current_decay * i + current_gain * x                  only with a synaptic current; else x stands for i below
    v = decay * v + gain * i + offset                         (+ previous_gain * i_before, where that is not zero)
    level = threshold                                         (+ adaptation_strength * a, with adaptation)
    fired = v >= level                                        Fires.ABOVE: v > level
    ZERO         out = fired;  v = v_reset where fired
    SUBTRACT     out = fired;  v = v - level where fired
    MULTISPIKE   out = floor(v / level) where fired, else 0;  v = v - out * level
    CROSSING     out = fired;  v is where it comes from v_reset in what is left of the step after the crossing
    DELAYED      as SUBTRACT, but what a step fires is subtracted in the next step, after its decay and input
    DELAYED_ZERO as ZERO, but a step that fired has the next step's v set to v_reset, after its decay and input
    a = adaptation_decay * a + adaptation_jump * out          only with adaptation

CROSSING solves for the moment at which v, under an input held over the step, reaches the threshold; it goes with
neither a synaptic current nor adaptation, and fires once a step at most. The delayed resets hold no state of their own:
that the last step fired is seen from v against the level at the start of a step. They do not go with adaptation.
Without a threshold the neuron never fires and its output is v.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np

from eventflow.errors import ParameterError

Array = np.ndarray[Any, np.dtype[Any]]
Shape = tuple[int, ...]


def zero() -> Array:
    """Return 0 as an array without axes, for all neurons alike."""
    return np.zeros(())


def one() -> Array:
    """Return 1 as an array without axes, for all neurons alike."""
    return np.ones(())


class Reset(Enum):
    """What firing does to the membrane potential; libraries disagree, so it is always said."""

    ZERO = "zero"
    SUBTRACT = "subtract"
    MULTISPIKE = "multispike"
    CROSSING = "crossing"
    DELAYED = "delayed"
    DELAYED_ZERO = "delayed_zero"


class Rule(Enum):
    """How an equation becomes a step: EXACT solves it over the step (exp), EULER takes dt times the slope."""

    EXACT = "exact"
    EULER = "euler"


class Drive(Enum):
    """What an input of 1 in one step is: a CURRENT of 1 held over the step, or an IMPULSE of charge 1 (1 A·s)."""

    CURRENT = "current"
    IMPULSE = "impulse"


class Fires(Enum):
    """Whether v exactly at the threshold fires: AT (spikingjelly, sinabs), or only ABOVE (NIR, norse, snntorch)."""

    AT = "at"
    ABOVE = "above"


@dataclass(frozen=True, eq=False, kw_only=True)
class Neuron:
    """A layer of neurons as engines run it; the module's text is the definition of a step.

    Every coefficient broadcasts to the layer's shape: a number, (C, 1, 1), or one value a neuron; engines cast them.
    `current_decay` None means no synaptic current, `threshold` None no spikes, `adaptation_decay` None none.
    State of a layer NAME: "NAME.v", with a current "NAME.i", with adaptation "NAME.a". A stream starts at `v_start`.
    """

    decay: Array
    gain: Array
    offset: Array
    threshold: Array | None
    reset: Reset = Reset.ZERO
    fires: Fires = Fires.AT
    v_reset: Array = field(default_factory=zero)
    v_start: Array = field(default_factory=zero)
    current_decay: Array | None = None
    current_gain: Array | None = None
    previous_gain: Array | None = None
    adaptation_decay: Array | None = None
    adaptation_jump: Array | None = None
    adaptation_strength: Array | None = None

    def __post_init__(self) -> None:
        as_arrays(self)

    @property
    def spikes(self) -> bool:
        """Whether its output is spikes (counts with MULTISPIKE) and not v."""
        return self.threshold is not None

    @property
    def delayed(self) -> bool:
        """Whether its reset acts in the step after the spike."""
        return self.reset in (Reset.DELAYED, Reset.DELAYED_ZERO)

    def output_shape(self, shape: Shape) -> Shape:
        """Return `shape`, having checked the coefficients against it. Raises ParameterError."""
        check_broadcast(self, shape)
        if self.threshold is not None and self.reset is Reset.MULTISPIKE and (self.threshold <= 0).any():
            raise ParameterError("the multispike reset divides by the threshold, which has to be above 0 everywhere")
        if self.adaptation_decay is not None and self.delayed:
            raise ParameterError("a delayed reset cannot go with an adaptive threshold; choose zero or subtract")
        held = self.current_decay is None and self.adaptation_decay is None
        if self.threshold is not None and self.reset is Reset.CROSSING and not held:
            raise ParameterError("the crossing reset goes with neither a synaptic current nor an adaptive threshold")
        return shape

    def state_shapes(self, shape: Shape) -> dict[str, Shape]:
        """Return the suffix and shape of every state array."""
        parts = {"v": shape}
        if self.current_decay is not None:
            parts["i"] = shape
        if self.adaptation_decay is not None:
            parts["a"] = shape
        return parts


def as_arrays(layer: Any) -> None:
    """Turn the numbers and lists among the values of the dataclass `layer` into arrays."""
    for name, value in vars(layer).items():
        if isinstance(value, int | float | list):
            object.__setattr__(layer, name, np.asarray(value, np.float64))


def check_broadcast(layer: Any, shape: Shape) -> None:
    """Raise ParameterError unless every array of the dataclass `layer` broadcasts to `shape` without growing it."""
    for name, value in vars(layer).items():
        if not isinstance(value, np.ndarray):
            continue
        try:
            fits = np.broadcast_shapes(value.shape, shape) == shape
        except ValueError:
            fits = False
        if not fits:
            raise ParameterError(f"{name} has shape {value.shape}, which does not fit the input of shape {shape}")
