"""The update of the neurons a step reached: decay, drive, fire, reset, and who has to be seen again next step.

A site that nothing reaches is left alone when its neurons cannot fire by themselves; when something reaches it, the
steps it missed are made up for first, in the order in which a dense simulation would have done them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from eventflow.kernels.jit import jit
from eventflow.snn.engines import fields as at
from eventflow.snn.engines.catching_up import catch_up, value_of
from eventflow.snn.engines.lanes import STRIDE, advance_lanes


@jit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def update(code: Any, weights: Any, floats: Any, ints: Any, row: Any, step: Any, replay: Any) -> Any:
    """Advance the population at `row` of `code` to `step`; return how many sites must be seen at the next step."""
    sites, half = np.int64(code[row + at.SITES]), step & 1
    slot = step % code[row + at.HISTORY]
    ints[code[row + at.FIRED_AT] + slot] = step
    ints[code[row + at.FIRED_COUNT] + slot] = 0
    restless = code[row + at.RESTLESS]
    count = sites if restless else ints[code[row + at.ACTIVE] + half]
    listed = code[row + at.LISTS] + half * (sites + 1)
    for k in range(count):
        site = k if restless else ints[listed + k]
        _update_site(code, weights, floats, ints, row, site, step, slot, replay)
    ints[code[row + at.ACTIVE] + half] = 0
    ints[code[row + at.FIRED_TOTAL]] += ints[code[row + at.FIRED_COUNT] + slot]
    ints[code[row + at.UPDATED_TOTAL]] += count
    return sites if restless else ints[code[row + at.ACTIVE] + 1 - half]


@jit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _update_site(
    code: Any, weights: Any, floats: Any, ints: Any, row: Any, site: Any, step: Any, slot: Any, replay: Any
) -> Any:
    kind = code[row + at.KIND]
    if kind == at.RELAY:
        _relay(code, weights, floats, ints, row, site, slot)
        return
    if not code[row + at.STILL]:
        seen = np.uint64(code[row + at.UP_TO] + site)
        missed = step - 1 - ints[seen]
        ints[seen] = step
        if missed > 0:
            catch_up(code, weights, floats, row, site, missed, replay)
    width = np.int64(code[row + at.WIDTH])
    if code[row + at.PLAIN]:
        over = _advance(code, weights, floats, row, site, width)
    else:
        over = _advance_any(code, weights, floats, row, site, width)
    if kind == at.READOUT:
        _read_out(code, floats, ints, row, site, slot)
        return
    again = over and _fire(code, weights, floats, ints, row, site, slot)
    if code[row + at.RESTLESS]:
        return
    if again or (code[row + at.HAS_CURRENT] and _may_fire_alone(code, weights, floats, row, site, width)):
        _see_again(code, ints, row, site, step)


@jit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _advance(code: Any, weights: Any, floats: Any, row: Any, site: Any, width: Any) -> Any:
    """Advance v by one step, without anything that needs the state before; return whether a neuron may fire."""
    decay = np.uint64(code[row + at.DECAY] + site * code[row + at.DECAY + 1])
    gain = np.uint64(code[row + at.GAIN] + site * code[row + at.GAIN + 1])
    offset = np.uint64(code[row + at.OFFSET] + site * code[row + at.OFFSET + 1])
    bias = np.uint64(code[row + at.BIAS] + site * code[row + at.BIAS + 1])
    threshold = np.uint64(code[row + at.THRESHOLD] + site * code[row + at.THRESHOLD + 1])
    v = np.uint64(code[row + at.V] + site * width)
    drive = np.uint64(code[row + at.DRIVE] + site * width)
    over = False
    for _ in range(width // at.LANES):
        over |= advance_lanes(floats, v, drive, weights, decay, gain, offset, bias, threshold)
        v, drive, threshold, bias = v + STRIDE, drive + STRIDE, threshold + STRIDE, bias + STRIDE
        decay, gain, offset = decay + STRIDE, gain + STRIDE, offset + STRIDE
    return over


@jit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _advance_any(code: Any, weights: Any, floats: Any, row: Any, site: Any, width: Any) -> Any:
    """Advance all of a site's state by one step; return whether a neuron may fire."""
    over = False
    reset = code[row + at.RESET]
    for lane in range(width):
        unit = site * width + lane
        x = floats[code[row + at.DRIVE] + unit] + value_of(code, weights, row, at.BIAS, site, lane)
        floats[code[row + at.DRIVE] + unit] = 0
        v = floats[code[row + at.V] + unit]
        threshold = value_of(code, weights, row, at.THRESHOLD, site, lane)
        fired_before = reset >= at.DELAYED and (v > threshold if code[row + at.ABOVE] else v >= threshold)
        before = x
        if code[row + at.HAS_CURRENT]:
            before = floats[code[row + at.I] + unit]
            x = (
                value_of(code, weights, row, at.CURRENT_DECAY, site, lane) * before
                + value_of(code, weights, row, at.CURRENT_GAIN, site, lane) * x
            )
            floats[code[row + at.I] + unit] = x
        v = (
            value_of(code, weights, row, at.DECAY, site, lane) * v
            + value_of(code, weights, row, at.GAIN, site, lane) * x
        ) + value_of(code, weights, row, at.OFFSET, site, lane)
        if code[row + at.HAS_PREVIOUS]:
            v += value_of(code, weights, row, at.PREVIOUS_GAIN, site, lane) * before
        if fired_before:
            v = v - threshold if reset == at.DELAYED else value_of(code, weights, row, at.V_RESET, site, lane)
        floats[code[row + at.V] + unit] = v
        over |= code[row + at.HAS_ADAPTATION] != 0 or v >= threshold
    return over


@jit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _fire(code: Any, weights: Any, floats: Any, ints: Any, row: Any, site: Any, slot: Any) -> Any:
    """Note which neurons of a site fire and reset them; return whether one may fire again without input."""
    again = False
    reset, above = code[row + at.RESET], code[row + at.ABOVE]
    width = np.int64(code[row + at.WIDTH])
    for lane in range(width):
        v = floats[code[row + at.V] + site * width + lane]
        threshold = value_of(code, weights, row, at.THRESHOLD, site, lane)
        level = threshold
        if code[row + at.HAS_ADAPTATION]:
            level += (
                value_of(code, weights, row, at.ADAPTATION_STRENGTH, site, lane)
                * floats[code[row + at.A] + site * width + lane]
            )
        spikes = threshold * 0
        if v > level or (v == level and not above):
            spikes = spikes + 1
            if reset == at.ZERO:
                v = value_of(code, weights, row, at.V_RESET, site, lane)
            elif reset == at.SUBTRACT:
                v -= level
            elif reset == at.MULTISPIKE:
                spikes = np.floor(v / level)
                v -= spikes * level
            floats[code[row + at.V] + site * width + lane] = v
            _emit(code, floats, ints, row, slot, site * width + lane, spikes)
        if code[row + at.HAS_ADAPTATION]:
            unit = code[row + at.A] + site * width + lane
            floats[unit] = (
                value_of(code, weights, row, at.ADAPTATION_DECAY, site, lane) * floats[unit]
                + value_of(code, weights, row, at.ADAPTATION_JUMP, site, lane) * spikes
            )
        again |= v >= threshold
    return again


@jit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _may_fire_alone(code: Any, weights: Any, floats: Any, row: Any, site: Any, width: Any) -> Any:
    """Return whether a neuron's current could still lift it to its threshold; errs towards yes."""
    for lane in range(width):
        v = max(floats[code[row + at.V] + site * width + lane], value_of(code, weights, row, at.REST, site, lane))
        current = floats[code[row + at.I] + site * width + lane]
        if v + abs(current) * value_of(code, weights, row, at.REACH, site, lane) >= value_of(
            code, weights, row, at.THRESHOLD, site, lane
        ) * (1 - 1e-4):
            return True
    return False


@jit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _see_again(code: Any, ints: Any, row: Any, site: Any, step: Any) -> Any:
    counter = code[row + at.ACTIVE] + ((step + 1) & 1)
    ints[code[row + at.LISTS] + ((step + 1) & 1) * (code[row + at.SITES] + 1) + ints[counter]] = site
    ints[counter] += 1
    ints[code[row + at.TOUCHED_AT] + site] = step + 1


@jit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _emit(code: Any, floats: Any, ints: Any, row: Any, slot: Any, unit: Any, value: Any) -> Any:
    number = ints[code[row + at.FIRED_COUNT] + slot]
    room = slot * code[row + at.SITES] * code[row + at.WIDTH] + number
    ints[code[row + at.FIRED] + room] = unit
    floats[code[row + at.VALUES] + room] = value
    ints[code[row + at.FIRED_COUNT] + slot] = number + 1


@jit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _relay(code: Any, weights: Any, floats: Any, ints: Any, row: Any, site: Any, slot: Any) -> Any:
    """Pass on what arrived at a site."""
    width = np.int64(code[row + at.WIDTH])
    for lane in range(width):
        unit = site * width + lane
        x = floats[code[row + at.DRIVE] + unit] + value_of(code, weights, row, at.BIAS, site, lane)
        floats[code[row + at.DRIVE] + unit] = 0
        if x != 0:
            _emit(code, floats, ints, row, slot, unit, x)


@jit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _read_out(code: Any, floats: Any, ints: Any, row: Any, site: Any, slot: Any) -> Any:
    """Put out v."""
    width = np.int64(code[row + at.WIDTH])
    for lane in range(width):
        v = floats[code[row + at.V] + site * width + lane]
        if v != 0:
            _emit(code, floats, ints, row, slot, site * width + lane, v)
