"""Representations are their equations, on the window given and in the order of the events."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventflow.errors import EventsError, ParameterError
from eventflow.events import EVENT_DTYPE, Events
from eventflow.kernels import representations
from eventflow.testing import events

WIDTH, HEIGHT = 12, 9
quick = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def window_of(stream: Events, before: int, after: int) -> tuple[int, int]:
    return (int(stream.t.min()) - before, int(stream.t.max()) + after) if len(stream) else (0, 10_000)


def voxels(stream: Events, t0: int, t1: int, bins: int) -> np.ndarray:
    grid = np.zeros((bins, stream.height, stream.width))
    for t, x, y, p in stream.records.tolist():
        tau = (bins - 1) * (t - t0) / max(t1 - t0, 1)
        whole, sign = math.floor(tau), 1 if p else -1
        grid[whole, y, x] += sign * (1 - (tau - whole))
        if whole + 1 < bins:
            grid[whole + 1, y, x] += sign * (tau - whole)
    return grid


@quick
@given(
    stream=events(ordered=False),
    bins=st.integers(1, 9),
    before=st.sampled_from([0, 3, 10_000]),
    after=st.sampled_from([0, 1, 7_777]),
)
def test_voxel_grid_is_its_equation(stream, bins, before, after):
    t0, t1 = window_of(stream, before, after)
    grid = representations.voxel_grid(stream, t0, t1, bins)
    assert grid.dtype == np.float32
    np.testing.assert_allclose(grid, voxels(stream, t0, t1, bins), atol=1e-5)


def test_a_voxel_grid_holds_every_event_once():
    stream = Events(np.array([(t, 3, 2, 1) for t in range(0, 100, 7)], EVENT_DTYPE), WIDTH, HEIGHT)
    grid = representations.voxel_grid(stream, 0, 100, 5)
    assert grid.sum() == pytest.approx(len(stream), abs=1e-4)
    assert grid[:, 2, 3].sum() == pytest.approx(len(stream), abs=1e-4)


def test_an_event_at_the_end_is_all_in_the_last_bin():
    stream = Events(np.array([(100, 3, 2, 0)], EVENT_DTYPE), WIDTH, HEIGHT)
    assert representations.voxel_grid(stream, 0, 100, 5)[:, 2, 3].tolist() == [0, 0, 0, 0, -1]


def test_a_window_of_no_length_is_one_bin():
    stream = Events(np.array([(100, 3, 2, 1)], EVENT_DTYPE), WIDTH, HEIGHT)
    assert representations.voxel_grid(stream, 100, 100, 3)[:, 2, 3].tolist() == [1, 0, 0]


@pytest.mark.parametrize("t", [99, 201])
def test_an_event_outside_the_window_is_refused_by_number(t):
    stream = Events(np.array([(150, 0, 0, 1), (t, 3, 2, 1)], EVENT_DTYPE), WIDTH, HEIGHT)
    with pytest.raises(EventsError, match=f"event 1 has t={t}") as caught:
        representations.voxel_grid(stream, 100, 200, 3)
    assert caught.value.index == 1


@quick
@given(stream=events(ordered=False))
def test_count_frame_counts(stream):
    counts = np.zeros((2, HEIGHT, WIDTH), np.int64)
    for _, x, y, p in stream.records.tolist():
        counts[p, y, x] += 1
    np.testing.assert_array_equal(representations.count_frame(stream), counts)


@quick
@given(
    stream=events(),
    tau=st.sampled_from([1, 50, 30_000, 10**6, 10**10]),
    after=st.sampled_from([0, 1, 10_000]),
    cut=st.integers(0, 60),
)
def test_time_surface_is_its_equation(stream, tau, after, cut):
    _, t_ref = window_of(stream, 0, after)
    last: dict[tuple[int, int, int], int] = {}
    for t, x, y, p in stream.records.tolist():
        last[p, y, x] = t
    expected = np.zeros((2, HEIGHT, WIDTH))
    for place, t in last.items():
        expected[place] = math.exp(-(t_ref - t) / tau)
    alone = representations.time_surface(stream, t_ref, tau)
    np.testing.assert_allclose(alone, expected, rtol=3e-7, atol=1e-38)
    state = representations.time_map(WIDTH, HEIGHT)
    if cut < len(stream):
        representations.time_surface(stream[:cut], int(stream.t[cut]), tau, state=state)
        stream = stream[cut:]
    np.testing.assert_array_equal(representations.time_surface(stream, t_ref, tau, state=state), alone)


def test_an_event_after_the_reference_is_refused():
    stream = Events(np.array([(150, 0, 0, 1)], EVENT_DTYPE), WIDTH, HEIGHT)
    for state in (None, representations.time_map(WIDTH, HEIGHT)):
        with pytest.raises(EventsError, match="event 0 has t=150, after 149"):
            representations.time_surface(stream, 149, 1_000, state=state)


def test_unusable_parameters_are_refused():
    stream = Events.empty(WIDTH, HEIGHT)
    with pytest.raises(ParameterError, match="bins is 0"):
        representations.voxel_grid(stream, 0, 1, 0)
    with pytest.raises(ParameterError, match="before it starts"):
        representations.voxel_grid(stream, 1, 0, 3)
    with pytest.raises(ParameterError, match="tau is 0"):
        representations.time_surface(stream, 0, 0)
    with pytest.raises(ParameterError, match="time_map"):
        representations.time_surface(stream, 0, 5, state=representations.time_map(3, 3))
