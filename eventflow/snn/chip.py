"""Whether a network fits a chip: layers on cores against what a core holds."""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import ceil, prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from eventflow.errors import ParameterError
from eventflow.snn.fan_out import CONNECTIONS
from eventflow.snn.layers import Conv1d, Conv2d
from eventflow.snn.neuron import Neuron

if TYPE_CHECKING:
    from eventflow.snn.model import Model


@dataclass(frozen=True, kw_only=True)
class Chip:
    """What a chip has.

    Attributes:
        name: of the chip.
        cores: how many; a core computes neurons of one layer.
        neurons: of one core.
        synapses: stored weights of one core; those of a convolution are stored once a core.
        fan_in: inputs of one neuron.
        weight_bits: of a weight.
    """

    name: str
    cores: int
    neurons: int
    synapses: int
    fan_in: int
    weight_bits: int


@dataclass(frozen=True)
class LayerFit:
    """One layer of neurons with the connections into it.

    Attributes:
        layer: its name.
        neurons: how many.
        weights: stored weights.
        fan_in: inputs of one neuron.
        cores: how many it takes; 0 where it cannot be mapped.
    """

    layer: str
    neurons: int
    weights: int
    fan_in: int
    cores: int


@dataclass(frozen=True)
class FitReport:
    """Whether a network fits.

    Attributes:
        chip: the chip.
        layers: what each layer takes.
        problems: what does not fit, sentences; none where it fits.
    """

    chip: Chip
    layers: tuple[LayerFit, ...]
    problems: tuple[str, ...]

    @property
    def fits(self) -> bool:
        """Whether all of it fits."""
        return not self.problems

    @property
    def cores(self) -> int:
        """How many cores all layers take."""
        return sum(each.cores for each in self.layers)

    def text(self) -> str:
        """Return a table, and what does not fit."""
        rows = [f"{'layer':16}{'neurons':>9}{'weights':>9}{'fan-in':>8}{'cores':>7}"]
        rows += [f"{e.layer:16}{e.neurons:9}{e.weights:9}{e.fan_in:8}{e.cores:7}" for e in self.layers]
        rows.append(f"{self.cores} of {self.chip.cores} cores of {self.chip.name}")
        return "\n".join([*rows, *(f"does not fit: {each}" for each in self.problems)])


def read_chip(path: Path | str) -> Chip:
    """Read a chip from YAML: the attributes of `Chip` by name.

    Raises:
        ParameterError: the file is missing, or lacks or has something that a chip has not.
    """
    try:
        given = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ParameterError(f"{path}: cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ParameterError(f"{path}: no YAML: {str(error).splitlines()[0]}") from None
    names = [each.name for each in fields(Chip)]
    if not isinstance(given, dict) or sorted(map(str, given)) != sorted(names):
        raise ParameterError(f"{path}: expected exactly the keys {', '.join(names)}")
    wrong = [name for name in names[1:] if type(given[name]) is not int or given[name] < 1]
    if wrong:
        raise ParameterError(f"{path}: {', '.join(wrong)}: expected whole numbers of at least 1")
    return Chip(**given)


def fit_report(model: Model, chip: Chip, *, weight_bits: int = 32) -> FitReport:
    """Return what every layer of neurons takes of a chip, and what does not fit.

    A layer's neurons are spread over as many cores as its neurons or its weights need, whichever is more; pools and
    shapes between a connection and its neurons cost nothing. Weights of a full connection are parted over the cores,
    those of a convolution are in each.
    """
    layers, problems = [], []
    for name, layer in model.layers.items():
        if not isinstance(layer, Neuron):
            continue
        found, wrong = _layer_fit(model, name, chip)
        layers.append(found)
        problems += wrong
    if weight_bits > chip.weight_bits:
        problems.append(f"weights have {weight_bits} bits, the chip stores {chip.weight_bits}; quantise them")
    needed = sum(each.cores for each in layers)
    if needed > chip.cores:
        problems.append(f"the network takes {needed} cores, the chip has {chip.cores}")
    return FitReport(chip, tuple(layers), tuple(problems))


def _layer_fit(model: Model, name: str, chip: Chip) -> tuple[LayerFit, list[str]]:
    neurons = prod(model.shapes[name])
    into: list[Any] = [model.layers[each] for each in _connections_into(model, name)]
    shared = sum(each.weight.size for each in into if isinstance(each, (Conv1d, Conv2d)))
    own = sum(each.weight.size for each in into) - shared
    fan_in = sum(prod(each.weight.shape[1:]) for each in into)
    problems = []
    if fan_in > chip.fan_in:
        problems.append(f"layer {name!r} has a fan-in of {fan_in}, a neuron takes {chip.fan_in}")
    if shared >= chip.synapses or (own and ceil(own / neurons) + shared > chip.synapses):
        problems.append(f"layer {name!r}: {shared + own} weights do not fit cores of {chip.synapses} synapses")
        return LayerFit(name, neurons, shared + own, fan_in, 0), problems
    cores = max(ceil(neurons / chip.neurons), ceil(own / (chip.synapses - shared)))
    return LayerFit(name, neurons, shared + own, fan_in, cores), problems


def _connections_into(model: Model, name: str) -> list[str]:
    """Return the connections whose output reaches a layer without another one or neurons between."""
    found: list[str] = []
    ahead = [source for source, _ in model.sources[name]]
    while ahead:
        source = ahead.pop()
        if source not in model.layers or isinstance(model.layers[source], Neuron):
            continue
        if isinstance(model.layers[source], CONNECTIONS):
            found.append(source)
        else:
            ahead += [each for each, _ in model.sources[source]]
    return found
