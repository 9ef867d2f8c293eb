"""The whole network in one call: a step, many steps, or a stream of events cut into steps as it goes."""

from __future__ import annotations

from typing import Any

import numpy as np

from eventflow.kernels.jit import jit
from eventflow.kernels.words import p_of, x_of, y_of
from eventflow.snn.engines import fields as at
from eventflow.snn.engines.lanes import inner, lanes_set, lowest, peek, poke
from eventflow.snn.engines.neurons import update
from eventflow.snn.engines.scatter import scatter

INPUT_ROW = at.HEADER
DONE = 0
NOT_FINITE = -1
LATE = -2
OUTSIDE = -3


@jit
def run_step(code: Any, weights: Any, floats: Any, ints: Any, replay: Any, x: Any, out: Any) -> Any:
    """Run one step on the dense input `x`, flat; write the output, flat, into zeros. Return DONE or NOT_FINITE."""
    if not _take_dense(code, floats, ints, x):
        return NOT_FINITE
    _close_step(code, weights, floats, ints, replay)
    _write_output(code, floats, ints, out)
    return DONE


@jit
def run_steps(code: Any, weights: Any, floats: Any, ints: Any, replay: Any, x: Any, out: Any) -> Any:
    """Run a step on each row of `x`; return DONE, or NOT_FINITE with the steps before it done."""
    for k in range(len(x)):
        if not _take_dense(code, floats, ints, x[k]):
            return NOT_FINITE
        _close_step(code, weights, floats, ints, replay)
        _write_output(code, floats, ints, out[k])
    return DONE


@jit
def run_units(
    code: Any, weights: Any, floats: Any, ints: Any, replay: Any, words: Any, width: Any, height: Any, planes: Any,
    binary: Any, out: Any,
) -> Any:  # fmt: skip
    """Run one step on the events in `words`, whatever their times. Return DONE or OUTSIDE, nothing changed."""
    for i in range(len(words) // 2):
        if x_of(words[2 * i + 1]) >= width or y_of(words[2 * i + 1]) >= height:
            return OUTSIDE
    for i in range(len(words) // 2):
        _take_event(code, floats, ints, words[2 * i + 1], width, height, planes, binary)
    _close_step(code, weights, floats, ints, replay)
    _write_output(code, floats, ints, out)
    return DONE


@jit
def run_events(
    code: Any, weights: Any, floats: Any, ints: Any, replay: Any, words: Any, start: Any, origin: Any, step_us: Any,
    until: Any, width: Any, height: Any, planes: Any, binary: Any, steps: Any, units: Any, values: Any,
) -> Any:  # fmt: skip
    """Take events from number `start` on into steps of `step_us` from `origin` on; close those that end by `until`.

    What the network puts out goes to `steps` (0 is the step that begins at `origin`), `units` (C order) and `values`.

    Returns:
        the number of the first event that was not taken (all were, and the steps are closed, where it is one past the
        last), how many outputs were written, and a status: DONE (whether finished or the outputs' room is used up),
        LATE or OUTSIDE for the event that was not taken.
    """
    written = 0
    room = len(steps) - peek(code, peek(code, at.OUTPUT) + at.UNITS_IN_ALL)
    total = len(words) // 2
    for i in range(start, total):
        target = (words[2 * i] - origin) // step_us
        if words[2 * i] < origin or target < ints[at.STEP]:
            return i, written, LATE
        if x_of(words[2 * i + 1]) >= width or y_of(words[2 * i + 1]) >= height:
            return i, written, OUTSIDE
        while ints[at.STEP] < target:
            if written > room:
                return i, written, DONE
            written = _close_and_note(code, weights, floats, ints, replay, target, steps, units, values, written)
        _take_event(code, floats, ints, words[2 * i + 1], width, height, planes, binary)
    last = (until - origin) // step_us
    while ints[at.STEP] < last:
        if written > room:
            return total, written, DONE
        written = _close_and_note(code, weights, floats, ints, replay, last, steps, units, values, written)
    return total + 1, written, DONE


@inner
def _close_and_note(
    code: Any, weights: Any, floats: Any, ints: Any, replay: Any, target: Any, steps: Any, units: Any, values: Any,
    written: Any,
) -> Any:  # fmt: skip
    """Close the open step, or all up to `target` where nothing can happen in them; return the outputs written."""
    if _is_idle(code, ints):
        poke(ints, at.STEP, target)
        return written
    _close_step(code, weights, floats, ints, replay)
    row, step = peek(code, at.OUTPUT), peek(ints, at.STEP)
    listed, given, count = _last_outputs(code, ints, row, step)
    for k in range(count):
        steps[written] = step - 1
        units[written] = peek(code, peek(code, at.OUTPUT_PLACES) + peek(ints, listed + k))
        values[written] = peek(floats, given + k)
        written += 1
    return written


@inner
def _last_outputs(code: Any, ints: Any, row: Any, step: Any) -> Any:
    """Return where the units and values lie that a population put out in `step`, and how many there are."""
    slot = step % peek(code, row + at.HISTORY)
    room = slot * peek(code, row + at.UNITS_IN_ALL)
    known = peek(ints, peek(code, row + at.FIRED_AT) + slot) == step
    count = peek(ints, peek(code, row + at.FIRED_COUNT) + slot) if known else 0
    return peek(code, row + at.FIRED) + room, peek(code, row + at.VALUES) + room, count


@inner
def _is_idle(code: Any, ints: Any) -> Any:
    """Return whether the open step has no input and nothing in the network waits for it."""
    step = peek(ints, at.STEP) + 1
    if peek(code, at.RESTS) == 0 or step <= peek(ints, at.BUSY_UNTIL):
        return False
    slot = step % peek(code, INPUT_ROW + at.HISTORY)
    return peek(ints, peek(code, INPUT_ROW + at.FIRED_AT) + slot) != step


@inner
def _close_step(code: Any, weights: Any, floats: Any, ints: Any, replay: Any) -> Any:
    """Run every population for the open step."""
    idle = _is_idle(code, ints)
    step = peek(ints, at.STEP) + 1
    poke(ints, at.STEP, step)
    if idle:
        return
    _, _, fired = _last_outputs(code, ints, INPUT_ROW, step)
    again = 0
    for number in range(1, peek(code, at.POPULATIONS)):
        row = at.HEADER + number * at.POPULATION_WORDS
        connections = range(
            peek(code, row + at.FIRST_CONNECTION), peek(code, row + at.END_CONNECTION), at.CONNECTION_WORDS
        )
        for connection in connections:
            scatter(code, weights, floats, ints, connection, row, step)
        again += update(code, weights, floats, ints, row, step, replay)
        _, _, count = _last_outputs(code, ints, row, step)
        fired += count
    if fired > 0:
        poke(ints, at.BUSY_UNTIL, step + max(peek(code, at.RESTS), 1))
    elif again > 0:
        poke(ints, at.BUSY_UNTIL, max(peek(ints, at.BUSY_UNTIL), step + 1))


@inner
def _take_event(
    code: Any, floats: Any, ints: Any, place: Any, width: Any, height: Any, planes: Any, binary: Any
) -> Any:
    """Add one event to the open step's input; a pixel's second is added to its first, or left out (`binary`)."""
    step = peek(ints, at.STEP) + 1
    slot = step % peek(code, INPUT_ROW + at.HISTORY)
    opened, counter = peek(code, INPUT_ROW + at.FIRED_AT) + slot, peek(code, INPUT_ROW + at.FIRED_COUNT) + slot
    if peek(ints, opened) != step:
        poke(ints, opened, step)
        poke(ints, counter, 0)
    plane = np.int64(p_of(place)) if planes == 2 else 0
    unit = (plane * height + np.int64(y_of(place))) * width + np.int64(x_of(place))
    room = slot * peek(code, INPUT_ROW + at.UNITS_IN_ALL)
    listed, values = peek(code, INPUT_ROW + at.FIRED) + room, peek(code, INPUT_ROW + at.VALUES) + room
    numbered = peek(code, INPUT_ROW + at.LISTS) + unit
    count, number = peek(ints, counter), peek(ints, numbered)
    if number < count and peek(ints, listed + number) == unit:
        if not binary:
            poke(floats, values + number, peek(floats, values + number) + 1)
        return
    poke(ints, numbered, count)
    poke(ints, listed + count, unit)
    poke(floats, values + count, 1)
    poke(ints, counter, count + 1)


@inner
def _take_dense(code: Any, floats: Any, ints: Any, x: Any) -> Any:
    """Make the open step's input the values of `x` that are not 0; return whether all are finite."""
    step = peek(ints, at.STEP) + 1
    slot = step % peek(code, INPUT_ROW + at.HISTORY)
    room = slot * peek(code, INPUT_ROW + at.UNITS_IN_ALL)
    listed, values = peek(code, INPUT_ROW + at.FIRED) + room, peek(code, INPUT_ROW + at.VALUES) + room
    count, whole = 0, len(x) // at.LANES * at.LANES
    for begin in range(0, len(x), at.LANES):
        found = lanes_set(x, begin) if begin < whole else (1 << (len(x) - whole)) - 1
        while found:
            k = begin + lowest(found)
            found &= found - 1
            value = peek(x, k)
            poke(ints, listed + count, k)
            poke(floats, values + count, value)
            count += np.int64(value != 0)
            if not np.isfinite(value):
                return False
    if count > 0:
        poke(ints, peek(code, INPUT_ROW + at.FIRED_AT) + slot, step)
        poke(ints, peek(code, INPUT_ROW + at.FIRED_COUNT) + slot, count)
    return True


@inner
def _write_output(code: Any, floats: Any, ints: Any, out: Any) -> Any:
    """Write what the output population put out in the last step into `out`, which is zeros."""
    row = peek(code, at.OUTPUT)
    listed, given, count = _last_outputs(code, ints, row, peek(ints, at.STEP))
    for k in range(count):
        poke(out, peek(code, peek(code, at.OUTPUT_PLACES) + peek(ints, listed + k)), peek(floats, given + k))
