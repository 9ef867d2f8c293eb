"""Prophesee HDF5: every way of ECF to pack a chunk is written and read, and whatever a file lies about is said."""

from __future__ import annotations

import os
import struct
import threading

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recording_kit import assert_same, column_hashes, cut, damage, decoded, encoded, make, recordings, survives

import eventflow.io as io
from eventflow.errors import ParameterError, RecordingError, UnknownFormatError
from eventflow.events import Events
from eventflow.io import prophesee_hdf5_blocks as blocks
from eventflow.io import prophesee_hdf5_encoder as writing
from eventflow.io import prophesee_hdf5_kernels as reading
from eventflow.io import prophesee_hdf5_packing as packing

quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(writing, "_CHUNK", 16)


def plain_ecf(data: bytes) -> list[tuple[int, int, int, int]]:
    """Decode a chunk, slowly and plainly."""
    word, t = struct.unpack_from("<Iq", data)
    count, at = word >> 2, 12
    times: list[int] = []
    while len(times) < count:
        step, run = data[at] >> 4, data[at] & 15
        at += 1
        if step == 15:
            more, shift = run, 4
            while data[at] >> 4 == 15:
                more, shift, at = more | (data[at] & 15) << shift, shift + 4, at + 1
            t += more
            continue
        t += step
        if run == 15:
            (run,) = struct.unpack_from("<H", data, at)
            at += 2
        times += [t] * run
    if word & 2:
        bits = []
        for a, b, c in struct.iter_unpack("<III", data[at:]):
            bits += [a >> 8, a & 255 | b >> 16 << 8, b & 65535 | c >> 24 << 16, c & 0xFFFFFF]
        return [(t, v >> 1 & 2047, v >> 12 & 2047, v & 1) for t, v in zip(times, bits, strict=False)]
    rows: list[int] = []
    while len(rows) < count:
        (v,) = struct.unpack_from("<H", data, at)
        at += 2
        run = v & 31
        if run == 31:
            (run,) = struct.unpack_from("<H", data, at)
            at += 2
        rows += [v >> 5] * run
    columns: list[int] = []
    polarities: list[int] = []
    if word & 1:
        for a, b, c in struct.iter_unpack("<HHH", data[at:]):
            for v in (a >> 4, a & 15 | b >> 8 << 4, b & 255 | c >> 12 << 8, c & 4095):
                columns.append(v >> 1)
                polarities.append(v & 1)
        return list(zip(times, columns, rows, polarities, strict=False))
    while len(columns) < count:
        (v,) = struct.unpack_from("<H", data, at)
        at += 2
        columns += [v >> 5, *((v >> 5) + j + 1 for j in range(5) if v >> (4 - j) & 1)]
    while len(polarities) < count:
        v, at = data[at], at + 1
        run = v & 127
        if run == 127:
            (run,) = struct.unpack_from("<H", data, at)
            at += 2
        polarities += [v >> 7] * run
    return list(zip(times, columns, rows, polarities, strict=False))


def packed(events: Events) -> bytes:
    """The events as one chunk."""
    data = np.empty(packing.LONGEST_CHUNK_BYTES, np.uint8)
    return data[: packing.encode(events.records.view(np.int64), data)].tobytes()


def unpacked(data: bytes, most: int) -> tuple[int, list[tuple[int, int, int, int]]]:
    """What a chunk says its number of events is, and the sound ones."""
    out = np.full(2 * (most + reading.SLACK), -1, np.int64)
    chunk = np.frombuffer(data, np.uint8)
    count, sound = reading.decode(chunk, out, most)
    assert 0 <= sound <= max(count, 0) <= most
    rows = out.reshape(-1, 2)[:sound].tolist()
    return count, [(t, s & 0xFFFF, s >> 16 & 0xFFFF, s >> 32) for t, s in rows]


def rows_of(events: Events) -> list[tuple[int, int, int, int]]:
    return [record[:4] for record in events.records.tolist()]


@st.composite
def chunks(draw):
    """Events of a kind that one of the three ways suits, with runs and steps of all lengths."""
    count = draw(st.sampled_from([1, 2, 3, 4, 5, 6, 7, 30, 200]))
    rng = np.random.default_rng(draw(st.integers(0, 1 << 32)))
    runs = draw(st.sampled_from([1, 3, 14, 15, 40, 130]))
    steps = draw(st.sampled_from([[0], [0, 1], [0, 1, 14, 15, 16], [1, 255, 4096, 1 << 40]]))
    t = draw(st.sampled_from([0, 5, -(1 << 40), 1 << 50])) + np.cumsum(np.repeat(rng.choice(steps, count), runs))
    kind = draw(st.sampled_from(["vectors", "rows", "sparse"]))
    total = len(t)
    y = rng.integers(0, 2048, total) if kind == "sparse" else np.repeat(rng.integers(0, 2048, count), runs)
    x = np.arange(total) * rng.integers(1, 3) % 2048 if kind == "vectors" else rng.integers(0, 2048, total)
    p = np.repeat(rng.integers(0, 2, count), runs) if kind == "vectors" else rng.integers(0, 2, total)
    return make(t, x=x, y=y, p=p, width=2048, height=2048)


@settings(max_examples=200, deadline=None)
@given(chunks())
def test_a_chunk_is_what_a_plain_decoder_reads(events):
    data = packed(events)
    assert plain_ecf(data) == rows_of(events)
    assert unpacked(data, len(events)) == (len(events), rows_of(events))


def test_each_way_is_taken_where_it_is_the_shortest():
    index = np.arange(400)
    rng = np.random.default_rng(1)
    ways = {
        0: make(index // 20, x=index % 20, y=index // 20, p=index * 0),
        1: make(index, x=rng.integers(0, 2048, 400), y=index // 100, p=index % 2, width=2048),
        2: make(index, x=rng.integers(0, 2048, 400), y=rng.integers(0, 30, 400), width=2048),
    }
    assert {packed(events)[0] & 3 for events in ways.values()} == {0, 1, 2}
    for way, events in ways.items():
        assert packed(events)[0] & 3 == way
        assert plain_ecf(packed(events)) == rows_of(events)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damaged_chunks_are_read_as_far_as_they_are_sound(data):
    events = data.draw(chunks())
    unpacked(data.draw(damage(packed(events))), len(events))
    unpacked(data.draw(st.binary(max_size=200)), 50)
    good = packed(events)
    for end in {data.draw(st.integers(0, len(good))), len(good) - 1, 12}:
        _, found = unpacked(good[:end], len(events))
        assert found == rows_of(events)[: len(found)]
    assert unpacked(good, len(events) - 1)[0] == -1, "more events than a chunk may have"


@pytest.mark.samples
@pytest.mark.parametrize("name", ["prophesee_ecf_mode1", "prophesee_ecf_mode2"])
def test_chunks_of_the_reference_encoder(samples, name):
    path = samples / f"hdf5/{name}.hdf5"
    events = io.read(path)
    with h5py.File(path) as file:
        _, first = file["CD/events"].id.read_direct_chunk((0,))
        _, last = file["CD/events"].id.read_direct_chunk((len(events) // 16384 * 16384,))
    assert {first[0] & 3, last[0] & 3} == {int(name[-1])}
    assert plain_ecf(first) == rows_of(events[:16384])
    assert plain_ecf(last) == rows_of(events[len(events) // 16384 * 16384 :])


@quick
@given(data=st.data())
def test_what_was_written_is_read(small_chunks, data):
    events = data.draw(recordings(first=-(1 << 30)))
    sizes = data.draw(st.lists(st.integers(1, 60), min_size=1, max_size=3))
    records, decoder = decoded("hdf5", encoded("hdf5", [events]), sizes=sizes)
    assert_same(records, events)
    assert decoder.skipped == decoder.noted == {}
    assert encoded("hdf5", cut(data.draw, events)) == encoded("hdf5", [events])


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_damage_gives_events_counts_or_a_clear_error(data):
    # the structure of the file is the HDF5 library's, which may crash where that is damaged; the chunks are read here
    events = make(np.arange(3000) * 7, x=np.arange(3000) % 40)
    whole = encoded("hdf5", [events])
    first = whole.index(packed(events))
    broken = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 20))):
        broken[first + data.draw(st.integers(0, len(packed(events)) - 1))] ^= data.draw(st.integers(1, 255))
    survives("hdf5", bytes(broken))
    survives("hdf5", whole[: data.draw(st.integers(0, len(whole)))])


def test_truncated_and_empty_files_are_refused(tmp_path):
    whole = encoded("hdf5", [make(np.arange(3000))])
    path = tmp_path / "a.hdf5"
    path.write_bytes(whole[:-100])
    with pytest.raises(RecordingError, match=r"a\.hdf5: the HDF5 file cannot be opened: .*truncated.*incomplete"):
        io.read(path)
    path.write_bytes(whole[:60])
    with pytest.raises(RecordingError, match="cannot be opened"):
        io.read(path)


def test_time_that_steps_back_is_refused(tmp_path):
    for times in ([5, 4], [*range(20_000), 19_000]):
        with pytest.raises(RecordingError, match=f"event {len(times) - 1} has t={times[-1]} µs, earlier"):
            io.write(make(times), tmp_path / "a.hdf5")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ParameterError, match="2048"):
        io.write(Events.empty(4000, 10), tmp_path / "a.hdf5")


def test_the_file_is_as_openeb_makes_it(tmp_path):
    t = np.repeat([1000, 1001, 2999, 3000, 9500], [10, 1, 1, 5, 3])
    path = io.write(make(t), tmp_path / "a.h5", entries={"time_origin": "zero"})
    with h5py.File(path) as file:
        assert file["CD/events"].dtype == writing.EVENT
        assert file["CD/events"].chunks == (16384,)
        assert file["CD/events"].id.get_create_plist().get_filter(0)[:2] == (36559, 1)
        assert file["CD/indexes"].attrs["offset"] == "-1000"
        # an entry for each 2 ms: the first event of the last period before the one before it that has one
        entries = [(0, -1), (0, 0), (12, 2000), (12, 2000), (12, 2000), (17, 8500)]
        assert [tuple(entry) for entry in file["CD/indexes"][:].tolist()] == entries
        assert dict(file.attrs) == {"format": "ECF", "geometry": "40x30", "version": "1.0", "time_origin": "zero"}
        assert len(file["EXT_TRIGGER/events"]) == len(file["EXT_TRIGGER/indexes"]) == 0


def test_a_file_holds_nothing_of_the_clock_on_the_wall(tmp_path):
    paths = [io.write(make(np.arange(100)), tmp_path / f"{k}.hdf5") for k in range(2)]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    with h5py.File(paths[0]) as file:
        assert h5py.h5o.get_info(file["CD/events"].id).ctime == 0


@pytest.mark.parametrize("index", ["good", "none", "late", "early", "garbage"])
def test_a_time_is_sought(tmp_path, index, monkeypatch):
    t = np.cumsum(np.random.default_rng(2).integers(0, 12, 100_000))
    events = make(t)
    path = io.write(events, tmp_path / "a.hdf5")
    with h5py.File(path, "a") as file:
        if index == "none":
            del file["CD/indexes"]
        elif index != "good":
            known = file["CD/indexes"]["id"]
            ids = {"late": known + 40_000, "early": known * 0, "garbage": known + (1 << 60)}[index]
            file["CD/indexes"]["id"] = ids
    for start in (-5, 0, int(t[16384]), int(t[50_000]) + 1, int(t[-1]), int(t[-1]) + 1):
        with io.open(path, start=start) as recording:
            assert (recording.all_events().records == events.records[np.searchsorted(t, start) :]).all()
        with io.open(path) as recording:
            recording.seek(start)
            decoder = recording.fresh_decoder()
            decoder.seek(start)
            passed = decoder._next * 16384
            decoder.source.close()
        if index in ("good", "none") and start > 0:
            assert passed > np.searchsorted(t, start) - 2 * 16384, "close before it"


def without_index(file):
    file.pop("CD/indexes", None)


def chunks_loaded(monkeypatch):
    """The numbers of the chunks that are decoded from now on."""
    loaded = []
    load = blocks.EcfBlocks.load
    monkeypatch.setattr(
        blocks.EcfBlocks, "load", lambda self, number, out: loaded.append(number) or load(self, number, out)
    )
    return loaded


@pytest.mark.samples
@pytest.mark.parametrize("name", ["prophesee_ecf_mode1", "prophesee_ecf_mode2"])
def test_any_time_of_a_real_file_without_index_is_reached_by_halving(samples, tmp_path, monkeypatch, name):
    path = tmp_path / "a.hdf5"
    path.write_bytes((samples / f"hdf5/{name}.hdf5").read_bytes())
    rewritten(path, without_index)
    whole = io.read(path).records
    t = whole["t"]
    borders = t[::16384].tolist()
    times = [*borders, *(each + 1 for each in borders), *(each - 1 for each in borders)]
    times += np.random.default_rng(5).integers(int(t[0]) - 5, int(t[-1]) + 5, 10).tolist()
    loaded = chunks_loaded(monkeypatch)
    for start in times:
        loaded.clear()
        assert_same(io.read(path, start=start).records, Events(whole[np.searchsorted(t, start) :], 1280, 720))
        first = min(np.searchsorted(t, start) // 16384, len(borders) - 1)
        assert loaded[0] >= first - 2, "nothing far before it is decoded"


@pytest.mark.parametrize("damage_at", [None, 0, 3, 4, 5, 9])
@pytest.mark.parametrize("lie", ["cut", "short", "empty", "garbage"])
def test_halving_passes_over_damaged_chunks(small_chunks, tmp_path, damage_at, lie):
    t = np.cumsum(np.random.default_rng(2).integers(0, 5, 160))
    path = rewritten(io.write(make(t), tmp_path / "a.hdf5"), without_index)
    data = {"cut": packed(make(t[64:80]))[:20], "short": b"\0", "empty": bytes(12), "garbage": b"\xff" * 60}[lie]
    if damage_at is not None:
        rewritten(path, lambda file: file["CD/events"].id.write_direct_chunk((16 * damage_at,), data))
    whole = io.read(path).records
    for start in (*range(-2, int(t[-1]) + 3, 11), *t[::16].tolist()):
        expected = whole[int(np.argmax(whole["t"] >= start)) if (whole["t"] >= start).any() else len(whole) :]
        assert_same(io.read(path, start=start).records, Events(expected, 40, 30))


def test_a_chunk_that_reaches_into_the_next_is_begun_with(small_chunks, tmp_path):
    t = np.concatenate([np.arange(16) * 10 + 70 * k for k in range(12)])  # each ends 80 µs after the next one begins
    path = rewritten(io.write(make(np.arange(len(t))), tmp_path / "a.hdf5"), without_index)

    def overlapping(file):
        for k in range(12):
            file["CD/events"].id.write_direct_chunk((16 * k,), packed(make(t[16 * k : 16 * k + 16])))

    rewritten(path, overlapping)
    for start in range(-1, int(t.max()) + 2, 7):
        expected = t[int(np.argmax(t >= start)) :] if (t >= start).any() else t[:0]
        assert io.read(path, start=start).records["t"].tolist() == expected.tolist()


def rewritten(path, edit):
    """The same file with something of it changed through h5py."""
    with h5py.File(path, "a") as file:
        edit(file)
    return path


def test_chunks_that_lie_cost_their_events_only(tmp_path):
    events = make(np.arange(3 * 16384 + 100), x=np.arange(3 * 16384 + 100) % 40)
    good = packed(events[16384:32768])
    lies = {
        "cut": good[:5000],
        "empty": b"\0" * 12,
        "short": b"\0\0",
        "more events than a chunk has": struct.pack("<I", 65000 << 2 | 2) + good[4:],
        "fewer events": packed(events[16384:32000]),
        "far too long": good + bytes(1 << 20),
        "garbage": bytes(range(256)) * 100,
    }
    lost = {"fewer events": 768}
    for what, data in lies.items():
        path = io.write(events, tmp_path / "a.hdf5")
        rewritten(path, lambda file, data=data: file["CD/events"].id.write_direct_chunk((16384,), data))
        with io.open(path) as recording:
            found = recording.all_events()
            missing = len(events) - len(found)
            assert recording.skipped == {"damaged": missing}, what
            assert missing == lost.get(what, 16384), what
            assert (found.records[-100:] == events.records[-100:]).all()


def test_chunks_that_were_never_written_and_events_beyond_the_end(tmp_path):
    events = make(np.arange(16384 + 100))
    path = rewritten(io.write(events, tmp_path / "a.hdf5"), lambda file: file["CD/events"].resize((40_000,)))
    with io.open(path) as recording:
        assert_same(recording.all_events().records, events)
        assert recording.skipped == {"damaged": 40_000 - len(events)}
    longer = packed(events[16384:])
    path = io.write(events[:16400], tmp_path / "a.hdf5")
    rewritten(path, lambda file: file["CD/events"].id.write_direct_chunk((16384,), longer))
    with io.open(path) as recording:
        assert_same(recording.all_events().records, events[:16400])
        assert recording.noted == {"beyond_end": 84}
        assert recording.skipped == {}


def test_a_chunk_that_left_out_the_codec(tmp_path):
    events = make([9, 3, 3, 8], x=[39, 0, 1, 2], p=[0, 1, 1, 0])
    rows = np.zeros(16384, writing.EVENT)
    for name in "xypt":
        rows[name][:4] = events.records[name]

    def unfiltered(file):
        file["CD/events"].id.write_direct_chunk((0,), rows.tobytes(), filter_mask=1)

    path = rewritten(io.write(make(np.arange(4)), tmp_path / "a.hdf5"), unfiltered)
    with io.open(path) as recording:
        assert_same(recording.all_events().records, events)
        assert recording.steps_back == 1


@pytest.mark.parametrize("options", [{}, {"chunks": (100,), "compression": "gzip"}, {"chunks": (7,), "shuffle": True}])
@pytest.mark.parametrize("fields", [("<u2", "<i2", "<i8"), ("<i4", "u1", "<u4"), (">u2", "?", ">i8")])
def test_events_stored_otherwise_are_read_by_rows(tmp_path, options, fields):
    place, polarity, time = fields
    count = 40_000
    events = make(np.arange(count) // 3)
    table = np.zeros(count, [("t", time), ("p", polarity), ("y", place), ("x", place)])
    for name in "xypt":
        table[name] = events.records[name]
    table["x"][5], table["y"][6] = 40, 60_000 if place != "<i4" else -1
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("CD/events", data=table, **options)
        file.attrs["geometry"] = "40x30"
    with io.open(path) as recording:
        assert recording.info.format == "hdf5"
        kept = np.ones(count, bool)
        kept[[5, 6]] = False
        assert_same(recording.all_events().records, events[kept])
        assert recording.skipped == {"outside": 2}
    with io.open(path, start=int(events.t[30_000])) as recording:
        assert len(recording.all_events()) == count - 30_000


def test_pixels_beyond_the_sensor_are_left_out(tmp_path):
    path = io.write(make(np.arange(100), x=np.arange(100) % 40, y=np.arange(100) % 30), tmp_path / "a.hdf5")
    with io.open(path, width=20, height=30) as recording:
        assert recording.info.width == 20
        found = recording.all_events()
        assert recording.skipped == {"outside": 40}
        assert (found.x < 20).all()


def test_what_is_missing_is_said(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["weights"] = np.zeros(3)
    with pytest.raises(UnknownFormatError, match="an HDF5 file with the datasets /weights, which is no layout"):
        io.open(path)
    with pytest.raises(RecordingError, match=r"no table of events /CD/events .* /weights"):
        io.open(path, format="hdf5")
    with h5py.File(path, "w") as file:
        kind = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        kind.set_chunk((8,))
        kind.set_filter(31999, h5py.h5z.FLAG_OPTIONAL, ())
        space = h5py.h5s.create_simple((8,), (8,))
        group = file.create_group("CD")
        h5py.h5d.create(group.id, b"events", h5py.h5t.py_create(writing.EVENT), space, kind)
        file.attrs["geometry"] = "40x30"
    with pytest.raises(RecordingError, match="/CD/events is compressed by filter 31999"):
        io.open(path)
    rewritten(path, lambda file: file.attrs.__delitem__("geometry"))
    with pytest.raises(RecordingError, match="pass width= and height="):
        io.open(path)


def test_a_pipe_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    whole = encoded("hdf5", [make([1])])
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(whole[:4096],))
    writer.start()
    with pytest.raises(RecordingError, match="from a file only"):
        io.open(tmp_path / "pipe")
    writer.join()


def test_a_user_block_before_the_file(tmp_path):
    events = make(np.arange(40_000))
    whole = encoded("hdf5", [events])
    path = tmp_path / "a.hdf5"
    path.write_bytes(bytes(512) + whole)
    assert column_hashes(io.read(path).records) == column_hashes(events.records)
