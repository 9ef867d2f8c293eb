"""HDF5 of every layout: files made by h5py as the datasets describe theirs, in every compression, and damaged ones."""

from __future__ import annotations

import h5py
import hdf5plugin
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recording_kit import HEIGHT, WIDTH, assert_same, make

import eventflow.io as io
from eventflow.errors import ParameterError, RecordingError, UnknownFormatError
from eventflow.events import Events
from eventflow.io import hdf5_groups, hdf5_packing
from eventflow.io import recording as reading
from eventflow.io.table import format_named

SIZE = {"width": WIDTH, "height": HEIGHT}
RNG = np.random.default_rng(3)
N = 5000
EVENTS = make(
    np.sort(RNG.integers(0, 300_000, N)),
    x=RNG.integers(0, WIDTH, N),
    y=RNG.integers(0, HEIGHT, N),
    p=RNG.integers(0, 2, N),
)
START = 49_599_300_523
BLOSC = hdf5plugin.Blosc(cname="zstd", clevel=5, shuffle=hdf5plugin.Blosc.SHUFFLE)
PIPELINES = {
    "contiguous": {},
    "plain chunks": {"chunks": (777,)},
    "gzip": {"chunks": (777,), "compression": "gzip"},
    "gzip shuffled": {"chunks": (777,), "compression": "gzip", "shuffle": True},
    "lzf": {"chunks": (777,), "compression": "lzf"},
    "fletcher": {"chunks": (777,), "fletcher32": True},
    "auto chunks": {"chunks": True, **BLOSC},
    **{
        f"blosc {name} {shuffle}": {"chunks": (777,), **hdf5plugin.Blosc(cname=name, clevel=5, shuffle=shuffle)}
        for name in ("zstd", "lz4", "lz4hc", "zlib", "blosclz")
        for shuffle in (0, 1, 2)
    },
    "blosc of HDF5's shuffle": {"chunks": (777,), "shuffle": True, **BLOSC},
    "zstd": {"chunks": (777,), **hdf5plugin.Zstd()},
    "blosc 2": {"chunks": (777,), **hdf5plugin.Blosc2()},
}


def dsec(path, events=EVENTS, *, offset=START, index=True, **options):
    """A file as DSEC's are: t from the start of the recording, its index, what to add to it."""
    t = events.t - events.t[0]
    with h5py.File(path, "w") as file:
        for name, column in (("t", t.astype("u4")), ("x", events.x), ("y", events.y), ("p", events.p)):
            file.create_dataset(f"events/{name}", data=column, **(options or BLOSC))
        if index:
            ms = np.arange(int(t[-1]) // 1000 + 1)
            file["ms_to_idx"] = np.searchsorted(t, ms * 1000).astype("u8")
        if offset is not None:
            file["t_offset"] = np.int64(offset)
    return path


def moved(events, by):
    records = events.records.view("V16").copy().view(events.records.dtype)
    records["t"] += by
    return Events(records, events.width, events.height)


@pytest.mark.parametrize("chunk", [777, 2000], ids="chunks of {}".format)
@pytest.mark.parametrize("pipeline", PIPELINES)
def test_every_compression(tmp_path, pipeline, chunk):
    options = PIPELINES[pipeline]
    path = dsec(tmp_path / "a.h5", **(options | {"chunks": (chunk,)} if options.get("chunks") == (777,) else options))
    expected = moved(EVENTS, START - int(EVENTS.t[0]))
    assert_same(io.read(path, **SIZE).records, expected)
    with io.open(path, packet_events=333, **SIZE) as recording:
        assert_same(Events.concat(list(recording)).records, expected)
        assert recording.info.format == "dsec"
        assert recording.info.events == N
        assert recording.skipped == {}


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("hurt", ["nothing", "t", "p", "x, twice"])
@pytest.mark.parametrize("write", ["dsec", "event_utils", "m3ed"])
def test_what_threads_make_of_chunks_is_what_one_row_after_another_gives(tmp_path, monkeypatch, write, hurt, threads):
    rng = np.random.default_rng(11)
    count = 20 * 1024 + 77
    events = make(
        np.maximum.accumulate(rng.integers(0, 900, count)) + np.arange(count),
        x=rng.integers(0, WIDTH, count),
        y=rng.integers(0, HEIGHT, count),
        p=rng.integers(0, 2, count),
    )
    monkeypatch.setattr(hdf5_packing, "CHUNK_ROWS", 1024)
    path = io.write(events, tmp_path / "a.h5", format=write)
    with h5py.File(path, "r+") as file:
        group = next(g for g in (file.get("events"), file.get("prophesee/left")) if g is not None)
        named = {name.rstrip("s"): group[name] for name in group if isinstance(group[name], h5py.Dataset)}
        for at in (3000, 3001, 9 * 1024, 20 * 1024 + 70):
            named["x"][at] = WIDTH + 3  # outside
        named["t"][7 * 1024] = named["t"][5 * 1024]  # a step back between two chunks
        if hurt != "nothing":
            for chunk in (4, 12) if "twice" in hurt else (4,):
                stored = bytearray(named[hurt[0]].id.read_direct_chunk((chunk * 1024,))[1])
                stored[len(stored) // 2 :] = bytes(len(stored) - len(stored) // 2)
                named[hurt[0]].id.write_direct_chunk((chunk * 1024,), bytes(stored))
    with io.open(path, packet_events=100, **SIZE) as recording:  # smaller than a chunk: its rows, and not at once
        expected = Events.concat(list(recording))
        counted = recording.skipped, recording.steps_back
    monkeypatch.setattr(hdf5_groups, "GROUPS_A_THREAD", 2)
    with io.open(path, packet_events=6000, **SIZE) as recording:
        assert_same(Events.concat(list(recording)).records, expected)
        assert (recording.skipped, recording.steps_back) == counted
    monkeypatch.setattr(reading, "_SAMPLE_EVENTS", 2048)
    with io.open(path, **SIZE) as recording:
        assert_same(recording.all_events(threads=threads).records, expected)
        assert (recording.skipped, recording.steps_back) == counted
        assert recording.skipped["outside"] == 4
    lost = {"nothing": 0, "x, twice": 2048}.get(hurt, 1024)
    assert len(expected) == count - 4 - lost


@pytest.mark.parametrize("pipeline", ["plain chunks", "gzip", "gzip shuffled", "blosc zstd 1"])
def test_numbers_of_fewer_bits_than_they_take_are_left_to_hdf5(tmp_path, pipeline):
    path = dsec(tmp_path / "a.h5", **PIPELINES[pipeline])
    kind = h5py.h5t.STD_U16LE.copy()
    kind.set_precision(12)
    kind.set_offset(4)
    with h5py.File(path, "r+") as file:
        filters = file["events/x"].id.get_create_plist()
        filters.set_chunk((2000,))
        del file["events/x"]
        space = h5py.h5s.create_simple((N,))
        made = h5py.Dataset(h5py.h5d.create(file["events"].id, b"x", kind, space, filters))
        made[:] = EVENTS.x
        stored = made.id.read_direct_chunk((0,))[1]
    assert pipeline != "plain chunks" or (np.frombuffer(stored, "<u2")[:2000] == EVENTS.x[:2000] << 4).all()
    assert_same(io.read(path, **SIZE).records, moved(EVENTS, START - int(EVENTS.t[0])))


def test_a_file_that_does_not_say_the_size_is_of_dsecs_sensor(tmp_path):
    info = io.open(dsec(tmp_path / "a.h5")).info
    assert (info.width, info.height) == (640, 480)
    assert any("640x480" in note for note in info.notes)
    large = make(EVENTS.t, x=np.full(N, 641), width=1280, height=720)
    with pytest.raises(RecordingError, match="pass width= and height="):
        io.open(dsec(tmp_path / "b.h5", large))
    assert io.read(dsec(tmp_path / "c.h5", large), width=1280, height=720).width == 1280


@pytest.mark.parametrize("index", [True, False, "wrong"])
@pytest.mark.parametrize("chunk", [64, 4096])
def test_times_are_sought_by_the_index_or_without(tmp_path, index, chunk):
    path = dsec(tmp_path / "a.h5", index=bool(index), chunks=(chunk,), compression="gzip")
    if index == "wrong":
        with h5py.File(path, "r+") as file:
            file["ms_to_idx"][:] = file["ms_to_idx"][:][::-1] + 7
    t = EVENTS.t - EVENTS.t[0] + START
    for start in (START - 5, START, START + 1, START + 150_500, START + 299_000, int(t[-1]), int(t[-1]) + 1):
        with io.open(path, start=start, **SIZE) as recording:
            found = recording.all_events()
        assert found.t.tolist() == t[t >= start].tolist()


def test_little_is_read_to_reach_a_time(tmp_path, monkeypatch):
    events = make(np.arange(400_000) * 3)
    path = dsec(tmp_path / "a.h5", events, chunks=(2000,), **BLOSC)
    seen = []
    from eventflow.io import hdf5_columns

    whole = hdf5_columns.Hdf5Rows.block
    monkeypatch.setattr(hdf5_columns.Hdf5Rows, "block", lambda self, index: (seen.append(1), whole(self, index))[1])
    with io.open(path, start=START + 1_000_002, packet_events=10, **SIZE) as recording:
        assert next(iter(recording)).t[0] == START + 1_000_002
    assert len(seen) < 40  # of 800 chunks


def test_a_file_without_offset_has_absolute_times(tmp_path):
    path = dsec(tmp_path / "a.h5", offset=None)
    assert_same(io.read(path, **SIZE).records, moved(EVENTS, -int(EVENTS.t[0])))


def m3ed(path):
    with h5py.File(path, "w") as file:
        for side, shift in (("left", 0), ("right", 5)):
            group = file.create_group(f"prophesee/{side}")
            for name, column in (
                ("t", EVENTS.t + shift),
                ("x", EVENTS.x),
                ("y", EVENTS.y),
                ("p", EVENTS.p.astype("i1")),
            ):
                group.create_dataset(name, data=column, chunks=(1000,), compression="lzf")
            ms = np.arange(int(EVENTS.t[-1]) // 1000 + 1)
            group["ms_map_idx"] = np.searchsorted(EVENTS.t + shift, ms * 1000).astype("u8")
            group["calib/resolution"] = np.array([WIDTH, HEIGHT])
        file["ovc/left/data"] = np.arange(3 * 4 * 5, dtype="u1").reshape(3, 4, 5, 1)
        file["ovc/rgb/data"] = np.arange(3 * 4 * 5 * 3, dtype="u1").reshape(3, 4, 5, 3)
        file["ovc/ts"] = np.array([10, 20, 30])
        file["ovc/imu/accel"] = np.full((4, 3), 9.81)
        file["ovc/imu/omega"] = np.full((4, 3), 0.5)
        file["ovc/imu/ts"] = np.array([1, 2, 3, 4])
        file["Cn_T_C0"] = np.stack([np.eye(4)] * 2)
        file["ts"] = np.array([7, 8])
    return path


def test_m3ed_and_all_that_lies_beside_its_events(tmp_path):
    path = m3ed(tmp_path / "a.h5")
    with io.open(path) as recording:
        info = recording.info
        assert (info.format, info.width, info.height) == ("m3ed", WIDTH, HEIGHT)
        assert recording.streams == ("events", "events:right", "frames", "frames:rgb", "imu", "poses")
        assert_same(recording.all_events().records, EVENTS)
        right = Events.concat(list(recording.messages("events:right")))
        assert_same(right.records, moved(EVENTS, 5))
        frames = list(recording.messages("frames"))
        assert [(frame.t, frame.image.shape) for frame in frames] == [(10, (4, 5)), (20, (4, 5)), (30, (4, 5))]
        assert frames[1].image[0, 0] == 20
        assert next(recording.messages("frames:rgb")).image.shape == (4, 5, 3)
        (imu,) = recording.messages("imu")
        assert (imu.t, imu.time.tolist(), imu.accel[0, 0], imu.gyro[3, 2]) == (4, [1, 2, 3, 4], np.float32(9.81), 0.5)
        assert [(pose.t, pose.orientation.tolist()) for pose in recording.messages("poses")] == [
            (7, [0, 0, 0, 1]),
            (8, [0, 0, 0, 1]),
        ]
        with pytest.raises(RecordingError, match="no stream 'triggers'"):
            list(recording.messages("triggers"))
    assert_same(io.read(path, camera="right").records, moved(EVENTS, 5))
    with pytest.raises(RecordingError, match="no events of camera 'top'; it has cameras with events: left, right"):
        io.read(path, camera="top")


def test_mvsec_and_all_that_lies_beside_its_events(tmp_path):
    path = tmp_path / "a.hdf5"
    t = 1_504_645_177.425 + EVENTS.t / 1e6
    with h5py.File(path, "w") as file:
        table = np.stack([EVENTS.x, EVENTS.y, t, EVENTS.p * 2.0 - 1], axis=1)
        file.create_dataset("davis/left/events", data=table, chunks=(500, 4), compression="gzip")
        file.create_dataset("davis/right/events", data=table[:10])
        file["davis/left/image_raw"] = np.arange(24, dtype="u1").reshape(2, 3, 4)
        file["davis/left/image_raw_ts"] = np.array([1_504_645_177.5, 1_504_645_177.6])
        file["davis/left/imu"] = np.arange(12.0).reshape(2, 6)
        file["davis/left/imu_ts"] = np.array([1_504_645_177.5, 1_504_645_177.6])
    with io.open(path) as recording:
        assert (recording.info.format, recording.info.width, recording.info.height) == ("mvsec", 346, 260)
        assert recording.streams == ("events", "events:right", "frames", "imu")
        assert_same(recording.all_events().records, moved(EVENTS, 1_504_645_177_425_000))
        assert [frame.t for frame in recording.messages("frames")] == [1_504_645_177_500_000, 1_504_645_177_600_000]
        (imu,) = recording.messages("imu")
        assert imu.accel.tolist() == [[0, 1, 2], [6, 7, 8]]
        assert imu.gyro.tolist() == [[3, 4, 5], [9, 10, 11]]
        assert sum(map(len, recording.messages("events:right"))) == 10
    with io.open(path, start=1_504_645_177_425_000 + 100_000) as recording:
        assert len(recording.all_events()) == np.count_nonzero(EVENTS.t >= 100_000)


def test_ground_truth_of_mvsec_has_poses_and_no_events(tmp_path):
    path = tmp_path / "a_gt.hdf5"
    with h5py.File(path, "w") as file:
        file["davis/left/pose"] = np.stack([np.eye(4)] * 3)
        file["davis/left/pose_ts"] = np.array([1e9, 1e9 + 1, 1e9 + 2])
    found = io.describe(path)
    assert (found["streams"], found["events"]) == (["poses"], 0)
    with io.open(path) as recording:
        assert [pose.t for pose in recording.messages("poses")] == [10**15, 10**15 + 10**6, 10**15 + 2 * 10**6]
    with pytest.raises(RecordingError, match="holds no events, only poses"):
        io.read(path)


@pytest.mark.parametrize("polarities", [EVENTS.p.astype(bool), EVENTS.p.astype("i1") * 2 - 1, EVENTS.p.astype("f4")])
def test_event_utils(tmp_path, polarities):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        columns = {"xs": EVENTS.x.astype("i2"), "ys": EVENTS.y.astype("i2"), "ts": EVENTS.t / 1e6, "ps": polarities}
        for name, column in columns.items():
            file.create_dataset(f"events/{name}", data=column, chunks=(900,), compression="gzip")
        file.attrs["sensor_resolution"] = (HEIGHT, WIDTH)
        for index in range(2):
            image = file.create_dataset(f"images/image{index:09d}", data=np.full((HEIGHT, WIDTH), index, "u1"))
            image.attrs["timestamp"] = 0.5 + index
    with io.open(path) as recording:
        assert (recording.info.format, recording.info.width, recording.info.height) == ("event_utils", WIDTH, HEIGHT)
        assert_same(recording.all_events().records, EVENTS)
        assert [(frame.t, frame.image[0, 0]) for frame in recording.messages("frames")] == [
            (500_000, 0),
            (1_500_000, 1),
        ]


@pytest.mark.samples
def test_the_real_file_of_float_seconds(samples):
    events = io.read(samples / "hdf5" / "raw_events_float_seconds.hdf5", width=346, height=260)
    assert events.t[:5].tolist() == [0, 780, 1706, 1724, 1930]
    assert (len(events), events.x[0], events.y[0], int(events.p.sum())) == (17, 134, 30, 0)
    with pytest.raises(RecordingError, match="pass width= and height="):
        io.read(samples / "hdf5" / "raw_events_float_seconds.hdf5")


def compound(file, name):
    file.create_dataset(name, data=EVENTS.to_numpy("metavision"), chunks=(800,), compression="gzip")


def columns(file, name, **renamed):
    for ours, column in (("t", EVENTS.t), ("x", EVENTS.x), ("y", EVENTS.y), ("p", EVENTS.p)):
        file[f"{name}/{renamed.get(ours, ours)}"] = column


def table(order):
    def add(file, name):
        file[name] = np.stack([EVENTS.records[each].astype("u4") for each in order], axis=1)

    return add


def big_endian(file, name):
    for ours, dtype in (("t", ">i8"), ("x", ">u2"), ("y", ">i4"), ("p", ">f4")):
        file.create_dataset(
            f"{name}/{ours}", data=EVENTS.records[ours].astype(dtype), chunks=(700,), shuffle=True, compression=1
        )


def nanoseconds(file, name):
    columns(file, name)
    del file[f"{name}/t"]
    file[f"{name}/timestamps_ns"] = EVENTS.t * 1000 + 400


@pytest.mark.parametrize("name", ["events", "a/b/events", "CD/other_events"])
@pytest.mark.parametrize(
    "make_file", [compound, columns, table("txyp"), table("xytp"), table("xypt"), big_endian, nanoseconds]
)
def test_events_are_found_by_their_names(tmp_path, make_file, name):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["unrelated/t"] = np.arange(3)
        make_file(file, name)
        file.attrs["geometry"] = f"{WIDTH}x{HEIGHT}"
    with io.open(path) as recording:
        assert recording.info.format == "hdf5_columns"
        assert recording.info.attributes["events"] == "/" + name
        assert (recording.info.width, recording.info.height) == (WIDTH, HEIGHT)
    assert_same(io.read(path).records, EVENTS)


def test_columns_at_the_root_with_the_size_beside_them(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        columns(file, "/")
        file["width"], file["height"] = WIDTH, HEIGHT
    assert_same(io.read(path).records, EVENTS)


def test_of_several_one_is_chosen_and_the_others_are_streams(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        columns(file, "near")
        columns(file, "b/far", p="polarity")
        file["b/far/t"][:] += 9
    with io.open(path, **SIZE) as recording:
        assert recording.streams == ("events", "events:/b/far")
        assert_same(Events.concat(list(recording.messages("events:/b/far"))).records, moved(EVENTS, 9))
    assert_same(io.read(path, path_inside="b/far", **SIZE).records, moved(EVENTS, 9))
    with pytest.raises(ParameterError, match="there are some at /near, /b/far"):
        io.read(path, path_inside="c", **SIZE)


def test_times_that_are_none_are_left_out_and_counted(tmp_path):
    path = tmp_path / "a.h5"
    t = EVENTS.t / 1e6
    t[[0, 7, N - 1]] = np.nan, np.inf, -1e280
    with h5py.File(path, "w") as file:
        columns(file, "events")
        del file["events/t"]
        file["events/t"] = t
    with io.open(path, **SIZE) as recording:
        found = recording.all_events()
        assert recording.skipped == {"damaged": 3}
    np.testing.assert_array_equal(found.t, np.delete(EVENTS.t, [0, 7, N - 1]))


def test_columns_of_different_length_give_what_all_have(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        columns(file, "events")
        del file["events/y"]
        file["events/y"] = EVENTS.y[:-100]
    with io.open(path, **SIZE) as recording:
        assert_same(recording.all_events().records, EVENTS[:-100])
        assert recording.skipped == {"damaged": 1}
        assert any("5000 rows, of which 4900" in note for note in recording.info.notes)


def test_a_shape_that_lies_takes_no_memory_and_no_time(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        for name in "txyp":
            dataset = file.create_dataset(f"events/{name}", (10**15,), "i8", chunks=(1000,))
            dataset[:2000] = np.arange(2000) % 2
    with io.open(path, **SIZE) as recording:
        assert recording.info.events == 2000
        assert len(recording.all_events()) == 2000


@pytest.mark.parametrize("pipeline", [{"compression": "gzip"}, BLOSC, {"compression": "gzip", "shuffle": True}])
@pytest.mark.parametrize("small", [1, 10**9])
def test_a_damaged_chunk_is_passed_over_and_the_rest_is_read(tmp_path, monkeypatch, pipeline, small):
    monkeypatch.setattr("eventflow.io.hdf5_columns._SMALL_CHUNK_ROWS", small)
    path = dsec(tmp_path / "a.h5", chunks=(500,), index=False, **pipeline)
    with h5py.File(path) as file:
        place = file["events/y"].id.get_chunk_info(3)
    data = bytearray(path.read_bytes())
    data[place.byte_offset : place.byte_offset + place.size] = b"\xff" * place.size
    path.write_bytes(data)
    with io.open(path, packet_events=123, **SIZE) as recording:
        found = Events.concat(list(recording))
        assert recording.skipped == {"damaged": 500}
    t = EVENTS.t - EVENTS.t[0] + START
    np.testing.assert_array_equal(found.t, np.delete(t, slice(1500, 2000)))
    with io.open(path, start=int(t[1600]), **SIZE) as recording:
        assert recording.all_events().t[0] == t[2000]


def test_hdf5_without_events_says_what_there_is(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["depth/map"] = np.zeros((3, 4))
    with pytest.raises(UnknownFormatError, match="/depth/map"):
        io.open(path)
    for name in ("dsec", "m3ed", "mvsec", "event_utils", "hdf5_columns"):
        with pytest.raises(RecordingError):
            io.read(path, format=name, **SIZE)


def test_times_that_the_layouts_cannot_hold_are_refused_by_the_event(tmp_path):
    with pytest.raises(RecordingError, match=r"event 1 at t=4 µs: it lies after t=5 µs"):
        io.write(make([5, 4]), tmp_path / "a.h5", format="dsec")
    with pytest.raises(RecordingError, match=r"event 1 at t=4294967301 µs: times reach from 5 to 4294967300"):
        io.write(make([5, (1 << 32) + 5]), tmp_path / "a.h5", format="dsec")
    with pytest.raises(RecordingError, match="event 2 at t=-1"):
        io.write(iter([make([0, 1]), make([-1])]), tmp_path / "a.h5", format="m3ed")
    with pytest.raises(RecordingError, match=r"event 0 .* cannot be told to the µs"):
        io.write(make([1 << 52]), tmp_path / "a.h5", format="mvsec")
    with pytest.raises(ParameterError, match="zstd, gzip, none"):
        io.write(EVENTS, tmp_path / "a.h5", format="dsec", compression="lzma")


@pytest.mark.parametrize("compression", ["zstd", "gzip", "none"])
def test_plain_h5py_reads_what_is_written_for_dsec(tmp_path, compression):
    path = io.write(EVENTS, tmp_path / "a.h5", format="dsec", compression=compression)
    with h5py.File(path) as file:
        t = file["events/t"][:]
        assert [file[f"events/{name}"].dtype for name in "txyp"] == ["u4", "u2", "u2", "u1"]
        np.testing.assert_array_equal(t + file["t_offset"][()], EVENTS.t)
        for name in "xyp":
            np.testing.assert_array_equal(file[f"events/{name}"][:], EVENTS.records[name])
        index = file["ms_to_idx"][:].astype(int)
        ms = np.arange(len(index)) * 1000
        assert (t[index] >= ms).all()
        assert (t[index[1:] - 1] < ms[1:]).all()
        assert len(index) == t[-1] // 1000 + 1


def test_frames_travel_in_the_layout_of_event_utils(tmp_path):
    from eventflow.messages import Frame

    image = np.arange(WIDTH * HEIGHT, dtype="u2").astype("u1").reshape(HEIGHT, WIDTH)
    with io.create(tmp_path / "a.h5", format="event_utils", **SIZE) as writer:
        writer.write(EVENTS)
        writer.add("frames", Frame(image, 1234))
    with io.open(tmp_path / "a.h5") as recording:
        (frame,) = recording.messages("frames")
        assert frame.t == 1234
        np.testing.assert_array_equal(frame.image, image)
    with h5py.File(tmp_path / "a.h5") as file:
        assert file.attrs["num_events"] == N
        assert file.attrs["sensor_resolution"].tolist() == [HEIGHT, WIDTH]
        assert file.attrs["t0"] == EVENTS.t[0] / 1e6
        assert file.attrs["tk"] == EVENTS.t[-1] / 1e6


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(1, 3000), min_size=1, max_size=4), chunk=st.integers(1, 6000))
def test_events_do_not_depend_on_packets_or_chunks(tmp_path, cuts, chunk):
    path = dsec(tmp_path / "a.h5", chunks=(min(chunk, N),), compression="gzip")
    from eventflow.io.decoder import Batch
    from eventflow.io.source import ByteSource

    with ByteSource(path) as source:
        decoder = format_named("dsec").load().open_decoder(source, **SIZE)
        times, turn = [], 0
        while True:
            batch = Batch(cuts[turn % len(cuts)])
            count = decoder.fill(batch, 0)
            if not count:
                break
            times += batch.records["t"][:count].tolist()
            turn += 1
    assert times == (EVENTS.t - EVENTS.t[0] + START).tolist()


def two_cameras(path, form, size=(WIDTH, HEIGHT)):
    """A container with the streams of two cameras and a rig, and what they hold."""
    from eventflow.messages import Frame, Imu, Pose, Triggers

    right = moved(EVENTS, 3)
    image = np.arange(size[0] * size[1], dtype=np.uint8).reshape(size[1], size[0])
    motion = np.arange(6, dtype=np.float32).reshape(2, 3)
    turned = np.array([0.5, -0.5, 0.5, 0.5])
    beside = {
        "frames": [Frame(image, 100_000), Frame(image[::-1].copy(), 200_000)],
        "frames:right": [Frame(image + 1, 100_000), Frame(image + 2, 200_000)],
        "imu": [Imu(90, np.array([80, 90]), motion, -motion), Imu(110, np.array([100, 110]), motion, motion)],
        "poses": [Pose(t, np.array([1.0, 2.0, t]), turned) for t in (10, 20, 150_000)],
        "triggers": [Triggers(5, np.array([5]), np.zeros(1, "u1"), np.ones(1, "u1"))],
    }
    with io.create(path, format=form, width=size[0], height=size[1]) as writer:
        writer.write(EVENTS)
        writer.add("events:right", right)
        for name, messages in beside.items():
            for message in messages:
                writer.add(name, message)
    return writer, beside, right


@pytest.mark.parametrize("name", ["mvsec", "m3ed"])
def test_everything_that_a_layout_holds_comes_back(tmp_path, name):
    path = tmp_path / "a.h5"
    writer, beside, right = two_cameras(path, name)
    assert writer.left_behind == {"triggers"}
    assert writer.messages == {"events:right": 1, "frames": 2, "frames:right": 2, "imu": 2, "poses": 3}
    assert_same(io.read(path).records, EVENTS)
    assert_same(io.read(path, camera="right").records, right)
    with io.open(path) as recording:
        assert recording.info.format == name
        assert sorted(recording.streams) == ["events", "events:right", "frames", "frames:right", "imu", "poses"]
        for stream in ("frames", "frames:right"):
            found = [(each.t, each.image.tolist()) for each in recording.messages(stream)]
            assert found == [(each.t, each.image.tolist()) for each in beside[stream]]
        (imu,) = recording.messages("imu")
        assert imu.time.tolist() == [80, 90, 100, 110]
        assert imu.gyro.tolist() == np.concatenate([each.gyro for each in beside["imu"]]).tolist()
        poses = list(recording.messages("poses"))
        assert [each.t for each in poses] == [10, 20, 150_000]
        assert np.allclose([each.position for each in poses], [each.position for each in beside["poses"]])
        assert np.allclose(poses[0].orientation, beside["poses"][0].orientation)
    with h5py.File(path) as file:
        if name == "mvsec":
            assert file["davis/left/image_raw_event_inds"][:].tolist() == [N, N]
            assert file["davis/right/image_raw"].shape == (2, HEIGHT, WIDTH)
        else:
            assert file["ovc/ts"][:].tolist() == [100_000, 200_000]
            assert file["ovc/right/data"].shape == (2, HEIGHT, WIDTH, 1)


def test_a_stream_that_a_layout_has_no_times_for_is_named_and_not_kept(tmp_path):
    from eventflow.messages import Frame

    image = np.zeros((HEIGHT, WIDTH), np.uint8)
    with io.create(tmp_path / "a.h5", format="m3ed", **SIZE) as writer:
        for t in (10, 20, 30):
            writer.add("frames", Frame(image, t))
            writer.add("frames:right", Frame(image, t + (t > 10)))
    assert writer.messages == {"frames": 3}
    assert writer.left_behind == {"frames:right"}
    assert "ovc/right/data" not in h5py.File(tmp_path / "a.h5")
    with io.create(tmp_path / "b.h5", format="mvsec", **SIZE) as writer:
        writer.add("frames", Frame(image, 10))
        writer.add("frames", Frame(image[1:].copy(), 20))
        writer.add("frames:top", Frame(image, 20))
    assert writer.messages == {}
    assert writer.left_behind == {"frames", "frames:top"}


@pytest.mark.parametrize("name", ["m3ed", "mvsec", "mcap"])
def test_a_recording_of_two_cameras_is_converted(tmp_path, name):
    two_cameras(tmp_path / "a.mcap", "mcap")
    target = tmp_path / f"b{'.mcap' if name == 'mcap' else '.h5'}"
    options = {"start": 1000, "end": 250_000, "roi": (2, 1, 20, 10), "transpose": True}
    report = io.convert(tmp_path / "a.mcap", target, to=name, verify=True, **options)
    assert report["left_behind"] == []
    with io.open(target) as recording:
        right = Events.concat(list(recording.messages("events:right")))
        assert right.t.min() >= 1000
        assert right.t.max() < 250_000
        assert len(right)
        assert int(right.x.max()) < 10
        assert next(recording.messages("frames:right")).image.shape == (20, 10)
