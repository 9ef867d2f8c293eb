"""The tracker follows what moves, keeps identities where paths cross, and does not see packets."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from eventflow import synth
from eventflow.errors import EventsError, ParameterError
from eventflow.events import EVENT_DTYPE, Events
from eventflow.kernels.tracking import ClusterTracker


def columns(reports):
    names = ("t", "id", "x", "y", "vx", "vy", "w", "h", "mass")
    return [[np.asarray(getattr(report, name)).tolist() for name in names] for report in reports]


def tracked(events: Events, **options):
    tracker = ClusterTracker(events.width, events.height, **options)
    return tracker.push(events) + tracker.advance(int(events.t[-1]))


@pytest.fixture(scope="module")
def crossing():
    """Two shapes that meet at 0.65 s, under noise."""
    return synth.render("crossing", seed=3, duration=1_000_000), {
        message.t: message for message in synth.truth("crossing", seed=3, duration=1_000_000)
    }


def test_tracks_lie_on_the_objects(crossing):
    events, truth = crossing
    errors, slips = [], []
    for report in tracked(events):
        seen = truth.get(report.t)
        if seen is None or report.t < 100_000:
            continue
        assert len(report) == 2
        for x, y, vx, vy in zip(report.x, report.y, report.vx, report.vy, strict=True):
            near = np.argmin(np.hypot(seen.x - x, seen.y - y))
            errors.append(np.hypot(seen.x[near] - x, seen.y[near] - y))
            slips.append(np.hypot(seen.vx[near] - vx, seen.vy[near] - vy))
    assert np.median(errors) < 1.0
    assert max(errors) < 8.0
    assert np.median(slips) < 8.0


def test_identities_outlast_a_crossing(crossing):
    events, truth = crossing
    reports = tracked(events)

    def owners(report):
        seen = truth[report.t]
        return {
            int(name): int(np.argmin(np.hypot(seen.x - x, seen.y - y)))
            for name, x, y in zip(report.id, report.x, report.y, strict=True)
        }

    before = next(report for report in reports if report.t == 300_000)
    after = next(report for report in reports if report.t == 950_000)
    assert owners(before) == owners(after)
    assert len(owners(after)) == 2


@pytest.mark.parametrize("size", [1, 77, 4_096])
def test_packets_do_not_matter(crossing, size):
    events = crossing[0][: 40_000 if size > 1 else 3_000]
    whole = tracked(events)
    tracker = ClusterTracker(events.width, events.height)
    found = []
    for begin in range(0, len(events), size):
        packet = events[begin : begin + size]
        found += tracker.advance(int(packet.t[0]))
        found += tracker.push(packet)
    found += tracker.advance(int(events.t[-1]))
    assert columns(found) == columns(whole)


def test_a_tracker_goes_on_from_its_state(crossing):
    events = crossing[0][:60_000]
    old = ClusterTracker(events.width, events.height)
    old.push(events[:30_000])
    new = ClusterTracker(events.width, events.height)
    new.restore(old.state())
    assert columns(old.push(events[30_000:])) == columns(new.push(events[30_000:]))


def test_noise_alone_is_no_object():
    events = synth.render("still", seed=1, duration=500_000, noise=5.0)
    assert len(events) > 50_000
    assert sum(len(report) for report in tracked(events)) == 0


def test_reports_fall_on_multiples_of_the_period_and_end_with_the_clusters():
    records = np.zeros(2, EVENT_DTYPE)
    records["t"] = 1_500, 3_600_000_000
    reports = tracked(Events(records, 40, 30), every=4_000)
    assert [report.t for report in reports] == [4_000, 8_000, 12_000]
    tracker = ClusterTracker(40, 30, every=4_000)
    tracker.push(Events(records, 40, 30))
    assert [report.t for report in tracker.advance(3_600_004_000)] == [3_600_004_000]


def test_an_object_that_leaves_is_forgotten():
    t = np.arange(0, 600_000, 25)
    records = np.zeros(len(t), EVENT_DTYPE)
    rng = np.random.default_rng(0)
    x = 60 + t * 150e-6 + rng.uniform(-4, 4, len(t))
    inside = x < 120
    records["t"], records["x"] = t, np.clip(x, 0, 119)
    records["y"] = 40 + rng.integers(-4, 5, len(t))
    events = Events(records[inside], 120, 90)
    tracker = ClusterTracker(120, 90)
    reports = tracker.push(events) + tracker.advance(2_000_000)
    assert len({int(name) for report in reports for name in report.id}) == 1
    assert len(reports[-1]) == 0
    assert reports[-1].t < 1_000_000


def test_a_step_back_is_refused():
    records = np.zeros(2, EVENT_DTYPE)
    records["t"] = 10, 5
    with pytest.raises(EventsError, match="time order"):
        ClusterTracker(40, 30).push(Events(records, 40, 30))
    tracker = ClusterTracker(40, 30)
    tracker.push(Events(records[:1], 40, 30))
    with pytest.raises(EventsError, match="time order"):
        tracker.push(Events(records[1:], 40, 30))


def test_unusable_parameters_are_refused():
    for wrong in ({"every": 0}, {"hold": -1}, {"max_clusters": 0}, {"size": 0.0}, {"min_rate": -1.0}):
        with pytest.raises(ParameterError, match="expected"):
            ClusterTracker(40, 30, **wrong)


def test_kernels_import_numba_only_when_used():
    code = "import sys, eventflow.kernels as k; assert 'numba' not in sys.modules; k.denoise; sys.modules['numba']"
    subprocess.run([sys.executable, "-c", code], check=True)
