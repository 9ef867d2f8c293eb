"""ROS bags, ROS 2 bags and MCAP logs: the samples' events, damage, pipes, marks, other streams."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recording_kit import damage, make

import eventflow.io as io
from eventflow.errors import RecordingError
from eventflow.events import Events
from eventflow.io.decoder import Batch
from eventflow.io.recording import decoder_of
from eventflow.io.source import open_source
from eventflow.io.table import format_named

pytest.importorskip("rosbags")

SAMPLES = {
    "evt3_packets.bag": (343474, 125183, (7139845, 479, 441, 0), (9218023, 39, 374, 0), (640, 480)),
    "evt3_packets_rosbag2": (343474, 125183, (7139845, 479, 441, 0), (9218023, 39, 374, 0), (640, 480)),
    "evt3_packets_rosbag2/test_events_1.db3": (
        343474, 125183, (7139845, 479, 441, 0), (9218023, 39, 374, 0), (640, 480),
    ),
    "libcaer_packets_mcap": (
        571266, 211043, (1744227144732712, 219, 244, 0), (1744227145732708, 307, 38, 0), (346, 260),
    ),
    "mono_packets_rosbag2": (100, 50, (0, 320, 240, 0), (99, 369, 289, 1), (640, 480)),
}  # fmt: skip
_few = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.samples
@pytest.mark.parametrize("name", SAMPLES)
def test_the_events_are_those_of_the_manifest(samples, name):
    count, on, first, last, size = SAMPLES[name]
    with io.open(samples / "ros" / name, packet_events=1000) as recording:
        events = Events.concat(list(recording))
        assert (recording.skipped, recording.noted, recording.steps_back) == ({}, {}, 0)
        assert recording.info.attributes["topic"] == "/event_camera/events"
    assert (len(events), int(events.p.sum())) == (count, on)
    assert [tuple(events.records[at].item()[:4]) for at in (0, -1)] == [first, last]
    assert (events.width, events.height) == size
    whole = io.read(samples / "ros" / name)
    assert np.array_equal(whole.records, events.records)


@pytest.mark.samples
def test_a_bag_and_the_same_in_ros_2_hold_the_same(samples):
    folder = samples / "ros"
    one, two = (io.read(folder / name) for name in ("evt3_packets.bag", "evt3_packets_rosbag2"))
    assert np.array_equal(one.records, two.records)
    for name in ("evt3_packets.bag", "evt3_packets_rosbag2"):
        with io.open(folder / name) as recording:
            assert recording.streams == ("events", "triggers")
            edges = list(recording.messages("triggers"))
        assert sum(len(each.time) for each in edges) == 4157
        assert {int(line) for each in edges for line in each.line} <= set(range(16))


@pytest.mark.samples
@pytest.mark.parametrize("name", ["evt3_packets.bag", "libcaer_packets_mcap/test_events_2_0.mcap"])
def test_a_truncated_log_gives_what_is_there(samples, name, tmp_path):
    data = (samples / "ros" / name).read_bytes()
    whole = io.read(samples / "ros" / name)
    path = tmp_path / f"cut{os.path.splitext(name)[1]}"
    before = 0
    for share in (0.1, 0.35, 0.6, 0.99):
        path.write_bytes(data[: int(len(data) * share)])
        with io.open(path) as recording:
            events = recording.all_events()
            assert recording.skipped.get("truncated_bytes", 0) + recording.skipped.get("damaged", 0) > 0
            assert any("no index" in note for note in recording.info.notes)
        assert len(events) > before
        before = len(events)
        assert np.array_equal(events.records, whole.records[: len(events)])
    assert before > 0.9 * len(whole)


@pytest.mark.samples
@pytest.mark.parametrize("name", ["evt3_packets.bag", "libcaer_packets_mcap/test_events_2_0.mcap"])
def test_a_pipe_is_read_like_a_file(samples, name, tmp_path):
    source, pipe = samples / "ros" / name, tmp_path / "pipe"
    os.mkfifo(pipe)

    def feed():
        with source.open("rb") as file, pipe.open("wb") as target:
            shutil.copyfileobj(file, target, 10_007)

    thread = threading.Thread(target=feed)
    thread.start()
    with io.open(pipe) as recording:
        events = Events.concat(list(recording))
    thread.join()
    assert np.array_equal(events.records, io.read(source).records)


@pytest.mark.samples
@pytest.mark.parametrize("name", [name for name in SAMPLES if "mono" not in name])
def test_reading_goes_on_from_a_mark(samples, name):
    path = samples / "ros" / name
    row = format_named({"bag": "rosbag1", "map": "mcap"}.get(name[-3:], "rosbag2"))
    whole = io.read(path).records
    for passed in (1, 777, 50_001):
        with open_source(path) as source, open_source(path) as again:
            first, second = (decoder_of(row, each, {}) for each in (source, again))
            assert first.fill(Batch(passed), 0) == passed
            second.resume(first.mark())
            batch = Batch(5000)
            assert second.fill(batch, 0) == 5000
        assert np.array_equal(batch.records, whole[passed : passed + 5000])


@pytest.mark.samples
def test_sensor_time_may_be_moved_to_the_clock_of_ros(samples):
    path = samples / "ros/evt3_packets.bag"
    raw, moved = io.read(path), io.read(path, clock="ros")
    shift = int(moved.t[0]) - int(raw.t[0])
    assert int(moved.t[0]) == 1675956550318678
    assert np.array_equal(moved.t - shift, raw.t)
    with io.open(path, clock="ros") as recording:
        edges = next(iter(recording.messages("triggers")))
    assert abs(int(edges.time[0]) - int(moved.t[0])) < 1_000_000


@pytest.mark.samples
def test_what_is_no_topic_of_events_is_refused_with_those_there_are(samples):
    with pytest.raises(RecordingError, match=r"no topic '/left' with events; it has /event_camera/events"):
        io.open(samples / "ros/evt3_packets.bag", topic="/left")


def _log(tmp_path, name, **options):
    """A small log, with damage to come."""
    path = tmp_path / name
    events = make(np.arange(400) * 50)
    io.write(events, path, packet_events=37, **options)
    return path, events


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.bag", {"compression": "lz4"}),
        ("b.bag", {"encoding": "evt3"}),
        ("c.mcap", {"format": "rosbag2", "encoding": "mono"}),
        ("d.db3", {"encoding": "dvs"}),
    ],
)
@_few
@given(data=st.data())
def test_garbage_gives_events_on_the_sensor_or_a_clear_error(tmp_path, name, options, data):
    whole, _ = _log(tmp_path, name, **options)
    broken = tmp_path / f"broken{whole.suffix}"
    broken.write_bytes(data.draw(damage(whole.read_bytes())))
    try:
        with io.open(broken) as recording:
            for packet in recording:
                assert (packet.x < packet.width).all()
                assert (packet.y < packet.height).all()
                assert (packet.p <= 1).all()
            for stream in recording.streams[1:]:
                list(recording.messages(stream))
    except RecordingError:
        pass


def test_damage_in_the_middle_costs_only_its_chunk(tmp_path):
    events = make(np.arange(200_000) * 5)
    for name, options in (("a.bag", {"compression": "lz4"}), ("b.mcap", {"compression": "zstd"})):
        path = io.write(events, tmp_path / name, **options)
        data = bytearray(path.read_bytes())
        data[len(data) // 2 : len(data) // 2 + 4000] = bytes(4000)
        path.write_bytes(data)
        with io.open(path) as recording:
            found = recording.all_events()
            assert sum(recording.skipped.values()) > 0
        assert 0.4 * len(events) < len(found) < len(events)
        assert int(found.t[-1]) == int(events.t[-1]), "what lies behind the damage is found again"


@pytest.mark.parametrize("content", [b"", b"#ROSBAG V2.0\n", b"\x89MCAP0\r\n", b"SQLite format 3\x00" + bytes(100)])
def test_a_log_that_ends_at_once_is_empty_or_refused(tmp_path, content):
    path = tmp_path / "x.bag"
    path.write_bytes(content)
    bare = content[:2] == b"#R" or content[1:5] == b"MCAP"
    refused = contextlib.nullcontext() if bare else pytest.raises(RecordingError, match=r"x\.bag")
    with refused, io.open(path) as recording:
        assert list(recording) == []


def test_a_folder_of_other_files_is_no_recording(tmp_path):
    (tmp_path / "x.txt").write_text("hello")
    with pytest.raises(RecordingError, match="is a directory and no recording"):
        io.open(tmp_path)
    with pytest.raises(RecordingError, match="is a directory, and ROS 1 bag is a file"):
        io.open(tmp_path, format="rosbag1")
