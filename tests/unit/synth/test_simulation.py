"""A seed is its bytes: however long the run, however it is cut, with or without truth."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import eventflow as ef
from eventflow.events import Events
from eventflow.messages import time_of

SMALL = {"width": 64, "height": 48, "noise": 20.0, "leak": 2.0}


def joined(pairs):
    return Events.concat([events for events, _ in pairs if events is not None])


def same(first, second):
    assert first.records.tobytes() == second.records.tobytes()
    assert first.labels.tobytes() == second.labels.tobytes()


@pytest.mark.parametrize("scene", ["crossing", "drive", "occlusion", "pan", "shapes", "still"])
@pytest.mark.parametrize(
    "cut", [{"packet_events": 1}, {"packet_events": 37}, {"truth_every": 1700}, {"truth_every": 90_000}]
)
def test_bytes_do_not_depend_on_the_cutting(scene, cut):
    whole = ef.synth.render(scene, seed=3, duration=20_000, **SMALL)
    same(joined(ef.synth.stream(scene, seed=3, duration=20_000, **SMALL, **cut)), whole)


@pytest.mark.parametrize("scene", ["crossing", "pan", "still"])
def test_a_shorter_run_is_the_beginning_of_a_longer_one(scene):
    longer = ef.synth.render(scene, seed=3, duration=60_000, **SMALL)
    for duration in (0, 1, 999, 20_000, 20_001, 59_999):
        shorter = ef.synth.render(scene, seed=3, duration=duration, **SMALL)
        same(
            shorter.with_columns(labels=np.zeros(0, np.uint8)) if not len(shorter) else shorter,
            longer.between(0, duration),
        )


def test_seeds_differ_and_repeat():
    first, again, other = (ef.synth.render("shapes", seed=seed, duration=20_000, **SMALL) for seed in (1, 1, 2))
    same(first, again)
    assert first.records.tobytes() != other.records.tobytes()


@pytest.mark.parametrize("seed", [-1, 2**63, 2**64 - 1])
def test_any_integer_is_a_seed(seed):
    assert len(ef.synth.render("shapes", seed=seed, duration=20_000, **SMALL))


def test_another_process_gives_the_same_bytes():
    code = (
        "import eventflow as ef, hashlib; ev = ef.synth.render('shapes', seed=7, duration=20_000, noise=20.0);"
        "print(hashlib.sha1(ev.records.tobytes() + ev.labels.tobytes()).hexdigest())"
    )
    prints = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    }
    assert len(prints) == 1


@pytest.mark.parametrize("packet_events", [50, 4096])
@pytest.mark.parametrize("truth_every", [1000, 1700, 7000])
def test_events_and_truth_come_in_time_order(truth_every, packet_events):
    seen, last_truth, count = -1, -1, 0
    options = {"truth_every": truth_every, "packet_events": packet_events, "duration": 40_000}
    for events, truth in ef.synth.stream("crossing", **options, **SMALL):
        assert events is not None or truth is not None
        if events is not None:
            assert 0 < len(events) <= packet_events
            assert events.t[0] >= max(seen, last_truth)
            seen = time_of(events)
        if truth is not None:
            assert seen < truth.t or truth.t == 0
            assert truth.t == count * truth_every
            last_truth, count = truth.t, count + 1
    assert count == 40_000 // truth_every + 1


def test_truth_alone_is_the_truth_of_the_stream():
    options = {"duration": 30_000, "truth_every": 3000, "seed": 5}
    alone = ef.synth.truth("shapes", **options, **SMALL)
    along = [truth for _, truth in ef.synth.stream("shapes", **options, **SMALL) if truth is not None]
    assert len(alone) == len(along)
    for first, second in zip(alone, along, strict=True):
        assert first.t == second.t
        for column in ("id", "x", "y", "vx", "vy", "w", "h", "mass"):
            np.testing.assert_array_equal(getattr(first, column), getattr(second, column))


def test_packets_outlive_the_stream_unchanged():
    packets = [
        (events, events.records.tobytes())
        for events, _ in ef.synth.stream("crossing", duration=20_000, **SMALL)
        if events
    ]
    assert all(events.records.tobytes() == before for events, before in packets)
    assert not any(events.records.flags.writeable for events, _ in packets)


def test_a_stream_holds_little_at_a_time():
    simulation = ef.synth.Simulation("still", width=64, height=48, noise=200.0, duration=400_000, packet_events=1000)
    sizes = [len(packet) for packet in simulation.packets()]
    assert max(sizes) == 1000
    assert sizes[:-1] == [1000] * (len(sizes) - 1)


def test_importing_the_package_loads_no_scene():
    code = "import eventflow.synth, sys; print([m for m in sys.modules if m in ('cv2', 'eventflow.synth.shapes')])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )
