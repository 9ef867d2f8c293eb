"""What is written is read back equal, and does not depend on how packets were cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import eventflow.io as io
from eventflow.errors import ParameterError, RecordingError
from eventflow.events import EVENT_DTYPE, Events

FORMATS = {"evt3": "a.raw", "evt2": "b.raw", "dat": "c.dat"}


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
    ("name", "step"), [("evt3", -8_400_000), ("evt2", -(1 << 33) - 64), ("dat", -(1 << 31)), ("dat", 1 << 32)]
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
