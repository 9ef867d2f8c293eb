"""AEDAT 3: packets of every kind, found again after damage, whatever their sizes say."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recording_kit import assert_same, cut, damage, decoded, encoded, make, recordings, survives

import eventflow.io as io
from eventflow.errors import ParameterError, RecordingError
from eventflow.io import aedat3_encoder
from eventflow.io.aedat3 import open_decoder
from eventflow.io.decoder import Batch
from eventflow.io.source import ByteSource
from eventflow.io.writing import create
from eventflow.messages import Frame, Imu, Triggers

HEADER = b"#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DAVIS240C\r\n#!END-HEADER\r\n"
RECORD = np.dtype([("info", "<u4"), ("t", "<i4")])


@pytest.fixture(autouse=True)
def small_packets(monkeypatch):
    monkeypatch.setattr(aedat3_encoder, "PACKET_EVENTS", 16)


def packet(kind, records, *, source=1, overflow=0, capacity=None, number=None, size=None, offset=4):
    """A packet as bytes; sizes may lie."""
    count = len(records)
    fields = (kind, source, size or records.itemsize, offset, overflow, capacity or count, number or count, 0)
    return struct.pack("<hhiiiiii", *fields) + records.tobytes()


def polarity(times, *, x=3, y=5, p=1, valid=1):
    records = np.zeros(len(times), RECORD)
    records["info"], records["t"] = valid | p << 1 | y << 2 | x << 17, times
    return records


def rows(events):
    return [tuple(map(int, event)) for event in events[["t", "x", "y", "p"]].tolist()]


def messages(data, name, tmp_path):
    (tmp_path / "a").write_bytes(data)
    with ByteSource(tmp_path / "a") as source:
        decoder = open_decoder(source)
        return list(decoder.messages(name)), decoder


@pytest.mark.samples
def test_a_recording_with_packets_of_other_kinds(samples):
    with io.open(samples / "aedat/packets_31.aedat") as recording:
        events = np.concatenate([part.records for part in recording])
        assert (len(events), recording.skipped) == (39959, {"invalid": 41})
        assert rows(events[[0, -1]]) == [(2147183648, 154, 204, 0), (2147398868, 182, 183, 0)]
        assert (recording.info.width, recording.info.height) == (320, 240)
        assert "'DVS128'" in recording.info.notes[0]
        assert [frame.image.tolist() for frame in recording.messages("frames")] == [[[0, 0], [0, 0]]] * 2
        (trigger,) = recording.messages("triggers")
        assert (trigger.time.tolist(), trigger.line.tolist(), trigger.value.tolist()) == ([2147183648], [0], [1])


@pytest.mark.samples
def test_the_same_events_as_in_aedat_4(samples):
    events, same = io.read(samples / "aedat/packets_31.aedat"), io.read(samples / "aedat/dvxplorer_imu.aedat4")
    part = same.records[: len(events) + 41]
    valid = np.isin(part["t"] - part["t"][0], events.t - events.t[0])
    assert valid.sum() >= len(events)
    assert rows(events.records[:1])[0][1:] == rows(part[:1])[0][1:]


def test_unused_room_in_a_packet_is_passed_over():
    records = np.concatenate([polarity([1, 2, 3]), polarity([0, 0])])
    data = HEADER + packet(1, records, number=3) + packet(1, polarity([4]))
    assert decoded("aedat3", data)[0]["t"].tolist() == [1, 2, 3, 4]


def test_invalid_and_outside_events_are_counted():
    records = np.concatenate([polarity([1]), polarity([2], valid=0), polarity([3], x=240), polarity([-4])])
    found, decoder = decoded("aedat3", HEADER + packet(1, records))
    assert rows(found) == [(1, 3, 5, 1)]
    assert decoder.skipped == {"invalid": 2, "outside": 1}


def test_overflow_counts_turns_of_31_bits():
    data = HEADER + packet(1, polarity([2**31 - 1])) + packet(1, polarity([0]), overflow=1)
    assert decoded("aedat3", data)[0]["t"].tolist() == [2**31 - 1, 2**31]


def test_version_3_0_counts_rows_from_the_bottom(tmp_path):
    data = b"#!AER-DAT3.0\r\n#Source 1: DAVIS240C\r\n" + packet(1, polarity([1]))
    assert rows(decoded("aedat3", data)[0]) == [(1, 3, 174, 1)]
    image = np.arange(6, dtype="<u2").reshape(2, 3) << 8
    (frame,), _ = messages(data + frame_packet(image), "frames", tmp_path)
    assert frame.image.tolist() == [[3, 4, 5], [0, 1, 2]]


def test_events_of_another_camera_are_counted():
    data = HEADER + packet(1, polarity([1])) + packet(1, polarity([2, 3]), source=2)
    found, decoder = decoded("aedat3", data)
    assert (len(found), decoder.skipped) == (1, {"of_other_sources": 2})
    assert decoded("aedat3", data, origin_id=2)[0]["t"].tolist() == [2, 3]


@pytest.mark.parametrize("garbage", [b"\xff", bytes(27), bytes(1000), b"#" * 77])
@pytest.mark.parametrize("most_bytes", [5, 1 << 20])
def test_garbage_between_packets_is_searched_past(garbage, most_bytes, tmp_path):
    data = HEADER + packet(1, polarity([1, 2])) + garbage + packet(1, polarity([3]))
    found, decoder = decoded("aedat3", data, most_bytes=most_bytes)
    assert found["t"].tolist() == [1, 2, 3]
    assert decoder.skipped == {"damaged": 1, "damaged_bytes": len(garbage)}
    found, decoder = messages(data + packet(0, special(2, [9])), "triggers", tmp_path)
    assert (len(found), decoder.skipped) == (1, {"damaged": 1, "damaged_bytes": len(garbage)})


@pytest.mark.parametrize("most_bytes", [5, 1 << 20])
def test_a_packet_cut_short_gives_what_it_has(most_bytes):
    cut_short = packet(1, polarity([1, 2, 3, 4]))[:-11]
    data = HEADER + cut_short + packet(1, polarity([5, 6])) + packet(1, polarity([7]))
    found, decoder = decoded("aedat3", data, most_bytes=most_bytes)
    assert found["t"].tolist() == [1, 2, 5, 6, 7]
    assert decoder.skipped == {"damaged": 1, "damaged_bytes": 5}


def test_a_file_cut_off_keeps_its_whole_events():
    data = HEADER + packet(1, polarity([1, 2, 3]))
    found, decoder = decoded("aedat3", data[:-3])
    assert (found["t"].tolist(), decoder.skipped) == ([1, 2], {"truncated_bytes": 5})
    found, decoder = decoded("aedat3", data + b"\1\0\1")
    assert (len(found), decoder.skipped) == (3, {"truncated_bytes": 3})


@pytest.mark.parametrize("capacity", [-1, 2**31 - 1, 10**6])
def test_a_packet_that_lies_about_its_room_costs_no_memory(capacity):
    lie = packet(1, polarity([1, 2, 3]), capacity=capacity)
    found, _ = decoded("aedat3", HEADER + lie + packet(1, polarity([7])))
    assert 7 in found["t"].tolist() or capacity == 10**6


def special(kind, times, valid=1):
    records = np.zeros(len(times), RECORD)
    records["info"], records["t"] = valid | kind << 1, times
    return records


def frame_packet(image, *, channels=1, info=None, lie=0):
    height, width = image.shape[:2]
    head = struct.pack("<I8i", 1 | channels << 1 if info is None else info, 1, 9, 4, 8, width + lie, height, 0, 0)
    data = head + image.astype("<u2").tobytes()
    return packet(2, np.frombuffer(data, f"V{len(data)}"), offset=12)


def test_special_events_are_triggers(tmp_path):
    known = np.concatenate([special(kind, [10 * kind]) for kind in (2, 3, 6, 10, 13, 17, 1, 11)])
    others = np.concatenate([special(0, [1]), special(5, [2]), special(2, [3], valid=0)])
    data = HEADER + packet(0, known) + packet(0, others) + packet(0, special(2, [5]), overflow=1)
    (first, second), decoder = messages(data, "triggers", tmp_path)
    assert first.line.tolist() == [0, 0, 1, 2, 3, 5, 6, 10]
    assert first.value.tolist() == [1, 0, 1, 0, 0, 0, 1, 1]
    assert second.time.tolist() == [2**31 + 5]
    assert (decoder.noted, decoder.skipped) == ({"special_events_of_other_kinds": 2}, {"invalid": 1})


def test_frames_have_their_upper_8_bits(tmp_path):
    gray = np.arange(12, dtype="<u2").reshape(3, 4) << 8 | 255
    color = np.arange(24, dtype="<u2").reshape(2, 3, 4) << 8
    bad = [frame_packet(gray, info=0), frame_packet(gray, channels=2), frame_packet(gray, lie=1)]
    data = HEADER + frame_packet(gray) + frame_packet(color, channels=4) + b"".join(bad)
    (first, second), decoder = messages(data, "frames", tmp_path)
    np.testing.assert_array_equal(first.image, np.arange(12).reshape(3, 4))
    np.testing.assert_array_equal(second.image, np.arange(24).reshape(2, 3, 4)[:, :, :3])
    assert first.t == 6
    assert decoder.skipped == {"invalid": 1, "frames_of_unknown_format": 1, "damaged": 1}
    assert decoder.noted == {"frames_16_bit": 2}


def test_an_unknown_version_is_refused():
    with pytest.raises(RecordingError, match=r"AEDAT version 3\.2"):
        decoded("aedat3", b"#!AER-DAT3.2\r\n")
    with pytest.raises(RecordingError, match="Serial-TS"):
        decoded("aedat3", b"#!AER-DAT3.1\r\n#Format: Serial-TS\r\n#!END-HEADER\r\n")


@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_what_was_written_is_read_however_it_was_cut(data):
    events = data.draw(recordings(ordered=False, most_us=2**50))
    written = encoded("aedat3", cut(data.draw, events))
    assert written == encoded("aedat3", [events])
    sizes = data.draw(st.lists(st.integers(1, 40), min_size=1, max_size=3))
    found, decoder = decoded("aedat3", written, sizes=sizes, most_bytes=data.draw(st.sampled_from([3, 64, 1 << 20])))
    assert_same(found, events)
    assert (decoder.info.width, decoder.info.height) == (events.width, events.height)
    assert decoder.skipped == {}


@settings(deadline=None, max_examples=30)
@given(data=st.data())
def test_a_mark_goes_on_where_it_was_made(data, tmp_path_factory):
    written = encoded("aedat3", [make(np.arange(data.draw(st.integers(2, 300))) * 10**7)])
    path = tmp_path_factory.mktemp("mark") / "a"
    path.write_bytes(written)
    whole, _ = decoded("aedat3", written)
    stop = data.draw(st.integers(1, len(whole) - 1))
    with ByteSource(path) as source:
        first = open_decoder(source)
        assert first.fill(Batch(stop), 0) == stop
        mark = first.mark()
    with ByteSource(path) as source:
        second = open_decoder(source)
        second.resume(mark)
        batch = Batch(1000)
        count = second.fill(batch, 0)
    np.testing.assert_array_equal(batch.records[:count].view("V16"), whole[stop:].view("V16"))


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_damage_gives_the_same_whatever_the_chunks(data):
    broken = data.draw(damage(encoded("aedat3", [make(np.arange(300) * 37)])))
    whole = survives("aedat3", broken)
    parts = survives("aedat3", broken, sizes=(1, 70, 3), most_bytes=data.draw(st.sampled_from([7, 100, 1000])))
    assert (whole is None) == (parts is None)
    if whole is not None:
        np.testing.assert_array_equal(whole[0].view("V16"), parts[0].view("V16"))
        assert whole[1].skipped == parts[1].skipped
    survives("aedat3", HEADER + data.draw(st.binary(max_size=300)))


@settings(deadline=None, max_examples=100)
@given(data=st.data())
def test_damage_gives_messages_or_counts(data, tmp_path_factory):
    image = np.arange(600, dtype="<u2").reshape(20, 30)
    imu = np.zeros(3, [("info", "<u4"), ("t", "<i4"), ("values", "<f4", 7)])
    good = HEADER + frame_packet(image) + packet(3, imu) + packet(0, special(2, [1, 2]))
    broken = HEADER + data.draw(damage(good[len(HEADER) :]))
    for name in ("frames", "imu", "triggers"):
        messages(broken, name, tmp_path_factory.mktemp("damage"))


def test_a_packet_of_samples_cut_off_at_once_has_none(tmp_path):
    imu = np.zeros(3, [("info", "<u4"), ("t", "<i4"), ("values", "<f4", 7)])
    assert messages(HEADER + packet(3, imu)[:30], "imu", tmp_path)[0] == []


def test_long_packets_and_short_ones_give_the_same():
    rng = np.random.default_rng(5)
    records = polarity(np.cumsum(rng.integers(0, 5, 50_000)), x=rng.integers(0, 240, 50_000), y=7)
    records["info"][rng.integers(0, 50_000, 100)] &= 0xFFFFFFFE
    parts = b"".join(packet(1, records[at : at + 1000]) for at in range(0, 50_000, 1000))
    (whole, one), (pieces, other) = decoded("aedat3", HEADER + packet(1, records)), decoded("aedat3", HEADER + parts)
    np.testing.assert_array_equal(whole.view("V16"), pieces.view("V16"))
    assert one.skipped == other.skipped
    assert len(whole) + one.skipped["invalid"] == 50_000


def test_all_streams_written_are_read_back(tmp_path):
    events = make(np.arange(100) * 10 + 2**31 - 500)
    values = np.array([[1.5, -2.0, 9.8], [0.0, 0.25, -9.8]], np.float32)
    times = np.array([2**31 - 1, 2**31])
    imu = Imu(int(times[-1]), times, values, values / 10)
    edges = Triggers(int(times[-1]), times, np.array([0, 10], np.uint8), np.array([0, 1], np.uint8))
    frames = [Frame(np.arange(120, dtype=np.uint8).reshape(10, 12), 2**31 + 5),
              Frame(np.arange(120, dtype=np.uint8).reshape(5, 8, 3), 2**31 + 6)]  # fmt: skip
    with create(tmp_path / "a.aedat", width=40, height=30) as writer:
        writer.write(events[:50])
        writer.add("imu", imu)
        writer.add("triggers", edges)
        for frame in frames:
            writer.add("frames", frame)
        writer.write(events[50:])
    with io.open(tmp_path / "a.aedat") as recording:
        assert recording.info.format == "aedat3"
        np.testing.assert_array_equal(next(iter(recording)).records.view("V16"), events.records.view("V16"))
        samples = list(recording.messages("imu"))
        assert [message.time.tolist() for message in samples] == [[2**31 - 1], [2**31]]
        np.testing.assert_allclose(np.concatenate([message.accel for message in samples]), values, rtol=1e-6)
        np.testing.assert_allclose(np.concatenate([message.gyro for message in samples]), values / 10, rtol=1e-6)
        found = list(recording.messages("triggers"))
        assert [(message.line[0], message.value[0], message.t) for message in found] == [
            (0, 0, 2**31 - 1),
            (10, 1, 2**31),
        ]
        for frame, back in zip(frames, recording.messages("frames"), strict=True):
            assert back.t == frame.t
            np.testing.assert_array_equal(back.image, frame.image)


def test_what_cannot_be_written_says_why():
    with pytest.raises(RecordingError, match="begin at 0"):
        encoded_named(make([-1]))
    with pytest.raises(ParameterError, match="32768"):
        encoded("aedat3", [make([1], width=40_000, height=2)])


def encoded_named(events):
    from io import BytesIO

    file = BytesIO()
    file.name = "a.aedat.part"
    encoder = aedat3_encoder.open_encoder(file, width=events.width, height=events.height)
    encoder.write(events)
    encoder.finish()
