"""What is written as ROS bags reads back, here and by rosbags' own reader; encodings of events against plain Python."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recording_kit import assert_same, cut, make, recordings

import eventflow.io as io
from eventflow.errors import MissingExtraError, ParameterError, RecordingError
from eventflow.events import EVENT_DTYPE, Events
from eventflow.io.ros_packets import READERS, Packet
from eventflow.io.ros_packing import Packer
from eventflow.messages import Fix, Frame, Imu, Pose, Triggers

rosbags = pytest.importorskip("rosbags.highlevel")
_few = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

TARGETS = [
    ("a.bag", None, {"encoding": "dvs"}),
    ("a.bag", None, {"encoding": "evt3", "compression": "lz4"}),
    ("a.bag", None, {"encoding": "mono", "compression": "bz2"}),
    ("bag", "rosbag2", {"encoding": "evt3"}),
    ("bag", "rosbag2", {"encoding": "mono", "storage": "sqlite3"}),
    ("a.db3", None, {"encoding": "dvs"}),
    ("a.mcap", "rosbag2", {"encoding": "dvs"}),
]


@pytest.mark.parametrize(("name", "format", "options"), TARGETS)
@_few
@given(events=recordings(), packet_events=st.integers(1, 30), sizes=st.integers(1, 40), data=st.data())
def test_events_come_back_whatever_they_were_cut_into(
    tmp_path, name, format, options, events, packet_events, sizes, data
):
    packets = cut(data.draw, events)
    path = io.write(packets, tmp_path / name, format=format, packet_events=packet_events, **options)
    with io.open(path, packet_events=sizes) as recording:
        found = [packet.records.view("V16") for packet in recording]
        assert (recording.skipped, recording.noted) == ({}, {})
    assert_same(np.concatenate([np.zeros(0, "V16"), *found]).view(EVENT_DTYPE), events)
    again = io.write(events, tmp_path / "again" / name, format=format, packet_events=packet_events, **options)
    if path.is_file() and path.suffix != ".db3":
        assert path.read_bytes() == again.read_bytes(), "the file depends on the events alone"


def _read_by_rosbags(path):
    """Topic, ROS message for every message, by rosbags alone."""
    types = pytest.importorskip("rosbags.typesys")
    with rosbags.AnyReader([path], default_typestore=types.get_typestore(types.Stores.ROS2_HUMBLE)) as reader:
        return [
            (connection.topic, reader.deserialize(raw, connection.msgtype)) for connection, _, raw in reader.messages()
        ]


@pytest.mark.parametrize(("name", "format"), [("a.bag", None), ("bag", "rosbag2")])
def test_rosbags_reads_every_event_of_dvs_msgs(tmp_path, name, format):
    events = make(np.arange(1000) * 1_234_567, x=np.arange(1000) % 40)
    io.write(events, tmp_path / name, format=format, encoding="dvs", packet_events=77)
    found = [
        (each.ts.sec * 1_000_000 + each.ts.nanosec // 1000, each.x, each.y, int(each.polarity))
        for _, message in _read_by_rosbags(tmp_path / name)
        for each in message.events
    ]
    assert found == [record.item()[:4] for record in events.records]


@pytest.mark.parametrize(("name", "format"), [("a.bag", None), ("bag", "rosbag2"), ("a.db3", None)])
def test_other_streams_come_back_and_rosbags_reads_them(tmp_path, name, format):
    rng = np.random.default_rng(1)
    gray, color = (rng.integers(0, 256, shape, np.uint8) for shape in ((9, 12), (9, 12, 3)))
    sample = Imu(20, np.array([10, 20]), np.float32([[1, 2, 3], [4, 5, 6]]), np.float32([[7, 8, 9], [0.5, 1, 2]]))
    pose = Pose(40, np.array([1.0, 2.0, 3.0]), np.array([0.0, 0.0, 0.6, 0.8]))
    given = {
        "frames": [Frame(gray, 5), Frame(gray[::-1], 50)],
        "frames:/camera/color": [Frame(color, 15)],
        "imu": [sample],
        "poses": [pose],
        "fixes": [Fix(45, 47.25, 8.5, 401.0)],
    }
    events = make(np.arange(60))
    with io.create(tmp_path / name, width=40, height=30, format=format, packet_events=13) as writer:
        for stream, messages in given.items():
            for message in messages:
                writer.add(stream, message)
        writer.write(events)
        assert not writer.left_behind
    with io.open(tmp_path / name) as recording:
        assert_same(recording.all_events().records, events)
        assert set(recording.streams) >= {"events", "frames", "frames:/camera/color", "imu", "poses", "fixes"}
        found = {stream: list(recording.messages(stream)) for stream in given}
    assert [(each.t, each.image.tolist()) for each in found["frames"]] == [
        (5, gray.tolist()), (50, gray[::-1].tolist()),
    ]  # fmt: skip
    assert np.array_equal(found["frames:/camera/color"][0].image, color)
    assert [each.time.tolist() for each in found["imu"]] == [[10], [20]]
    assert np.array_equal(np.concatenate([each.accel for each in found["imu"]]), sample.accel)
    assert np.array_equal(np.concatenate([each.gyro for each in found["imu"]]), sample.gyro)
    assert np.array_equal(found["poses"][0].position, pose.position)
    assert np.array_equal(found["poses"][0].orientation, pose.orientation)
    fix = found["fixes"][0]
    assert (fix.t, fix.latitude, fix.longitude, fix.altitude) == (45, 47.25, 8.5, 401.0)
    by_topic = dict(_read_by_rosbags(tmp_path / name))
    assert by_topic["/camera/color"].encoding == "rgb8"
    assert bytes(by_topic["/camera/color"].data) == color.tobytes()
    assert by_topic["/event_camera/imu"].angular_velocity.x == 0.5
    assert by_topic["/event_camera/pose"].pose.orientation.w == 0.8
    assert by_topic["/event_camera/fix"].latitude == 47.25


def test_trigger_edges_stand_in_the_packets_between_the_events(tmp_path):
    events = make(np.arange(0, 1000, 10))
    edges = Triggers(995, np.array([5, 405, 995]), np.array([0, 3, 0], np.uint8), np.array([1, 0, 0], np.uint8))
    with io.create(tmp_path / "bag", width=40, height=30, format="rosbag2", packet_events=30) as writer:
        before = 0
        for k, at in enumerate((1, 41, 100)):
            writer.write(events[before:at])
            columns = (column[k : k + 1] for column in (edges.time, edges.line, edges.value))
            writer.add("triggers", Triggers(int(edges.time[k]), *columns))
            before = at
    with io.open(tmp_path / "bag") as recording:
        assert_same(recording.all_events().records, events)
        (found,) = recording.messages("triggers")
    for name in ("time", "line", "value"):
        assert np.array_equal(getattr(found, name), getattr(edges, name))


def test_two_topics_of_events_are_two_streams(tmp_path):
    from eventflow.io.rosbag1 import Bag1

    left, right = make(np.arange(50)), make(np.arange(70) * 3)
    bag = Bag1(tmp_path / "a.bag", "none")
    for topic, events, encoding in (("/left/events", left, "mono"), ("/right/events", right, "evt3")):
        packer = Packer(encoding, width=40, height=30, cdr=False, frame=topic)
        for time_ns, data in packer.pack(events.records):
            bag.write(topic, packer.type, time_ns, data)
    bag.finish()
    with io.open(tmp_path / "a.bag") as recording:
        assert recording.info.attributes["event_topics"] == ["/left/events", "/right/events"]
        assert_same(recording.all_events().records, left)
        others = Events.concat(list(recording.messages("events:/right/events")))
        assert_same(others.records, right)
    assert_same(io.read(tmp_path / "a.bag", topic="/right/events").records, right)


def _written_by_rosbags(path, packets, *, mode, storage):
    from eventflow.io.ros_definitions import typestore

    module = pytest.importorskip("rosbags.rosbag2")
    writer = module.Writer(path, version=9, storage_plugin=module.StoragePlugin[storage])
    writer.set_compression(module.CompressionMode[mode], module.CompressionFormat.ZSTD)
    with writer:
        kind = "event_camera_msgs/msg/EventPacket"
        connection = writer.add_connection("/events", kind, typestore=typestore(ros2=True))
        for time_ns, data in packets:
            writer.write(connection, time_ns, data)


@pytest.mark.parametrize(
    ("mode", "storage"), [("NONE", "MCAP"), ("MESSAGE", "SQLITE3"), ("MESSAGE", "MCAP"), ("STORAGE", "MCAP")]
)
def test_bags_of_rosbags_are_read_in_every_compression(tmp_path, mode, storage):
    events = make(np.arange(500) * 7)
    packer = Packer("evt3", width=40, height=30, cdr=True, frame="")
    packets = [message for at in range(0, 500, 50) for message in packer.pack(events.records[at : at + 50])]
    _written_by_rosbags(tmp_path / "bag", packets, mode=mode, storage=storage)
    assert_same(io.read(tmp_path / "bag").records, events)


def test_a_bag_compressed_as_a_whole_says_what_to_do(tmp_path):
    _written_by_rosbags(tmp_path / "bag", [], mode="FILE", storage="SQLITE3")
    with pytest.raises(RecordingError, match="unpack them with zstd -d first"):
        io.open(tmp_path / "bag")


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_a_bag_in_several_files_is_one_recording(tmp_path, storage):
    import yaml

    events = make(np.arange(900))
    folder = tmp_path / "whole"
    folder.mkdir()
    names = []
    for number in range(3):
        part = io.write(events[300 * number : 300 * number + 300], tmp_path / f"p{number}", format="rosbag2",
                        storage=storage, encoding="mono", packet_events=70)  # fmt: skip
        (file,) = [each for each in part.iterdir() if each.suffix != ".yaml"]
        file.rename(folder / file.name)
        names.append(file.name)
    said = {"rosbag2_bagfile_information": {"version": 9, "relative_file_paths": names}}
    (folder / "metadata.yaml").write_text(yaml.safe_dump(said))
    with io.open(folder, packet_events=250) as recording:
        assert_same(Events.concat(list(recording)).records, events)
        assert recording.noted == {"gaps": 2}, "each part was numbered by itself"
    (folder / names[1]).unlink()
    with io.open(folder) as recording:
        assert_same(recording.all_events().records, Events.concat([events[:300], events[600:]]))
        assert recording.skipped == {"missing_files": 1}


def _packets_as_log(tmp_path, packets, encoding="evt3"):
    from eventflow.io.rosbag1 import Bag1

    bag = Bag1(tmp_path / "a.bag", "none")
    for time_ns, data in packets:
        bag.write("/events", "event_camera_msgs/msg/EventPacket", time_ns, data)
    bag.finish()
    return tmp_path / "a.bag"


@pytest.mark.parametrize("step_us", [10, 5_000_000])
def test_a_lost_packet_is_noted_and_what_follows_has_its_times(tmp_path, step_us):
    """Steps of 5 s hide turns of the 24-bit clock in the gap, which the packets' stamps tell."""
    events = make(np.arange(300) * step_us)
    packer = Packer("evt3", width=40, height=30, cdr=False, frame="")
    packets = [message for k in range(0, 300, 10) for message in packer.pack(events.records[k : k + 10])]
    del packets[7:12]
    with io.open(_packets_as_log(tmp_path, packets)) as recording:
        found = recording.all_events()
        assert recording.noted["gaps"] == 1
    assert_same(found.records, Events.concat([events[:70], events[120:]]))


def _decoded(encoding, payload, base_ns, width=40, height=30, room=3):
    reader = READERS[encoding](width, height)
    items = np.frombuffer(payload, reader.item)
    packet = Packet(items.view("u1"), 0, slice(0, 0), width, height, encoding, items, base_ns=base_ns)
    found, at = [], 0
    reader.begin(packet, gap=False, elapsed_us=0)
    while at < len(items):
        out = np.zeros(2 * room, np.int64)
        at, n = reader.decode(packet, at, out, 0)
        found += [
            (t, half & 0xFFFF, half >> 16 & 0xFFFF, half >> 32) for t, half in out[: 2 * n].reshape(-1, 2).tolist()
        ]
    return found, reader


def test_libcaer_is_columns_and_rows_with_a_clock_that_may_turn():
    def word(x, y, p, t):
        return (x << 17 | y << 2 | p << 1 | 1) | t << 32

    top = (1 << 31) - 1
    words = np.array([word(3, 4, 1, top - 1), word(39, 29, 0, top), word(40, 1, 1, top), word(1, 2, 0, 5)], "<u8")
    found, reader = _decoded("libcaer", words.tobytes(), 2_000_000)
    assert found == [(2000 + top - 1, 3, 4, 1), (2000 + top, 39, 29, 0), (2000 + top + 6, 1, 2, 0)]
    assert int(reader.state[reader.counts["outside"]]) == 1


def test_libcaer_cmp_is_a_column_then_rows_or_vectors_of_eight():
    words = np.array(
        [0x0001, 0x1002, 0x2005, 0x3803, 0x3004, 0x1003, 0x4800 | 10, 0x5081, 0x5001, 0x2028, 0x3001, 0xF000], "<u2"
    )
    found, reader = _decoded("libcaer_cmp", words.tobytes(), 7_000_000, room=1)
    t = 7000 + (1 << 12)
    assert found == [(t + 2, 5, 3, 1), (t + 2, 5, 4, 0), (t + 3, 5, 10, 1), (t + 3, 5, 17, 1), (t + 3, 5, 18, 1)]
    assert int(reader.state[reader.counts["outside"]]) == 1
    assert int(reader.state[reader.counts["reserved"]]) == 1


def test_times_before_zero_are_refused_with_what_to_do(tmp_path):
    for encoding in ("dvs", "mono", "evt3"):
        with pytest.raises(RecordingError, match="pass origin='zero'"):
            io.write(make(np.arange(-5, 5)), tmp_path / "a.bag", encoding=encoding)
    assert list(tmp_path.iterdir()) == []


def test_a_bag_takes_the_place_of_a_bag_and_of_nothing_else(tmp_path):
    target = tmp_path / "bag"
    for count in (10, 20):
        io.write(make(np.arange(count)), target, format="rosbag2")
        assert len(io.read(target)) == count
    (tmp_path / "other").mkdir()
    (tmp_path / "other/keep.txt").write_text("mine")
    with pytest.raises(RecordingError, match="is a directory and no ROS 2 bag"):
        io.write(make(np.arange(3)), tmp_path / "other", format="rosbag2")
    assert sorted(each.name for each in tmp_path.rglob("*")) == [
        "bag", "bag.mcap", "keep.txt", "metadata.yaml", "other",
    ]  # fmt: skip


def test_what_fails_on_the_way_leaves_nothing(tmp_path):
    def packets():
        yield make(np.arange(10))
        raise KeyboardInterrupt

    for name, format in (("bag", "rosbag2"), ("a.bag", None), ("a.mcap", None)):
        with pytest.raises(KeyboardInterrupt):
            io.write(packets(), tmp_path / name, format=format)
    assert list(tmp_path.iterdir()) == []


def test_wrong_options_are_refused(tmp_path):
    events = make(np.arange(3))
    for options in ({"encoding": "evt9"}, {"packet_events": 0}, {"compression": "rar"}):
        with pytest.raises(ParameterError):
            io.write(events, tmp_path / "a.bag", **options)
    with pytest.raises(ParameterError, match="evt3 holds sensors of"):
        io.write([], tmp_path / "a.bag", width=4000, height=10, encoding="evt3")


@pytest.mark.parametrize(("name", "module", "extra"), [("a.bag", "rosbags", "ros"), ("a.mcap", "mcap", "mcap")])
def test_a_missing_package_is_named_with_what_to_install(tmp_path, monkeypatch, name, module, extra):
    for each in [each for each in sys.modules if each.partition(".")[0] == module]:
        monkeypatch.delitem(sys.modules, each)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=rf"pip install 'eventflow-dvs\[{extra}\]'"):
        io.write(make(np.arange(3)), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("encoding", "pixels", "image"),
    [
        ("bgr8", [[1, 2, 3, 4, 5, 6]], [[[3, 2, 1], [6, 5, 4]]]),
        ("rgba8", [[1, 2, 3, 9, 4, 5, 6, 9]], [[[1, 2, 3], [4, 5, 6]]]),
        ("mono16", [[0, 7, 255, 8]], [[7, 8]]),
        ("mono8", [[1, 2, 0, 0]], [[1, 2]]),  # two bytes beyond each row
    ],
)
def test_images_of_other_encodings_become_gray_or_rgb(encoding, pixels, image):
    from eventflow.io.ros_messages import cursor_of
    from eventflow.io.ros_messages import image as read_image
    from eventflow.io.ros_serial import Builder

    data = np.array(pixels, np.uint8)
    build = Builder(cdr=True, time_ns=7000, frame="cam").numbers("I", 1, 2).text(encoding).numbers("B", 0)
    raw = build.numbers("I", data.shape[1]).block(data.tobytes()).finish()
    frame = read_image(cursor_of(raw, "cdr"))
    assert (frame.t, frame.image.tolist()) == (7, image)
