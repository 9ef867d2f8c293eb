"""The update of the neurons a step reached: decay, drive, fire, reset, and who has to be seen again next step.

A site that nothing reaches is left alone when its neurons cannot fire by themselves; when something reaches it, the
steps it missed are made up for first, in the order in which a dense simulation would have done them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from eventflow.snn.engines import fields as at
from eventflow.snn.engines.catching_up import catch_up
from eventflow.snn.engines.lanes import advance_lanes, inner, lowest, peek, poke


@inner
def update(code: Any, weights: Any, floats: Any, ints: Any, row: Any, step: Any, replay: Any) -> Any:
    """Advance the population at `row` of `code` to `step`; return how many sites must be seen at the next step."""
    sites, half = peek(code, row + at.SITES), step & 1
    slot = step % peek(code, row + at.HISTORY)
    poke(ints, peek(code, row + at.FIRED_AT) + slot, step)
    fired = peek(code, row + at.FIRED_COUNT) + slot
    poke(ints, fired, 0)
    restless, active = peek(code, row + at.RESTLESS), peek(code, row + at.ACTIVE)
    count = sites if restless else peek(ints, active + half)
    if count > 0:
        listed = peek(code, row + at.LISTS) + half * (sites + 1)
        if peek(code, row + at.PLAIN):
            _update_plain(code, weights, floats, ints, row, step, slot, replay, listed, count)
        else:
            _update_any(code, weights, floats, ints, row, step, slot, replay, listed, count)
        total, updated = peek(code, row + at.FIRED_TOTAL), peek(code, row + at.UPDATED_TOTAL)
        poke(ints, total, peek(ints, total) + peek(ints, fired))
        poke(ints, updated, peek(ints, updated) + count)
    poke(ints, active + half, 0)
    return sites if restless else peek(ints, active + 1 - half)


@inner
def _update_plain(
    code: Any,
    weights: Any,
    floats: Any,
    ints: Any,
    row: Any,
    step: Any,
    slot: Any,
    replay: Any,
    listed: Any,
    count: Any,
) -> Any:
    """Advance neurons that are v and a drive only, eight at a time; look closer where one reached its level."""
    restless, still, width = peek(code, row + at.RESTLESS), peek(code, row + at.STILL), peek(code, row + at.WIDTH)
    first_v, first_drive = peek(code, row + at.V), peek(code, row + at.DRIVE)
    decays, by_decay = peek(code, row + at.DECAY), peek(code, row + at.DECAY + 1)
    gains, by_gain = peek(code, row + at.GAIN), peek(code, row + at.GAIN + 1)
    offsets, by_offset = peek(code, row + at.OFFSET), peek(code, row + at.OFFSET + 1)
    biases, by_bias = peek(code, row + at.BIAS), peek(code, row + at.BIAS + 1)
    thresholds, by_threshold = peek(code, row + at.THRESHOLD), peek(code, row + at.THRESHOLD + 1)
    for k in range(count):
        site = k if restless else peek(ints, listed + k)
        if not still:
            _arrive(code, weights, floats, ints, row, site, step, replay)
        again = False
        for j in range(0, width, at.LANES):
            over = advance_lanes(
                floats, first_v + site * width + j, first_drive + site * width + j, weights,
                decays + site * by_decay + j, gains + site * by_gain + j, offsets + site * by_offset + j,
                biases + site * by_bias + j, thresholds + site * by_threshold + j,
            )  # fmt: skip
            while over:
                lane = j + lowest(over)
                over &= over - 1
                again |= _fire(code, weights, floats, ints, row, site, lane, slot, peek(weights, 0) * 0)
        if again and not restless:
            _see_again(code, ints, row, site, step)


@inner
def _arrive(code: Any, weights: Any, floats: Any, ints: Any, row: Any, site: Any, step: Any, replay: Any) -> Any:
    """Bring a site to the end of the step before this one, and note that it is seen in this."""
    seen = peek(code, row + at.UP_TO) + site
    missed = step - 1 - peek(ints, seen)
    poke(ints, seen, step)
    if missed > 0:
        catch_up(code, weights, floats, row, site, missed, replay)


@inner
def _update_any(
    code: Any,
    weights: Any,
    floats: Any,
    ints: Any,
    row: Any,
    step: Any,
    slot: Any,
    replay: Any,
    listed: Any,
    count: Any,
) -> Any:
    """Advance populations of every other kind, a unit at a time."""
    restless, still, width = peek(code, row + at.RESTLESS), peek(code, row + at.STILL), peek(code, row + at.WIDTH)
    kind = peek(code, row + at.KIND)
    for k in range(count):
        site = k if restless else peek(ints, listed + k)
        if not still:
            _arrive(code, weights, floats, ints, row, site, step, replay)
        again = False
        for lane in range(width):
            before = peek(weights, 0) * 0
            if kind == at.RELAY:
                drive = peek(code, row + at.DRIVE) + site * width + lane
                out = peek(floats, drive) + value_of(code, weights, row, at.BIAS, site, lane)
                poke(floats, drive, 0)
            else:
                before = peek(floats, peek(code, row + at.V) + site * width + lane)
                out = _advance(code, weights, floats, row, site, lane)
            if kind != at.SPIKING:
                if out != 0:
                    _emit(code, floats, ints, row, slot, site * width + lane, out)
                continue
            again |= _fire(code, weights, floats, ints, row, site, lane, slot, before)
            if not again:
                again = _may_fire_alone(code, weights, floats, row, site, lane)
        if again and not restless:
            _see_again(code, ints, row, site, step)


@inner
def value_of(code: Any, weights: Any, row: Any, which: Any, site: Any, lane: Any) -> Any:
    """Return one neuron's value of a parameter."""
    return peek(weights, peek(code, row + which) + site * peek(code, row + which + 1) + lane)


@inner
def _advance(code: Any, weights: Any, floats: Any, row: Any, site: Any, lane: Any) -> Any:
    """Advance a neuron's current and potential by one step; return the potential."""
    unit = site * peek(code, row + at.WIDTH) + lane
    own, reset = peek(code, row + at.V) + unit, peek(code, row + at.RESET)
    drive = peek(code, row + at.DRIVE) + unit
    x = peek(floats, drive) + value_of(code, weights, row, at.BIAS, site, lane)
    poke(floats, drive, 0)
    v, threshold = peek(floats, own), value_of(code, weights, row, at.THRESHOLD, site, lane)
    fired_before = reset >= at.DELAYED and (v > threshold or (v == threshold and not peek(code, row + at.ABOVE)))
    before = x
    if peek(code, row + at.HAS_CURRENT):
        before = peek(floats, peek(code, row + at.I) + unit)
        x = (
            value_of(code, weights, row, at.CURRENT_DECAY, site, lane) * before
            + value_of(code, weights, row, at.CURRENT_GAIN, site, lane) * x
        )
        poke(floats, peek(code, row + at.I) + unit, x)
    v = (
        value_of(code, weights, row, at.DECAY, site, lane) * v + value_of(code, weights, row, at.GAIN, site, lane) * x
    ) + value_of(code, weights, row, at.OFFSET, site, lane)
    if peek(code, row + at.HAS_PREVIOUS):
        v += value_of(code, weights, row, at.PREVIOUS_GAIN, site, lane) * before
    if fired_before:
        v = v - threshold if reset == at.DELAYED else value_of(code, weights, row, at.V_RESET, site, lane)
    poke(floats, own, v)
    return v


@inner
def _fire(
    code: Any, weights: Any, floats: Any, ints: Any, row: Any, site: Any, lane: Any, slot: Any, before: Any
) -> Any:
    """Note whether a neuron fires and reset it; return whether it may fire again without input.

    `before` is v at the start of the step, which only the crossing reset asks for.
    """
    unit, reset = site * peek(code, row + at.WIDTH) + lane, peek(code, row + at.RESET)
    own = peek(code, row + at.V) + unit
    v, threshold = peek(floats, own), value_of(code, weights, row, at.THRESHOLD, site, lane)
    level, spikes = threshold, threshold * 0
    adaptation = peek(code, row + at.A) + unit
    if peek(code, row + at.HAS_ADAPTATION):
        level += value_of(code, weights, row, at.ADAPTATION_STRENGTH, site, lane) * peek(floats, adaptation)
    if v > level or (v == level and not peek(code, row + at.ABOVE)):
        spikes = spikes + 1
        if reset == at.ZERO:
            v = value_of(code, weights, row, at.V_RESET, site, lane)
        elif reset == at.SUBTRACT:
            v -= level
        elif reset == at.MULTISPIKE:
            spikes = np.floor(v / level)
            v -= spikes * level
        elif reset == at.CROSSING:
            v = _after_crossing(code, weights, row, site, lane, before, v)
        poke(floats, own, v)
        _emit(code, floats, ints, row, slot, unit, spikes)
    if peek(code, row + at.HAS_ADAPTATION):
        adapted = (
            value_of(code, weights, row, at.ADAPTATION_DECAY, site, lane) * peek(floats, adaptation)
            + value_of(code, weights, row, at.ADAPTATION_JUMP, site, lane) * spikes
        )
        poke(floats, adaptation, adapted)
    return v >= threshold


@inner
def _after_crossing(code: Any, weights: Any, row: Any, site: Any, lane: Any, before: Any, after: Any) -> Any:
    """Return v at the end of a step in which it crossed its threshold on the way from `before` to `after`.

    v moves towards a goal as an exponential whose decay over the whole step is known, or in a line; what is left of the
    step after the crossing, all of it where `before` was over the threshold, starts from v_reset.
    """
    decay = value_of(code, weights, row, at.DECAY, site, lane)
    threshold = value_of(code, weights, row, at.THRESHOLD, site, lane)
    start = value_of(code, weights, row, at.V_RESET, site, lane)
    one = decay * 0 + 1
    drive, lost = after - decay * before, one - decay
    if lost <= 0:
        return start + (drive if before >= threshold else (after - threshold) / drive * drive)
    goal = drive / lost
    left = decay if before >= threshold else min(decay * (goal - before) / (goal - threshold), one)
    return goal + (start - goal) * left


@inner
def _may_fire_alone(code: Any, weights: Any, floats: Any, row: Any, site: Any, lane: Any) -> Any:
    """Return whether a neuron's current could still lift it to its threshold; errs towards yes."""
    if not peek(code, row + at.HAS_CURRENT):
        return False
    unit = site * peek(code, row + at.WIDTH) + lane
    v = max(peek(floats, peek(code, row + at.V) + unit), value_of(code, weights, row, at.REST, site, lane))
    risen = abs(peek(floats, peek(code, row + at.I) + unit)) * value_of(code, weights, row, at.REACH, site, lane)
    return v + risen >= value_of(code, weights, row, at.NEARLY, site, lane)


@inner
def _see_again(code: Any, ints: Any, row: Any, site: Any, step: Any) -> Any:
    half = (step + 1) & 1
    counter = peek(code, row + at.ACTIVE) + half
    number = peek(ints, counter)
    poke(ints, peek(code, row + at.LISTS) + half * (peek(code, row + at.SITES) + 1) + number, site)
    poke(ints, counter, number + 1)
    poke(ints, peek(code, row + at.TOUCHED_AT) + site, step + 1)


@inner
def _emit(code: Any, floats: Any, ints: Any, row: Any, slot: Any, unit: Any, value: Any) -> Any:
    counter = peek(code, row + at.FIRED_COUNT) + slot
    number = peek(ints, counter)
    room = slot * peek(code, row + at.UNITS_IN_ALL) + number
    poke(ints, peek(code, row + at.FIRED) + room, unit)
    poke(floats, peek(code, row + at.VALUES) + room, value)
    poke(ints, counter, number + 1)
