"""The whole network in one call: a step, many steps, or a stream of events cut into steps as it goes."""

from __future__ import annotations

from typing import Any

import numpy as np

from eventflow.kernels.jit import jit
from eventflow.kernels.words import p_of, x_of, y_of
from eventflow.snn.engines import fields as at
from eventflow.snn.engines.lanes import data_of, inner, lanes_set, lowest, peek, poke
from eventflow.snn.engines.neurons import update
from eventflow.snn.engines.scatter import scatter

INPUT_ROW = at.HEADER
DONE = 0
NOT_FINITE = -1
LATE = -2
OUTSIDE = -3


@jit
def run_steps(code: Any, weights: Any, floats: Any, ints: Any, replay: Any, x: Any, out: Any) -> Any:
    """Run a step on each stretch of the dense inputs `x`, flat, into `out`, flat, of zeros.

    Returns:
        DONE, or NOT_FINITE with the steps before it done.
    """
    program, own, state, words = data_of(code), data_of(weights), data_of(floats), data_of(ints)
    size, out_size = peek(program, at.INPUT_SIZE), peek(program, at.OUTPUT_SIZE)
    for k in range(len(x) // size):
        if not _take_dense(program, state, words, data_of(x), k * size, size):
            return NOT_FINITE
        _close_step(program, own, state, words, replay)
        _write_output(program, state, words, data_of(out), k * out_size)
    return DONE


@jit
def run_elements(
    code: Any, weights: Any, floats: Any, ints: Any, replay: Any, elements: Any, offsets: Any, binary: Any, out: Any
) -> Any:
    """Run steps on the events of elements[offsets[k] : offsets[k + 1]], each the flat place of one, into `out`.

    Returns:
        DONE, or OUTSIDE with nothing done.
    """
    program, own, state, words = data_of(code), data_of(weights), data_of(floats), data_of(ints)
    size, out_size = peek(program, at.INPUT_SIZE), peek(program, at.OUTPUT_SIZE)
    for element in elements[offsets[0] : offsets[-1]]:
        if element < 0 or element >= size:
            return OUTSIDE
    for k in range(len(offsets) - 1):
        for i in range(offsets[k], offsets[k + 1]):
            _take_event(program, state, words, np.int64(elements[i]), binary)
        _close_step(program, own, state, words, replay)
        _write_output(program, state, words, data_of(out), k * out_size)
    return DONE


@jit
def run_events(
    code: Any, weights: Any, floats: Any, ints: Any, replay: Any, events: Any, start: Any, origin: Any, step_us: Any,
    until: Any, width: Any, height: Any, planes: Any, binary: Any, steps: Any, units: Any, values: Any,
) -> Any:  # fmt: skip
    """Take events from number `start` on into steps of `step_us` from `origin` on; close those that end by `until`.

    What the network puts out goes to `steps` (0 is the step that begins at `origin`), `units` (C order) and `values`.

    Returns:
        the number of the first event that was not taken (all were, and the steps are closed, where it is one past the
        last), how many outputs were written, and a status: DONE (whether finished or the outputs' room is used up),
        LATE or OUTSIDE for the event that was not taken.
    """
    program, own, state, words = data_of(code), data_of(weights), data_of(floats), data_of(ints)
    given = data_of(steps), data_of(units), data_of(values)
    written, room = 0, len(steps) - peek(program, peek(program, at.OUTPUT) + at.UNITS_IN_ALL)
    total = len(events) // 2
    for i in range(start, total):
        x, y = np.int64(x_of(events[2 * i + 1])), np.int64(y_of(events[2 * i + 1]))
        target = (events[2 * i] - origin) // step_us
        if events[2 * i] < origin or target < peek(words, at.STEP):
            return i, written, LATE
        if x >= width or y >= height:
            return i, written, OUTSIDE
        while peek(words, at.STEP) < target:
            if written > room:
                return i, written, DONE
            written = _close_and_note(program, own, state, words, replay, target, given, written)
        plane = np.int64(p_of(events[2 * i + 1])) if planes == 2 else 0
        _take_event(program, state, words, (plane * height + y) * width + x, binary)
    last = (until - origin) // step_us
    while peek(words, at.STEP) < last:
        if written > room:
            return total, written, DONE
        written = _close_and_note(program, own, state, words, replay, last, given, written)
    return total + 1, written, DONE


@inner
def _close_and_note(
    code: Any, weights: Any, floats: Any, ints: Any, replay: Any, target: Any, given: Any, written: Any
) -> Any:
    """Close the open step, or all up to `target` where nothing can happen in them; return the outputs written."""
    if _is_idle(code, ints):
        poke(ints, at.STEP, target)
        return written
    _close_step(code, weights, floats, ints, replay)
    row, step = peek(code, at.OUTPUT), peek(ints, at.STEP)
    listed, put, count = _last_outputs(code, ints, row, step)
    steps, units, values = given
    for k in range(count):
        poke(steps, written + k, step - 1)
        poke(units, written + k, peek(code, peek(code, at.OUTPUT_PLACES) + peek(ints, listed + k)))
        poke(values, written + k, peek(floats, put + k))
    return written + count


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
def _take_event(code: Any, floats: Any, ints: Any, unit: Any, binary: Any) -> Any:
    """Add one event to the open step's input; a pixel's second is added to its first, or left out (`binary`)."""
    step = peek(ints, at.STEP) + 1
    slot = step % peek(code, INPUT_ROW + at.HISTORY)
    opened, counter = peek(code, INPUT_ROW + at.FIRED_AT) + slot, peek(code, INPUT_ROW + at.FIRED_COUNT) + slot
    if peek(ints, opened) != step:
        poke(ints, opened, step)
        poke(ints, counter, 0)
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
def _take_dense(code: Any, floats: Any, ints: Any, x: Any, first: Any, size: Any) -> Any:
    """Make the open step's input what is not 0 of `size` values of `x` from `first` on; return if all are finite."""
    step = peek(ints, at.STEP) + 1
    slot = step % peek(code, INPUT_ROW + at.HISTORY)
    room = slot * peek(code, INPUT_ROW + at.UNITS_IN_ALL)
    listed, values = peek(code, INPUT_ROW + at.FIRED) + room, peek(code, INPUT_ROW + at.VALUES) + room
    count, whole = 0, size // at.LANES * at.LANES
    for begin in range(0, size, at.LANES):
        found = lanes_set(x, first + begin) if begin < whole else (1 << (size - whole)) - 1
        while found:
            k = begin + lowest(found)
            found &= found - 1
            value = peek(x, first + k)
            poke(ints, listed + count, k)
            poke(floats, values + count, value)
            count += 1 if value != 0 else 0
            if not np.isfinite(value):
                return False
    if count > 0:
        poke(ints, peek(code, INPUT_ROW + at.FIRED_AT) + slot, step)
        poke(ints, peek(code, INPUT_ROW + at.FIRED_COUNT) + slot, count)
    return True


@inner
def _write_output(code: Any, floats: Any, ints: Any, out: Any, first: Any) -> Any:
    """Write what the output population put out in the last step into `out` from `first` on, where zeros are."""
    row = peek(code, at.OUTPUT)
    listed, given, count = _last_outputs(code, ints, row, peek(ints, at.STEP))
    for k in range(count):
        poke(out, first + peek(code, peek(code, at.OUTPUT_PLACES) + peek(ints, listed + k)), peek(floats, given + k))
