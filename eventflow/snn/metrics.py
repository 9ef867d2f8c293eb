"""What a network costs: footprint, sparsity and synaptic operations, defined as NeuroBench 2.3 defines them.

Yik et al. 2025, "The NeuroBench framework". Biases are no synapses; an operation is an accumulate (AC) where all of a
layer's inputs in a step are 0, 1 or -1, else a multiply-accumulate (MAC). Activity is given step by step as what each
layer put out, such as `TorchEngine.layers` returns.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.errors import ParameterError
from eventflow.snn.fan_out import CONNECTIONS, fan_outs
from eventflow.snn.neuron import Neuron

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventflow.snn.model import Model
    from eventflow.snn.neuron import Array


@dataclass(frozen=True)
class Footprint:
    """Bytes of a network.

    Attributes:
        parameters: weights and biases: what NeuroBench counts of a network whose neurons have none.
        neurons: coefficients of the neurons, one for each that differs.
        state: what one stream needs.
    """

    parameters: int
    neurons: int
    state: int

    @property
    def total(self) -> int:
        """All of it, bytes."""
        return self.parameters + self.neurons + self.state


@dataclass(frozen=True)
class Operations:
    """Synaptic operations.

    Attributes:
        macs: multiply-accumulates with an input and a weight that are not 0.
        acs: accumulates, likewise.
        dense: all that a dense network would do.
    """

    macs: float = 0
    acs: float = 0
    dense: float = 0

    @property
    def effective(self) -> float:
        """MACs and ACs together."""
        return self.macs + self.acs


def footprint(model: Model, *, weight_bits: float = 32, state_bits: float = 32) -> Footprint:
    """Return the bytes of a network, its weights and biases stored in `weight_bits`, all else in `state_bits`."""
    weights = coefficients = 0
    for layer in model.layers.values():
        size = sum(value.size for value in vars(layer).values() if isinstance(value, np.ndarray))
        if isinstance(layer, CONNECTIONS):
            weights += size
        else:
            coefficients += size
    state = sum(int(np.prod(shape)) for shape in model.state_shapes().values())
    bits = (weights * weight_bits, coefficients * state_bits, state * state_bits)
    return Footprint(*(int(np.ceil(each / 8)) for each in bits))


def connection_sparsity(model: Model) -> float:
    """Return the share of weights that are 0, of all connections, rounded to four digits as NeuroBench does."""
    weights = [layer.weight for layer in model.layers.values() if isinstance(layer, CONNECTIONS)]
    if not weights:
        raise ParameterError("the network has no connections")
    zeros = sum(int((weight == 0).sum()) for weight in weights)
    return round(zeros / sum(weight.size for weight in weights), 4)


@dataclass
class Meter:
    """Adds up what a network did; see the module's text.

    Attributes:
        model: the network.
        steps: how many steps were added, over all streams of a batch.
    """

    model: Model
    steps: int = 0
    _operations: dict[str, list[int]] = field(default_factory=dict)
    _fired: dict[str, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._fan_out = fan_outs(self.model)
        dense = fan_outs(self.model, zeros=True)
        self._dense = {name: int(each.sum()) for name, each in dense.items()}
        self._neurons = [
            name for name, each in self.model.layers.items() if isinstance(each, Neuron) and each.threshold is not None
        ]
        self._operations = {name: [0, 0] for name in self._fan_out}
        self._fired = {name: [0, 0] for name in self._neurons}
        self._before: dict[str, Array] = {}

    def add(self, outputs: Mapping[str, Array]) -> None:
        """Add one step of one stream: every layer's output by name, and "input"."""
        self.steps += 1
        for name, fan in self._fan_out.items():
            given = self._input_of(name, outputs)
            there = given != 0
            kind = int(bool((np.abs(given[there]) == 1).all()))
            self._operations[name][kind] += int(fan[there].sum())
        for name in self._neurons:
            self._fired[name][0] += int(np.count_nonzero(outputs[name]))
            self._fired[name][1] += outputs[name].size
        self._before = {name: outputs[name] for name, _ in self.model.feedback or ()}

    def operations(self, *, per: int = 1) -> Operations:
        """Return the operations of all steps, divided by `per` (such as the number of recordings)."""
        macs, acs = (sum(each[kind] for each in self._operations.values()) for kind in (0, 1))
        return Operations(macs / per, acs / per, sum(self._dense.values()) * self.steps / per)

    def activation_sparsity(self) -> float:
        """Return the share of neurons and steps without a spike; 0 where there was none at all."""
        fired, all_of_them = (sum(each[k] for each in self._fired.values()) for k in (0, 1))
        return (all_of_them - fired) / all_of_them if all_of_them else 0.0

    def by_layer(self) -> dict[str, dict[str, float]]:
        """Return for every connection its operations, and for every layer of neurons its spikes and sparsity."""
        found: dict[str, dict[str, float]] = {
            name: asdict(Operations(macs, acs, self._dense[name] * self.steps))
            for name, (macs, acs) in self._operations.items()
        }
        for name, (fired, count) in self._fired.items():
            found[name] = {"fired": fired, "sparsity": 1 - fired / count if count else 0.0}
        return found

    def _input_of(self, name: str, outputs: Mapping[str, Array]) -> Array:
        total: Any = 0
        for source, back in self.model.sources[name]:
            total = total + (self._before.get(source, np.zeros(())) if back else outputs[source])
        return np.broadcast_to(total, self.model.input_shapes[name])
