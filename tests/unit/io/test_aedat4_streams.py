"""AEDAT 4: frames, inertial samples, triggers and further streams of events, read and written."""

from __future__ import annotations

import struct
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recording_kit import decoded, make

import eventflow.io as recordings
from eventflow.errors import RecordingError
from eventflow.io import aedat4_messages
from eventflow.io.aedat4_flatbuffers import FlatbufferError
from eventflow.io.aedat4_header import COMPRESSIONS
from eventflow.io.aedat4_messages import READERS, STANDARD_GRAVITY, frame_bytes, imu_bytes, triggers_bytes
from eventflow.io.writing import create
from eventflow.messages import Frame, Imu, Triggers

SAMPLES = {  # file: frames, samples, triggers
    "davis346_demo01": (13, 510, 52),
    "davis346_frames_imu": (4, 160, 17),
    "dvxplorer_imu": (0, 475, 0),
}


def ignore(reason, count):
    """Note nothing."""


def some_imu(times):
    values = np.arange(3 * len(times), dtype=np.float32).reshape(-1, 3)
    return Imu(times[-1], np.array(times), values, values / 7)


def some_triggers(times, line=0):
    return Triggers(
        times[-1], np.array(times), np.full(len(times), line, np.uint8), np.arange(len(times), dtype=np.uint8) % 2
    )


def some_frame(t, color=False):
    shape = (30, 40, 3) if color else (30, 40)
    return Frame(np.random.default_rng(t).integers(0, 256, shape, np.uint8), t)


def columns(messages, *names):
    return [np.concatenate([getattr(message, name) for message in messages]) for name in names]


def written(path, events, messages, **options):
    """A recording whose messages come where their time lies among the events."""
    with create(path, width=events.width, height=events.height, **options) as writer:
        at = 0
        for stream, message in messages:
            after = int(np.searchsorted(events.t, message.t))
            writer.write(events[at:after])
            writer.add(stream, message)
            at = after
        writer.write(events[at:])
    return path


@pytest.mark.samples
@pytest.mark.parametrize("name", SAMPLES)
def test_everything_beside_the_events_is_read(samples, name):
    with recordings.open(samples / "aedat" / f"{name}.aedat4") as recording:
        found = {stream: list(recording.messages(stream)) for stream in recording.streams[1:]}
    frames, samples_, triggers = SAMPLES[name]
    assert len(found.get("frames", [])) == frames
    assert sum(len(message.time) for message in found["imu"]) == samples_
    assert sum(len(message.time) for message in found["triggers"]) == triggers
    accel, gyro = columns(found["imu"], "accel", "gyro")
    assert (accel.dtype, gyro.dtype, accel.shape, gyro.shape) == ("f4", "f4", (samples_, 3), (samples_, 3))
    if name != "davis346_demo01":  # whose accelerometer was off
        assert np.median(np.linalg.norm(accel, axis=1)) == pytest.approx(STANDARD_GRAVITY, rel=0.1)


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_all_streams_written_are_read_back(tmp_path, compression):
    events = make(np.arange(100_000))
    messages = [
        ("imu", some_imu([5, 10, 11])),
        ("triggers", some_triggers([20, 21])),
        ("frames", some_frame(33_000)),
        ("frames", some_frame(66_000, color=True)),
        ("triggers", some_triggers([70_000])),
        ("imu", some_imu([99_000])),
    ]
    path = written(tmp_path / "a.aedat4", events, messages, compression=compression)
    with recordings.open(path) as recording:
        assert set(recording.streams) == {"events", "frames", "imu", "triggers"}
        assert (recordings.read(path).records == events.records).all()
        images = [frame.image for frame in recording.messages("frames")]
        assert all((a == message.image).all() for a, (_, message) in zip(images, messages[2:4], strict=True))
        assert [frame.t for frame in recording.messages("frames")] == [33_000, 66_000]
        time, accel, gyro = columns(list(recording.messages("imu")), "time", "accel", "gyro")
        assert time.tolist() == [5, 10, 11, 99_000]
        np.testing.assert_allclose(accel[:3], messages[0][1].accel, rtol=1e-6)
        np.testing.assert_allclose(gyro[:3], messages[0][1].gyro, rtol=1e-6)
        time, line, value = columns(list(recording.messages("triggers")), "time", "line", "value")
        assert (time.tolist(), line.tolist(), value.tolist()) == ([20, 21, 70_000], [0, 0, 0], [0, 1, 0])
        assert recording.info.events == 100_000


def test_packets_follow_each_other_in_time(tmp_path):
    events = make(np.arange(1000) * 100)
    messages = [("frames", some_frame(t)) for t in range(10_000, 100_000, 20_000)]
    data = written(tmp_path / "a.aedat4", events, messages, compression="none").read_bytes()
    at = 18 + struct.unpack_from("<I", data, 14)[0]
    end = struct.unpack_from("<q", data, 14 + 32)[0]
    kinds = []
    while at < end:
        kinds.append(data[at + 16 : at + 20])
        at += 8 + struct.unpack_from("<i", data, at + 4)[0]
    assert kinds == [b"EVTS", b"FRME"] * 5 + [b"EVTS"]


def test_a_second_camera_has_streams_of_its_own(tmp_path):
    messages = [("frames:left", some_frame(1)), ("frames:right", some_frame(2)), ("frames:right", some_frame(3))]
    path = written(tmp_path / "a.aedat4", make([0, 5]), messages)
    with recordings.open(path) as recording:
        assert recording.streams == ("events", "frames", "frames:right")
        assert [frame.t for frame in recording.messages("frames")] == [1]
        assert [frame.t for frame in recording.messages("frames:right")] == [2, 3]


def test_streams_without_room_in_the_header_are_refused(tmp_path):
    messages = [(f"imu:{index}", some_imu([index])) for index in range(20)]
    with pytest.raises(RecordingError, match="no room for stream"):
        written(tmp_path / "a.aedat4", make([0]), messages)
    assert not list(tmp_path.iterdir())


def test_a_second_stream_of_events_is_chosen_or_read_beside(tmp_path):
    first, second = make(np.arange(40)), make(np.arange(60) * 3)
    path = recordings.write(first, tmp_path / "a.aedat4", compression="none")
    other = recordings.write(second, tmp_path / "b.aedat4", compression="none").read_bytes()
    data, begin = path.read_bytes(), 18 + struct.unpack_from("<I", other, 14)[0]
    (end,) = struct.unpack_from("<q", other, 14 + 32)
    node = data[data.index(b'<node name="0"') : data.index(b"</node>\n</dv>")]
    again = node.replace(b'<node name="0"', b'<node name="1"').replace(b"/outInfo/0/", b"/outInfo/1/")
    blanks = b" " * len(again)
    data = data.replace(node, node + again, 1).replace(blanks, b"", 1)
    packets = struct.pack("<i", 1) + other[begin + 4 : end]
    data = bytearray(data[:begin] + packets + data[begin : struct.unpack_from("<q", data, 14 + 32)[0]])
    struct.pack_into("<q", data, 14 + 32, -1)
    path.write_bytes(data)
    with recordings.open(path) as recording:
        assert recording.streams == ("events", "events:events")
        assert np.concatenate([packet.t for packet in recording.messages("events:events")]).tolist() == list(second.t)
    assert (recordings.read(path).records == first.records).all()
    assert (recordings.read(path, stream="1").records == second.records).all()


def packet(stream, data):
    return struct.pack("<ii", stream, len(data)) + data


def without_table(data):
    data = bytearray(data)
    (end,) = struct.unpack_from("<q", data, 14 + 32)
    struct.pack_into("<q", data, 14 + 32, -1)
    return bytes(data[:end])


def with_frame(tmp_path, frame_data):
    """A recording with one frame packet, given as bytes, between two good ones."""
    path = written(tmp_path / "a.aedat4", make([0]), [("frames", some_frame(1))], compression="none")
    data = without_table(path.read_bytes())
    path.write_bytes(data + packet(1, frame_data) + packet(1, frame_bytes(some_frame(9))))
    return path


def relabelled(data, code, pixel_bytes):
    """A frame packet of another pixel format, with as many bytes of pixels."""
    pixels = np.arange(pixel_bytes, dtype=np.uint8).tobytes()
    head = bytearray(data[:72])
    head[48 + 16] = code
    head += struct.pack("<I", pixel_bytes) + pixels
    struct.pack_into("<I", head, 0, len(head) - 4)
    return bytes(head)


@pytest.mark.parametrize(("code", "item_bytes"), [(0, 1), (2, 2), (16, 3), (18, 6), (24, 4), (26, 8)])
def test_known_pixel_formats(tmp_path, code, item_bytes):
    data = relabelled(frame_bytes(some_frame(5)), code, 1200 * item_bytes)
    with recordings.open(with_frame(tmp_path, data)) as recording:
        middle = list(recording.messages("frames"))[1]
    depth = np.dtype("<u2") if code & 7 == 2 else np.dtype("u1")
    stored = np.frombuffer(data[76:], depth).reshape(30, 40, -1)
    stored = stored >> 8 if depth.itemsize == 2 else stored
    expected = stored[:, :, 0] if stored.shape[2] == 1 else stored[:, :, [2, 1, 0]]
    np.testing.assert_array_equal(middle.image, expected)


def test_16_bit_frames_are_noted(tmp_path):
    path = with_frame(tmp_path, relabelled(frame_bytes(some_frame(5)), 2, 2400))
    _, decoder = decoded_messages(path, "frames")
    assert decoder.noted == {"frames_16_bit": 1}


def decoded_messages(path, stream):
    from eventflow.io.aedat4 import open_decoder
    from eventflow.io.source import ByteSource

    with ByteSource(path) as source:
        decoder = open_decoder(source)
        return list(decoder.messages(stream)), decoder


def test_unknown_pixel_formats_are_counted(tmp_path):
    frames, decoder = decoded_messages(with_frame(tmp_path, relabelled(frame_bytes(some_frame(5)), 5, 1200)), "frames")
    assert [frame.t for frame in frames] == [1, 9]
    assert decoder.skipped == {"frames_of_unknown_format": 1}


def test_a_frame_that_lies_about_its_size_is_counted(tmp_path):
    lie = bytearray(frame_bytes(some_frame(5)))
    struct.pack_into("<h", lie, 48 + 18, 41)
    frames, decoder = decoded_messages(with_frame(tmp_path, bytes(lie)), "frames")
    assert [frame.t for frame in frames] == [1, 9]
    assert decoder.skipped["damaged"] == 1


MESSAGES = {
    "FRME": lambda: frame_bytes(some_frame(7)),
    "IMUS": lambda: imu_bytes([some_imu([1, 2, 3])]),
    "TRIG": lambda: triggers_bytes([some_triggers([1, 2, 3])]),
}


@pytest.mark.parametrize("kind", MESSAGES)
@settings(deadline=None, max_examples=300)
@given(data=st.data())
def test_damaged_tables_are_looked_at_only_inside(kind, data):
    broken = bytearray(MESSAGES[kind]())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, min(len(broken), 200) - 1))
        broken[at] = data.draw(st.integers(0, 255))
    del broken[data.draw(st.integers(0, len(broken))) :]
    with suppress(FlatbufferError, aedat4_messages.UnknownFrameError):
        READERS[kind](bytes(broken), ignore)


def test_triggers_of_every_kind_come_back():
    known = aedat4_messages.AEDAT4_KINDS
    line, value = (np.array([meaning[at] for meaning in known.values()], np.uint8) for at in (0, 1))
    message = Triggers(9, np.arange(10), line, value)
    (back,) = READERS["TRIG"](triggers_bytes([message]), ignore)
    assert (back.line.tolist(), back.value.tolist(), back.time.tolist()) == (list(line), list(value), list(range(10)))


def test_triggers_of_unknown_kind_are_noted():
    counted = {}
    data = bytearray(triggers_bytes([some_triggers([4])]))
    data[-12] = 99
    assert READERS["TRIG"](bytes(data), counted.__setitem__) == []
    assert counted == {"triggers_of_unknown_kind": 1}


def test_events_alone_name_no_other_stream():
    from recording_kit import encoded

    _, decoder = decoded("aedat4", encoded("aedat4", [make([1, 2])]))
    assert decoder.info.streams == ("events",)
