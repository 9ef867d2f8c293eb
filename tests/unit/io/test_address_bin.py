"""N-MNIST and N-Caltech101: the real recordings' bytes again, times beyond 23 bits, sizes, what cannot be held."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recording_kit import HEIGHT, WIDTH, assert_same, decoded, encoded, make, recordings, resumed

import eventflow.io as io
from eventflow.errors import RecordingError
from eventflow.events import Events

SIZE = {"width": WIDTH, "height": HEIGHT}


def record(x, y, p, t):
    return bytes([x, y, p << 7 | t >> 16, t >> 8 & 255, t & 255])


@pytest.mark.samples
@pytest.mark.parametrize("name", ["nmnist_sample.bin", "ncaltech101_faces_easy_0001.bin"])
def test_the_bytes_of_real_recordings_are_written_again(samples, name):
    data = (samples / "neuromorphic_datasets" / name).read_bytes()
    records, decoder = decoded("nmnist", data)
    assert encoded("nmnist", [Events(records, decoder.info.width, decoder.info.height)]) == data


def test_row_240_adds_to_the_time_and_is_no_event():
    data = record(1, 2, 1, 5) + record(9, 240, 0, 77) + record(0, 240, 1, 0) + record(3, 4, 0, 1) + b"\1\2"
    records, decoder = decoded("nmnist", data, sizes=(1,), most_bytes=3)
    assert records.tolist() == [(5, 1, 2, 1), (16385, 3, 4, 0)]
    assert decoder.skipped == {"truncated_bytes": 2}
    assert decoder.noted == {"wraps": 2}


@pytest.mark.parametrize(("x", "y", "size"), [(33, 33, (34, 34)), (34, 0, (35, 1)), (255, 255, (256, 256))])
def test_the_size_is_that_of_nmnist_or_what_the_events_need(x, y, size):
    records, decoder = decoded("nmnist", record(x, y, 0, 1) + record(0, 240, 0, 1))
    assert (decoder.info.width, decoder.info.height) == size
    assert len(records) == 1
    assert len(decoder.info.notes) == 1


def test_a_given_size_overrules_and_leaves_out_what_lies_beyond():
    records, decoder = decoded("nmnist", record(5, 5, 0, 1) + record(12, 0, 0, 2), width=10, height=10)
    assert len(records) == 1
    assert decoder.skipped == {"outside": 1}
    assert decoder.info.notes == []


@pytest.mark.parametrize("t", [[-1], [0, 3_600_000_000 + (1 << 23) + 1], [20_000_000, 0]])
def test_what_cannot_be_held_is_refused_by_the_event(t):
    with pytest.raises(RecordingError, match=f"event {len(t) - 1} at t={t[-1]} µs"):
        encoded("nmnist", [make(t)])


def test_large_sensors_are_refused():
    with pytest.raises(RecordingError, match="256x240"):
        encoded("nmnist", [make([0], width=640, height=480)])


def test_a_silence_longer_than_the_buffer():
    events = make([0, 3_600_000_000])
    assert decoded("nmnist", encoded("nmnist", [events]), **SIZE)[0]["t"].tolist() == [0, 3_600_000_000]


@given(recordings(most_us=10_000), st.integers(0, 80))
@settings(max_examples=30, deadline=None)
def test_a_mark_goes_on_where_it_was_made(events, first):
    first = min(first, len(events))
    assert_same(resumed("nmnist", encoded("nmnist", [events]), first, **SIZE), events[first:])


def test_the_suffix_alone_is_believed(tmp_path):
    events = make(np.arange(50) * 100)
    assert_same(io.read(io.write(events, tmp_path / "a.bin"), **SIZE).records, events)
