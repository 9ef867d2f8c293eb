"""External triggers of Prophesee recordings are a stream: written where events are, found by a look or a full pass."""

from __future__ import annotations

import struct

import numpy as np
import plain_prophesee as plain
import pytest
from recording_kit import make

import eventflow.io as io
from eventflow.errors import RecordingError
from eventflow.io.table import format_named
from eventflow.messages import Triggers

WRITERS = {"evt2": 32, "evt21": 32, "evt3": 16, "hdf5": 256}


def edges(*rows: tuple[int, int, int]) -> Triggers:
    time, line, value = zip(*rows, strict=True)
    return Triggers(
        t=time[-1], time=np.array(time, "i8"), line=np.array(line, np.uint8), value=np.array(value, np.uint8)
    )


def read_edges(recording: io.Recording) -> list[tuple[int, int, int]]:
    found = recording.messages("triggers")
    return [row for m in found for row in zip(m.time.tolist(), m.line.tolist(), m.value.tolist(), strict=True)]


@pytest.mark.parametrize("name", WRITERS)
def test_edges_are_read_back_between_the_events(tmp_path, name):
    events = make(np.arange(3_000_000, 3_100_000, 100))
    rows = [(2_999_990, 1, 1), (3_000_000, 1, 0), (3_050_001, 15, 1), (3_050_001, 0, 1), (3_200_000, 0, 0)]
    path = tmp_path / "a"
    with io.create(path, width=events.width, height=events.height, format=name) as writer:
        writer.add("triggers", edges(*rows[:2]))
        writer.write(events[:500])
        writer.add("triggers", edges(*rows[2:]))
        writer.write(events[500:])
    with io.open(path) as recording:
        assert recording.info.streams == ("events", "triggers")
        assert read_edges(recording) == rows
        assert (recording.all_events().records == events.records).all()
        assert recording.skipped == {}
        assert recording.steps_back == 0


@pytest.mark.parametrize("name", ["evt2", "evt21", "evt3"])
def test_an_edge_stands_before_the_first_event_that_is_not_earlier(tmp_path, name):
    events = make([10, 20, 20, 30])
    paths = []
    for ahead in (0, 1):
        path = tmp_path / f"{ahead}"
        with io.create(path, width=events.width, height=events.height, format=name) as writer:
            writer.write(events[:ahead])
            writer.add("triggers", edges((20, 3, 1)))
            writer.write(events[ahead:])
        paths.append(path.read_bytes())
    assert paths[0] == paths[1]


@pytest.mark.parametrize("name", ["evt2", "evt21", "evt3"])
def test_edges_alone_make_a_recording(tmp_path, name):
    far = 1_643_243_628_737_093
    with io.create(tmp_path / "a", width=9, height=9, format=name) as writer:
        writer.add("triggers", edges((far, 0, 1), (far + 10**9, 0, 0)))
    with io.open(tmp_path / "a") as recording:
        assert read_edges(recording) == [(far, 0, 1), (far + 10**9, 0, 0)]
        assert len(recording.all_events()) == 0


@pytest.mark.parametrize("name", ["evt2", "evt21", "evt3"])
def test_what_cannot_be_said_is_refused(tmp_path, name):
    with (
        pytest.raises(RecordingError, match=f"lines 0 to {WRITERS[name] - 1}"),
        io.create(tmp_path / "a", width=9, height=9, format=name) as writer,
    ):
        writer.add("triggers", edges((5, WRITERS[name], 1)))
    with (
        pytest.raises(RecordingError, match="edge on trigger line 2 has t=-5"),
        io.create(tmp_path / "a", width=9, height=9, format=name) as writer,
    ):
        writer.add("triggers", edges((-5, 2, 1)))
    assert list(tmp_path.iterdir()) == []


def test_dat_holds_no_triggers_beside_events():
    assert "triggers" not in format_named("dat").load().open_encoder(None, width=9, height=9).streams


@pytest.mark.parametrize("name", ["evt2", "evt21", "evt3"])
def test_a_late_edge_is_found_by_asking_or_by_a_full_pass(tmp_path, name):
    events = make(np.arange(300_000))
    with io.create(tmp_path / "a", width=events.width, height=events.height, format=name) as writer:
        writer.write(events)
        writer.add("triggers", edges((300_000, 1, 1)))
    with io.open(tmp_path / "a") as recording:
        assert recording.streams == ("events",)
        assert recording.info.possible == ("triggers",)
        assert read_edges(recording) == [(300_000, 1, 1)]
        recording.all_events()
        assert recording.streams == ("events", "triggers")
        assert recording.info.possible == ()
    report = io.convert(tmp_path / "a", tmp_path / "b.raw", to="evt3")
    assert report["messages"] == {"triggers": 1}


def test_evt4_edges_are_read_and_masks_are_none():
    words = [0xE0000001, 0xC0000000, 0x90400101, 0x90800101, 0x90C00300]
    data = plain.HEADER4 + struct.pack("<5I", *words)
    decoder = format_named("evt4").load().open_decoder(plain.PiecesSource(data, [3]))
    (message,) = decoder.messages("triggers")
    assert (message.time.tolist(), message.line.tolist(), message.value.tolist()) == ([66, 67], [1, 3], [1, 0])


def test_a_dat_file_of_triggers_has_no_events(tmp_path):
    path = tmp_path / "a_trigger.dat"
    rows = [(5, 1), (2**32 - 1, 0 | 6 << 26), (3, 1 | 6 << 26)]
    path.write_bytes(
        b"% Data file containing Trigger events.\n% Version 2\n\x0e\x08"
        + b"".join(struct.pack("<II", *row) for row in rows)
    )
    with io.open(path) as recording:
        assert recording.streams == ("triggers",)
        assert read_edges(recording) == [(5, 0, 1), (2**32 - 1, 6, 0), (2**32 + 3, 6, 1)]
        assert len(recording.all_events()) == 0
