"""From spikes to the neurons they reach: the loops over connections.

A unit's fan-out lies contiguous in the weights: for a convolution the taps of one kernel row that reach neighbouring
sites, all output channels of each; for a matrix all outputs. So a spike is a few runs of vector additions.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from eventflow.snn.engines import fields as at
from eventflow.snn.engines.lanes import add_lanes, inner, peek, poke


@inner
def scatter(code: Any, weights: Any, floats: Any, ints: Any, connection: Any, target: Any, step: Any) -> Any:
    """Add what the source of `connection` (a row of `code`) fired to the drive of `target` (a row) at `step`."""
    how = peek(code, connection + at.HOW)
    source = peek(code, connection + at.SOURCE)
    for delay in range(peek(code, connection + at.DELAYS)):
        when = step - peek(code, connection + at.LAG) - delay
        slot = when % peek(code, source + at.HISTORY)
        if when < 1 or peek(ints, peek(code, source + at.FIRED_AT) + slot) != when:
            continue
        count = peek(ints, peek(code, source + at.FIRED_COUNT) + slot)
        if count == 0:
            continue
        room = slot * peek(code, source + at.UNITS_IN_ALL)
        units, values = peek(code, source + at.FIRED) + room, peek(code, source + at.VALUES) + room
        if how == at.CONVOLUTION:
            done = _convolve(code, weights, floats, ints, connection, target, step, units, values, count)
        elif how == at.MATRIX:
            done = _multiply(code, weights, floats, ints, connection, target, step, units, values, count)
        else:
            done = _spread(code, weights, floats, ints, connection, target, step, units, values, count, delay)
        counter = peek(code, connection + at.SYNOPS)
        poke(ints, counter, peek(ints, counter) + done)


@inner
def _convolve(
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
) -> Any:
    width, height = np.uint32(peek(code, row + at.IN_WIDTH)), np.uint32(peek(code, row + at.IN_HEIGHT))
    places, factors = peek(code, row + at.PLACES), peek(code, row + at.FACTORS)
    rows_of, rows = peek(code, row + at.ROWS_OF), peek(code, row + at.ROWS)
    runs_of, runs = peek(code, row + at.RUNS_OF), peek(code, row + at.RUNS)
    tap_words, per_channel = peek(code, row + at.TAP_WORDS), peek(code, row + at.TAPS_OF_CHANNEL)
    first_weight, channels = peek(code, row + at.WEIGHTS), peek(code, row + at.CHANNELS)
    group_in, group_out = np.uint32(peek(code, row + at.GROUP_IN)), peek(code, row + at.GROUP_OUT)
    out_width = peek(code, row + at.OUT_WIDTH)
    site_words, drive = peek(code, target + at.WIDTH), peek(code, target + at.DRIVE)
    restless = peek(code, target + at.RESTLESS)
    half = step & 1
    counter = peek(code, target + at.ACTIVE) + half
    listed = peek(code, target + at.LISTS) + half * (peek(code, target + at.SITES) + 1)
    touched = peek(code, target + at.TOUCHED_AT)
    active = 0 if restless else peek(ints, counter)
    taps_done = 0
    for n in range(count):
        unit, value = peek(ints, units + n), peek(floats, values + n)
        if factors >= 0:
            value *= peek(weights, factors + unit)
        place = unit if places < 0 else peek(code, places + unit)
        if place < 0:
            continue
        line = np.uint32(place) // width
        x = np.int64(np.uint32(place) - line * width)
        channel = line // height
        y = np.int64(line - channel * height)
        first_run, end_run = peek(code, runs_of + x), peek(code, runs_of + x + 1)
        of_channel = first_weight + np.int64(channel) * per_channel
        for upright in range(peek(code, rows_of + y), peek(code, rows_of + y + 1)):
            base = peek(code, rows + 2 * upright) * out_width
            kernel_row = of_channel + peek(code, rows + 2 * upright + 1) * channels * per_channel
            for run in range(first_run, end_run):
                site = base + peek(code, runs + 3 * run)
                taps = peek(code, runs + 3 * run + 2)
                taps_done += taps
                if not restless:
                    for reached in range(site, site + taps):
                        # written always, kept only where the site is new: no branch to mispredict
                        poke(ints, listed + active, reached)
                        active += np.int64(peek(ints, touched + reached) != step)
                        poke(ints, touched + reached, step)
                first = kernel_row + peek(code, runs + 3 * run + 1)
                state = drive + site * site_words
                if group_out == 0:
                    for j in range(0, taps * tap_words, at.LANES):
                        add_lanes(floats, state + j, weights, first + j, value)
                    continue
                state += np.int64(channel // group_in) * group_out
                for k in range(taps):
                    for j in range(group_out):
                        own = state + k * site_words + j
                        poke(floats, own, peek(floats, own) + value * peek(weights, first + k * tap_words + j))
    if not restless:
        poke(ints, counter, active)
    return taps_done * peek(code, row + at.UNITS)


@inner
def _multiply(
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
) -> Any:
    places, factors = peek(code, row + at.PLACES), peek(code, row + at.FACTORS)
    words, drive = peek(code, target + at.WIDTH), peek(code, target + at.DRIVE)
    first_weight = peek(code, row + at.WEIGHTS)
    reached = 0
    for n in range(count):
        unit, value = peek(ints, units + n), peek(floats, values + n)
        if factors >= 0:
            value *= peek(weights, factors + unit)
        place = unit if places < 0 else peek(code, places + unit)
        if place < 0:
            continue
        own = first_weight + place * words
        for j in range(0, words, at.LANES):
            add_lanes(floats, drive + j, weights, own + j, value)
        reached += 1
    if reached > 0:
        touch(code, ints, target, drive, step)
    return reached * peek(code, row + at.UNITS)


@inner
def _spread(
    code: Any, weights: Any, floats: Any, ints: Any, row: Any, target: Any, step: Any, units: Any, values: Any,
    count: Any, delay: Any,
) -> Any:  # fmt: skip
    """Follow lists of synapses, or place each unit where it belongs."""
    starts = peek(code, row + at.STARTS) + delay * (peek(code, row + at.UNITS) + 1)
    targets, own = peek(code, row + at.TARGETS), peek(code, row + at.WEIGHTS)
    drive = peek(code, target + at.DRIVE)
    done = 0
    for n in range(count):
        unit, value = peek(ints, units + n), peek(floats, values + n)
        for entry in range(peek(code, starts + unit), peek(code, starts + unit + 1)):
            place = drive + peek(code, targets + entry)
            poke(floats, place, peek(floats, place) + value * peek(weights, own + entry))
            touch(code, ints, target, place, step)
            done += 1
    return done * peek(code, row + at.COUNTED)


@inner
def touch(code: Any, ints: Any, target: Any, place: Any, step: Any) -> Any:
    """Put the site of a drive's `place` on the target's list for this step, once."""
    if peek(code, target + at.RESTLESS) != 0:
        return
    site = (place - peek(code, target + at.DRIVE)) // peek(code, target + at.WIDTH)
    stamp = peek(code, target + at.TOUCHED_AT) + site
    if peek(ints, stamp) == step:
        return
    half = step & 1
    counter = peek(code, target + at.ACTIVE) + half
    number = peek(ints, counter)
    poke(ints, peek(code, target + at.LISTS) + half * (peek(code, target + at.SITES) + 1) + number, site)
    poke(ints, counter, number + 1)
    poke(ints, stamp, step)
