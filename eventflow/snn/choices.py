"""Asking for what a network's equations leave open, with the options, instead of guessing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from eventflow.errors import ParameterError
from eventflow.snn.dynamics import Choice, Continuous, TimeDelay
from eventflow.snn.neuron import Drive, Fires, Reset, Rule

if TYPE_CHECKING:
    from collections.abc import Mapping
    from enum import Enum

    Option = TypeVar("Option", bound=Enum)

_MEANINGS: dict[Any, str] = {
    Reset.ZERO: "v becomes v_reset in the step that fires (spikingjelly, norse)",
    Reset.SUBTRACT: "v loses the threshold in the step that fires",
    Reset.MULTISPIKE: "floor(v / threshold) spikes in a step, each takes a threshold (sinabs)",
    Reset.CROSSING: "v goes on from v_reset for what is left of the step after the crossing (exact solutions)",
    Reset.DELAYED: "v loses the threshold one step later (snntorch, subtract)",
    Reset.DELAYED_ZERO: "v becomes v_reset one step later (snntorch, zero)",
    Rule.EXACT: "the equation solved over the step, exp(-dt / tau)",
    Rule.EULER: "dt times the slope, 1 - dt / tau (what libraries' NIR importers do)",
    Drive.CURRENT: "an input of 1 is a current held over the step: the gain has a factor dt",
    Drive.IMPULSE: "an input of 1 is one spike of charge 1: the gain does not depend on dt",
    Fires.AT: "at or above the threshold",
    Fires.ABOVE: "above the threshold only",
}


def choice_for(
    layers: Mapping[str, Any], *, step_us: float | None, reset: Any, rule: Any, drive: Any, fires: Any
) -> Choice:
    """Return the choice, complete as far as `layers` need it.

    Raises:
        ParameterError: something that a layer needs is missing, or is none of the options.
    """
    open_layers = {name: layer for name, layer in layers.items() if isinstance(layer, Continuous)}
    neurons = {name: layer for name, layer in open_layers.items() if not isinstance(layer, TimeDelay)}
    leaky = [name for name, layer in neurons.items() if hasattr(layer, "tau_us") or hasattr(layer, "tau_mem_us")]
    firing = [name for name, layer in neurons.items() if hasattr(layer, "v_threshold")]
    if step_us is None or not step_us > 0:
        raise ParameterError(f"step_us is {step_us}: say how long a step is, in µs; the network does not tell")
    return Choice(
        step_us=float(step_us),
        reset=_option(Reset, "reset", reset, firing) or Reset.ZERO,
        rule=_option(Rule, "rule", rule, leaky) or Rule.EXACT,
        drive=_option(Drive, "drive", drive, list(neurons)) or Drive.CURRENT,
        fires=_option(Fires, "fires", fires, []) or Fires.AT,
    )


def _option(kind: type[Option], name: str, value: Any, needed_by: list[str]) -> Option | None:
    if value is None and not needed_by:
        return None
    try:
        return kind(value)
    except ValueError:
        options = "".join(f"\n  {option.value}: {_MEANINGS[option]}" for option in kind)
        asked = f"{name} is not said, and layer {needed_by[0]!r} needs it" if value is None else f"{name} is {value!r}"
        raise ParameterError(f"{asked}; choose {name}= one of{options}") from None
