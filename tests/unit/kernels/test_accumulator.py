"""Accumulators add, fall back and clip as said, however often pictures are taken."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventflow.errors import ParameterError
from eventflow.kernels.accumulator import Accumulator
from eventflow.testing import events

quick = settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
WIDTH, HEIGHT = 12, 9
LOWEST, NEUTRAL, HIGHEST, STEP = 0.0, 0.25, 1.0, 0.3


def fallen(value, age, decay):
    above = value - NEUTRAL
    if decay == "exponential":
        return NEUTRAL + above * math.exp(-age / 5_000)
    if decay == "linear":
        return NEUTRAL + math.copysign(max(abs(above) - 20e-6 * age, 0), above)
    return value


@quick
@given(
    stream=events(),
    decay=st.sampled_from(["none", "linear", "exponential", "step"]),
    synchronous=st.booleans(),
    rectify=st.booleans(),
    cut=st.integers(0, 60),
)
def test_potentials_are_their_rule(stream, decay, synchronous, rectify, cut):
    accumulator = Accumulator(
        WIDTH, HEIGHT, decay=decay, tau=5_000, slope=20.0, contribution=STEP, lowest=LOWEST, neutral=NEUTRAL,
        highest=HIGHEST, rectify=rectify, synchronous=synchronous,
    )  # fmt: skip
    accumulator.push(stream[:cut])
    if decay != "step" and cut < len(stream):
        accumulator.potentials(int(stream.t[cut]))
    accumulator.push(stream[cut:])
    t_ref = int(stream.t[-1]) + 3_000 if len(stream) else 0
    expected, times = np.full((HEIGHT, WIDTH), NEUTRAL), {}
    for t, x, y, p in stream.records.tolist():
        value = fallen(expected[y, x], t - times.get((y, x), t), decay)
        expected[y, x] = min(max(value + (STEP if p or rectify else -STEP), LOWEST), HIGHEST)
        times[y, x] = t
    if synchronous:
        for (y, x), t in times.items():
            expected[y, x] = fallen(expected[y, x], t_ref - t, decay)
    if decay != "step":
        np.testing.assert_array_equal(accumulator.image(t_ref), np.floor(accumulator.potentials(t_ref) * 255.0 + 0.5))
    np.testing.assert_allclose(accumulator.potentials(t_ref), expected, atol=1e-6)
    if decay == "step":
        assert (accumulator.potentials(t_ref) == np.float32(NEUTRAL)).all()


def test_levels_that_do_not_rise_are_refused():
    with pytest.raises(ParameterError, match="do not rise"):
        Accumulator(WIDTH, HEIGHT, lowest=0.5, neutral=0.0)
