"""AEDAT 4: real recordings, damage that costs only the packets it hits, limits on what a file can make us do."""

from __future__ import annotations

import struct

import lz4.frame
import numpy as np
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recording_kit import assert_same, decoded, encoded, make

import eventflow.io as recordings
import eventflow.io.aedat4_encoder as aedat4_encoder
from eventflow.errors import RecordingError
from eventflow.io import aedat4_packets
from eventflow.io.aedat4 import open_decoder
from eventflow.io.aedat4_flatbuffers import (
    EVENTS_PREFIX_BYTES,
    FlatbufferError,
    events_prefix,
    framed_events,
    read_data_table,
)
from eventflow.io.decoder import Batch
from eventflow.io.lz4_kernels import ALL_DONE, NO_ROOM, OTHER_KIND, unpack_events, unpack_records
from eventflow.io.source import ByteSource

BESIDE_EVENTS = {
    "davis346_demo01": ("frames", "imu", "triggers"),
    "davis346_frames_imu": ("frames", "imu", "triggers"),
    "dvxplorer_imu": ("imu", "triggers"),
    "dvxplorer_none": ("triggers",),
    "dvxplorer_zstd": ("triggers",),
    "dvxplorer_lz4_faery": (),
}


@pytest.fixture(autouse=True)
def small_packets(monkeypatch):
    monkeypatch.setattr(aedat4_encoder, "PACKET_EVENTS", 16)


def packets_of(data, compression="lz4"):
    """Where each packet of a file written here begins and stops."""
    start = 18 + struct.unpack_from("<I", data, 14)[0]
    end = struct.unpack_from("<q", data, 14 + 32)[0]
    places = []
    while start < end:
        size = struct.unpack_from("<i", data, start + 4)[0]
        places.append((start, start + 8 + size))
        start += 8 + size
    return places


@pytest.mark.samples
@pytest.mark.parametrize("name", BESIDE_EVENTS)
def test_what_lies_beside_the_events_is_known(samples, name):
    with recordings.open(samples / "aedat" / f"{name}.aedat4") as recording:
        assert recording.streams == ("events", *BESIDE_EVENTS[name])


@pytest.mark.samples
def test_a_real_recording_cut_off_keeps_its_whole_packets(samples):
    data = (samples / "aedat" / "davis346_demo01.aedat4").read_bytes()
    whole, _ = decoded("aedat4", data)
    part, decoder = decoded("aedat4", data[:2_000_000])
    assert 0 < len(part) < len(whole)
    assert (part == whole[: len(part)]).all()
    assert 0 < decoder.skipped["truncated_bytes"] < 100_000
    assert "damaged" not in decoder.skipped


@pytest.mark.parametrize("compression", ["none", "lz4", "zstd"])
def test_a_damaged_packet_costs_only_itself(compression):
    events = make(np.arange(64))
    data = bytearray(encoded("aedat4", [events], compression=compression))
    start, stop = packets_of(data)[1]
    data[start + 8 : stop] = b"\xff" * (stop - start - 8)
    records, decoder = decoded("aedat4", bytes(data))
    assert records["t"].tolist() == [*range(16), *range(32, 64)]
    assert decoder.skipped == {"damaged": 1, "damaged_bytes": stop - start}


@pytest.mark.parametrize("compression", ["none", "lz4", "zstd"])
@pytest.mark.parametrize("size", [-1, 0, 1, 20, 10_000, 2**31 - 1])
def test_a_packet_that_lies_about_its_size_is_left_and_the_next_one_found(compression, size):
    data = bytearray(encoded("aedat4", [make(np.arange(64))], compression=compression))
    start, _ = packets_of(data)[1]
    struct.pack_into("<i", data, start + 4, size)
    records, decoder = decoded("aedat4", bytes(data))
    assert records["t"].tolist() == [*range(16), *range(32, 64)]
    assert decoder.skipped["damaged"] == 1


def test_bytes_taken_out_between_packets_are_searched_past():
    data = encoded("aedat4", [make(np.arange(64))])
    start, stop = packets_of(data)[1]
    records, decoder = decoded("aedat4", data[: start + 3] + data[stop - 5 :])
    assert records["t"].tolist() == [*range(16), *range(32, 64)]
    assert decoder.skipped["damaged"] >= 1


def test_a_flatbuffer_that_lies_about_its_events_is_skipped_and_counted():
    data = bytearray(encoded("aedat4", [make(np.arange(48))], compression="none"))
    start, _ = packets_of(data)[1]
    struct.pack_into("<I", data, start + 8 + 28, 17)
    records, decoder = decoded("aedat4", bytes(data))
    assert records["t"].tolist() == [*range(16), *range(32, 48)]
    assert decoder.skipped["damaged"] == 1


def test_impossible_events_are_left_out_and_counted():
    data = bytearray(encoded("aedat4", [make(np.arange(3))], compression="none"))
    start = packets_of(data)[0][0] + 8 + 32
    struct.pack_into("<h", data, start + 8, -1)
    data[start + 16 + 12] = 7
    data[start + 32 + 13 : start + 48] = b"\xff\xff\xff"
    records, decoder = decoded("aedat4", bytes(data))
    assert_same(records, make([0, 1, 2])[2:])
    assert decoder.skipped == {"outside": 1, "reserved": 1}


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_a_packet_that_unpacks_to_too_much_is_damage(monkeypatch, compression):
    data = encoded("aedat4", [make(np.arange(16))], compression=compression)
    start = packets_of(data)[0][0]
    plain = bytes(aedat4_packets.MAX_PACKET_BYTES + 1)
    bomb = lz4.frame.compress(plain) if compression == "lz4" else zstandard.ZstdCompressor().compress(plain)
    packet = struct.pack("<ii", 0, len(bomb)) + bomb
    broken = bytearray(data[:start] + packet + data[start:])
    struct.pack_into("<q", broken, 14 + 32, -1)
    records, decoder = decoded("aedat4", bytes(broken))
    assert len(records) == 16
    assert decoder.skipped["damaged"] == 1


def test_no_data_table_means_reading_to_the_end():
    data = bytearray(encoded("aedat4", [make(np.arange(40))]))
    end = struct.unpack_from("<q", data, 14 + 32)[0]
    struct.pack_into("<q", data, 14 + 32, -1)
    records, decoder = decoded("aedat4", bytes(data[:end]))
    assert len(records) == 40
    assert decoder.skipped == {}
    assert "data table" in decoder.info.notes[0]


def test_the_data_table_says_how_many_events_and_until_when():
    _, decoder = decoded("aedat4", encoded("aedat4", [make(np.arange(40) * 10)]))
    assert (decoder.info.events, decoder.info.t_last) == (40, 390)


@pytest.mark.parametrize("t", [-1, 0, 155, 160, 335, 390, 391, 10**9])
def test_seeking_finds_the_first_event_at_or_after_t(tmp_path, t):
    events = make(np.arange(40) * 10)
    path = recordings.write(events, tmp_path / "a.aedat4")
    assert recordings.read(path, start=t).t.tolist() == [time for time in events.t.tolist() if time >= t]


@pytest.mark.parametrize("compression", ["none", "lz4", "zstd"])
@pytest.mark.parametrize("batches_ahead", [0, 2])
@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_without_a_table_a_mark_goes_on_where_it_was_made(tmp_path, compression, batches_ahead, data):
    written = bytearray(encoded("aedat4", [make(np.arange(200) * 10)], compression=compression))
    places = packets_of(written)
    written[places[3][0] + 8 : places[3][1]] = bytes(places[3][1] - places[3][0] - 8)
    (end,) = struct.unpack_from("<q", written, 14 + 32)
    struct.pack_into("<q", written, 14 + 32, -1)
    (tmp_path / "a").write_bytes(written[:end])
    sizes = data.draw(st.lists(st.integers(1, 50), min_size=1, max_size=5))
    with ByteSource(tmp_path / "a") as source:
        first = open_decoder(source, batches_ahead=batches_ahead)
        before = sum(first.fill(Batch(size), 0) for size in sizes)
        mark = first.mark()
    with ByteSource(tmp_path / "a") as source:
        second = open_decoder(source, batches_ahead=batches_ahead)
        second.resume(mark)
        batch = Batch(1000)
        count = second.fill(batch, 0)
        assert second.fill(batch, count) == count
    times = [10 * index for index in (*range(48), *range(64, 200))]
    assert batch.records["t"][:count].tolist() == times[before:]
    assert second.steps_back == 0
    assert second.skipped == {"damaged": 1, "damaged_bytes": places[3][1] - places[3][0]}


def test_with_a_table_there_are_no_marks():
    _, decoder = decoded("aedat4", encoded("aedat4", [make([1, 2])]))
    assert decoder.mark() is None


def test_entities_in_the_description_are_refused():
    data = encoded("aedat4", [make([1])])
    bomb = data.replace(b'<dv version="2.0">', b"<!DOCTYPE a [<!E>]")
    with pytest.raises(RecordingError, match="declaration"):
        decoded("aedat4", bomb)


def test_a_header_cut_off_names_the_byte():
    with pytest.raises(RecordingError, match="byte 60: the file ends inside its header"):
        decoded("aedat4", encoded("aedat4", [make([1])])[:60])


def test_pixels_beyond_16_bits_are_refused_when_writing():
    with pytest.raises(RecordingError, match="32768"):
        encoded("aedat4", [make([1], width=40_000, height=2)])


def test_unknown_compression_is_refused_when_writing():
    with pytest.raises(RecordingError, match="gzip"):
        encoded("aedat4", [make([1])], compression="gzip")


def frames(payloads, **options):
    packed = [lz4.frame.compress(payload, **options) for payload in payloads]
    stops = np.cumsum([len(frame) for frame in packed])
    index = np.stack([stops - [len(frame) for frame in packed], stops], axis=1).astype(np.int64)
    return np.frombuffer(b"".join(packed), np.uint8), index


@settings(deadline=None, max_examples=50)
@given(data=st.data())
def test_compiled_lz4_gives_what_the_library_gives(data):
    payloads = []
    for _ in range(data.draw(st.integers(1, 4))):
        count = data.draw(st.integers(0, 6000))
        seed = data.draw(st.integers(0, 1000))
        scale = data.draw(st.sampled_from([1, 3, 1000]))
        body = np.random.default_rng(seed).integers(0, scale, (count, 2), np.int64).tobytes()
        payloads.append(events_prefix(count) + body)
    linked = data.draw(st.booleans())
    source, index = frames(payloads, block_linked=linked, store_size=False)
    out = np.empty(1 << 20, np.uint8)
    done, made, status = unpack_events(source, index, out)
    assert (done, status) == (len(payloads), ALL_DONE)
    assert out[:made].tobytes() == b"".join(payloads)


def test_a_count_that_repeats_what_precedes_it_is_unpacked():
    payloads = [events_prefix(count) + bytes(16 * count) for count in range(16)]
    source, index = frames(payloads, store_size=False)
    out = np.empty(1 << 16, np.uint8)
    done, made, _ = unpack_events(source, index, out)
    assert (done, out[:made].tobytes()) == (16, b"".join(payloads))


def some_packets(sizes):
    random = np.random.default_rng(sum(sizes))
    for size in sizes:
        words = np.empty((size, 2), np.int64)
        words[:, 0] = 10**15 + np.cumsum(random.integers(0, 300, size))
        words[:, 1] = random.integers(0, 346, size) | random.integers(0, 260, size) << 16 | random.integers(0, 2) << 32
        yield events_prefix(size) + words.tobytes()


def unpacked(frame):
    try:
        return lz4.frame.decompress(frame)[EVENTS_PREFIX_BYTES:]
    except RuntimeError:
        return None


@settings(deadline=None, max_examples=100)
@given(data=st.data())
def test_records_before_a_damaged_packet_are_what_the_library_gives(data):
    payloads = list(some_packets(data.draw(st.lists(st.integers(0, 3000), min_size=2, max_size=5))))
    source, index = frames(payloads, store_size=False, block_linked=data.draw(st.booleans()))
    broken, hit = source.copy(), data.draw(st.integers(0, len(payloads) - 1))
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(int(index[hit, 0]) + 4, int(index[hit, 1]) - 1))
        broken[at] = data.draw(st.integers(0, 255))
    begin = 16 * data.draw(st.integers(0, 2))
    size = begin + sum(map(len, payloads)) - data.draw(st.sampled_from([0, 32 * len(payloads), 4000]))
    memory = np.full(max(size, begin) + 64, 0xA5, np.uint8)
    done, made, status = unpack_records(broken, index, memory[32 : 32 + max(size, begin)], begin)
    assert (memory[: 32 + begin] == 0xA5).all()
    assert (memory[32 + max(size, begin) :] == 0xA5).all()
    expected = [unpacked(broken[start:stop].tobytes()) for start, stop in index[: min(done, hit)]]
    assert memory[32 + begin :].tobytes().startswith(b"".join(expected))
    if status == ALL_DONE:
        assert done == len(payloads)
    if done <= hit:
        assert made == begin + sum(map(len, expected))


@settings(deadline=None, max_examples=100)
@given(data=st.data())
def test_compiled_lz4_stays_inside_its_memory_whatever_it_is_given(data):
    body = events_prefix(500) + np.arange(1000).tobytes()
    source, index = frames([body], store_size=False)
    broken = source.copy()
    for _ in range(data.draw(st.integers(1, 5))):
        broken[data.draw(st.integers(4, len(broken) - 1))] = data.draw(st.integers(0, 255))
    guarded = np.full(1 << 15, 0xA5, np.uint8)
    room = data.draw(st.integers(100, 1 << 14))
    unpack_events(broken, index, guarded[:room])
    assert (guarded[room:] == 0xA5).all()


def test_compiled_lz4_says_when_there_is_no_room_and_when_it_is_not_for_it():
    body = events_prefix(500) + np.arange(1000).tobytes()
    source, index = frames([body], store_size=False)
    assert unpack_events(source, index, np.empty(4000, np.uint8))[2] == NO_ROOM
    source, index = frames([body], content_checksum=True)
    assert unpack_events(source, index, np.empty(1 << 16, np.uint8))[2] == OTHER_KIND


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_flatbuffers_are_looked_at_only_inside(data):
    for read in (framed_events, read_data_table):
        for kind in (b"EVTS", b"FTAB"):
            with pytest.raises(FlatbufferError):
                read(data[:8] + kind + data[8:] + bytes(4) if len(data) < 8 else b"\xff" * 4 + data[4:8] + kind + data)
