"""A spiking network that no backend owns: layers, edges, shapes, all checked when it is made."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from eventflow.errors import ParameterError
from eventflow.snn.choices import choice_for
from eventflow.snn.dynamics import Continuous
from eventflow.snn.layers import (
    AvgPool2d,
    Conv1d,
    Conv2d,
    Delay,
    DelayLinear,
    Flatten,
    Linear,
    Scale,
    SumPool2d,
    Threshold,
)
from eventflow.snn.neuron import Neuron, Shape
from eventflow.snn.order import Edge, feedback_edges, layer_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from eventflow.snn.dynamics import Choice
    from eventflow.snn.neuron import Drive, Fires, Reset, Rule

INPUT = "input"
Connection: TypeAlias = Linear | Conv1d | Conv2d | DelayLinear
Layer: TypeAlias = Connection | Scale | SumPool2d | AvgPool2d | Flatten | Threshold | Delay | Neuron | Continuous


@dataclass(frozen=True, eq=False, kw_only=True)
class Model:
    """A checked network. Its input is called "input"; `output` names the layer whose output is the network's.

    Attributes:
        input_shape: (C, H, W) or (N,), one step of one stream.
        layers: name -> layer, in any order.
        edges: (from, to). A layer with several edges into it gets their sum.
        output: name of a layer.
        step_us: the step in µs, None as long as it is not said.
        feedback: the edges that carry what their source put out in the step before (zeros at first). None: found, in
            every cycle the edge that leaves its last neuron, as seen from the input; so a recurrent connection and its
            bias act from the first step on. Say them yourself where a library has them elsewhere.

    Raises:
        ParameterError: an unknown or doubled name, an unreached layer, a shape that does not fit, a value that is not
            finite, a cycle without a neuron; the layer is named.

    `order` is the order in which a step computes the layers, `sources[name]` where each gets its input.
    """

    input_shape: Shape
    layers: Mapping[str, Layer]
    edges: tuple[Edge, ...]
    output: str
    step_us: float | None = None
    feedback: frozenset[Edge] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "input_shape", tuple(int(size) for size in self.input_shape))
        object.__setattr__(self, "layers", dict(self.layers))
        object.__setattr__(self, "edges", tuple((str(source), str(target)) for source, target in self.edges))
        self._check_names()
        if self.feedback is None:
            neurons = {name for name, layer in self.layers.items() if isinstance(layer, Neuron | Continuous)}
            object.__setattr__(self, "feedback", feedback_edges(INPUT, self.edges, neurons))
        elif unknown := set(self.feedback) - set(self.edges):
            raise ParameterError(f"feedback names edges that are not there: {sorted(unknown)}")
        for name, layer in self.layers.items():
            _check_finite(name, layer)
        _ = self.order, self.shapes

    @classmethod
    def chain(cls, input_shape: Shape, layers: Mapping[str, Layer], step_us: float | None = None) -> Model:
        """Return the network in which each layer feeds the next."""
        names = [INPUT, *layers]
        edges = tuple(pairwise(names))
        return cls(input_shape=input_shape, layers=layers, edges=edges, output=names[-1], step_us=step_us)

    @cached_property
    def order(self) -> tuple[str, ...]:
        """Names of all layers, each after the layers it needs in the same step."""
        return layer_order(INPUT, self.layers, self.edges, self.feedback or frozenset())

    @cached_property
    def sources(self) -> dict[str, tuple[tuple[str, bool], ...]]:
        """For each layer its inputs in the order of the edges: (name or "input", whether of the step before)."""
        return {
            name: tuple((a, (a, b) in (self.feedback or ())) for a, b in self.edges if b == name)
            for name in self.layers
        }

    @cached_property
    def input_shapes(self) -> dict[str, Shape]:
        """The shape of each layer's input."""
        return {name: self.shapes[self.sources[name][0][0]] for name in self.layers}

    @cached_property
    def shapes(self) -> dict[str, Shape]:
        """The shape of each layer's output, and of "input"."""
        known: dict[str, Shape] = {INPUT: self.input_shape}
        waiting = list(self.order)
        while waiting:
            ready = [name for name in waiting if any(source in known for source, _ in self.sources[name])]
            for name in ready:
                first = next(source for source, _ in self.sources[name] if source in known)
                known[name] = _output_shape(name, self.layers[name], known[first])
            waiting = [name for name in waiting if name not in known]
        for name, sources in self.sources.items():
            shapes = {source: known[source] for source, _ in sources}
            if len(set(shapes.values())) > 1:
                raise ParameterError(f"layer {name!r} gets the sum of inputs of different shapes: {shapes}")
        return known

    @property
    def output_shape(self) -> Shape:
        """The shape of one step's output."""
        return self.shapes[self.output]

    @property
    def is_discrete(self) -> bool:
        """Whether engines can run it: no layer is a differential equation any more."""
        return not any(isinstance(layer, Continuous) for layer in self.layers.values())

    def state_shapes(self) -> dict[str, Shape]:
        """Return name -> shape (without the batch axis) of everything that a stream's state holds.

        "LAYER.v", ".i", ".a" of neurons, "LAYER.x" of delays, and "LAYER.out" of layers that a feedback edge leaves.
        All start at zero but v, which starts at the neuron's `v_start`.
        """
        shapes = {
            f"{name}.{part}": shape
            for name in self.order
            for part, shape in self.layers[name].state_shapes(self.input_shapes[name]).items()
        }
        fed_back = {source for source, _ in self.feedback or ()}
        return shapes | {f"{name}.out": self.shapes[name] for name in self.order if name in fed_back}

    def discretise(
        self,
        *,
        step_us: float | None = None,
        reset: Reset | str | None = None,
        rule: Rule | str | None = None,
        drive: Drive | str | None = None,
        fires: Fires | str = "at",
    ) -> Model:
        """Return the network with every differential equation as a discrete step: what engines run.

        Nothing is guessed: what some layer needs and is not given is asked for, with the options. Layers that are
        discrete already stay as they are.

        Args:
            step_us: the step in µs; may be left out where the model has one.
            reset: what firing does to v, see `Reset`.
            rule: how the equation is solved over a step, see `Rule`.
            drive: what an input of 1 is, see `Drive`. Networks trained on spike counts a step (an IF with r = 1 that
                should gain 1 from a spike) take "impulse"; libraries' NIR exports of leaky neurons, in which r and
                w_in carry tau / dt, take "current".
            fires: whether v exactly at the threshold fires, see `Fires`.

        Raises:
            ParameterError: a choice is missing or unknown, or a time constant is below the step of the Euler rule.
        """
        step = step_us if step_us is not None else self.step_us
        choice = choice_for(self.layers, step_us=step, reset=reset, rule=rule, drive=drive, fires=fires)
        layers = {name: _discretised(name, layer, choice) for name, layer in self.layers.items()}
        return replace(self, layers=layers, step_us=choice.step_us)

    def save(self, path: str | Path) -> None:
        """Write the network to `path`, a safetensors file with a checksum over everything in it."""
        from eventflow.snn.storage import save_model

        save_model(self, path)

    @staticmethod
    def load(path: str | Path) -> Model:
        """Read what `save` wrote. Raises ParameterError where the file is missing, damaged or changed."""
        from eventflow.snn.storage import load_model

        return load_model(path)

    def _check_names(self) -> None:
        known = {INPUT, *self.layers}
        if INPUT in self.layers:
            raise ParameterError(f"a layer is called {INPUT!r}, which is the name of the network's input")
        if not self.input_shape or min(self.input_shape) < 1:
            raise ParameterError(f"input_shape is {self.input_shape}, expected (C, H, W) or (N,), each at least 1")
        if self.output not in self.layers:
            raise ParameterError(f"output is {self.output!r}, expected one of {list(self.layers)}")
        if unknown := _unknown(self.edges, known):
            raise ParameterError(f"edges name layers that are not there: {unknown}; there are {sorted(known)}")
        if len(set(self.edges)) < len(self.edges):
            raise ParameterError("an edge is given twice; scale the weights where a connection should count double")


def _unknown(edges: Iterable[Edge], known: set[str]) -> list[str]:
    return sorted({end for edge in edges for end in edge} - known | {end for _, end in edges if end == INPUT})


def _output_shape(name: str, layer: Layer, shape: Shape) -> Shape:
    try:
        return layer.output_shape(shape)
    except ParameterError as error:
        raise ParameterError(f"layer {name!r} ({type(layer).__name__}): {error}") from None


def _check_finite(name: str, layer: Layer) -> None:
    for field, value in vars(layer).items():
        if isinstance(value, np.ndarray) and not np.isfinite(value).all():
            count = int((~np.isfinite(value)).sum())
            raise ParameterError(
                f"layer {name!r} ({type(layer).__name__}): {count} of {value.size} values of {field} are not finite"
            )


def _discretised(name: str, layer: Layer, choice: Choice) -> Layer:
    if not isinstance(layer, Continuous):
        return layer
    try:
        return layer.discretised(choice)
    except ParameterError as error:
        raise ParameterError(f"layer {name!r} ({type(layer).__name__}): {error}") from None
