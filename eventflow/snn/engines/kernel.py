"""The whole network in one call: a step, many steps, or a stream of events cut into steps as it goes."""

from __future__ import annotations

from typing import Any

import numpy as np

from eventflow.kernels.jit import jit
from eventflow.kernels.words import p_of, x_of, y_of
from eventflow.snn.engines import fields as at
from eventflow.snn.engines.lanes import any_lane
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
    room = len(steps) - code[code[at.OUTPUT] + at.SITES] * code[code[at.OUTPUT] + at.WIDTH]
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


@jit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _close_and_note(
    code: Any, weights: Any, floats: Any, ints: Any, replay: Any, target: Any, steps: Any, units: Any, values: Any,
    written: Any,
) -> Any:  # fmt: skip
    """Close the open step, or all up to `target` where nothing can happen in them; return the outputs written."""
    if _is_idle(code, ints):
        ints[at.STEP] = target
        return written
    _close_step(code, weights, floats, ints, replay)
    row, step = np.int64(code[at.OUTPUT]), ints[at.STEP]
    slot = step % code[row + at.HISTORY]
    room = slot * code[row + at.SITES] * code[row + at.WIDTH]
    if ints[code[row + at.FIRED_AT] + slot] != step:
        return written
    for k in range(ints[code[row + at.FIRED_COUNT] + slot]):
        steps[written] = step - 1
        units[written] = code[code[at.OUTPUT_PLACES] + ints[code[row + at.FIRED] + room + k]]
        values[written] = floats[code[row + at.VALUES] + room + k]
        written += 1
    return written


@jit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _is_idle(code: Any, ints: Any) -> Any:
    """Return whether the open step has no input and nothing in the network waits for it."""
    step = ints[at.STEP] + 1
    slot = step % code[INPUT_ROW + at.HISTORY]
    has_input = ints[code[INPUT_ROW + at.FIRED_AT] + slot] == step
    return code[at.RESTS] > 0 and step > ints[at.BUSY_UNTIL] and not has_input


@jit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _close_step(code: Any, weights: Any, floats: Any, ints: Any, replay: Any) -> Any:
    """Run every population for the open step."""
    idle = _is_idle(code, ints)
    step = ints[at.STEP] + 1
    ints[at.STEP] = step
    if idle:
        return
    slot = step % code[INPUT_ROW + at.HISTORY]
    fired = ints[code[INPUT_ROW + at.FIRED_AT] + slot] == step and ints[code[INPUT_ROW + at.FIRED_COUNT] + slot] > 0
    again = False
    for number in range(1, code[at.POPULATIONS]):
        row = np.int64(at.HEADER + number * at.POPULATION_WORDS)
        for connection in range(
            code[row + at.FIRST_CONNECTION], code[row + at.END_CONNECTION], at.CONNECTION_WORDS
        ):
            scatter(code, weights, floats, ints, connection, row, step)
        again |= update(code, weights, floats, ints, row, step, replay) > 0
        fired |= ints[code[row + at.FIRED_COUNT] + step % code[row + at.HISTORY]] > 0
    if fired:
        ints[at.BUSY_UNTIL] = step + max(code[at.RESTS], 1)
    elif again:
        ints[at.BUSY_UNTIL] = max(ints[at.BUSY_UNTIL], step + 1)


@jit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _open_input(code: Any, ints: Any) -> Any:
    """Return the slot of the open step's input, emptied if it is the first that comes."""
    step = ints[at.STEP] + 1
    slot = step % code[INPUT_ROW + at.HISTORY]
    if ints[code[INPUT_ROW + at.FIRED_AT] + slot] != step:
        ints[code[INPUT_ROW + at.FIRED_AT] + slot] = step
        ints[code[INPUT_ROW + at.FIRED_COUNT] + slot] = 0
    return slot


@jit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _take_event(
    code: Any, floats: Any, ints: Any, place: Any, width: Any, height: Any, planes: Any, binary: Any
) -> Any:
    """Add one event to the open step's input; a pixel's second is added to its first, or left out (`binary`)."""
    slot = _open_input(code, ints)
    plane = np.int64(p_of(place)) if planes == 2 else 0
    unit = (plane * height + np.int64(y_of(place))) * width + np.int64(x_of(place))
    room = slot * code[INPUT_ROW + at.SITES]
    listed, values = code[INPUT_ROW + at.FIRED] + room, code[INPUT_ROW + at.VALUES] + room
    count = ints[code[INPUT_ROW + at.FIRED_COUNT] + slot]
    number = ints[code[INPUT_ROW + at.LISTS] + unit]
    if number < count and ints[listed + number] == unit:
        if not binary:
            floats[values + number] += 1
        return
    ints[code[INPUT_ROW + at.LISTS] + unit] = count
    ints[listed + count] = unit
    floats[values + count] = 1
    ints[code[INPUT_ROW + at.FIRED_COUNT] + slot] = count + 1


@jit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _take_dense(code: Any, floats: Any, ints: Any, x: Any) -> Any:
    """Make the open step's input the values of `x` that are not 0; return whether all are finite."""
    step = ints[at.STEP] + 1
    slot = step % code[INPUT_ROW + at.HISTORY]
    room = slot * code[INPUT_ROW + at.SITES]
    listed, values = code[INPUT_ROW + at.FIRED] + room, code[INPUT_ROW + at.VALUES] + room
    count = 0
    whole = len(x) // at.LANES * at.LANES
    for block in range(0, whole, at.LANES):
        if any_lane(x, np.uint64(block)):
            for k in range(block, block + at.LANES):
                if x[k] != 0:
                    ints[listed + count] = k
                    floats[values + count] = x[k]
                    count += 1
    for k in range(whole, len(x)):
        if x[k] != 0:
            ints[listed + count] = k
            floats[values + count] = x[k]
            count += 1
    for k in range(count):
        if not np.isfinite(floats[values + k]):
            return False
    if count:
        ints[code[INPUT_ROW + at.FIRED_AT] + slot] = step
        ints[code[INPUT_ROW + at.FIRED_COUNT] + slot] = count
    return True


@jit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _write_output(code: Any, floats: Any, ints: Any, out: Any) -> Any:
    """Write what the output population put out in the last step into `out`, which is zeros."""
    row, step = np.int64(code[at.OUTPUT]), ints[at.STEP]
    slot = step % code[row + at.HISTORY]
    if ints[code[row + at.FIRED_AT] + slot] != step:
        return
    room = slot * code[row + at.SITES] * code[row + at.WIDTH]
    for k in range(ints[code[row + at.FIRED_COUNT] + slot]):
        unit = ints[code[row + at.FIRED] + room + k]
        out[code[code[at.OUTPUT_PLACES] + unit]] = floats[code[row + at.VALUES] + room + k]
