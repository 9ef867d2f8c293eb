"""Small recordings of every format to begin with: our encoders' own, and the heads of the samples."""

from __future__ import annotations

import os
import tempfile
import warnings
import zipfile
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np

import eventflow.io as io
from eventflow.errors import EventflowError
from eventflow.events import EVENT_DTYPE, Events
from eventflow.io.source import open_source
from eventflow.io.table import Format, format_at, formats
from eventflow.messages import Frame, Imu, Triggers

WIDTH, HEIGHT = 40, 30
_ROOT = Path(__file__).resolve().parents[2]
SAMPLES = Path(os.environ.get("EVENTFLOW_SAMPLES") or _ROOT.parent / "shared" / "samples")
_HEAD_BYTES = 3000
_MOST_BYTES = 40_000  # a container that cannot be cut is taken whole up to here
_WHOLE = {"npz", "npy", "rosbag1", "rosbag2", "mcap", "aedat4"}
_VARIANTS = {
    "aedat2": [{"chip": "dvs128"}],
    "aedat4": [{"compression": each} for each in ("none", "lz4", "zstd")],
    "csv": [{}, {"unit": "s"}, {"separator": "\t", "header": False}],
    "npz": [{}, {"compressed": True}],
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
    return tuple(dict.fromkeys(seed for seed in found if _opens(row, seed)))


def _opens(row: Format, data: bytes) -> bool:
    """Return whether a seed is a recording of a format: a container cut short is none."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"seed{row.suffixes[0]}"
        path.write_bytes(data)
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


def _arrays(name: str) -> list[bytes]:
    """Return arrays as they are saved; `dressed` puts those of archives into one."""
    if name == "hdf5_columns":
        return _columns()
    if name not in ("npy", "npz"):
        return []
    found = []
    plain = events(60, 3)
    for array in (plain.records, np.stack([plain.records[column].astype("f8") for column in "txyp"], axis=1)):
        file = BytesIO()
        np.save(file, array)
        found.append(file.getvalue())
    return found


def dressed(name: str, data: bytes) -> bytes:
    """Return damaged bytes as a file whose checksums are right, so that the damage is met and not only they."""
    if name != "npz" or not data.startswith(b"\x93NUMPY"):
        return data
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED if data[-1] & 1 else zipfile.ZIP_STORED) as archive:
        archive.writestr("events.npy", data)
    return file.getvalue()


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
