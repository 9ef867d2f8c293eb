"""The program of a network: one table of integers and one of weights, and how much memory a stream needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eventflow.errors import ParameterError
from eventflow.snn.engines import fields as at
from eventflow.snn.engines.connections import connection_words
from eventflow.snn.engines.populations import (
    is_plain,
    is_restless,
    is_still,
    parameters,
)
from eventflow.snn.model import INPUT
from eventflow.snn.neuron import Fires

if TYPE_CHECKING:
    from eventflow.snn.engines.lowering import Lowered
    from eventflow.snn.engines.populations import Population
    from eventflow.snn.model import Model
    from eventflow.snn.neuron import Array

_LIMIT = 1 << 31


@dataclass(frozen=True, eq=False)
class Program:
    """What the kernel reads.

    Attributes:
        code: int32, see `fields`.
        weights: parameters and weights, in the engine's dtype.
        floats: values of a stream's state.
        ints: words of a stream's state.
        rows: population -> where its row begins in `code`.
        synops: (layer, word of `ints` that counts its synaptic operations) of every connection with weights.
    """

    code: Array
    weights: Array
    floats: int
    ints: int
    rows: dict[str, int]
    synops: tuple[tuple[str, int], ...]


class Room:
    """The tables while they grow."""

    def __init__(self) -> None:
        self.weights: list[Array] = []
        self.weight_count = 0
        self.floats = 0
        self.ints = at.COUNTERS
        self.tables: list[Array] = []
        self.table_start = 0
        self.table_count = 0

    def add_weights(self, values: Array) -> int:
        """Append float values; return where they begin."""
        begin = self.weight_count
        self.weights.append(np.ascontiguousarray(values, np.float64).reshape(-1))
        self.weight_count += values.size
        return begin

    def add_table(self, values: Array) -> int:
        """Append integers to the code; return where they begin."""
        begin = self.table_start + self.table_count
        self.tables.append(np.ascontiguousarray(values, np.int64).reshape(-1))
        self.table_count += values.size
        return begin

    def add_floats(self, count: int) -> int:
        """Make room in the state; return where it begins."""
        begin = self.floats
        self.floats += count
        return begin

    def add_ints(self, count: int) -> int:
        """Make room in the state; return where it begins."""
        begin = self.ints
        self.ints += count
        return begin


def compiled(model: Model, parts: Lowered, dtype: type[np.floating]) -> Program:
    """Return the program of a lowered model.

    Raises:
        ParameterError: it is too large for 31-bit places.
    """
    room = Room()
    names = list(parts.populations)
    ordered = [connection for name in names for connection in parts.connections.get(name, ())]
    starts = at.HEADER + len(names) * at.POPULATION_WORDS
    room.table_start = starts + len(ordered) * at.CONNECTION_WORDS
    rows = {name: at.HEADER + k * at.POPULATION_WORDS for k, name in enumerate(names)}
    code = np.zeros(room.table_start, np.int64)
    number, synops = 0, []
    for name, own in parts.populations.items():
        words = _population_words(own, room)
        words[at.FIRST_CONNECTION] = starts + number * at.CONNECTION_WORDS
        for connection in parts.connections.get(name, ()):
            counter = room.add_ints(1)
            begin = starts + number * at.CONNECTION_WORDS
            source = parts.populations[connection.view.source]
            code[begin : begin + at.CONNECTION_WORDS] = connection_words(connection, source, own, room)
            code[begin + at.SOURCE] = rows[source.name]
            code[begin + at.SYNOPS] = counter
            if connection.layer is not None:
                synops.append((connection.name, counter))
            number += 1
        words[at.END_CONNECTION] = starts + number * at.CONNECTION_WORDS
        code[rows[name] : rows[name] + at.POPULATION_WORDS] = words
    _write_header(code, model, parts, room, rows)
    whole = np.concatenate([code, *room.tables])
    if max(room.table_start + room.table_count, room.weight_count, room.floats, room.ints) >= _LIMIT:
        raise ParameterError("the network needs more than 2^31 words of tables, weights or state; make it smaller")
    weights = np.concatenate([np.zeros(0), *room.weights]).astype(dtype)
    return Program(whole.astype(np.int32), weights, room.floats, room.ints, rows, tuple(synops))


def _write_header(code: Array, model: Model, parts: Lowered, room: Room, rows: dict[str, int]) -> None:
    output = parts.populations[model.output]
    places = np.full(output.units, -1, np.int64)
    places[output.places] = np.arange(len(output.places))
    code[at.INPUT_SIZE], code[at.OUTPUT_SIZE] = np.prod(model.input_shape), np.prod(model.output_shape)
    code[at.POPULATIONS] = len(parts.populations)
    code[at.OUTPUT] = rows[model.output]
    code[at.OUTPUT_PLACES] = room.add_table(places)
    restless = any(is_restless(own) for name, own in parts.populations.items() if name != INPUT)
    code[at.RESTS] = 0 if restless else max(own.history for own in parts.populations.values())


def _population_words(own: Population, room: Room) -> Array:
    """Return a population's row; its parameters and its state get their room."""
    words = np.zeros(at.POPULATION_WORDS, np.int64)
    neuron = own.neuron
    words[at.SITES], words[at.WIDTH], words[at.KIND], words[at.HISTORY] = own.sites, own.width, own.kind, own.history
    words[at.UNITS_IN_ALL] = own.units
    words[at.RESTLESS], words[at.PLAIN], words[at.STILL] = is_restless(own), is_plain(own), is_still(own)
    if neuron is not None:
        words[at.RESET], words[at.ABOVE] = getattr(at, neuron.reset.name), neuron.fires is Fires.ABOVE
        words[at.HAS_CURRENT] = neuron.current_decay is not None
        words[at.HAS_PREVIOUS] = neuron.previous_gain is not None
        words[at.HAS_ADAPTATION] = neuron.adaptation_decay is not None
        words[at.V] = room.add_floats(own.units)
    words[at.DRIVE] = room.add_floats(own.units)
    words[at.I] = room.add_floats(own.units) if words[at.HAS_CURRENT] else 0
    words[at.A] = room.add_floats(own.units) if words[at.HAS_ADAPTATION] else 0
    words[at.VALUES] = room.add_floats(own.history * own.units)
    words[at.FIRED] = room.add_ints(own.history * own.units)
    words[at.FIRED_COUNT], words[at.FIRED_AT] = room.add_ints(own.history), room.add_ints(own.history)
    words[at.FIRED_TOTAL], words[at.UPDATED_TOTAL] = room.add_ints(1), room.add_ints(1)
    words[at.LISTS] = room.add_ints(2 * (own.sites + 1) if own.name != INPUT else own.units)
    if own.name != INPUT:
        words[at.ACTIVE], words[at.TOUCHED_AT] = room.add_ints(2), room.add_ints(own.sites)
        words[at.UP_TO] = room.add_ints(own.sites)
    uniform = True
    for which, values in parameters(own).items():
        words[which] = room.add_weights(values)
        words[which + 1] = own.width if len(values) > 1 else 0
        if which not in (at.THRESHOLD, at.V_RESET, at.REST, at.REACH, at.NEARLY):
            lanes = values.reshape(len(values), -1)[:, _real_lanes(own)]
            uniform &= bool((lanes == lanes[:, :1]).all())
    words[at.UNIFORM] = uniform
    return words


def _real_lanes(own: Population) -> Array:
    return np.unique(own.places % own.width)
