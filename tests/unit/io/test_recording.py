"""open and read: packets, windows, seeking, time order, pipes, and errors that say what to do."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np
import plain_prophesee as plain
import pytest

import eventflow.io as io
from eventflow.errors import DamagedRecordingError, ParameterError, RecordingError, UnknownFormatError
from eventflow.events import EVENT_DTYPE, Events


def events_at(times: list[int]) -> Events:
    records = np.zeros(len(times), EVENT_DTYPE)
    records["t"] = times
    records["x"] = np.arange(len(times)) % 64
    return Events(records, 64, 48)


@pytest.fixture
def recorded(tmp_path):
    def record(times: list[int]) -> str:
        return str(io.write(events_at(times), tmp_path / "r.raw"))

    return record


def test_each_iteration_begins_at_the_start(recorded):
    recording = io.open(recorded(list(range(100))), packet_events=30, start=10)
    for _ in range(2):
        assert [(len(p), int(p.t[0])) for p in recording] == [(30, 10), (30, 40), (30, 70)]


def test_window_and_origin(recorded):
    path = recorded(list(range(1000, 1100)))
    assert io.read(path, start=1010, end=1020).t.tolist() == list(range(1010, 1020))
    assert io.read(path, start=10, end=20, origin="zero").t.tolist() == list(range(10, 20))
    recording = io.open(path, origin="zero")
    assert [p.t[0] for p in recording] == [0]
    assert recording.shift == 1000
    assert list(io.open(path, start=5000)) == []
    assert recording.info.t_first == 1000


def test_seek_moves_a_running_iteration_and_else_the_next(recorded):
    recording = io.open(recorded(list(range(0, 1000, 10))), packet_events=5)
    recording.seek(501)
    packets = iter(recording)
    assert next(packets).t[0] == 510
    recording.seek(0)
    assert next(packets).t[0] == 0
    recording.seek(985)
    assert [p.t.tolist() for p in packets] == [[990]]
    assert next(iter(recording)).t[0] == 0


def test_backwards_policies(recorded):
    path = recorded([100, 97, 105, 104, 106])
    kept = io.read(path)
    assert kept.t.tolist() == [100, 97, 105, 104, 106]
    assert not kept.ordered
    recording = io.open(path, packet_events=2)
    assert [p.ordered for p in recording] == [False, False, True]
    assert recording.steps_back == 2
    assert io.read(path, backwards="clamp").t.tolist() == [100, 100, 105, 105, 106]
    assert io.read(path, backwards="drop").t.tolist() == [100, 105, 106]
    clamped = io.open(path, backwards="clamp", packet_events=1)
    assert [int(p.t[0]) for p in clamped] == [100, 100, 105, 105, 106]
    assert clamped.repaired == {"clamped": 2}
    dropped = io.open(path, backwards="drop", packet_events=2)
    assert [p.t.tolist() for p in dropped] == [[100, 105], [106]]
    assert dropped.repaired == {"backwards": 2}
    with pytest.raises(DamagedRecordingError, match="event 1 has t=97"):
        io.read(path, backwards="fail")


@pytest.mark.parametrize("packet_events", [1, 2, 3, 100])
def test_a_large_step_back_is_a_discontinuity(recorded, packet_events):
    path = recorded([50_000, 50_010, 7, 5, 9, 60_000, 40_000, 40_001])
    with pytest.raises(DamagedRecordingError, match=r"event 2 .* from 50010 to 7"):
        list(io.open(path, backwards="clamp", packet_events=packet_events))
    recording = io.open(path, backwards="clamp", on_jump="reset", packet_events=packet_events)
    parts: list[list[int]] = [[]]
    for item in recording.items():
        if isinstance(item, io.Jump):
            parts.append([])
        else:
            assert len(item) <= packet_events
            assert item.ordered
            parts[-1] += item.t.tolist()
    assert parts == [[50_000, 50_010], [7, 7, 9, 60_000], [40_000, 40_001]]
    assert recording.repaired == {"clamped": 1}
    assert io.read(path, backwards="clamp", on_jump="reset").t.tolist() == [t for part in parts for t in part]
    jumps = [item for item in recording.items() if isinstance(item, io.Jump)]
    assert jumps == [io.Jump(50_010, 7, 2), io.Jump(60_000, 40_000, 6)]


def test_a_pipe_streams_once_and_cannot_seek(recorded, tmp_path):
    data = Path(recorded(list(range(5000)))).read_bytes()
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    writer = threading.Thread(target=fifo.write_bytes, args=(data,))
    writer.start()
    with io.open(fifo, packet_events=999) as recording:
        with pytest.raises(RecordingError, match="pipe cannot go to another time"):
            recording.seek(3)
        assert [len(p) for p in recording] == [999] * 5 + [5]
        with pytest.raises(RecordingError, match="pipe can be read once"):
            list(recording)
    writer.join()


def test_content_decides_and_not_the_suffix(recorded, tmp_path):
    path = tmp_path / "wrong.aedat4"
    path.write_bytes(Path(recorded([1, 2, 3])).read_bytes())
    assert io.read(path).t.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        *((f"zero{suffix}", b"", "the file is empty") for suffix in (".raw", ".dat", ".aedat", ".csv", ".h5", ".xyz")),
        ("noise.raw", bytes(range(128, 256)), "named like Prophesee RAW"),
        ("noise.xyz", bytes(range(128, 256)), "no known format"),
        ("cut.raw", b"% evt 3.0\n% geomet", "ends inside its header, at byte 18"),
        ("nosize.raw", b"% evt 3.0\n% end\n", "pass width= and height="),
        ("cut.dat", b"% Data file containing CD events.\n% Version 2\n\x0c", "event type and size"),
        ("odd.dat", b"% Data file containing CD events.\n% Version 2\n\x0c\x09", "0x00, 0x0c or 0x0e of 8 bytes"),
        ("late.dat", b"% Data file containing CD events.\n% Version 3\n\x0c\x08", "version '3'"),
    ],
)
def test_what_cannot_be_read_is_said_clearly(tmp_path, name, data, says):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(RecordingError, match=says) as error:
        io.read(path)
    assert name in str(error.value)


def test_places_that_are_no_recordings(tmp_path):
    with pytest.raises(RecordingError, match="no such file"):
        io.open(tmp_path / "absent.raw")
    with pytest.raises(RecordingError, match="is a directory"):
        io.open(tmp_path)
    with pytest.raises(UnknownFormatError, match="no format is named 'evt9'"):
        io.open(tmp_path / "absent.raw", format="evt9")


def test_options_are_checked(recorded):
    path = recorded([1])
    with pytest.raises(ParameterError, match="takes no option 'colour'; it takes width, height"):
        io.open(path, colour="red")
    with pytest.raises(ParameterError, match="backwards='sort'"):
        io.open(path, backwards="sort")
    with pytest.raises(ParameterError, match="at least one event"):
        io.open(path, packet_events=0)


def test_given_geometry_serves_a_header_without_one(tmp_path):
    path = tmp_path / "old.raw"
    path.write_bytes(b"% evt 3.0\n" + bytes.fromhex("0180 0160 0100 0128"))
    events = io.read(path, width=320, height=240)
    assert (events.width, events.height, len(events)) == (320, 240, 1)


def test_triggers_are_a_stream(tmp_path):
    path = tmp_path / "t.raw"
    path.write_bytes(plain.HEADER3 + bytes.fromhex("0180 0160 01a0 0260 00a6"))
    recording = io.open(path)
    (message,) = recording.messages("triggers")
    assert message.time.tolist() == [4097, 4098]
    assert message.line.tolist() == [0, 6]
    assert message.value.tolist() == [1, 0]
    with pytest.raises(RecordingError, match="no stream 'imu'"):
        list(recording.messages("imu"))


def test_skipped_is_complete_after_an_iteration(tmp_path):
    path = tmp_path / "d.raw"
    path.write_bytes(plain.HEADER3 + bytes.fromhex("0128 0180 0100 ff2f 00b0 0128 01"))
    recording = io.open(path)
    assert sum(len(p) for p in recording) == 1
    assert recording.skipped == {"before_time": 1, "outside": 1, "reserved": 1, "truncated_bytes": 1}


def test_describe_counts_everything(recorded):
    found = io.describe(recorded([100, 97, 105]))
    assert (found["events"], found["t_first"], found["t_last"], found["duration_us"]) == (3, 100, 105, 8)
    assert (found["on_share"], found["steps_back"], found["skipped"]) == (0.0, 1, {})
    assert (found["width"], found["height"], found["format"]) == (64, 48, "evt3")


@pytest.mark.parametrize("name", ["a.raw", "b.raw", "c.dat"])
@pytest.mark.parametrize("packet_events", [1, 3, 100])
def test_steps_back_are_counted_in_every_format(tmp_path, name, packet_events):
    times = [100, 97, 105, 105, 104, 9000, 8999, 9000, 9000, 8000, 8100]
    form = {"a.raw": "evt3", "b.raw": "evt2", "c.dat": "dat"}[name]
    recording = io.open(io.write(events_at(times), tmp_path / name, format=form), packet_events=packet_events)
    packets = list(recording)
    assert recording.steps_back == 4
    for packet in packets:
        assert packet.ordered == bool((np.diff(packet.t) >= 0).all())
