"""NumPy files: plain NumPy reads what is written, arrays of every known kind are read, pickles are not."""

from __future__ import annotations

import io

import numpy as np
import pytest
from recording_kit import HEIGHT, WIDTH, assert_same, decoded, encoded, make

import eventflow.io as recordings
from eventflow.errors import ParameterError, RecordingError
from eventflow.events import LAYOUTS
from eventflow.io import numpy_members

SIZE = {"width": WIDTH, "height": HEIGHT}
EVENTS = make(np.arange(200) * 11)


def npy(array, **options):
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def npz(save=np.savez, **arrays):
    file = io.BytesIO()
    save(file, **arrays)
    return file.getvalue()


def table(order="txyp", dtype="i8"):
    return np.stack([EVENTS.records[name].astype(dtype) for name in order], axis=1)


def test_plain_numpy_reads_it():
    with np.load(io.BytesIO(encoded("npz", [EVENTS]))) as archive:
        assert sorted(archive) == ["height", "p", "t", "width", "x", "y"]
        for name in "txyp":
            assert archive[name].dtype == EVENTS.records[name].dtype
            np.testing.assert_array_equal(archive[name], EVENTS.records[name])
        assert (int(archive["width"]), int(archive["height"])) == (WIDTH, HEIGHT)


def test_labels_and_scores_travel_and_are_zero_where_a_packet_has_none(tmp_path):
    labels, scores = np.full(100, 2, np.uint8), np.linspace(0, 1, 100, dtype=np.float32)
    packets = [EVENTS[:50], EVENTS[50:150].with_columns(labels=labels, scores=scores), EVENTS[150:]]
    back = recordings.read(recordings.write(iter(packets), tmp_path / "a.npz"))
    np.testing.assert_array_equal(back.labels, [0] * 50 + [2] * 100 + [0] * 50)
    np.testing.assert_array_equal(back.scores[50:150], scores)
    assert_same(back.records, EVENTS)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("pack", [npy, lambda a: npz(events=a), lambda a: npz(np.savez_compressed, other=a)])
def test_structured_arrays_of_other_libraries(layout, pack):
    data = pack(EVENTS.to_numpy(like=layout))
    assert_same(decoded("npz", data, sizes=(7, 64), **SIZE)[0], EVENTS)


@pytest.mark.parametrize("dtype", ["i8", "f8", "u4", "i4"])
@pytest.mark.parametrize("by_columns", [False, True])
@pytest.mark.parametrize("pack", [npy, lambda a: npz(events=a), lambda a: npz(np.savez_compressed, events=a)])
def test_arrays_of_four_columns(dtype, by_columns, pack):
    array = table("xytp", dtype)
    data = pack(np.asfortranarray(array) if by_columns else array)
    assert_same(decoded("npz", data, sizes=(7, 64), columns="xytp", **SIZE)[0], EVENTS)


def test_columns_of_other_types_and_names():
    p = np.where(EVENTS.p == 1, 1, -1).astype("i1")
    data = npz(ts=EVENTS.t / 1e6, xs=EVENTS.x.astype("f4"), ys=EVENTS.y.astype("i2"), polarity=p)
    assert_same(decoded("npz", data, unit="s", **SIZE)[0], EVENTS)


def test_times_with_fractions_are_seconds_and_are_said_to_be():
    for data in (npz(t=EVENTS.t / 1e6, x=EVENTS.x, y=EVENTS.y, p=EVENTS.p), npy(table("xytp", "f8") / [1, 1, 1e6, 1])):
        records, decoder = decoded("npz", data, sizes=(1, 50), **SIZE)
        assert_same(records, EVENTS)
        assert "times have fractions and no unit; taken to be seconds" in decoder.info.notes
        assert decoder.info.attributes["unit"] == "s"


def test_milliseconds_since_1970_are_told_by_their_size():
    t = 1_643_243_628_737.093 + np.arange(3)
    records, _ = decoded("npz", npz(t=t, x=np.zeros(3), y=np.zeros(3), p=np.zeros(3)), **SIZE)
    assert records["t"].tolist() == [1_643_243_628_737_093, 1_643_243_628_738_093, 1_643_243_628_739_093]


@pytest.mark.parametrize(("name", "scale"), [("t_us", 1), ("timestamp_ns", 1000), ("Time [ms]", 0.001), ("ts_s", 1e-6)])
def test_the_name_of_the_times_says_their_unit(name, scale):
    t = EVENTS.t * scale if scale < 1 else EVENTS.t * int(scale)
    columns = {name: t, "x": EVENTS.x, "y": EVENTS.y, "p": EVENTS.p}
    assert_same(decoded("npz", npz(**columns), **SIZE)[0], EVENTS)


def test_fractions_that_come_late_are_not_rounded_away():
    t = np.arange(70_000.0)
    t[-1] += 0.5
    zeros = np.zeros(70_000, "u1")
    with pytest.raises(RecordingError, match=r"times have fractions, which the first rows have not; .*unit='s'"):
        decoded("npz", npz(t=t, x=zeros, y=zeros, p=zeros), **SIZE)


def test_names_of_datasets_and_one_array_of_places():
    pixels = np.stack([EVENTS.x, EVENTS.y], axis=1)
    data = npz(dataset_events_t=EVENTS.t / 1e6, dataset_events_xy=pixels, dataset_events_p=EVENTS.p)
    assert_same(decoded("npz", data, sizes=(7, 64), **SIZE)[0], EVENTS)


@pytest.mark.parametrize("order", ["txyp", "xytp", "xypt"])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("by_columns", [False, True])
def test_the_order_of_four_columns_is_seen(order, turned, by_columns):
    rng = np.random.default_rng(1)
    events = make(EVENTS.t, x=rng.integers(0, WIDTH, 200), y=rng.integers(0, HEIGHT, 200))
    array = np.stack([events.records[name].astype("i8") for name in order], axis=1)
    array = array.T if turned else array
    data = npy(np.asfortranarray(array) if by_columns else np.ascontiguousarray(array))
    assert_same(decoded("npz", data, sizes=(7, 64), **SIZE)[0], events)


def test_what_is_no_time_is_left_out_and_counted():
    t = EVENTS.t.astype("f8") * 1e-6
    t[[3, 5, 7]] = np.nan, np.inf, -1e300
    records, decoder = decoded("npz", npz(t=t, x=EVENTS.x, y=EVENTS.y, p=EVENTS.p), **SIZE)
    np.testing.assert_array_equal(records["t"], np.delete(EVENTS.t, [3, 5, 7]))
    assert decoder.skipped == {"damaged": 3}


@pytest.mark.parametrize("big", [np.iinfo("u8").max, np.uint64(1 << 63)])
def test_times_beyond_all_clocks_are_left_out_and_counted(big):
    t = EVENTS.t.astype("u8")
    t[9] = big
    records, decoder = decoded("npz", npz(t_us=t, x=EVENTS.x, y=EVENTS.y, p=EVENTS.p), **SIZE)
    assert len(records) == 199
    assert decoder.skipped == {"damaged": 1}


@pytest.mark.parametrize("pack", [npy, lambda a: npz(events=a), lambda a: npz(**{n: a[n] for n in "txyp"})])
def test_a_time_is_reached_without_reading_what_is_before(tmp_path, pack):
    n = 300_000
    events = make(np.arange(n) * 3 - np.arange(n) % 2 * 7)
    path = tmp_path / "a.npz"
    path.write_bytes(pack(events.records))
    for t in (-100, 0, 1, 450_000, 3 * n - 4, 3 * n + 5):
        with recordings.open(path, start=t, **SIZE) as recording:
            found = recording.all_events()
        first = np.flatnonzero(events.t >= t)
        assert_same(found.records, events[int(first[0]) if len(first) else n :])


def test_events_that_cannot_be_are_counted():
    x = EVENTS.x.astype("i4")
    x[:3] = -1, 70_000, WIDTH
    p = EVENTS.p.copy()
    p[3] = 9
    records, decoder = decoded("npz", npz(t=EVENTS.t, x=x, y=EVENTS.y, p=p), **SIZE)
    assert_same(records, EVENTS[4:])
    assert decoder.skipped == {"outside": 3, "reserved": 1}


def test_pickles_are_refused():
    with pytest.raises(RecordingError, match="pickles are not read"):
        decoded("npz", npy(np.array([{}]), allow_pickle=True), **SIZE)


def test_a_wrong_checksum_is_counted_and_the_events_kept():
    data = bytearray(encoded("npz", [EVENTS]))
    at = data.index(EVENTS.t.tobytes()) + 8
    data[at] ^= 1
    records, decoder = decoded("npz", bytes(data))
    assert len(records) == len(EVENTS)
    assert decoder.skipped == {"damaged": 1}
    assert decoder.info.notes == ["t.npy: its checksum is wrong"]


def in_directory(data, name, at, value):
    """The archive with a number of four bytes changed in what its directory says of an array."""
    entry = data.rindex(name.encode()) - 46  # the directory's entry; the name stands behind it
    assert data[entry : entry + 4] == b"PK\1\2"
    return data[: entry + at] + value.to_bytes(4, "little") + data[entry + at + 4 :]


def flipped(data, name, share):
    """The archive with a bit changed somewhere in an array."""
    start = data.index(name.encode())
    after = data.index(b"PK\3\4", start)
    at = start + int((after - start) * share)
    return data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :]


LIES = {
    "nothing": lambda data: data,
    "a bit early": lambda data: flipped(data, "t.npy", 0.1),
    "a bit late": lambda data: flipped(data, "x.npy", 0.9),
    "its checksum": lambda data: in_directory(data, "t.npy", 16, 12345),
    "no size": lambda data: in_directory(data, "t.npy", 24, 0),
    "a smaller size": lambda data: in_directory(data, "t.npy", 24, 400_000),
    "a larger size": lambda data: in_directory(data, "x.npy", 24, 9_000_000),
    "fewer bytes": lambda data: in_directory(data, "x.npy", 20, 100_000),
}


@pytest.mark.parametrize("lie", LIES)
def test_compressed_arrays_unpacked_at_once_are_what_they_are_piece_by_piece(tmp_path, monkeypatch, lie):
    rng = np.random.default_rng(4)
    count = 200_000
    x, y, p = (rng.integers(0, high, count) for high in (WIDTH, HEIGHT, 2))
    columns = {"t": np.cumsum(rng.integers(0, 9, count)), "x": x.astype("u2"), "y": y.astype("u2"), "p": p.astype("u1")}
    path = tmp_path / "a.npz"
    path.write_bytes(LIES[lie](npz(np.savez_compressed, **columns)))

    def read(packet_events):
        with recordings.open(path, packet_events=packet_events, **SIZE) as recording:
            return np.concatenate([packet.records for packet in recording]), recording.skipped

    at_once = [read(packet_events) for packet_events in (1 << 16, 5000, 1 << 20)]
    unpacked = numpy_members.deflate_decompress
    calls = []
    monkeypatch.setattr(numpy_members, "deflate_decompress", lambda *a: calls.append(1) or unpacked(*a))
    read(1 << 16)
    assert len(calls) > 2
    monkeypatch.setattr(numpy_members, "_WORTH_BYTES", 1 << 40)
    expected, skipped = read(1 << 16)
    assert (len(expected) == count and not skipped) == (
        lie in ("nothing", "no size", "a smaller size", "a larger size")
    )
    for records, counted in at_once:
        assert (records == expected).all()
        assert counted == skipped


def test_an_array_cut_off_keeps_its_whole_rows():
    records, decoder = decoded("npz", npy(EVENTS.to_numpy(like="eventflow"))[:-40], **SIZE)
    assert_same(records, EVENTS[:197])
    assert decoder.skipped == {"damaged": 1}


def test_an_archive_cut_off_says_where_its_directory_was_expected():
    data = encoded("npz", [EVENTS])[:-100]
    with pytest.raises(RecordingError, match=f"byte {len(data)}: expected the directory"):
        decoded("npz", data)


def test_a_shape_that_lies_takes_no_memory():
    records = EVENTS.to_numpy(like="eventflow")
    file = io.BytesIO()
    descr = np.lib.format.dtype_to_descr(records.dtype)
    np.lib.format.write_array_header_1_0(file, {"descr": descr, "fortran_order": False, "shape": (10**15,)})
    found, decoder = decoded("npz", file.getvalue() + records.tobytes(), **SIZE)
    assert decoder.info.events < 220
    assert len(found) == 200


def test_no_sensor_size_says_what_to_do():
    with pytest.raises(RecordingError, match="pass width= and height="):
        decoded("npz", npy(table()))


@pytest.mark.parametrize("array", [np.zeros((3, 5)), np.zeros(3), np.zeros(3, [("a", "i4")]), np.zeros(())])
def test_arrays_that_are_no_events(array):
    with pytest.raises(RecordingError, match="expected"):
        decoded("npz", npy(array), **SIZE)
    with pytest.raises(RecordingError, match="expected"):
        decoded("npz", npz(a=array), **SIZE)


@pytest.mark.parametrize("options", [{"unit": "h"}, {"columns": "txy"}])
def test_wrong_options(options):
    with pytest.raises(ParameterError):
        decoded("npz", npy(table()), **SIZE, **options)


def test_npy_is_known_by_its_bytes(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, table())
    assert len(recordings.read(path, width=WIDTH, height=HEIGHT)) == 200
