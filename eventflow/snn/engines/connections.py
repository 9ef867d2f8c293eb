"""The rows of connections: where their weights lie and which units they reach."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eventflow.snn.engines import fields as at
from eventflow.snn.engines.convolutions import as_two_dimensional, runs_of
from eventflow.snn.engines.lowering import longest_delay, weights_of
from eventflow.snn.layers import Conv1d, Conv2d, Delay, DelayLinear, Linear, SumPool2d

if TYPE_CHECKING:
    from eventflow.snn.engines.lowering import Connection
    from eventflow.snn.engines.populations import Population
    from eventflow.snn.engines.program import Room
    from eventflow.snn.engines.views import View
    from eventflow.snn.neuron import Array, Shape


def connection_words(connection: Connection, source: Population, target: Population, room: Room) -> Array:
    """Return a connection's row; its weights and tables get their room."""
    words = np.zeros(at.CONNECTION_WORDS, np.int64)
    view, layer = connection.view, connection.layer
    words[at.LAG], words[at.DELAYS] = view.lag, 1 + longest_delay(layer)
    words[at.PLACES] = words[at.FACTORS] = -1
    if isinstance(layer, Conv1d | Conv2d):
        _fill_convolution(words, view, layer, target, room)
    elif isinstance(layer, Linear):
        words[at.HOW], words[at.UNITS] = at.MATRIX, layer.weight.shape[0]
        rows = np.zeros((layer.weight.shape[1], target.width))
        rows[:, target.places] = layer.weight.T
        words[at.WEIGHTS] = room.add_weights(rows)
    else:
        _fill_list(words, view, layer, source, target, room)
        return words
    _fill_places(words, view, source, room)
    return words


def _fill_places(words: Array, view: View, source: Population, room: Room) -> None:
    """Write where each unit of the source is seen, unless that is where it is."""
    places = np.full(source.units, -1, np.int64)
    places[source.places] = view.places
    words[at.PLACES] = -1 if (places == np.arange(source.units)).all() else room.add_table(places)
    if view.factors is not None:
        factors = np.zeros(source.units)
        factors[source.places] = view.factors
        words[at.FACTORS] = room.add_weights(factors)


def _fill_convolution(words: Array, view: View, layer: Conv1d | Conv2d, target: Population, room: Room) -> None:
    plane = view.shape if len(view.shape) == 3 else (view.shape[0], 1, view.shape[1])
    out = target.shape if len(target.shape) == 3 else (target.shape[0], 1, target.shape[1])
    flat = as_two_dimensional(layer)
    runs = runs_of(flat, plane, out)
    words[at.HOW], words[at.WEIGHTS] = at.CONVOLUTION, room.add_weights(runs.weights)
    words[at.IN_HEIGHT], words[at.IN_WIDTH], words[at.OUT_WIDTH] = plane[1], plane[2], out[2]
    words[at.ROWS_OF], words[at.ROWS] = room.add_table(runs.rows_of), room.add_table(runs.rows)
    words[at.RUNS_OF], words[at.RUNS] = room.add_table(runs.runs_of), room.add_table(runs.runs)
    words[at.TAP_WORDS], words[at.TAPS_OF_CHANNEL] = runs.tap_words, runs.weights.shape[2]
    words[at.CHANNELS], words[at.GROUP_IN] = plane[0], flat.weight.shape[1]
    words[at.UNITS] = flat.weight.shape[0] // flat.groups
    words[at.GROUP_OUT] = words[at.UNITS] if flat.groups > 1 else 0


def _fill_list(
    words: Array,
    view: View,
    layer: DelayLinear | Delay | SumPool2d | None,
    source: Population,
    target: Population,
    room: Room,
) -> None:
    """Write every synapse by its delay and its source's unit."""
    seen, reached, weights, delays = _synapses(view.shape, layer, target.shape)
    visible = np.flatnonzero(view.places >= 0)
    order = np.argsort(view.places[visible], kind="stable")
    first = np.searchsorted(view.places[visible][order], seen, side="left")
    last = np.searchsorted(view.places[visible][order], seen, side="right")
    repeats = last - first
    entry = np.repeat(np.arange(len(seen)), repeats)
    within = np.arange(len(entry)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    viewed = visible[order][np.repeat(first, repeats) + within]
    values = weights[entry] * (1.0 if view.factors is None else view.factors[viewed])
    units, delays = source.places[viewed], delays[entry]
    sort = np.lexsort((units, delays))
    key = delays[sort] * (source.units + 1) + units[sort]
    longest = longest_delay(layer) + 1
    starts = np.searchsorted(key, np.arange(longest * (source.units + 1)))
    words[at.HOW], words[at.UNITS], words[at.COUNTED] = at.LIST, source.units, layer is not None
    words[at.STARTS] = room.add_table(starts)
    words[at.TARGETS] = room.add_table(target.places[reached[entry]][sort])
    words[at.WEIGHTS] = room.add_weights(values[sort])


def _synapses(
    shape: Shape, layer: DelayLinear | Delay | SumPool2d | None, out: Shape
) -> tuple[Array, Array, Array, Array]:
    """Return place in, place out, weight and delay of every synapse."""
    if layer is None or isinstance(layer, Delay):
        every = np.arange(int(np.prod(shape)))
        steps = np.broadcast_to(layer.steps if layer else np.zeros((), np.int64), shape).reshape(-1)
        return every, every, np.ones(len(every)), steps
    if isinstance(layer, DelayLinear):
        reached, seen = np.nonzero(layer.weight)
        return seen, reached, layer.weight[reached, seen].astype(np.float64), layer.delay[reached, seen]
    seen, reached = _pool_pairs(shape, layer, out)
    return seen, reached, np.full(len(seen), float(weights_of(layer))), np.zeros(len(seen), np.int64)


def _pool_pairs(shape: Shape, layer: SumPool2d, out: Shape) -> tuple[Array, Array]:
    rows, columns = (_axis_pairs(shape[1 + k], out[1 + k], layer, k) for k in (0, 1))
    channels = np.arange(shape[0])[:, None, None]
    seen = (channels * shape[1] + rows[0][None, :, None]) * shape[2] + columns[0][None, None, :]
    reached = (channels * out[1] + rows[1][None, :, None]) * out[2] + columns[1][None, None, :]
    return seen.reshape(-1), reached.reshape(-1)


def _axis_pairs(size: int, out: int, layer: SumPool2d, axis: int) -> tuple[Array, Array]:
    """Return (place in, window) of every pair along an axis."""
    window, tap = np.divmod(np.arange(out * layer.kernel[axis]), layer.kernel[axis])
    place = window * layer.stride[axis] - layer.padding[axis][0] + tap
    inside = (place >= 0) & (place < size)
    return place[inside], window[inside]
