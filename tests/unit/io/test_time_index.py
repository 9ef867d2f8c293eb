"""An index changes nothing but the time it takes: the same events come out, whatever the index is worth."""

from __future__ import annotations

import os
import random

import marked_records
import numpy as np
import pytest
from recording_kit import make

import eventflow.io as io
from eventflow import Events
from eventflow.errors import EventflowError, RecordingError
from eventflow.io import index_file, indexing, table, time_index
from eventflow.io.table import Format, format_named, formats
from eventflow.io.time_index import has_marks

MARKED = Format("marked", "test", (".marked",), "marked_records", lambda head: head.startswith(marked_records.MAGIC))


@pytest.fixture(autouse=True)
def _small(monkeypatch, tmp_path):
    """Marks lie close together, so that small recordings have many."""
    monkeypatch.setattr(time_index, "MARK_BYTES", 700)
    monkeypatch.setattr(time_index, "MARK_EVENTS", 100)
    monkeypatch.setattr(time_index, "_BATCH_EVENTS", 31)
    monkeypatch.setattr(table, "FORMATS", (MARKED, *table.FORMATS))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def walk(count=2000, *, ordered=False, seed=0):
    """Events whose times step back now and then, by little and by much."""
    rng = np.random.default_rng(seed)
    steps = rng.choice([0, 0, 1, 3, 40, 5000], count)
    if not ordered:
        steps = steps + rng.choice([0, 0, 0, -2, -3000], count)
    t = np.cumsum(steps)
    return make(t - min(t.min(), 0), x=rng.integers(0, 40, count), y=rng.integers(0, 30, count))


def write(path, name, events):
    if name == "marked":
        path.write_bytes(marked_records.data_of(events))
    else:
        io.write(events, path, format=name, **({"chip": "dvs128"} if name == "aedat2" else {}))
    return path


def starts(events, count=12):
    t = events.t
    random_ = random.Random(7)
    drawn = [random_.randint(int(t.min()) - 10, int(t.max()) + 10) for _ in range(count)]
    return [*drawn, int(t.min()), int(t.max()), int(t.max()) + 1, int(t[len(t) // 2])]


def everything(path, start, **options):
    """What comes out of a recording: packets, jumps and counts, or the error's kind."""
    recording = io.open(path, start=start, packet_events=64, **options)
    found = []
    try:
        for item in recording.items():
            found.append(item.records.view("V16").tobytes() if isinstance(item, Events) else item)  # noqa: PERF401
    except EventflowError as error:
        found.append(str(error))
    return found, recording.steps_back, recording.repaired


POLICIES = [{}, {"backwards": "clamp", "max_backstep": 5000}, {"backwards": "clamp", "max_backstep": 10,
            "on_jump": "reset"}, {"backwards": "drop"}, {"origin": "zero"}]  # fmt: skip


@pytest.mark.parametrize("name", ["marked", *(row.name for row in formats() if row.reads and row.writes)])
@pytest.mark.parametrize("ordered", [True, False])
def test_the_same_events_with_an_index_as_without(tmp_path, name, ordered):
    events = walk(ordered=ordered)
    suffix = ".marked" if name == "marked" else format_named(name).suffixes[0]
    options = {"format": name, "width": 40, "height": 30} if name in ("csv", "dat", "evt2", "evt3") else {}
    try:
        plain = write(tmp_path / f"plain{suffix}", name, events)
    except EventflowError:
        assert not ordered, "only times that step back may be refused"
        return
    indexed = write(tmp_path / f"indexed{suffix}", name, events)
    if has_marks(io.open(indexed, **options)._fresh):
        index, place = io.index(indexed, **options)
        assert index.complete
        assert len(index) > 5
        assert place == tmp_path / f"indexed{suffix}.eventflow-index"
    for policy in POLICIES:
        for start in starts(events):
            there = [everything(path, start, **options, **policy) for path in (plain, indexed)]
            assert str(there[0]).replace("plain", "indexed") == str(there[1])


def test_an_index_is_made_as_far_as_somebody_goes_and_on_from_there(tmp_path, monkeypatch):
    monkeypatch.setattr(indexing, "WORTH_BYTES", 1000)
    events = walk(ordered=True)
    path = write(tmp_path / "r.marked", "marked", events)
    middle = int(events.t[1000])
    lengths = []
    for start in (0, middle, middle, int(events.t[-1]) + 1):
        expected = events.records[int(np.searchsorted(events.t, start)) :]
        assert io.read(path, start=start).records.view("V16").tobytes() == expected.view("V16").tobytes()
        index = index_file.IndexFile(path, MARKED, {}).load()
        lengths.append((len(index), index.complete))
    assert lengths == sorted(lengths)
    assert 0 < lengths[1][0] < lengths[3][0]
    assert [complete for _, complete in lengths] == [False, False, False, True]


def test_a_decoder_is_sent_to_the_mark_and_reads_nothing_before_it(tmp_path, monkeypatch):
    events = walk(ordered=True)
    path = write(tmp_path / "r.marked", "marked", events)
    io.index(path)
    seen = []
    resume = marked_records.MarkedDecoder.resume

    def watched(self, mark):
        seen.append(mark)
        resume(self, mark)

    monkeypatch.setattr(marked_records.MarkedDecoder, "resume", watched)
    assert len(io.read(path, start=int(events.t[1900])))
    assert 1700 < seen[0]["count"] <= 1900


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "other", "text"])
def test_a_damaged_index_is_no_index(tmp_path, damage):
    events = walk()
    path = write(tmp_path / "r.marked", "marked", events)
    _, place = io.index(path)
    data = bytearray(place.read_bytes())
    if damage == "cut":
        data = data[: len(data) // 2]
    elif damage == "flip":
        data[len(data) // 2] ^= 1
    elif damage == "empty":
        data = bytearray()
    elif damage == "text":
        data = bytearray(b"index\n")
    else:
        other = write(tmp_path / "other.marked", "marked", walk(seed=3))
        data = bytearray(io.index(other)[1].read_bytes())
    place.write_bytes(data)
    for start in starts(events):
        first = int(np.argmax(events.t >= start)) if (events.t >= start).any() else len(events)
        assert io.read(path, start=start).records.view("V16").tobytes() == events.records[first:].view("V16").tobytes()
    assert io.index(path)[0].complete
    assert place.read_bytes() != bytes(data)


def test_an_index_is_not_believed_when_the_recording_or_how_it_is_read_changed(tmp_path):
    path = write(tmp_path / "r.marked", "marked", walk())
    io.index(path)
    load = index_file.IndexFile(path, MARKED, {}).load
    assert load() is not None
    assert index_file.IndexFile(path, MARKED, {"width": 41}).load() is None
    status = path.stat()
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert load() is None
    data[100] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert load() is not None
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert load() is None


def test_where_the_folder_cannot_be_written_to_the_index_lies_in_the_cache(tmp_path, monkeypatch):
    events = walk(ordered=True)
    path = write(tmp_path / "r.marked", "marked", events)
    beside = path.with_name("r.marked.eventflow-index")
    beside.mkdir()  # root writes into folders without permission too
    (beside / "in the way").touch()
    monkeypatch.setattr(index_file, "cache_folder", lambda: tmp_path / "cache" / "kernels")
    _, place = io.index(path)
    assert place.parent == tmp_path / "cache" / "indexes"
    assert io.index(path)[1] == place
    assert not list(tmp_path.glob(".*part"))
    assert io.read(path, start=int(events.t[1500])).t[0] == events.t[1500]


def test_an_index_is_small():
    index = time_index.TimeIndex()
    for number in range(256):  # a GB, a mark in 4 MiB, with as large a state as the formats have
        index.events.append(number * 1_000_003)
        index.highest.append(number * 9_999_937)
        index.states.append({"byte": number << 22, "state": [(number * k * 7919) % 100_003 for k in range(20)]})
    assert len(index_file._packed(index, {})) < 64 << 10


def test_pipes_and_folders_have_no_index(tmp_path):
    with pytest.raises(RecordingError, match="only a file"):
        io.index(tmp_path)
    with pytest.raises(RecordingError, match="no such file"):
        io.index(tmp_path / "absent.raw")


def test_an_index_is_no_recording(tmp_path):
    _, place = io.index(write(tmp_path / "r.marked", "marked", walk()))
    with pytest.raises(EventflowError, match="no known format"):
        io.open(place)


@pytest.mark.parametrize(("name", "suffix"), [("npz", ".npz"), ("event_utils", ".h5"), ("mvsec", ".hdf5")])
def test_a_time_is_met_in_the_first_of_two_recordings_that_lie_one_after_the_other(tmp_path, name, suffix):
    once = np.arange(10_000) * 10
    events = make(np.concatenate((once, once)), x=np.zeros(20_000, int), y=np.zeros(20_000, int))
    path = write(tmp_path / f"twice{suffix}", name, events)
    for _ in range(2):
        assert len(io.read(path, start=90_000)) == 11_000
        io.index(path)
