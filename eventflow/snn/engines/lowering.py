"""From a model's layers to populations and the connections between them.

Between two populations stands one connection: a convolution, a matrix, a list, or plain placement; what only moves
spikes (flatten, scale, pools without overlap) is folded into the places it reads. A relay, a population without
dynamics, is put wherever values have to be added up or remembered between two of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from eventflow.errors import ParameterError
from eventflow.snn.engines.populations import Population, entrance, laid_out
from eventflow.snn.engines.views import View, folded, is_fold, pool_factor
from eventflow.snn.layers import Conv1d, Conv2d, Delay, DelayLinear, Linear, SumPool2d, Threshold
from eventflow.snn.model import INPUT
from eventflow.snn.neuron import Fires, Neuron

if TYPE_CHECKING:
    from eventflow.snn.model import Model
    from eventflow.snn.neuron import Array, Shape

Weighted: TypeAlias = Linear | Conv1d | Conv2d | DelayLinear | Delay | SumPool2d


@dataclass(frozen=True, eq=False)
class Connection:
    """What one population sends another. `layer` None is placement; `name` is the layer that its synapses count for."""

    view: View
    target: str
    layer: Weighted | None
    name: str


@dataclass(frozen=True, eq=False)
class Synapses:
    """The sum that a weighted layer forms, before anything takes it."""

    layer: Weighted
    name: str
    views: tuple[View, ...]


@dataclass(frozen=True, eq=False)
class Lowered:
    """Populations in the order of a step, the connections into each, and what each layer's state is seen through."""

    populations: dict[str, Population]
    connections: dict[str, list[Connection]]
    remembered: dict[str, View]


class _Lowering:
    def __init__(self, model: Model) -> None:
        self.model = model
        self.populations = {INPUT: entrance(INPUT, model.input_shape)}
        self.connections: dict[str, list[Connection]] = {}
        self.seen: dict[str, list[View] | Synapses] = {INPUT: [View.of(INPUT, model.input_shape)]}
        self.remembered: dict[str, View] = {}
        self.fed_back = {source for source, _ in model.feedback or ()}

    def run(self) -> Lowered:
        for name in self.model.order:
            self._announce(name)
        for name in self.model.order:
            self._lower(name)
        for source, _ in self.model.feedback or ():
            self.remembered[f"{source}.out"] = View.of(source, self.model.shapes[source])
        self._give_histories()
        return Lowered(self.populations, self.connections, self.remembered)

    def _announce(self, name: str) -> None:
        """Note that a layer which a feedback edge leaves is a population: it is seen before it is reached."""
        if name in self.fed_back:
            self.seen[name] = [View.of(name, self.model.shapes[name])]

    def _lower(self, name: str) -> None:
        layer: Any = self.model.layers[name]
        incoming = self._incoming(name, weighted=isinstance(layer, Neuron | Threshold))
        views = [each for each in incoming if isinstance(each, View)]
        if isinstance(layer, Threshold):
            layer = _thresholding(layer)
        if isinstance(layer, Neuron):
            self._populate(name, layer, incoming)
            return
        if is_fold(layer):
            made: list[View] | Synapses = [folded(view, layer, self.model.shapes[name]) for view in views]
        else:
            if isinstance(layer, Delay | DelayLinear):
                views = [self._rememberable(name, views)]
            made = Synapses(layer, name, tuple(views))
        if name in self.fed_back or name == self.model.output or isinstance(layer, Delay):
            self._populate(name, None, [made] if isinstance(made, Synapses) else list(made))
        else:
            self.seen[name] = made

    def _incoming(self, name: str, *, weighted: bool) -> list[View | Synapses]:
        """Return what flows into a layer; sums become relays where the layer is not a population itself."""
        found: list[View | Synapses] = []
        for source, late in self.model.sources[name]:
            seen = self.seen[source]
            if isinstance(seen, Synapses):
                if weighted and not late and not self._has_other_readers(source):
                    found.append(seen)
                    continue
                seen = self._populate(source, None, [seen])
            found += [view.later(1) for view in seen] if late else seen
        return found

    def _has_other_readers(self, source: str) -> bool:
        return sum(a == source for a, _ in self.model.edges) > 1

    def _rememberable(self, name: str, views: list[View]) -> View:
        """Return one plain view of the sum of `views`, for a layer that remembers its input."""
        if len(views) == 1 and views[0].is_plain:
            view = views[0]
        else:
            relay = f"{name}.in"
            (view,) = self._populate(relay, None, list(views), self.model.input_shapes[name])
        self.remembered[f"{name}.x"] = view
        return view

    def _populate(
        self, name: str, neuron: Neuron | None, incoming: list[View | Synapses], shape: Shape | None = None
    ) -> list[View]:
        shape = self.model.shapes[name] if shape is None else shape
        whole = any(isinstance(each, Synapses) and isinstance(each.layer, Linear) for each in incoming)
        own = laid_out(name, shape, neuron, whole=whole)
        self.populations[name] = own
        self.connections[name] = []
        for each in incoming:
            if isinstance(each, View):
                self.connections[name].append(Connection(each, name, None, name))
                continue
            self.connections[name] += [Connection(view, name, each.layer, each.name) for view in each.views]
            own.bias = own.bias + _bias(each.layer, shape)
        self.seen[name] = [View.of(name, shape)]
        return [View.of(name, shape)]

    def _give_histories(self) -> None:
        """Let every population keep what it fired for as many steps as its latest reader is late."""
        for connections in self.connections.values():
            for connection in connections:
                source = self.populations[connection.view.source]
                source.history = max(source.history, 1 + connection.view.lag + longest_delay(connection.layer))


def lowered(model: Model) -> Lowered:
    """Return the populations and connections of a discrete model.

    Raises:
        ParameterError: the model still has differential equations in it.
    """
    if not model.is_discrete:
        raise ParameterError(
            "the network still holds differential equations; call discretise(step_us=…, reset=…, …) first"
        )
    return _Lowering(model).run()


def longest_delay(layer: Weighted | None) -> int:
    """Return the longest delay of a connection, steps."""
    steps = layer.steps if isinstance(layer, Delay) else layer.delay if isinstance(layer, DelayLinear) else None
    return 0 if steps is None else int(steps.max(initial=0))


def weights_of(layer: Weighted) -> Array:
    """Return a weighted layer's weights; those of a pool and of a delay are all the same."""
    if isinstance(layer, SumPool2d):
        return np.full((), pool_factor(layer))
    return np.ones(()) if isinstance(layer, Delay) else layer.weight


def _bias(layer: Weighted, shape: Shape) -> Array:
    bias = getattr(layer, "bias", None)
    if bias is None:
        return np.zeros(())
    return np.asarray(bias, np.float64).reshape(-1, *(1,) * (len(shape) - 1))


def _thresholding(layer: Threshold) -> Neuron:
    """Return the neuron that forgets everything and does what the layer does."""
    zero = np.zeros(())
    return Neuron(
        decay=zero, gain=np.ones(()), offset=zero, threshold=np.asarray(layer.threshold, np.float64), fires=Fires.ABOVE
    )
