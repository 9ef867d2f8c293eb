"""A stream's state in the event-driven engine: two flat arrays, seen under the model's names when asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eventflow.errors import ParameterError
from eventflow.snn.engines import fields as at
from eventflow.snn.engines.catching_up import catch_up_all

if TYPE_CHECKING:
    from eventflow.snn.engines.populations import Population
    from eventflow.snn.engines.sparse import SparseEngine
    from eventflow.snn.engines.views import View
    from eventflow.snn.neuron import Array

FLOATS = "sparse.floats"
INTS = "sparse.ints"


class SparseState(dict[str, "Array"]):
    """`sparse.floats` and `sparse.ints`, (batch, words): all there is, and what to put away.

    `state["LAYER.v"]` and the other names of `Model.state_shapes()` are worked out when asked for: copies, up to date
    with the last step. Setting one of these names changes the stream at its next step.
    """

    def __init__(self, engine: SparseEngine, floats: Array, ints: Array) -> None:
        super().__init__({FLOATS: floats, INTS: ints})
        self._engine = engine

    def __missing__(self, name: str) -> Array:
        return seen(self._engine, self, name)


def seen(engine: SparseEngine, state: dict[str, Array], name: str) -> Array:
    """Return a state array under its name in the model, (batch, *shape), up to date with the last step."""
    shapes = engine.model.state_shapes()
    if name not in shapes:
        raise KeyError(name)
    batch = len(state[FLOATS])
    out = np.zeros((batch, *shapes[name]), engine.dtype)
    layer, _, part = name.rpartition(".")
    for k in range(batch):
        floats, ints = state[FLOATS][k], state[INTS][k]
        if name in engine.parts.remembered:
            _recall(engine, engine.parts.remembered[name], floats, ints, out[k])
        else:
            own = engine.parts.populations[layer]
            up_to_date = _caught_up(engine, own, floats, ints)
            begin = engine.program.code[engine.program.rows[layer] + _FIELD[part]]
            out[k] = up_to_date[begin : begin + own.units][own.places].reshape(own.shape)
    return out


_FIELD = {"v": at.V, "i": at.I, "a": at.A}


def _caught_up(engine: SparseEngine, own: Population, floats: Array, ints: Array) -> Array:
    """Return the stream's floats, copied, with a population advanced to the last step."""
    code, row = engine.program.code, engine.program.rows[own.name]
    floats = floats.copy()
    if code[row + at.STILL] or code[row + at.RESTLESS]:
        return floats
    catch_up_all(code, engine.program.weights, floats, ints, row, engine.replay)
    return floats


def _fired(engine: SparseEngine, own: Population, floats: Array, ints: Array, step: int) -> Array:
    """Return what a population put out in `step`, C order, zeros where it is not known any more."""
    code, row = engine.program.code, engine.program.rows[own.name]
    every = np.zeros(own.units, engine.dtype)
    slot = step % own.history
    if step > 0 and ints[code[row + at.FIRED_AT] + slot] == step:
        begin, count = slot * own.units, ints[code[row + at.FIRED_COUNT] + slot]
        units = ints[code[row + at.FIRED] + begin :][:count]
        every[units] = floats[code[row + at.VALUES] + begin :][:count]
    return every[own.places]


def _recall(engine: SparseEngine, view: View, floats: Array, ints: Array, out: Array) -> None:
    """Fill what a delay or a feedback edge remembers; with an axis of steps the latest comes first."""
    own = engine.parts.populations[view.source]
    steps = out if out.shape != view.shape else out[None]
    for k in range(len(steps)):
        steps[k].reshape(-1)[view.places] = _fired(engine, own, floats, ints, int(ints[at.STEP]) - k - view.lag)


def fresh(engine: SparseEngine, batch: int) -> SparseState:
    """Return the state of streams that have seen nothing."""
    floats = np.zeros((batch, engine.program.floats), engine.dtype)
    ints = np.zeros((batch, engine.program.ints), np.int64)
    state = SparseState(engine, floats, ints)
    starts = {
        f"{name}.v": np.broadcast_to(own.neuron.v_start, (batch, *own.shape))
        for name, own in engine.parts.populations.items()
        if own.neuron is not None and (own.neuron.v_start != 0).any()
    }
    return taken_over(engine, state, starts) if starts else state


def taken_over(engine: SparseEngine, state: SparseState, values: dict[str, Array]) -> SparseState:
    """Put values under the model's names into `state`; every site they concern is looked at in the next step.

    Raises:
        ParameterError: a name or a shape is not the model's, or a value is not finite.
    """
    shapes = engine.model.state_shapes()
    batch = len(state[FLOATS])
    for name, value in values.items():
        if name not in shapes:
            raise ParameterError(f"{name!r} is not a state of this network; there are {', '.join(shapes)}")
        if value.shape != (batch, *shapes[name]) or not np.isfinite(value).all():
            raise ParameterError(f"{name} has shape {value.shape}, expected {(batch, *shapes[name])} of finite values")
        for k in range(batch):
            if name in engine.parts.remembered:
                _remember(engine, engine.parts.remembered[name], state[FLOATS][k], state[INTS][k], value[k])
            else:
                layer, _, part = name.rpartition(".")
                _set(engine, layer, part, state[FLOATS][k], state[INTS][k], value[k])
    return state


def _set(engine: SparseEngine, layer: str, part: str, floats: Array, ints: Array, value: Array) -> None:
    own, code, row = engine.parts.populations[layer], engine.program.code, engine.program.rows[layer]
    floats[:] = _caught_up(engine, own, floats, ints)
    floats[code[row + _FIELD[part]] + own.places] = value.reshape(-1)
    begin = code[row + at.UP_TO]
    ints[begin : begin + own.sites] = ints[at.STEP]
    _look_at_all(code, row, own, ints)


def _look_at_all(code: Array, row: int, own: Population, ints: Array) -> None:
    """Put every site on the next step's list."""
    following = ints[at.STEP] + 1
    half = following & 1
    begin = code[row + at.LISTS] + half * (own.sites + 1)
    ints[begin : begin + own.sites] = np.arange(own.sites)
    ints[code[row + at.ACTIVE] + half] = own.sites
    touched = code[row + at.TOUCHED_AT]
    ints[touched : touched + own.sites] = following
    ints[at.BUSY_UNTIL] = max(ints[at.BUSY_UNTIL], following)


def _remember(engine: SparseEngine, view: View, floats: Array, ints: Array, value: Array) -> None:
    """Make what a delay or a feedback edge remembers what its source put out."""
    own, code = engine.parts.populations[view.source], engine.program.code
    row, last = engine.program.rows[view.source], int(ints[at.STEP])
    steps = value if value.shape != view.shape else value[None]
    for k in range(len(steps)):
        step = last - k - view.lag
        slot, seen_there = step % own.history, steps[k].reshape(-1)[view.places]
        fired = np.flatnonzero(seen_there)
        begin = slot * own.units
        ints[code[row + at.FIRED] + begin :][: len(fired)] = own.places[fired]
        floats[code[row + at.VALUES] + begin :][: len(fired)] = seen_there[fired]
        ints[code[row + at.FIRED_COUNT] + slot], ints[code[row + at.FIRED_AT] + slot] = len(fired), step
    ints[at.BUSY_UNTIL] = last + max(int(code[at.RESTS]), 1)
