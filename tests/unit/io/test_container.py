"""eventflow's own container: every kind of message, seeking, crashes, garbage, and what other programs see of it."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recording_kit import assert_same, cut, damage, make, recordings

import eventflow.io as io
from eventflow.digest import ContentDigest
from eventflow.errors import ParameterError, RecordingError
from eventflow.events import EVENT_DTYPE, Events
from eventflow.io.container import STREAMS, stream_of
from eventflow.messages import (
    Boxes,
    Corners,
    Descriptor,
    Fix,
    Flow,
    Frame,
    Grid,
    Imu,
    Label,
    Message,
    Place,
    Pose,
    Raw,
    Slice,
    Tracks,
    Triggers,
)

mcap_reader = pytest.importorskip("mcap.reader")
_few = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def _column(dtype, count=3):
    return np.arange(count).astype(dtype)


def _every_kind():
    events = make(np.arange(5))
    f8, i8, f4 = _column("f8"), _column("i8"), _column("f4")
    yield Slice(events, 0, 10, 0, complete=False)
    yield Slice(Events.empty(40, 30), 10, 20, 1)
    yield Grid(np.ones((2, 30, 40), np.float16), 0, 10, ("on", "off"))
    yield Frame(np.zeros((30, 40, 3), np.uint8), 7)
    yield Tracks(9, i8, f8, f8, f8, f8, f8, f8, f8)
    yield Boxes(9, f8, f8, f8, f8, i8, i8, f8)
    yield Flow(9, f4, f4, f4, f4)
    yield Corners(9, i8, _column("u2"), _column("u2"), f4)
    yield Label(9, 3, 0.5, "cat", f4)
    yield Place(9, 12, 0.25, i8)
    yield Pose(9, f8, np.arange(4.0))
    yield Fix(9, 47.0, 8.0, 400.0)
    yield Descriptor(f4, 0, 10, 3)
    yield Raw(9, _column("u1"), "evt3")
    yield Triggers(2, i8, _column("u1"), _column("u1"))
    yield Imu(2, i8, np.ones((3, 3), np.float32), np.ones((3, 3), np.float32))


def _hash(message):
    digest = ContentDigest()
    digest.add(message)
    return digest.hexdigest()


def test_every_kind_of_message_has_a_stream_and_comes_back(tmp_path):
    own = {kind for kind, cls in Message.KINDS.items() if cls.__module__.startswith("eventflow.")}
    given = list(_every_kind())
    assert {type(each).__name__ for each in given} | {"Events"} >= own & set(STREAMS)
    with io.create(tmp_path / "a.mcap", width=40, height=30) as writer:
        for message in given:
            writer.add(stream_of(type(message).__name__), message)
        writer.write(make(np.arange(100)))
        assert not writer.left_behind
    with io.open(tmp_path / "a.mcap") as recording:
        assert recording.streams[0] == "events"
        assert len(recording.all_events()) == 100
        for stream in recording.streams[1:]:
            expected = [each for each in given if stream_of(type(each).__name__) == stream]
            found = list(recording.messages(stream))
            assert [type(each) for each in found] == [type(each) for each in expected]
            assert [_hash(each) for each in found] == [_hash(each) for each in expected]


@_few
@given(events=recordings(ordered=False, first=-(2**40)), size=st.integers(1, 50), data=st.data())
@pytest.mark.parametrize("compression", ["lz4", "zstd", "none"])
def test_events_come_back_whatever_they_were_cut_into(tmp_path, compression, events, size, data):
    one = io.write(cut(data.draw, events), tmp_path / "a.mcap", compression=compression)
    two = io.write(events, tmp_path / "b.mcap", compression=compression)
    assert one.read_bytes() == two.read_bytes()
    with io.open(one, packet_events=size) as recording:
        found = [packet.records.view("V16") for packet in recording]
        assert recording.info.events == len(events)
        assert recording.steps_back == int((np.diff(events.t) < 0).sum())
    assert_same(np.concatenate([np.zeros(0, "V16"), *found]).view(EVENT_DTYPE), events)


def test_labels_and_scores_come_back(tmp_path):
    events = make(np.arange(50_000))
    marked = events.with_columns(
        labels=np.arange(50_000).astype("u1") % 3, scores=np.linspace(0, 1, 50_000, dtype="f4")
    )
    io.write([marked[at : at + 777] for at in range(0, 50_000, 777)], tmp_path / "a.mcap")
    found = io.read(tmp_path / "a.mcap")
    assert_same(found.records, events)
    assert np.array_equal(found.labels, marked.labels)
    assert np.array_equal(found.scores, marked.scores)


def test_columns_that_come_late_are_read_too(tmp_path):
    events = make(np.arange(16384 * 2))
    late = events[16384:].with_columns(labels=np.ones(16384, "u1"))
    io.write([events[:16384], late], tmp_path / "a.mcap")
    found = io.read(tmp_path / "a.mcap")
    assert_same(found.records, events)
    assert found.labels.tolist() == [0] * 16384 + [1] * 16384


def test_any_time_is_reached_by_the_index(tmp_path):
    events = make(np.arange(300_000) * 10)
    path = io.write(events, tmp_path / "a.mcap", compression="none")
    for at in (0, 1, 16384, 150_001, 299_999):
        with io.open(path, start=at * 10 - 5) as recording:
            first = next(iter(recording))
            assert int(first.t[0]) == at * 10
        assert_same(io.read(path, start=at * 10, end=at * 10 + 3000).records, events[at : at + 300])
    with io.open(path, start=2_900_000) as recording:
        next(iter(recording))
        assert recording.progress > 0.9, "the chunks before are not read"
    with io.open(path) as recording:
        assert (recording.info.t_first, recording.info.t_last) == (0, 2_999_990)


@pytest.mark.parametrize("compression", ["lz4", "zstd", "none"])
def test_a_file_whose_writer_died_is_read_as_far_as_it_goes(tmp_path, compression):
    events = make(np.arange(300_000))
    data = io.write(events, tmp_path / "a.mcap", compression=compression).read_bytes()
    path, last = tmp_path / "cut.mcap", 0
    for share in (0.01, 0.4, 0.6, 0.8, 0.999):
        path.write_bytes(data[: int(len(data) * share)])
        with io.open(path) as recording:
            found = recording.all_events() if "events" in recording.streams else Events.empty(40, 30)
            assert any("no index" in note for note in recording.info.notes)
        assert len(found) >= last
        last = len(found)
        assert_same(found.records, events[:last])
    assert last > 0.7 * len(events)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    path = tmp_path_factory.mktemp("container") / "a.mcap"
    with io.create(path, width=40, height=30) as writer:
        for message in _every_kind():
            writer.add(stream_of(type(message).__name__), message)
        writer.write(make(np.arange(300)))
    return path.read_bytes()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_garbage_gives_sound_messages_or_a_clear_error(tmp_path, small, data):
    path = tmp_path / "broken.mcap"
    path.write_bytes(data.draw(damage(small)))
    try:
        with io.open(path) as recording:
            for packet in recording:
                assert (packet.x < packet.width).all()
                assert (packet.y < packet.height).all()
                assert (packet.p <= 1).all()
            for stream in recording.streams:
                list(recording.messages(stream))
    except RecordingError as error:
        assert "broken.mcap" in str(error)  # noqa: PT017 - most draws raise nothing


def test_events_off_the_sensor_they_claim_are_left_out_and_counted(tmp_path):
    from eventflow.io.container_encoder import ContainerEncoder, McapFile

    records = make(np.arange(10), x=np.arange(10) * 6).records  # Events does not look: x up to 54
    with (tmp_path / "a.mcap").open("wb") as file:
        encoder = ContainerEncoder(
            McapFile(file, "lz4", "eventflow"), width=40, height=30, said={}, graph=None, foxglove=None
        )
        encoder.write(Events(records, 40, 30))
        encoder.finish()
    with io.open(tmp_path / "a.mcap") as recording:
        assert recording.all_events().x.tolist() == [0, 6, 12, 18, 24, 30, 36]
        assert recording.skipped == {"outside": 3}


def test_pad_bytes_that_were_left_as_they_were_cost_no_event(tmp_path):
    events = make(np.arange(1000))
    records = events.records.copy()
    records.view("u1").reshape(-1, 16)[:, 13:] = 77
    io.write(Events(records, 40, 30), tmp_path / "a.mcap")
    with io.open(tmp_path / "a.mcap") as recording:
        assert_same(recording.all_events().records, events)
        assert recording.skipped == {}


def test_the_graph_and_the_versions_stand_inside(tmp_path):
    io.write(make(np.arange(3)), tmp_path / "a.mcap", graph="eventflow: 1\nname: x\n", entries={"origin": "zero"})
    with (tmp_path / "a.mcap").open("rb") as file:
        reader = mcap_reader.make_reader(file)
        attachments = [(each.name, each.data) for each in reader.iter_attachments()]
        (record,) = [each.metadata for each in reader.iter_metadata() if each.name == "eventflow"]
    assert attachments == [("graph.yaml", b"eventflow: 1\nname: x\n")]
    assert record.keys() >= {"eventflow", "numpy", "numba", "message_version", "origin", "width", "height"}
    with pytest.raises(RecordingError, match="width"):
        io.write(make(np.arange(3)), tmp_path / "b.mcap", entries={"width": "3"})
    with pytest.raises(ParameterError, match="choose lz4, zstd, none"):
        io.write(make(np.arange(3)), tmp_path / "b.mcap", compression="rar")


def _messages_of(path):
    with path.open("rb") as file:
        return [
            (schema.name, channel.topic, message)
            for schema, channel, message in mcap_reader.make_reader(file).iter_messages()
        ]


def test_mcaps_own_reader_finds_every_message_and_its_time(tmp_path):
    io.write(make(np.arange(50_000) * 3), tmp_path / "a.mcap", compression="zstd")
    found = _messages_of(tmp_path / "a.mcap")
    assert [(name, topic) for name, topic, _ in found] == [("eventflow.Events", "/events")] * 4
    assert [message.sequence for *_, message in found] == [0, 1, 2, 3]
    ends = [min(at + 16384, 50_000) - 1 for at in range(0, 50_000, 16384)]
    assert [message.log_time for *_, message in found] == [end * 3000 for end in ends]


def test_foxglove_gets_images_scenes_and_packets(tmp_path):
    cv2 = pytest.importorskip("cv2")
    image = np.arange(30 * 40 * 3, dtype=np.uint16).astype(np.uint8).reshape(30, 40, 3)
    column = np.array([3.0, 4.0])
    with io.create(tmp_path / "a.mcap", width=40, height=30, foxglove=True) as writer:
        writer.add("frames", Frame(image, 1_500_000))
        writer.add("tracks", Tracks(2_000_001, np.array([7, 8]), *[column] * 7))
        writer.write(make(np.arange(20_000)))
    found = {}
    for name, topic, message in _messages_of(tmp_path / "a.mcap"):
        found.setdefault(name, []).append((topic, message))
    ((topic, shown),) = found["foxglove.CompressedImage"]
    body = json.loads(shown.data)
    assert (topic, body["timestamp"], body["format"]) == ("/foxglove/frames", {"sec": 1, "nsec": 500_000_000}, "png")
    decoded = cv2.imdecode(np.frombuffer(base64.b64decode(body["data"]), np.uint8), cv2.IMREAD_COLOR)
    assert np.array_equal(decoded[:, :, ::-1], image)
    ((_, scene),) = found["foxglove.SceneUpdate"]
    assert [each["id"] for each in json.loads(scene.data)["entities"]] == ["7", "8"]
    assert len(found["event_camera_msgs/msg/EventPacket"]) == 2
    with io.open(tmp_path / "a.mcap") as recording:
        assert set(recording.streams) == {"events", "frames", "tracks"}
        assert len(recording.all_events()) == 20_000
    reader = pytest.importorskip("rosbags.typesys")
    from eventflow.io.ros_packets import packet_of

    store = reader.get_typestore(reader.Stores.ROS2_HUMBLE)
    from eventflow.io.ros_definitions import DEFINITIONS

    kind = "event_camera_msgs/msg/EventPacket"
    store.register(reader.get_types_from_msg(DEFINITIONS[kind], kind))
    raw = found["event_camera_msgs/msg/EventPacket"][1][1].data
    message = store.deserialize_cdr(raw, "event_camera_msgs/msg/EventPacket")
    assert (message.seq, message.width, message.height, message.encoding) == (1, 40, 30, "evt3")
    packet = packet_of(np.frombuffer(raw, np.uint8), "event_camera_msgs/EventPacket", "cdr")
    assert packet.items.tobytes() == message.events.tobytes()


def test_a_second_stream_of_events_is_chosen_by_its_name(tmp_path):
    left, right = make(np.arange(30)), make(np.arange(40) * 2)
    with io.create(tmp_path / "a.mcap", width=40, height=30) as writer:
        writer.write(left)
        writer.add("events:right", right)
    with io.open(tmp_path / "a.mcap") as recording:
        assert recording.streams == ("events", "events:right")
        (found,) = recording.messages("events:right")
        assert_same(found.records, right)
    assert_same(io.read(tmp_path / "a.mcap").records, left)
    assert_same(io.read(tmp_path / "a.mcap", topic="events:right").records, right)
    with pytest.raises(RecordingError, match=r"no stream 'up' of events; it has events:right, events"):
        io.open(tmp_path / "a.mcap", topic="up")
