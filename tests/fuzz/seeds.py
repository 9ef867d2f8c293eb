"""Small recordings of every format to begin with: our encoders' own, and the heads of the samples."""

from __future__ import annotations

import os
import tempfile
import warnings
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
from dressing import CHUNK_EVENTS, GEOMETRY, dressed

import eventflow.io as io
from eventflow.errors import EventflowError
from eventflow.events import EVENT_DTYPE, Events
from eventflow.io import prophesee_hdf5_packing as packing
from eventflow.io.source import open_source
from eventflow.io.table import Format, format_at, formats
from eventflow.messages import Frame, Imu, Triggers

WIDTH, HEIGHT = 40, 30
_ROOT = Path(__file__).resolve().parents[2]
SAMPLES = Path(os.environ.get("EVENTFLOW_SAMPLES") or _ROOT.parent / "shared" / "samples")
_HEAD_BYTES = 3000
_LONG_BYTES = 100_000
_MOST_BYTES = 40_000  # a container that cannot be cut is taken whole up to here
_WHOLE = {"npz", "npy", "rosbag1", "rosbag2", "mcap", "aedat4"}
_VARIANTS = {
    "aedat2": [{"chip": "dvs128"}, {"chip": "dvs640"}],
    "aedat4": [{"compression": each} for each in ("none", "lz4", "zstd")],
    "csv": [{}, {"unit": "s"}, {"separator": "\t", "header": False}],
    "es": [{}, {"kind": "atis"}],
    "evt21": [{}, {"layout": "little"}],
    "mcap": [{"compression": each} for each in ("none", "lz4", "zstd")],
    "npz": [{}, {"compressed": True}],
    "rosbag1": [{}, {"compression": "lz4"}, {"encoding": "evt3"}, {"encoding": "mono"}],
    "rosbag2": [{"encoding": each} for each in ("dvs", "evt3", "mono")],
}
_words = np.random.default_rng(0).integers(0, 1 << 32, 300, np.uint64).astype("<u4")
_words[::3] = 0xE0000000 | np.arange(100) * 3  # TIME_HIGH
_words[1::3] = 0xA0000000 | _words[1::3] & 0x1FFFFFFF
_BY_HAND = {
    "evt4": [b"% evt 4.0\n% geometry 40x30\n% end\n" + _words.tobytes()],
    "aedat1": [_words.tobytes(), b"# a camera\r\n" + _words.tobytes()],
}


def events(count: int, seed: int) -> Events:
    rng = np.random.default_rng(seed)
    records = np.zeros(count, EVENT_DTYPE)
    records["t"] = np.cumsum(rng.choice([0, 0, 1, 7, 130, 5000, 70_000], count))
    records["x"] = np.sort(rng.integers(0, WIDTH, count).reshape(-1, 4), axis=1).ravel()
    records["y"] = np.repeat(rng.integers(0, HEIGHT, count // 4), 4)
    records["p"] = rng.integers(0, 2, count)
    return Events(records, WIDTH, HEIGHT)


def options_of(name: str) -> dict[str, int]:
    """What a recording of a format must be opened with where its header may not say the sensor's size."""
    import inspect

    from eventflow.io.table import format_named

    taken = inspect.signature(format_named(name).load().open_decoder).parameters
    return {key: size for key, size in (("width", WIDTH), ("height", HEIGHT)) if key in taken}


@cache
def seeds_of(name: str) -> tuple[bytes, ...]:
    """Return the seeds of a format, none of them long."""
    row = next(row for row in formats() if row.name == name)
    found = [*_written(row), *_from_samples(row), *_BY_HAND.get(name, []), *_arrays(name)]
    long = sorted((seed for seed in found if len(seed) > _LONG_BYTES), key=len)[:-1]  # one of those will do
    return tuple(dict.fromkeys(seed for seed in found if seed not in long and _opens(row, seed)))


def save(name: str, folder: str, most_bytes: int) -> None:
    """Write the seeds of a format that are not longer to a folder."""
    warnings.simplefilter("ignore")
    for number, seed in enumerate(seeds_of(name)):
        if len(seed) <= most_bytes:
            Path(folder, str(number)).write_bytes(seed)


def _opens(row: Format, data: bytes) -> bool:
    """Return whether a seed is a recording of a format: a container cut short is none."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"seed{row.suffixes[0]}"
        path.write_bytes(dressed(row.name, data))
        try:
            io.open(path, format=row.name, **options_of(row.name)).close()
        except EventflowError:
            return False
    return True


def _columns() -> list[bytes]:
    """Return HDF5 files of columns, stored whole, in chunks, and compressed."""
    import h5py

    found, plain = [], events(60, 3)
    for options in ({}, {"chunks": (16,)}, {"chunks": (16,), "compression": "gzip"}):
        file = BytesIO()
        with h5py.File(file, "w") as made:
            for column in "txyp":
                made.create_dataset(f"events/{column}", data=plain.records[column], **options)
        found.append(file.getvalue())
    return found


def _tables() -> list[bytes]:
    """Return a Prophesee HDF5 file of plain rows, and chunks of its codec; `dressed` puts those into a file."""
    import h5py

    file = BytesIO()
    with h5py.File(file, "w") as made:
        made.attrs["geometry"] = GEOMETRY
        made.create_dataset("CD/events", data=events(60, 3).records, chunks=(16,), compression="gzip")
    return [file.getvalue(), *(_chunk(seed, crowded) for seed in range(3) for crowded in (False, True))]


def _chunk(seed: int, crowded: bool) -> bytes:
    data = np.zeros(packing.LONGEST_CHUNK_BYTES, np.uint8)
    records = events(CHUNK_EVENTS, seed).records.copy()
    if not crowded:
        records["x"] = np.random.default_rng(seed).integers(0, WIDTH, CHUNK_EVENTS)
        records["y"] = np.repeat(records["y"][::30], 30)
    return data[: packing.encode(records.view(np.int64), data)].tobytes()


def _texts() -> list[bytes]:
    """Return lines of text, as E2VID has them and with names; `dressed` puts them into an archive."""
    rows = [f"{event.t / 1e6:.6f} {event.x} {event.y} {event.p}" for event in events(60, 3).records.view(np.recarray)]
    return ["\n".join(["40 30", *rows]).encode(), "\n".join(["t_s x y p", *rows[:9]]).encode()]


def _arrays(name: str) -> list[bytes]:
    """Return arrays as they are saved, and other contents; `dressed` puts those of containers into one."""
    if name in _CONTENTS:
        return _CONTENTS[name]()
    if name not in ("npy", "npz"):
        return []
    found = []
    plain = events(60, 3)
    for array in (plain.records, np.stack([plain.records[column].astype("f8") for column in "txyp"], axis=1)):
        file = BytesIO()
        np.save(file, array)
        found.append(file.getvalue())
    return found


_CONTENTS = {"hdf5_columns": _columns, "hdf5": _tables, "zip": _texts}


def _written(row: Format) -> list[bytes]:
    if not row.writes:
        return []
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for number, options in enumerate(_VARIANTS.get(row.name, [{}])):
            for count in (0, 4, 120):
                path = Path(folder) / f"{number}-{count}{row.suffixes[0]}"
                try:
                    with io.create(path, width=WIDTH, height=HEIGHT, format=row.name, **options) as writer:
                        writer.write(events(count, number))
                        _add_others(writer)
                except (EventflowError, AttributeError) as error:
                    warnings.warn(f"no seed of {row.name}: {error}", stacklevel=2)
                    continue
                found += [each.read_bytes() for each in _files(path) if each.suffix in row.suffixes]
    return found


def _add_others(writer: io.Writer) -> None:
    time = np.arange(3, dtype=np.int64) * 100
    motion = np.ones((3, 3), np.float32)
    writer.add("triggers", Triggers(t=200, time=time, line=np.zeros(3, np.uint8), value=np.ones(3, np.uint8)))
    writer.add("imu", Imu(t=200, time=time, accel=motion, gyro=motion))
    writer.add("frames", Frame(np.arange(WIDTH * HEIGHT, dtype=np.uint8).reshape(HEIGHT, WIDTH), 250))


def _files(path: Path) -> list[Path]:
    return [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file())


def _from_samples(row: Format) -> list[bytes]:
    found = []
    for path in sorted(SAMPLES.rglob("*")) if SAMPLES.is_dir() else []:
        if not path.is_file() or path.suffix.lower() not in row.suffixes:
            continue
        try:
            with open_source(path) as source:
                known = format_at(source)
        except EventflowError:
            continue
        if known.name == row.name:
            size = path.stat().st_size
            most = _MOST_BYTES if row.name in _WHOLE else _HEAD_BYTES
            with path.open("rb") as file:
                found.append(file.read(most if size > most else size))
    return found[:12]
