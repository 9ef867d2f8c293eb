"""The smallest inputs of what the fuzzers found and nothing else tests."""

from __future__ import annotations

import contextlib
import warnings
import zipfile

import h5py
import numpy as np
import pytest
from checking import GuardedBatch
from seeds import events
from test_special_inputs import array_head

import eventflow.io as io
from eventflow.errors import DamagedRecordingError, EventflowError
from eventflow.io.hdf5 import attributes_of
from eventflow.io.prophesee_hdf5_encoder import EVENT
from eventflow.io.source import open_source
from eventflow.io.table import format_named

_TIMES_OF_EIGHT = "[('t', '8f8'), ('x', '<u2'), ('y', '<u2'), ('p', 'u1')]"
_TIMES_OF_NINE = "[('t', '<i8', (3, 3)), ('x', '<u2'), ('y', '<u2'), ('p', 'u1')]"


@pytest.mark.parametrize(
    "descr",
    [
        "'8f8'", "'V8'", "'V0'", "[('t', '<i8'), ('x', '<u2', (3,)), ('y', '<u2'), ('p', 'u1')]",
        _TIMES_OF_EIGHT, _TIMES_OF_NINE,
    ],
)  # fmt: skip
def test_items_that_are_more_than_a_number_never_leave_the_batch(tmp_path, descr):
    path = tmp_path / "a.npy"
    path.write_bytes(array_head("(60, 4)" if "[" not in descr else "(60,)", descr) + bytes(60 * 4 * 64))
    batch = GuardedBatch(7)
    with open_source(path) as source, pytest.raises(EventflowError, match=_refusal(descr)):
        _fill(source, batch)
    batch.check()


@pytest.mark.parametrize("descr", ["'8f8'", _TIMES_OF_EIGHT, _TIMES_OF_NINE])
def test_columns_of_an_archive_whose_items_are_more_than_a_number(tmp_path, descr):
    path, shape = tmp_path / "a.npz", "(60,)"
    with zipfile.ZipFile(path, "w") as archive:
        if "[" in descr:
            archive.writestr("events.npy", array_head(shape, descr) + bytes(60 * 80))
        else:
            archive.writestr("t.npy", array_head(shape, descr) + bytes(60 * 64))
            for name in "xyp":
                archive.writestr(f"{name}.npy", array_head(shape, "'<u2'") + bytes(60 * 2))
    batch = GuardedBatch(7)
    with open_source(path) as source, pytest.raises(EventflowError, match=_refusal(descr)):
        format_named("npz").load().open_decoder(source, width=40, height=30).fill(batch, 0)
    batch.check()


def _refusal(descr):
    """What is said already of the type, before any value is read."""
    return "holds items of .*; expected numbers" if descr == "'8f8'" else None


def _fill(source, batch):
    format_named("npy").load().open_decoder(source, width=40, height=30).fill(batch, 0)


def test_what_damage_leaves_of_an_archive_does_not_depend_on_packets(tmp_path):
    path = io.write(events(120, 0), tmp_path / "a.npz", compressed=True)
    data = bytearray(path.read_bytes())
    for at in range(60, len(data) - 600, 17):
        hurt = data[:]
        hurt[at] ^= 0xFF
        path.write_bytes(hurt)
        counts = []
        for packet_events in (1, 50, 4096):
            try:
                counts.append(sum(map(len, io.open(path, packet_events=packet_events, width=40, height=30))))
            except EventflowError as error:
                counts.append(type(error))
        assert len(set(counts)) == 1, (at, counts)


def test_times_beyond_all_numbers_are_no_times(tmp_path):
    table = np.array([[1e300, 1, 1, 1], [5.5, 2, 2, 0], [np.nan, 1, 1, 1]])
    np.save(tmp_path / "a.npy", table)
    found = io.read(tmp_path / "a.npy", width=40, height=30, unit="s", columns="txyp")
    assert found.t.tolist() == [5_500_000]


def test_text_in_an_archive_holds_the_archive_and_is_described(tmp_path):
    path = io.write(events(20_000, 0), tmp_path / "a.zip")
    decoder = format_named("zip").load().open_decoder(open_source(path))
    batch = GuardedBatch(4096)
    assert sum(iter(lambda: decoder.fill(batch, 0), 0)) == 20_000
    decoder.source.close()
    assert io.describe(path, depth="quick")["events"] == 20_000


def test_a_place_beyond_all_files_is_the_end(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    with open_source(path) as source:
        source.seek((1 << 64) - 1)
        assert source.read(1) == b""


def test_hdf5_that_says_it_is_driven_by_other_files(tmp_path):
    path = io.write(events(120, 0), tmp_path / "a.h5", format="event_utils")
    data = bytearray(path.read_bytes())
    data[48:56] = (96).to_bytes(8, "little")  # the HDF5 library would take gigabytes for what lies there
    path.write_bytes(data)
    with pytest.raises(EventflowError, match=r"a\.h5: byte 48: .* driven by other files"):
        io.read(path, format="event_utils")


def test_attributes_that_are_sequences_are_left_out(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        sequence = np.empty(1, object)
        sequence[0] = np.frombuffer(b"ECF", np.uint8)
        file.attrs.create("format", sequence, dtype=h5py.vlen_dtype(np.uint8))
        file.attrs["geometry"], file.attrs["number"] = "40x30", 7
    with h5py.File(tmp_path / "a.h5") as file:
        assert attributes_of(file) == {"geometry": "40x30", "number": 7}


@pytest.mark.parametrize("length", [0, 1 << 60, (1 << 64) - 16])
def test_text_in_a_damaged_heap_is_left_out(tmp_path, length):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.attrs["geometry"], file.attrs["number"] = "40x30", 7
    data = bytearray(path.read_bytes())
    room = data.index(b"GCOL") + 16 + 16 + 8  # behind the one object: the room left, of number 0 and this length
    assert int.from_bytes(data[room + 8 : room + 16], "little") == 4096 - 40
    data[room + 8 : room + 16] = length.to_bytes(8, "little")  # of length 0 the HDF5 library would look for its end
    path.write_bytes(data)
    with h5py.File(path) as file:
        assert attributes_of(file) == {"number": 7}


@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_text_of_a_length_that_lies_is_left_out(tmp_path, libver):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w", libver=libver) as file:
        file.attrs["geometry"], file.attrs["number"] = "40x30", 7
    data = bytearray(path.read_bytes())
    said = data.index((5).to_bytes(4, "little") + data.index(b"GCOL").to_bytes(8, "little"))
    with h5py.File(path) as file:
        assert attributes_of(file) == {"geometry": "40x30", "number": 7}
    if libver == "latest":
        return  # where a checksum tells
    data[said : said + 4] = (1 << 30).to_bytes(4, "little")  # what the HDF5 library would take before it looks
    path.write_bytes(data)
    with h5py.File(path) as file:
        assert attributes_of(file) == {"number": 7}


def test_pixels_in_sixteen_bits_with_a_point(tmp_path):
    table = events(60, 0).records
    columns = [(name, table[name].astype("f2") if name == "x" else table[name]) for name in "txyp"]
    named = np.zeros(60, [(name, column.dtype) for name, column in columns])
    for name, column in columns:
        named[name] = column
    named["x"][7], named["x"][8] = np.inf, 0.5
    np.save(tmp_path / "a.npy", named)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = io.read(tmp_path / "a.npy", width=40, height=30)
    assert np.array_equal(found.x, np.delete(table["x"], [7, 8]))


def test_a_field_whose_name_is_no_text(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.attrs["geometry"] = "40x30"
        file["CD/events"] = events(60, 0).records
    data = path.read_bytes()
    name = b"p".ljust(8, b"\0")
    assert data.count(name) == 1
    path.write_bytes(data.replace(name, b"\xff" + name[1:]))
    for form in ("hdf5", "hdf5_columns"):
        with pytest.raises(EventflowError, match=r"a\.h5"):
            io.read(path, format=form)


@pytest.mark.parametrize(("shape", "found"), [((1 << 40, 4, 5), 16), ((16, 1 << 20, 1 << 20), 0)])
def test_streams_of_hdf5_that_lie_about_their_sizes(tmp_path, shape, found):
    path = tmp_path / "a.hdf5"
    with h5py.File(path, "w") as file:
        file["davis/left/events"] = np.array([[1.0, 2.0, 3.0, 1.0]])
        images = file.create_dataset("davis/left/image_raw", shape, "u1", chunks=(4, 4, 5))
        images[:16, :4, :5] = 7
        times = file.create_dataset("davis/left/image_raw_ts", (1 << 40,), "f8", chunks=(16,))
        times[:16] = np.arange(16)
    with io.open(path, format="mvsec") as recording:
        wrong = contextlib.nullcontext() if found else pytest.raises(DamagedRecordingError, match=r"image_raw .* bytes")
        with wrong:
            frames = list(recording.messages("frames"))
            assert [frame.t for frame in frames] == [index * 1_000_000 for index in range(found)]


@pytest.mark.parametrize("packed", [True, False])
def test_prophesee_events_that_say_they_are_more_than_any_disk_holds(tmp_path, packed):
    path, said = tmp_path / "a.hdf5", 10**12
    if packed:
        io.write(events(120, 0), path)
        with h5py.File(path, "a") as file:
            file["CD/events"].id.set_extent((said,))
    else:
        with h5py.File(path, "w") as file:
            file.attrs["geometry"] = "40x30"
            rows = np.zeros(120, EVENT)
            for name in "xypt":
                rows[name] = events(120, 0).records[name]
            file.create_dataset("CD/events", (said,), EVENT, chunks=(120,))[:120] = rows
    with io.open(path) as recording:
        assert len(recording.all_events()) == 120
        assert recording.skipped["damaged"] == said - 120


def test_a_damaged_table_of_chunks_is_told(tmp_path):
    path = tmp_path / "a.hdf5"
    rows = np.zeros(120, EVENT)
    with h5py.File(path, "w") as file:
        file.attrs["geometry"] = "40x30"
        file.create_dataset("CD/events", data=rows, chunks=(10,))
    data = bytearray(path.read_bytes())
    table = next(at for at in range(len(data)) if data[at : at + 5] == b"TREE\x01")
    data[table + 24 + 8 : table + 24 + 16] = (7).to_bytes(8, "little")  # where the first chunk begins: at no border
    path.write_bytes(data)
    with pytest.raises(EventflowError, match=r"a\.hdf5: .* (damaged|cannot)"), io.open(path) as recording:
        recording.all_events()
