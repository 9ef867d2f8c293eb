"""Event Stream 2.0: the real recording, its bytes written again, and what the format cannot hold."""

from __future__ import annotations

import numpy as np
import pytest
from recording_kit import decoded, encoded, make

from eventflow.errors import RecordingError
from eventflow.events import Events

HEADER = b"Event Stream\2\0\0\1" + np.array([40, 30], "<u2").tobytes()


@pytest.mark.samples
def test_the_real_recording_and_its_bytes_again(samples):
    data = (samples / "es" / "dvs.es").read_bytes()
    records, decoder = decoded("es", data)
    assert encoded("es", [Events(records, 320, 240)]) == data
    assert decoder.skipped == {}


@pytest.mark.samples
def test_a_generic_stream_is_refused_by_name(samples):
    with pytest.raises(RecordingError, match=r"byte 15: Event Stream of type generic .*type 1 \(DVS\)"):
        decoded("es", (samples / "es" / "generic.es").read_bytes())


@pytest.mark.parametrize(("kind", "word"), [(0, "generic"), (2, "ATIS"), (4, "color"), (9, "unknown")])
def test_other_types_are_named(kind, word):
    with pytest.raises(RecordingError, match=word):
        decoded("es", HEADER[:15] + bytes([kind]) + HEADER[16:])


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
