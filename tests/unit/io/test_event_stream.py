"""Event Stream 2.0: the real recording, its bytes written again, and what the format cannot hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recording_kit import assert_same, decoded, encoded, make, recordings, resumed

import eventflow.io as io
from eventflow.errors import ParameterError, RecordingError
from eventflow.events import Events

HEADER = b"Event Stream\2\0\0\1" + np.array([40, 30], "<u2").tobytes()


@pytest.mark.samples
def test_the_real_recording_and_its_bytes_again(samples):
    data = (samples / "es" / "dvs.es").read_bytes()
    records, decoder = decoded("es", data)
    assert encoded("es", [Events(records, 320, 240)]) == data
    assert decoder.skipped == {}


@pytest.mark.samples
def test_generic_records_are_described_and_not_taken_for_events(samples):
    path = samples / "es" / "generic.es"
    found = io.describe(path)
    assert (found["streams"], found["events"], found["t_first"], found["t_last"]) == (["generic"], 0, 0, 1_207_922)
    assert found["attributes"] == {"type": "generic", "version": "2.0.0", "records": 70, "content_bytes": 822}
    with pytest.raises(RecordingError, match="type generic: 70 records of bytes with times, not polarity events"):
        io.read(path)


def test_color_records_are_counted_and_what_is_cut_off_too(tmp_path):
    record = b"\x05" + np.array([3, 4], "<u2").tobytes() + b"rgb"
    path = tmp_path / "a.es"
    path.write_bytes(HEADER[:15] + b"\4" + HEADER[16:] + b"\xff" + record + b"\xfe" + record + record[:-1])
    found = io.describe(path)
    assert found["attributes"]["records"] == 2
    assert (found["t_first"], found["t_last"]) == (259, 264)
    assert "the last 7 bytes, from byte 38 on, are no whole record" in found["notes"]


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([0, 4]))
def test_garbage_in_records_is_counted(body, kind):
    header = HEADER[:15] + bytes([kind]) + (HEADER[16:] if kind else b"")
    with pytest.raises(RecordingError, match="records of"):
        decoded("es", header + body)


def test_a_record_that_claims_more_than_the_file_has_takes_no_memory():
    with pytest.raises(RecordingError, match="1 records of"):
        decoded("es", HEADER[:15] + b"\0" + b"\0\2a" + b"\0\xff\xff\xff\xfe")


def test_an_unknown_type_is_named():
    with pytest.raises(RecordingError, match="unknown type 9"):
        decoded("es", HEADER[:15] + b"\x09" + HEADER[16:])


def atis(dt, on, crossing, x, y):
    return bytes([dt << 2 | on << 1 | crossing]) + np.array([x, y], "<u2").tobytes()


ATIS = HEADER[:15] + b"\2" + HEADER[16:]
ATIS_BODY = b"\xff\xfd\xfc" + atis(62, 1, 0, 3, 29) + atis(0, 0, 1, 5, 0) + atis(1, 1, 1, 39, 1) + atis(1, 0, 0, 40, 0)


@pytest.mark.parametrize("most", [1, 3, 1 << 20])
def test_changes_of_atis_are_events_and_crossings_a_stream(tmp_path, most):
    records, decoder = decoded("es", ATIS + ATIS_BODY, most_bytes=most, sizes=(1, 2))
    assert records.tolist() == [(189 + 63 + 62, 3, 0, 1)]
    assert decoder.skipped == {"outside": 1, "reserved": 1}
    assert decoder.noted == {"exposures": 2}
    path = tmp_path / "a.es"
    path.write_bytes(ATIS + ATIS_BODY)
    with io.open(path) as recording:
        assert recording.streams == ("events", "exposures")
        (crossings,) = recording.messages("exposures")
        assert crossings.records.tolist() == [(314, 5, 29, 0), (315, 39, 28, 1)]
        with pytest.raises(RecordingError, match="no stream 'imu'"):
            list(recording.messages("imu"))


@given(recordings(most_us=10_000), st.integers(0, 80))
@settings(max_examples=30, deadline=None)
def test_a_mark_goes_on_where_it_was_made(events, first):
    for kind in ("dvs", "atis"):
        data = encoded("es", [events], kind=kind)
        assert_same(resumed("es", data, min(first, len(events))), events[min(first, len(events)) :])


def test_an_encoder_knows_no_other_kind():
    with pytest.raises(ParameterError, match="dvs or atis"):
        encoded("es", [make([1])], kind="color")


def test_version_1_is_refused():
    with pytest.raises(RecordingError, match="version 1"):
        decoded("es", HEADER[:12] + b"\1" + HEADER[13:])


def test_overflows_resets_and_pixels_outside():
    def event(dt, on, x, y):
        return bytes([dt << 1 | on]) + np.array([x, y], "<u2").tobytes()

    body = b"\xff\xff\xfe" + event(126, 1, 3, 29) + event(0, 0, 40, 0) + event(5, 0, 39, 0) + b"\x02\x00"
    records, decoder = decoded("es", HEADER + body)
    assert records.tolist() == [(380, 3, 0, 1), (385, 39, 29, 0)]
    assert decoder.skipped == {"outside": 1, "reserved": 1, "truncated_bytes": 2}


@pytest.mark.parametrize(
    ("times", "index", "words"),
    [
        ([-1], 0, "before 0"),
        ([5, 4], 1, "after t=5"),
        ([1_643_243_628_737_093], 0, "silence"),
        ([0, 1, 3_600_000_002], 2, "silence"),
    ],
)
def test_what_cannot_be_held_is_refused_by_the_first_event(times, index, words):
    with pytest.raises(RecordingError, match=f"event {index} at t={times[index]} µs.*{words}"):
        encoded("es", [make(times)])


def test_the_index_of_a_refused_event_counts_all_packets():
    with pytest.raises(RecordingError, match="event 3 at t=0"):
        encoded("es", [make([0, 1, 2]), make([0])])


def test_a_silence_longer_than_the_buffer():
    events = make([0, 3_600_000_000])
    assert decoded("es", encoded("es", [events]))[0]["t"].tolist() == [0, 3_600_000_000]
