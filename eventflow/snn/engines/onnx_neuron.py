"""A layer of neurons as ONNX operations: the text of `eventflow.snn.neuron`, with what changes nothing left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eventflow.snn.neuron import Fires, Neuron, Reset

if TYPE_CHECKING:
    from eventflow.snn.engines.onnx_graph import Graph
    from eventflow.snn.neuron import Array

_FLOAT = 1


def neuron_nodes(graph: Graph, name: str, neuron: Neuron, x: str) -> str:
    """Append one step of a layer of neurons; return the name of its output."""
    before = f"{name}.v"
    i_before = f"{name}.i"
    if neuron.current_decay is not None and neuron.current_gain is not None:
        kept = _times(graph, i_before, neuron.current_decay)
        x = graph.op("Add", kept, _times(graph, x, neuron.current_gain), out=f"{name}.i:next")
    v = _plus(graph, graph.op("Add", _times(graph, before, neuron.decay), _times(graph, x, neuron.gain)), neuron.offset)
    if neuron.previous_gain is not None:
        v = graph.op("Add", v, _times(graph, i_before, neuron.previous_gain))
    if neuron.threshold is None:
        graph.op("Identity", v, out=f"{name}.v:next")
        return v
    level = graph.constant(neuron.threshold)
    if neuron.adaptation_strength is not None:
        level = graph.op("Add", _times(graph, f"{name}.a", neuron.adaptation_strength), level)
    if neuron.delayed:
        v = _reset(graph, neuron, v, _fires(graph, neuron, before, level), level)
    fired = _fires(graph, neuron, v, level)
    out = graph.op("Cast", fired, to=_FLOAT)
    if neuron.reset is Reset.MULTISPIKE:
        counted = graph.op("Floor", graph.op("Div", v, level))
        out = graph.op("Where", fired, counted, graph.constant(0.0))
        v = graph.op("Sub", v, graph.op("Mul", out, level))
    elif neuron.reset is Reset.CROSSING:
        v = graph.op("Where", fired, _after_crossing(graph, neuron, before, v, level), v)
    elif not neuron.delayed:
        v = _reset(graph, neuron, v, fired, level)
    graph.op("Identity", v, out=f"{name}.v:next")
    if neuron.adaptation_decay is not None and neuron.adaptation_jump is not None:
        kept = _times(graph, f"{name}.a", neuron.adaptation_decay)
        graph.op("Add", kept, _times(graph, out, neuron.adaptation_jump), out=f"{name}.a:next")
    return out


def _times(graph: Graph, x: str, factor: Array) -> str:
    return x if (factor == 1).all() else graph.op("Mul", x, graph.constant(factor))


def _plus(graph: Graph, x: str, added: Array) -> str:
    return x if not added.any() else graph.op("Add", x, graph.constant(added))


def _fires(graph: Graph, neuron: Neuron, v: str, level: str) -> str:
    return graph.op("Greater" if neuron.fires is Fires.ABOVE else "GreaterOrEqual", v, level)


def _reset(graph: Graph, neuron: Neuron, v: str, fired: str, level: str) -> str:
    if neuron.reset in (Reset.ZERO, Reset.DELAYED_ZERO):
        return graph.op("Where", fired, graph.constant(neuron.v_reset), v)
    return graph.op("Where", fired, graph.op("Sub", v, level), v)


def _after_crossing(graph: Graph, neuron: Neuron, before: str, after: str, level: str) -> str:
    """Append v at the end of a step in which it crossed its threshold on the way from `before` to `after`."""
    lost = 1 - neuron.decay
    drive = graph.op("Sub", after, _times(graph, before, neuron.decay))
    start, over = graph.constant(neuron.v_reset), graph.op("GreaterOrEqual", before, level)
    goal = graph.op("Div", drive, graph.constant(np.where(lost > 0, lost, 1)))
    rest = graph.op("Mul", graph.op("Sub", goal, before), graph.constant(neuron.decay))
    rest = graph.op("Div", rest, graph.op("Sub", goal, level))
    left = graph.op("Where", over, graph.constant(neuron.decay), graph.op("Min", rest, graph.constant(1.0)))
    curve = graph.op("Add", goal, graph.op("Mul", graph.op("Sub", start, goal), left))
    line = graph.op("Add", start, graph.op("Where", over, drive, graph.op("Sub", after, level)))
    return graph.op("Where", graph.constant(lost > 0, np.bool_), curve, line)
