"""Events cut into steps: against a plain count, whatever the packets and watermarks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventflow.errors import EventsError, ParameterError
from eventflow.events import Events
from eventflow.snn.stepping import Retina, StepCutter, run_of_window

SHAPE = (2, 3, 4)


def packet(rows):
    """Events of (t, x, y, p) on 4x3 px."""
    return Events.from_numpy(np.array(rows, np.int64).reshape(-1, 4), columns="txyp", width=4, height=3)


def counted(runs):
    """Every step of some runs: (fresh so far, number) -> frame; and where it rested."""
    found, life = {}, 0
    for run in runs:
        life += run.fresh
        frames = np.concatenate([*run.frames(), np.zeros((0, *SHAPE), np.float32)])
        assert len(frames) == len(run)
        for step, frame in enumerate(frames, run.first):
            assert (life, step) not in found
            found[life, step] = frame

    return found


def expected(rows, step_us, forget):
    """The definition, event by event."""
    found, life, last = {}, 0, None
    for t, x, y, p in rows:
        step = t // step_us
        if last is None or step > last + forget:
            if last is not None:
                found |= {(life, k): np.zeros(SHAPE) for k in range(last + 1, last + 1 + forget)}
            life += 1
        else:
            found |= {(life, k): np.zeros(SHAPE) for k in range(last + 1, step)}
        found.setdefault((life, step), np.zeros(SHAPE))[p, y, x] += 1
        last = step
    return found


@st.composite
def rows(draw):
    steps = draw(st.lists(st.sampled_from([0, 1, 400, 999, 1000, 2500, 9000, 40_000]), max_size=30))
    t = np.cumsum(steps) + draw(st.sampled_from([0, -5000, 123_456]))
    return [(int(each), draw(st.integers(0, 3)), draw(st.integers(0, 2)), draw(st.integers(0, 1))) for each in t]


@settings(max_examples=60, derandomize=True, deadline=None, database=None)
@given(data=st.data(), given_rows=rows(), marks=st.booleans())
def test_steps_are_counts_however_the_stream_is_cut(data, given_rows, marks):
    cutter = StepCutter(Retina(SHAPE, 4, 3), step_us=1000, forget_after_us=5000)
    runs, begin = [], 0
    while begin < len(given_rows):
        size = data.draw(st.integers(1, 8))
        part = given_rows[begin : begin + size]
        if marks:
            runs += cutter.advance(data.draw(st.integers(part[0][0] - 3000, part[0][0])))
        runs += cutter.push(packet(part))
        begin += size
    found = counted([*runs, *cutter.finish()])
    wanted = expected(given_rows, 1000, 5)
    assert found.keys() == wanted.keys()
    assert all((found[key] == wanted[key]).all() for key in wanted)


def test_a_gap_ends_in_rest_and_the_next_event_begins_afresh():
    cutter = StepCutter(Retina(SHAPE, 4, 3), step_us=1000, forget_after_us=3000)
    assert cutter.push(packet([(500, 0, 0, 1)])) == []
    (first,) = cutter.advance(2000)
    assert (first.first, len(first), first.fresh, first.rests) == (0, 2, True, False)
    (second,) = cutter.advance(50_000)
    assert (second.first, len(second), second.fresh, second.rests) == (2, 2, False, True)
    assert cutter.advance(60_000) == []
    assert cutter.push(packet([(70_100, 0, 0, 1)])) == []
    (third,) = cutter.finish()
    assert (third.first, len(third), third.fresh, third.rests) == (70, 1, True, True)


def test_a_network_that_never_forgets_jumps_long_gaps_and_says_so():
    cutter = StepCutter(Retina(SHAPE, 4, 3), step_us=1000, max_gap_us=5000)
    runs = cutter.push(packet([(500, 0, 0, 1), (100_500, 1, 0, 1)]))
    runs += cutter.finish()
    assert [(run.first, len(run), run.fresh) for run in runs] == [(0, 6, True), (100, 1, False)]
    assert cutter.jumped == 94


def test_state_goes_on():
    old, new = (StepCutter(Retina(SHAPE, 4, 3), step_us=1000, forget_after_us=3000) for _ in range(2))
    old.push(packet([(500, 0, 0, 1), (1500, 2, 1, 0), (1600, 2, 1, 0)]))
    new.restore(old.state())
    one, two = counted([*old.advance(4000), *old.finish()]), counted([*new.advance(4000), *new.finish()])
    assert one.keys() == two.keys()
    assert one[0, 1][0, 1, 2] == two[0, 1][0, 1, 2] == 2


def test_another_geometry_is_refused_cropped_or_scaled():
    with pytest.raises(ParameterError, match=r"takes 4x3 px, the sensor has 8x6; say fit: crop"):
        Retina(SHAPE, 8, 6)
    with pytest.raises(ParameterError, match="events need an input of"):
        Retina((5, 3, 4), 4, 3)
    corners = Events.from_numpy(
        np.array([[0, 0, 0, 0], [1, 7, 5, 1], [2, 3, 2, 1]], np.int64), columns="txyp", width=8, height=6
    )
    assert Retina(SHAPE, 8, 6, "scale").elements(corners).tolist() == [0, 23, 12 + 4 + 1]
    assert Retina(SHAPE, 8, 6, "crop").elements(corners).tolist() == [-1, -1, 12 + 4 + 1]
    assert Retina((1, 3, 4), 8, 6, "scale").elements(corners).tolist() == [0, 11, 5]
    small = Events.from_numpy(np.array([[0, 0, 0, 0]], np.int64), columns="txyp", width=2, height=1)
    assert Retina(SHAPE, 2, 1, "crop").elements(small).tolist() == [4 + 1]
    cutter = StepCutter(Retina(SHAPE, 8, 6, "crop"), step_us=1)
    cutter.push(corners)
    assert cutter.outside == 2


def test_time_that_steps_back_is_refused():
    cutter = StepCutter(Retina(SHAPE, 4, 3), step_us=1000)
    cutter.push(packet([(5000, 0, 0, 0)]))
    with pytest.raises(EventsError, match="time order"):
        cutter.push(packet([(4000, 0, 0, 0)]))


def test_a_window_has_steps_of_its_own():
    events = packet([(1000, 0, 0, 0), (1999, 1, 0, 0), (2000, 1, 0, 0), (3500, 2, 0, 1)])
    run = run_of_window(events, 1000, 3500, retina=Retina(SHAPE, 4, 3), step_us=1000)
    (frames,) = run.frames()
    assert frames.sum(axis=(1, 2, 3)).tolist() == [2, 1, 1]
    (ones,) = run.frames(binary=True)
    assert ones.max() == 1
    assert [len(part) for part in run.frames(most=2)] == [2, 1]
