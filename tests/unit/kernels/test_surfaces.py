"""Surfaces that events wear down, SCARF and warped events are their rules, event after event."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventflow.errors import EventsError, ParameterError
from eventflow.events import EVENT_DTYPE, Events
from eventflow.kernels import ordinal_surfaces, warping
from eventflow.kernels.receptive_fields import ReceptiveFields
from eventflow.testing import events

WIDTH, HEIGHT = 12, 9
quick = settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def patch(x, y, radius):
    return slice(max(y - radius, 0), y + radius + 1), slice(max(x - radius, 0), x + radius + 1)


@quick
@given(stream=events(ordered=False, max_size=80), radius=st.integers(1, 4), cut=st.integers(0, 80))
def test_surfaces_are_worn_down_by_their_rules(stream, radius, cut):
    side = 2 * radius + 1
    invariant = np.zeros((2, HEIGHT, WIDTH), np.int64)
    ordinal, reduced = np.zeros((HEIGHT, WIDTH), np.int64), np.zeros((HEIGHT, WIDTH), np.float32)
    factor = np.float32(0.3 ** (1 / side))
    for _, x, y, p in stream.records.tolist():
        near = invariant[p][patch(x, y, radius)]
        near[(near >= invariant[p, y, x]) & (near > 0)] -= 1
        invariant[p, y, x] = side * side
        near = ordinal[patch(x, y, radius)]
        near -= 1
        near[near < 255 - 2 * side] = 0
        ordinal[y, x] = 255
        near = reduced[patch(x, y, radius)]
        near *= factor
        near[near < 1] = 0
        reduced[y, x] = 255
    state = np.zeros((2, HEIGHT, WIDTH), np.uint8)
    ordinal_surfaces.speed_invariant_surface(stream[:cut], state, radius=radius)
    found = ordinal_surfaces.speed_invariant_surface(stream[cut:], state, radius=radius)
    np.testing.assert_array_equal(found, invariant)
    found = ordinal_surfaces.threshold_ordinal_surface(stream, np.zeros((1, HEIGHT, WIDTH), np.uint8), radius=radius)
    np.testing.assert_array_equal(found[0], ordinal)
    found = ordinal_surfaces.exponential_reduced_surface(
        stream, np.zeros((1, HEIGHT, WIDTH), np.float32), radius=radius
    )
    np.testing.assert_array_equal(found[0], reduced)


@quick
@given(stream=events(ordered=False, max_size=80), block=st.integers(2, 6), cut=st.integers(0, 80))
def test_receptive_fields_remember_their_last_events(stream, block, cut):
    fields = ReceptiveFields(WIDTH, HEIGHT, block=block, density=0.1)
    depth, margin = fields.memory.shape[2], block // 2
    memory: dict[tuple[int, int], list] = {}
    for _, x, y, _ in stream.records.tolist():
        for row in range(-(-HEIGHT // block)):
            for column in range(-(-WIDTH // block)):
                dx, dy = x - column * block, y - row * block
                if -margin <= dx < block + margin and -margin <= dy < block + margin:
                    own = 0 <= dx < block and 0 <= dy < block
                    kept = [*memory.get((row, column), []), (y, x) if own else None]
                    memory[row, column] = kept[-depth:]
    expected = np.zeros((HEIGHT, WIDTH))
    for kept in memory.values():
        for place in kept:
            if place is not None:
                expected[place] += 0.3
    fields.push(stream[:cut])
    fields.push(stream[cut:])
    np.testing.assert_allclose(fields.picture(0.3)[0], np.minimum(expected, 1), atol=1e-6)


@quick
@given(
    stream=events(ordered=False),
    vx=st.sampled_from([0.0, 120.0, -900.0]),
    signed=st.booleans(),
    field=st.booleans(),
)
def test_warped_events_are_spread_over_four_pixels(stream, vx, signed, field):
    t0, t1 = (int(stream.t.min()), int(stream.t.max()) + 5) if len(stream) else (0, 5)
    expected = np.zeros((HEIGHT, WIDTH))
    for t, x, y, p in stream.records.tolist():
        moved = x - vx * (t - t1) * 1e-6, y - 33.0 * (t - t1) * 1e-6
        left, top = math.floor(moved[0]), math.floor(moved[1])
        for column, row in ((left, top), (left + 1, top), (left, top + 1), (left + 1, top + 1)):
            if 0 <= column < WIDTH and 0 <= row < HEIGHT:
                share = (1 - abs(moved[0] - column)) * (1 - abs(moved[1] - row))
                expected[row, column] += share * (-1 if signed and not p else 1)
    flow = (np.full((HEIGHT, WIDTH), vx), np.full((HEIGHT, WIDTH), 33.0)) if field else (vx, 33.0)
    found = warping.warped_events(stream, t0, t1, *flow, t_ref=t1, signed=signed)
    np.testing.assert_allclose(found[0], expected, atol=2e-3)


def test_the_right_flow_is_the_sharpest():
    rows = [(t, 2 + t // 1_000, y, 1) for t in range(0, 8_000, 100) for y in range(1, 8)]
    stream = Events(np.array(rows, EVENT_DTYPE), WIDTH, HEIGHT)
    for name, measure in warping.OBJECTIVES.items():
        values = [measure(warping.warped_events(stream, 0, 8_000, vx, 0.0)) for vx in (0.0, 950.0)]
        assert (values[1] < values[0]) == (name == "entropy"), name
        assert np.isfinite(measure(warping.warped_events(Events.empty(WIDTH, HEIGHT), 0, 1, 0.0, 0.0))), name


def test_what_cannot_be_is_refused():
    stream = Events(np.array([(9, 3, 2, 1)], EVENT_DTYPE), WIDTH, HEIGHT)
    for wrong in (
        lambda: warping.warped_events(stream, 0, 10, float("nan"), 0.0),
        lambda: warping.warped_events(stream, 0, 10, np.zeros((3, 3)), 0.0),
        lambda: ordinal_surfaces.threshold_ordinal_surface(stream, np.zeros((1, 3, 3), np.uint8)),
        lambda: ordinal_surfaces.speed_invariant_surface(stream, np.zeros((2, 9, 12), np.uint8), radius=8),
        lambda: ReceptiveFields(WIDTH, HEIGHT).push(Events.empty(3, 3)),
    ):
        with pytest.raises(ParameterError):
            wrong()
    with pytest.raises(EventsError, match="event 0 has t=9"):
        warping.warped_events(stream, 0, 5, 0.0, 0.0)
