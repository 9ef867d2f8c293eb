"""snntorch modules as networks: a Sequential of torch layers and snntorch neurons, discrete as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.errors import ParameterError
from eventflow.snn.layers import Conv2d, Linear, Scale
from eventflow.snn.neuron import Fires, Neuron, Reset
from eventflow.snn.torch_modules import ChainBuilder, array_of, chained

if TYPE_CHECKING:
    from eventflow.snn.model import Layer, Model
    from eventflow.snn.neuron import Shape


def from_snntorch(module: Any, input_shape: Shape, *, step_us: float | None = None) -> Model:
    """Return the network of a Sequential with snntorch neurons: Leaky, Synaptic, RLeaky, RSynaptic.

    Leaky zeroes v before the step's decay and input, which is the zero reset; Synaptic and the recurrent neurons zero
    it after them, which is the delayed one. Subtraction is delayed in all of them.

    Raises:
        ParameterError: a module or a setting that has no layer here; it is named.
    """
    return chained(module, input_shape, step_us, _NEURONS)


def _neuron(name: str, node: Any, zero: Reset, current: dict[str, Any]) -> Neuron:
    if node.inhibition or node.state_quant or float(node.graded_spikes_factor) != 1:
        raise ParameterError(f"module {name!r}: inhibition, state_quant and graded_spikes_factor have no layer here")
    if node.reset_mechanism not in ("zero", "subtract"):
        raise ParameterError(f"module {name!r}: reset_mechanism {node.reset_mechanism!r} has no layer here")
    if not node.reset_delay and node.reset_mechanism == "subtract":
        raise ParameterError(
            f"module {name!r}: with reset_delay=False a neuron still above its threshold after the reset is reset "
            "again before it can fire; no reset here does that"
        )
    at_once = zero if node.reset_delay else Reset.ZERO
    reset = Reset.DELAYED if node.reset_mechanism == "subtract" else at_once
    return Neuron(
        decay=array_of(node.beta.clamp(0, 1)),
        gain=np.ones(()),
        offset=np.zeros(()),
        threshold=array_of(node.threshold),
        reset=reset,
        fires=Fires.ABOVE,
        **current,
    )


def _current(node: Any) -> dict[str, Any]:
    return {"current_decay": array_of(node.alpha.clamp(0, 1)), "current_gain": np.ones(())}


def _leaky(chain: ChainBuilder, name: str, node: Any) -> None:
    chain.append(name, _neuron(name, node, Reset.ZERO, {}))


def _synaptic(chain: ChainBuilder, name: str, node: Any) -> None:
    chain.append(name, _neuron(name, node, Reset.DELAYED_ZERO, _current(node)))


def _recurrent_leaky(chain: ChainBuilder, name: str, node: Any) -> None:
    chain.append(name, _neuron(name, node, Reset.DELAYED_ZERO, {}))
    chain.feed_back(f"{name}/recurrent", _recurrence(node))


def _recurrent_synaptic(chain: ChainBuilder, name: str, node: Any) -> None:
    chain.append(name, _neuron(name, node, Reset.DELAYED_ZERO, _current(node)))
    chain.feed_back(f"{name}/recurrent", _recurrence(node))


def _recurrence(node: Any) -> Layer:
    connection = node.recurrent
    if not hasattr(connection, "weight"):
        return Scale(scale=array_of(connection.V))
    weight, bias = array_of(connection.weight), None if connection.bias is None else array_of(connection.bias)
    if weight.ndim == 2:
        return Linear(weight=weight, bias=bias)
    rows, columns = connection.padding
    return Conv2d(weight=weight, bias=bias, padding=((rows, rows), (columns, columns)))


_NEURONS = {
    "Leaky": _leaky,
    "Synaptic": _synaptic,
    "RLeaky": _recurrent_leaky,
    "RSynaptic": _recurrent_synaptic,
}
