"""Adaptive, overlapping and synchronous slices are what their rules say, whatever the packets and watermarks."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventflow.errors import EventsError, ParameterError
from eventflow.events import EVENT_DTYPE, Events
from eventflow.kernels.adaptive_slices import AreaCountSlicer, FillSlicer, TimeOrCountSlicer, VarianceSlicer
from eventflow.kernels.overlapping_slices import WindowSlicer
from eventflow.kernels.slices import CountSlicer
from eventflow.kernels.synchronous_slices import CutSlicer, PairSlicer
from eventflow.testing import cuts, events

WIDTH, HEIGHT = 12, 9
quick = settings(max_examples=50, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
gaps = st.sampled_from([0, 5_000, 40_000])


def at(*times: int) -> Events:
    records = np.zeros(len(times), EVENT_DTYPE)
    records["t"] = times
    return Events(records, WIDTH, HEIGHT)


def shown(slices):
    return [(s.index, s.t0, s.t1, s.complete, s.events.records.tolist()) for s in slices]


def fed(slicer, stream, sizes, eager):
    found, begin = [], 0
    while begin < len(stream):
        for size in sizes:
            packet = stream[begin : begin + size]
            if eager and len(packet):
                found += slicer.advance(int(packet.t[0]))
            found += slicer.push(packet)
            begin += size
    return shown(found + slicer.finish())


def adaptive(stream, ends, longest, shortest, max_gap):
    """The rules of time, event by event; `ends(rows)` says whether a slice of these rows is full."""
    found, rows, index = [], [], 0
    t0 = last = int(stream.t[0]) if len(stream) else 0

    def close(t1, complete):
        nonlocal rows, index, t0
        found.append((index, t0, t1, complete, rows))
        rows, index, t0 = [], index + 1, t1

    due = False
    for row in stream.records.tolist():
        while t0 + longest <= row[0] and (rows or t0 + longest <= last + max_gap):
            close(t0 + longest, True)
            due = False
        if t0 + longest <= row[0]:
            t0 = row[0]
        rows = [*rows, row]
        last = row[0]
        due = ends(rows, due)
        if due and row[0] >= t0 + shortest:
            close(row[0], True)
            due = False
    if rows:
        close(last, False)
    return found


@quick
@given(stream=events(max_size=80), sizes=cuts(), eager=st.booleans(), count=st.integers(1, 9), max_gap=gaps)
def test_time_or_count(stream, sizes, eager, count, max_gap):
    expected = adaptive(stream, lambda rows, due: len(rows) >= count, 3_000, 0, max_gap)
    assert fed(TimeOrCountSlicer(count, 3_000, max_gap=max_gap), stream, sizes, eager) == expected


@quick
@given(stream=events(max_size=80), sizes=cuts(), eager=st.booleans(), shortest=st.sampled_from([0, 900]))
def test_area_count(stream, sizes, eager, shortest):
    def full(rows, due):
        areas = [(y // 4, x // 4) for _, x, y, _ in rows]
        return due or areas.count(areas[-1]) >= 3

    rule = {"min_duration": shortest, "max_duration": 5_000, "max_gap": 40_000}
    expected = adaptive(stream, full, 5_000, shortest, 40_000)
    assert fed(AreaCountSlicer(WIDTH, HEIGHT, count=3, area=4, **rule), stream, sizes, eager) == expected


def q_of(counts):
    n = counts.sum()
    return ((counts**2).sum() / counts.size - (n / counts.size) ** 2) / n if n else 0.0


@quick
@given(stream=events(max_size=120), sizes=cuts(), eager=st.booleans(), shift=st.integers(0, 1))
def test_variance_is_the_splitter_of_openeb(stream, sizes, eager, shift):
    threshold, both, block = 1e-3, 0.3, 5

    def full(rows, due):
        if len(rows) % block:
            return False
        looks = []
        for length in (len(rows) - block, len(rows)):
            counts = np.zeros((2, HEIGHT >> shift, WIDTH >> shift))
            for _, x, y, p in rows[:length]:
                if x % (1 << shift) == 0 and y % (1 << shift) == 0 and y >> shift < counts.shape[1]:
                    counts[p, y >> shift, x >> shift] += 1
            looks.append(([q_of(side) for side in counts], counts))
        (before, _), (now, counts) = looks
        mixed = (counts > 0).all(0).sum()
        falls = any(threshold < b < a for a, b in zip(before, now, strict=True))
        return bool(mixed and mixed >= both * (counts > 0).sum()) or falls

    slicer = VarianceSlicer(
        WIDTH, HEIGHT, threshold=threshold, downsampling=shift, both=both, block=block, max_duration=300_000
    )
    assert fed(slicer, stream, sizes, eager) == adaptive(stream, full, 300_000, 0, 1_000_000)


@quick
@given(stream=events(max_size=120), sizes=cuts(), eager=st.booleans(), measure=st.sampled_from(["entropy", "contrast"]))
def test_fill(stream, sizes, eager, measure):
    def full(rows, due):
        counts = np.zeros((HEIGHT // 3, WIDTH // 3))
        for _, x, y, _ in rows:
            counts[y // 3, x // 3] += 1
        shares = counts[counts > 0] / len(rows)
        if measure == "contrast":
            return len(rows) ** 2 >= 0.25 * 12 * (counts**2).sum()
        # equality is decided by rounding, so the test stays off it
        return len(rows) % 16 == 0 and math.exp(-(shares * np.log(shares)).sum()) >= 0.25 * 12 - 1e-9

    slicer = FillSlicer(WIDTH, HEIGHT, measure=measure, share=0.25, block=3)
    assert fed(slicer, stream, sizes, eager) == adaptive(stream, full, 300_000, 0, 1_000_000)


def test_a_still_scene_closes_its_slices():
    for slicer in (
        TimeOrCountSlicer(100, 10, max_gap=30),
        AreaCountSlicer(WIDTH, HEIGHT, max_duration=10, max_gap=30),
        FillSlicer(WIDTH, HEIGHT, max_duration=10, max_gap=30),
    ):
        assert slicer.push(at(5)) == []
        found = slicer.advance(10_000)
        assert [(s.t0, s.t1, len(s)) for s in found] == [(5, 15, 1), (15, 25, 0), (25, 35, 0)]
        assert slicer.push(at(1_005)) == []
        assert slicer.left_out == 97
        assert [(s.t0, s.t1, s.complete) for s in slicer.finish()] == [(1_005, 1_005, False)]


def test_windows_touch():
    stream = at(*range(0, 5_000, 7))
    slicer = TimeOrCountSlicer(50, 300)
    found = slicer.push(stream)
    assert all(before.t1 == after.t0 for before, after in pairwise(found))


def test_feedback_moves_the_count_towards_the_wanted_displacement():
    slicer = AreaCountSlicer(WIDTH, HEIGHT, count=1_000)
    slicer.feedback(20.0, target=5.0)
    assert slicer.count == 950
    slicer.feedback(1.0, target=5.0)
    assert slicer.count == 998
    for _ in range(200):
        slicer.feedback(20.0, target=5.0)
    assert slicer.count == 100


@quick
@given(
    stream=events(max_size=60),
    sizes=cuts(),
    eager=st.booleans(),
    span=st.sampled_from([700, 3_000, 10_000]),
    every=st.sampled_from([1_000, 3_000]),
    max_gap=gaps,
)
def test_overlapping_windows(stream, sizes, eager, span, every, max_gap):
    rows, expected = stream.records.tolist(), []
    if rows:
        last = rows[-1][0]
        for k in range(rows[0][0] // every, last // every + 1):
            t0, t1 = k * every, k * every + span
            inside = [row for row in rows if t0 <= row[0] < t1]
            before = [row[0] for row in rows if row[0] < t1]
            if inside or (t1 <= last and before and t1 <= before[-1] + max_gap):
                expected.append((k, t0, t1, t1 <= last, inside))
    assert fed(WindowSlicer(span, every, max_gap=max_gap), stream, sizes, eager) == expected


@quick
@given(stream=events(max_size=60), sizes=cuts(), count=st.integers(1, 9), every=st.integers(1, 9))
def test_overlapping_counts(stream, sizes, count, every):
    rows, expected = stream.records.tolist(), []
    for number, start in enumerate(range(0, len(rows), every)):
        piece = rows[start : start + count]
        expected.append((number, piece[0][0], piece[-1][0], len(piece) == count, piece))
    # of several windows cut short only the first is given: the others hold nothing else
    short = [number for number, each in enumerate(expected) if not each[3]]
    slicer = CountSlicer(count, every)
    assert fed(slicer, stream, sizes, eager=False) == (expected[: short[0] + 1] if short else expected)


@quick
@given(stream=events(max_size=60), sizes=cuts(), instants=st.lists(st.integers(0, 60_000), max_size=6))
def test_cuts_from_outside(stream, sizes, instants):
    t0 = int(stream.t[0]) if len(stream) else 0
    instants = sorted(t0 + t - 5_000 for t in instants)
    slicer, found, begin = CutSlicer(), [], 0
    for t in instants:
        end = int(stream.t.searchsorted(t))
        for start in range(begin, end, max(sizes)):
            slicer.push(stream[start : min(start + max(sizes), end)])
        begin = max(begin, end)
        found += slicer.cut(t, Events.empty(WIDTH, HEIGHT))
    slicer.push(stream[begin:])
    found += slicer.finish()
    borders = [-(1 << 62), *instants, 1 << 62]
    expected = []
    for start, end in pairwise(borders):
        piece = [row for row in stream.records.tolist() if start <= row[0] < end]
        inner = start > borders[0] and end < borders[-1]
        if piece or inner:
            first = start if start > borders[0] else piece[0][0]
            expected.append((len(expected), first, end if end < borders[-1] else piece[-1][0], inner, piece))
    assert shown(found) == expected


@quick
@given(left=events(max_size=40), right=events(max_size=40), max_gap=gaps)
def test_pairs_have_the_same_windows(left, right, max_gap):
    slicer = PairSlicer(3_000, (Events.empty(WIDTH, HEIGHT),) * 2, max_gap=max_gap)
    steps = sorted([(int(t), 0, i) for i, t in enumerate(left.t)] + [(int(t), 1, i) for i, t in enumerate(right.t)])
    pairs = []
    for _, side, i in steps:
        pairs += slicer.push_side(side, (left, right)[side][i : i + 1])
    pairs += slicer.finish_pairs()
    assert all((a.t0, a.t1, a.index, a.complete) == (b.t0, b.t1, b.index, b.complete) for a, b in pairs)
    for side, stream in enumerate((left, right)):
        rows = [row for pair in pairs for row in pair[side].events.records.tolist()]
        assert rows == stream.records.tolist()


@pytest.mark.parametrize(
    "slicer",
    [
        lambda: TimeOrCountSlicer(2, 10),
        lambda: AreaCountSlicer(WIDTH, HEIGHT, count=2, area=4),
        lambda: VarianceSlicer(WIDTH, HEIGHT, block=2),
        lambda: FillSlicer(WIDTH, HEIGHT),
        lambda: WindowSlicer(20, 10),
        lambda: CountSlicer(3, 2),
        lambda: CutSlicer(),
    ],
)
def test_a_slicer_goes_on_from_its_state_and_refuses_a_step_back(slicer):
    old, new = slicer(), slicer()
    old.push(at(1, 2, 13, 14))
    state = old.state()
    first = shown(old.push(at(15, 26)) + old.finish())
    new.restore(state)
    assert first == shown(new.push(at(15, 26)) + new.finish())
    with pytest.raises(EventsError, match="t=3 after 26"):
        new.push(at(3))


def test_unusable_parameters_are_refused():
    for wrong in (
        lambda: TimeOrCountSlicer(0, 1),
        lambda: AreaCountSlicer(9, 9, area=0),
        lambda: WindowSlicer(1, 0),
        lambda: FillSlicer(9, 9, share=0),
    ):
        with pytest.raises(ParameterError, match="expected at least"):
            wrong()
