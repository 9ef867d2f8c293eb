"""The steps that a neuron missed while nothing reached it: replayed one by one, or after many, solved at once.

Without input a step is an affine map of (v, i), and so is any number of steps: its power, by squaring, in float64.
Replayed steps give the dense simulation's bits; the power differs from them by the dense simulation's own rounding.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from eventflow.kernels.jit import jit
from eventflow.snn.engines import fields as at
from eventflow.snn.engines.lanes import data_of, inner, peek, poke, rest_lanes


@jit
def catch_up_all(code: Any, weights: Any, floats: Any, ints: Any, row: Any, replay: Any) -> Any:
    """Advance every site of the population at `row` to the last step; the sites' own notes stay as they are."""
    program, own, state, words = data_of(code), data_of(weights), data_of(floats), data_of(ints)
    for site in range(peek(program, row + at.SITES)):
        missed = peek(words, at.STEP) - peek(words, peek(program, row + at.UP_TO) + site)
        if missed > 0:
            catch_up(program, own, state, row, site, missed, replay)


@inner
def catch_up(code: Any, weights: Any, floats: Any, row: Any, site: Any, missed: Any, replay: Any) -> Any:
    """Advance a site by `missed` > 0 steps in which nothing arrived and nothing fired."""
    width = peek(code, row + at.WIDTH)
    if missed <= replay and peek(code, row + at.PLAIN):
        for j in range(0, width, at.LANES):
            rest_lanes(
                floats, peek(code, row + at.V) + site * width + j, weights,
                _place(code, row, at.DECAY, site, j), _place(code, row, at.GAIN, site, j),
                _place(code, row, at.OFFSET, site, j), _place(code, row, at.BIAS, site, j), missed,
            )  # fmt: skip
        return
    shared = peek(code, row + at.UNIFORM)
    solved = (1.0, 0.0, 0.0, 1.0, 0.0, 1.0)
    for lane in range(width):
        if missed <= replay:
            _replay(code, weights, floats, row, site, lane, missed)
            continue
        if lane == 0 or not shared:
            solved = _power(code, weights, row, site, lane, missed)
        _apply(code, floats, row, site * width + lane, solved)


@inner
def _place(code: Any, row: Any, which: Any, site: Any, lane: Any) -> Any:
    """Return where one neuron's value of a parameter is."""
    return peek(code, row + which) + site * peek(code, row + which + 1) + lane


@inner
def _value_of(code: Any, weights: Any, row: Any, which: Any, site: Any, lane: Any) -> Any:
    return peek(weights, _place(code, row, which, site, lane))


@inner
def _replay(code: Any, weights: Any, floats: Any, row: Any, site: Any, lane: Any, missed: Any) -> Any:
    unit = site * peek(code, row + at.WIDTH) + lane
    decay, gain = (
        _value_of(code, weights, row, at.DECAY, site, lane),
        _value_of(code, weights, row, at.GAIN, site, lane),
    )
    offset, bias = (
        _value_of(code, weights, row, at.OFFSET, site, lane),
        _value_of(code, weights, row, at.BIAS, site, lane),
    )
    v = peek(floats, peek(code, row + at.V) + unit)
    if peek(code, row + at.HAS_CURRENT):
        current = peek(floats, peek(code, row + at.I) + unit)
        by_decay = _value_of(code, weights, row, at.CURRENT_DECAY, site, lane)
        driven = _value_of(code, weights, row, at.CURRENT_GAIN, site, lane) * bias
        by_previous = _value_of(code, weights, row, at.PREVIOUS_GAIN, site, lane)
        previous = peek(code, row + at.HAS_PREVIOUS)
        for _ in range(missed):
            before = current
            current = by_decay * current + driven
            v = (decay * v + gain * current) + offset
            if previous:
                v += by_previous * before
        poke(floats, peek(code, row + at.I) + unit, current)
    else:
        driven = gain * bias
        for _ in range(missed):
            v = (decay * v + driven) + offset
    poke(floats, peek(code, row + at.V) + unit, v)
    if peek(code, row + at.HAS_ADAPTATION):
        adapted = peek(floats, peek(code, row + at.A) + unit)
        by_decay = _value_of(code, weights, row, at.ADAPTATION_DECAY, site, lane)
        for _ in range(missed):
            adapted *= by_decay
        poke(floats, peek(code, row + at.A) + unit, adapted)


@inner
def _power(code: Any, weights: Any, row: Any, site: Any, lane: Any, missed: Any) -> Any:
    """Return (own, from_i, added, i_own, i_added, a_own) of `missed` steps: v = own v + from_i i + added, and so on."""
    decay = np.float64(_value_of(code, weights, row, at.DECAY, site, lane))
    gain = np.float64(_value_of(code, weights, row, at.GAIN, site, lane))
    offset = np.float64(_value_of(code, weights, row, at.OFFSET, site, lane))
    bias = np.float64(_value_of(code, weights, row, at.BIAS, site, lane))
    i_decay, i_added, from_i, added = 0.0, 0.0, 0.0, gain * bias + offset
    if peek(code, row + at.HAS_CURRENT):
        i_decay = np.float64(_value_of(code, weights, row, at.CURRENT_DECAY, site, lane))
        i_added = np.float64(_value_of(code, weights, row, at.CURRENT_GAIN, site, lane)) * bias
        from_i = gain * i_decay + np.float64(_value_of(code, weights, row, at.PREVIOUS_GAIN, site, lane))
        added = gain * i_added + offset
    once = (decay, from_i, added, i_decay, i_added)
    total = (1.0, 0.0, 0.0, 1.0, 0.0)
    a_once, a_total = 1.0, 1.0
    if peek(code, row + at.HAS_ADAPTATION):
        a_once = np.float64(_value_of(code, weights, row, at.ADAPTATION_DECAY, site, lane))
    left = missed
    while left > 0:
        if left & 1:
            total, a_total = _after(total, once), a_total * a_once
        once, a_once = _after(once, once), a_once * a_once
        left >>= 1
    return (total[0], total[1], total[2], total[3], total[4], a_total)


@inner
def _after(first: Any, then: Any) -> Any:
    """Return the map that does `first`, then `then`."""
    return (
        then[0] * first[0],
        then[0] * first[1] + then[1] * first[3],
        then[0] * first[2] + then[1] * first[4] + then[2],
        then[3] * first[3],
        then[3] * first[4] + then[4],
    )


@inner
def _apply(code: Any, floats: Any, row: Any, unit: Any, solved: Any) -> Any:
    own = peek(code, row + at.V) + unit
    v = solved[0] * peek(floats, own) + solved[2]
    if peek(code, row + at.HAS_CURRENT):
        current = peek(floats, peek(code, row + at.I) + unit)
        v += solved[1] * current
        poke(floats, peek(code, row + at.I) + unit, solved[3] * current + solved[4])
    poke(floats, own, v)
    if peek(code, row + at.HAS_ADAPTATION):
        adaptation = peek(code, row + at.A) + unit
        poke(floats, adaptation, peek(floats, adaptation) * solved[5])
