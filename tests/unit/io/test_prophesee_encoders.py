"""What is written is read back equal, and does not depend on how packets were cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import eventflow.io as io
from eventflow.errors import ParameterError, RecordingError
from eventflow.events import EVENT_DTYPE, Events

FORMATS = {"evt3": "a.raw", "evt2": "b.raw", "dat": "c.dat", "evt21": "d.raw"}


def events_of(rows: list[tuple[int, int, int, int]], width: int, height: int) -> Events:
    records = np.zeros(len(rows), EVENT_DTYPE)
    for name, column in zip("txyp", zip(*rows, strict=True), strict=False):
        records[name] = column
    return Events(records, width, height)


def same(a: Events, b: Events) -> bool:
    return len(a) == len(b) and bool((a.records == b.records).all()) and (a.width, a.height) == (b.width, b.height)


@st.composite
def recordings(draw: st.DrawFn) -> Events:
    """Streams in time order, with bursts on a row (vectors), small gaps, gaps of clock turns, and a far first time."""
    t = draw(st.sampled_from([0, 5, 4095, (1 << 24) - 3, 913_716_224, (1 << 34) - 2, 1_643_243_628_737_093]))
    rows = []
    for _ in range(draw(st.integers(0, 12))):
        t += draw(st.sampled_from([0, 0, 1, 40, 5000, 9_000_000, (1 << 24) + 7, (1 << 26)]))
        y, p = draw(st.integers(0, 259)), draw(st.integers(0, 1))
        rows += [(t, x, y, p) for x in sorted(draw(st.sets(st.integers(0, 345), max_size=30)))]
    return events_of(rows, 346, 260)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(recordings(), st.lists(st.integers(1, 40), min_size=1, max_size=5))
@pytest.mark.parametrize("name", FORMATS)
def test_written_is_read_back_whatever_the_cuts(tmp_path, name, events, sizes):
    whole = io.write(events, tmp_path / FORMATS[name], format=name)
    assert same(io.read(whole), events)
    packets, at = [], 0
    while at < len(events):
        size = sizes[len(packets) % len(sizes)]
        packets.append(events[at : at + size])
        at += size
    cut = io.write(packets, tmp_path / "cut", format=name, width=346, height=260)
    assert cut.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("step", [-3, -11, -4097, -1_000_000])
def test_small_steps_back_are_kept(tmp_path, name, step):
    events = events_of([(9_000_000, 1, 2, 1), (9_000_000 + step, 3, 4, 0), (9_000_001, 5, 6, 1)], 346, 260)
    assert same(io.read(io.write(events, tmp_path / FORMATS[name], format=name)), events)


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("evt3", -8_400_000),
        ("evt2", -(1 << 33) - 64),
        ("evt21", -(1 << 33) - 64),
        ("dat", -(1 << 31)),
        ("dat", 1 << 32),
    ],
)
def test_steps_that_the_clock_cannot_show_are_refused(tmp_path, name, step):
    events = events_of([(16_000_000_000, 1, 2, 1), (16_000_000_000 + step, 3, 4, 0)], 346, 260)
    with pytest.raises(RecordingError, match="event 1 has t="):
        io.write(events, tmp_path / FORMATS[name], format=name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", FORMATS)
def test_negative_times_are_refused(tmp_path, name):
    with pytest.raises(RecordingError, match="origin='zero'"):
        io.write(events_of([(-1, 1, 2, 1)], 346, 260), tmp_path / FORMATS[name], format=name)


def test_a_sensor_beyond_the_address_is_refused(tmp_path):
    with pytest.raises(ParameterError, match="2048"):
        io.write(Events.empty(3000, 2000), tmp_path / "x.raw")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", FORMATS)
def test_an_empty_recording_is_a_recording(tmp_path, name):
    path = io.write([], tmp_path / FORMATS[name], format=name, width=346, height=260)
    assert same(io.read(path), Events.empty(346, 260))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(recordings())
def test_both_layouts_of_evt21_hold_the_same(tmp_path, events):
    legacy = io.write(events, tmp_path / "a.raw", format="evt21")
    little = io.write(events, tmp_path / "b.raw", format="evt21", layout="little")
    assert same(io.read(little), io.read(legacy))
    halves = [np.frombuffer(path.read_bytes().partition(b"% end\n")[2], "<u4") for path in (legacy, little)]
    assert (halves[0][0::2] == halves[1][1::2]).all()
    assert (halves[0][1::2] == halves[1][0::2]).all()


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("count", [1, 31, 32, 33, 63, 64, 65, 127, 128, 129, 1000])
def test_packets_of_any_size_make_the_same_file(tmp_path, name, count):
    rng = np.random.default_rng(count)
    steps, x = rng.integers(0, 2, 700) * rng.integers(0, 300, 700), rng.integers(0, 40, 700)
    events = events_of(list(zip(np.cumsum(steps), x, rng.integers(0, 3, 700), [0, 1] * 350, strict=True)), 346, 260)
    whole = io.write(events, tmp_path / "a", format=name)
    cut = io.write([events[at : at + count] for at in range(0, 700, count)], tmp_path / "b", format=name)
    assert cut.read_bytes() == whole.read_bytes()
    assert same(io.read(whole), events)


def test_a_layout_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(ParameterError, match="layout='big'"):
        io.write(Events.empty(346, 260), tmp_path / "x.raw", format="evt21", layout="big")


def a_stream(seed: int, step_us: float, run: float, back: float) -> Events:
    """5000 events in runs on a row: of `step_us` between them, `run` long, a share `back` of the runs a step back."""
    random = np.random.default_rng(seed)
    records = np.zeros(5000, EVENT_DTYPE)
    starts = random.random(5000) < 1 / run
    starts[0] = True
    number = np.cumsum(starts) - 1
    times = 70_000 + np.cumsum(random.poisson(step_us, number[-1] + 1))
    times -= 30 * (random.random(len(times)) < back)
    place = np.arange(5000) - np.flatnonzero(starts)[number]
    records["t"] = times[number]
    records["x"] = (random.integers(0, 346, number[-1] + 1)[number] + place * random.integers(1, 3)) % 346
    records["y"] = random.integers(0, 260, number[-1] + 1)[number]
    records["p"] = random.integers(0, 2, number[-1] + 1)[number]
    return Events(records, 346, 260)


@pytest.mark.parametrize("back", [0, 0.01])
@pytest.mark.parametrize("run", [1, 1.1, 3, 12, 60])
@pytest.mark.parametrize("step_us", [0.01, 0.3, 20, 3000])
@pytest.mark.parametrize("name", FORMATS)
def test_blocks_are_written_as_single_events_are(tmp_path, name, step_us, run, back):
    for seed in range(3):
        events = a_stream(seed, step_us, run, back)
        whole = io.write(events, tmp_path / "whole", format=name)
        packets = [events[k : k + 7] for k in range(0, len(events), 7)]  # too small for blocks
        small = io.write(packets, tmp_path / "small", format=name)
        assert small.read_bytes() == whole.read_bytes()
        assert same(io.read(whole, width=346, height=260), events)
