"""From spikes to the neurons they reach: the loops over connections.

A unit's fan-out lies contiguous in the weights: for a convolution the taps of one kernel row that reach neighbouring
sites, all output channels of each; for a matrix all outputs. So a spike is a few runs of vector additions.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from eventflow.kernels.jit import jit
from eventflow.snn.engines import fields as at
from eventflow.snn.engines.lanes import STRIDE, add_lanes


@jit(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def scatter(code: Any, weights: Any, floats: Any, ints: Any, connection: Any, target: Any, step: Any) -> Any:
    """Add what the source of `connection` (a row of `code`) fired to the drive of `target` (a row) at `step`."""
    how = code[connection + at.HOW]
    for delay in range(code[connection + at.DELAYS]):
        source = np.int64(code[connection + at.SOURCE])
        when = step - code[connection + at.LAG] - delay
        slot = when % code[source + at.HISTORY]
        if when < 1 or ints[code[source + at.FIRED_AT] + slot] != when:
            continue
        count = ints[code[source + at.FIRED_COUNT] + slot]
        room = slot * code[source + at.SITES] * code[source + at.WIDTH]
        units, values = code[source + at.FIRED] + room, code[source + at.VALUES] + room
        if how == at.CONVOLUTION:
            done = _convolve(code, weights, floats, ints, connection, target, step, units, values, count)
        elif how == at.MATRIX:
            done = _multiply(code, weights, floats, ints, connection, target, step, units, values, count)
        elif how == at.PLACEMENT:
            done = _place(code, weights, floats, ints, connection, target, step, units, values, count)
        else:
            done = _spread(code, weights, floats, ints, connection, target, step, units, values, count, delay)
        ints[code[connection + at.SYNOPS]] += done


@jit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _touch(code: Any, ints: Any, target: Any, site: Any, step: Any) -> Any:
    """Put `site` on the target's list for this step, once."""
    stamp = np.uint64(code[target + at.TOUCHED_AT] + site)
    half = step & 1
    counter = np.uint64(code[target + at.ACTIVE] + half)
    number = ints[counter]
    ints[np.uint64(code[target + at.LISTS] + half * (code[target + at.SITES] + 1) + number)] = site
    ints[counter] = number + (ints[stamp] != step)
    ints[stamp] = step


@jit(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _convolve(
    code: Any, weights: Any, floats: Any, ints: Any, row: Any, target: Any, step: Any, units: Any, values: Any, count: Any
) -> Any:
    width, height = np.uint32(code[row + at.IN_WIDTH]), np.uint32(code[row + at.IN_HEIGHT])
    places, factors = code[row + at.PLACES], code[row + at.FACTORS]
    rows_of, rows = code[row + at.ROWS_OF], code[row + at.ROWS]
    runs_of, runs = code[row + at.RUNS_OF], code[row + at.RUNS]
    tap_words, per_channel = np.int64(code[row + at.TAP_WORDS]), np.int64(code[row + at.TAPS_OF_CHANNEL])
    first_weight, channels = np.int64(code[row + at.WEIGHTS]), np.int64(code[row + at.CHANNELS])
    group_in, group_out = np.uint32(code[row + at.GROUP_IN]), np.int64(code[row + at.GROUP_OUT])
    out_width = np.int64(code[row + at.OUT_WIDTH])
    site_words, drive = np.int64(code[target + at.WIDTH]), np.int64(code[target + at.DRIVE])
    restless = code[target + at.RESTLESS]
    taps_done = 0
    for n in range(count):
        unit, value = ints[units + n], floats[values + n]
        if factors >= 0:
            value *= weights[factors + unit]
        place = unit if places < 0 else np.int64(code[places + unit])
        if place < 0:
            continue
        line = np.uint32(place) // width
        x = np.int64(np.uint32(place) - line * width)
        channel = line // height
        y = np.int64(line - channel * height)
        lane = np.int64(channel // group_in) * group_out if group_out else 0
        for upright in range(code[rows_of + y], code[rows_of + y + 1]):
            base = np.int64(code[rows + 2 * upright]) * out_width
            kernel_row = first_weight + (code[rows + 2 * upright + 1] * channels + np.int64(channel)) * per_channel
            for run in range(code[runs_of + x], code[runs_of + x + 1]):
                site = base + code[runs + 3 * run]
                taps = np.int64(code[runs + 3 * run + 2])
                taps_done += taps
                if not restless:
                    for k in range(taps):
                        _touch(code, ints, target, site + k, step)
                first = kernel_row + code[runs + 3 * run + 1]
                if not group_out:
                    _add(floats, drive + site * site_words, weights, first, taps * tap_words, value)
                    continue
                for k in range(taps):
                    for j in range(group_out):
                        reached = drive + (site + k) * site_words + lane + j
                        floats[reached] += value * weights[first + k * tap_words + j]
    return taps_done * code[row + at.UNITS]


@jit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _add(floats: Any, start: Any, weights: Any, row: Any, count: Any, value: Any) -> Any:
    """floats[start + k] += value * weights[row + k] for k below `count`, a multiple of the lanes."""
    state, own, left = np.uint64(start), np.uint64(row), count
    while left > 0:
        add_lanes(floats, state, weights, own, value)
        state += STRIDE
        own += STRIDE
        left -= at.LANES


@jit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _multiply(
    code: Any, weights: Any, floats: Any, ints: Any, row: Any, target: Any, step: Any, units: Any, values: Any, count: Any
) -> Any:
    places, factors = code[row + at.PLACES], code[row + at.FACTORS]
    words, drive = np.int64(code[target + at.WIDTH]), np.int64(code[target + at.DRIVE])
    first_weight = np.int64(code[row + at.WEIGHTS])
    reached = 0
    for n in range(count):
        unit, value = ints[units + n], floats[values + n]
        if factors >= 0:
            value *= weights[factors + unit]
        place = unit if places < 0 else np.int64(code[places + unit])
        if place < 0:
            continue
        _add(floats, drive, weights, first_weight + place * words, words, value)
        reached += 1
    if reached and not code[target + at.RESTLESS]:
        _touch(code, ints, target, 0, step)
    return reached * code[row + at.UNITS]


@jit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _place(
    code: Any, weights: Any, floats: Any, ints: Any, row: Any, target: Any, step: Any, units: Any, values: Any, count: Any
) -> Any:
    places, factors = code[row + at.PLACES], code[row + at.FACTORS]
    for n in range(count):
        unit, value = ints[units + n], floats[values + n]
        if factors >= 0:
            value *= weights[factors + unit]
        place = np.int64(code[places + unit])
        if place < 0:
            continue
        floats[code[target + at.DRIVE] + place] += value
        if not code[target + at.RESTLESS]:
            _touch(code, ints, target, place // code[target + at.WIDTH], step)
    return 0


@jit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _spread(
    code: Any,
    weights: Any,
    floats: Any,
    ints: Any,
    row: Any,
    target: Any,
    step: Any,
    units: Any,
    values: Any,
    count: Any,
    delay: Any,
) -> Any:
    starts = code[row + at.STARTS] + delay * (code[row + at.UNITS] + 1)
    done = 0
    for n in range(count):
        unit, value = ints[units + n], floats[values + n]
        for entry in range(code[starts + unit], code[starts + unit + 1]):
            place = np.int64(code[code[row + at.TARGETS] + entry])
            floats[code[target + at.DRIVE] + place] += value * weights[code[row + at.WEIGHTS] + entry]
            if not code[target + at.RESTLESS]:
                _touch(code, ints, target, place // code[target + at.WIDTH], step)
            done += 1
    return done
