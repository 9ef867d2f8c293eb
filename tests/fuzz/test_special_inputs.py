"""Files that lie about their sizes, bombs, files that change while they are read, and pipes that end inside a word."""

from __future__ import annotations

import bz2
import os
import struct
import subprocess
import sys
import threading
import time
import warnings
import zipfile
import zlib
from io import BytesIO
from pathlib import Path

import lz4.frame
import numpy as np
import pytest
import zstandard
from checking import check_events
from dressing import dressed
from seeds import events, options_of, seeds_of

import eventflow.io as io
from eventflow.errors import EventflowError
from eventflow.events import EVENT_DTYPE
from eventflow.io.table import format_named, formats

NAMES = [row.name for row in formats() if row.reads]
_MEASURE = """
import sys, time
import eventflow.io as io
from eventflow.errors import EventflowError
from pathlib import Path
def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
io.read(sys.argv[1])
before, begun, events, said = peak(), time.process_time(), 0, ""
try:
    for packet in io.open(sys.argv[2]):
        events += len(packet)
        if time.process_time() - begun > 20:
            break
except EventflowError as error:
    said = str(error)
print(events, (peak() - before) // 1024, time.process_time() - begun, said)
"""


def cost_of(path: Path, warm: Path) -> tuple[int, int, float, str]:
    """Read a file in a process of its own: events, MB of memory above those of a small file, CPU seconds, the error."""
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, str(warm), str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    count, megabytes, seconds, said = done.stdout.strip("\n").split(" ", 3)
    return int(count), int(megabytes), float(seconds), said


def small(tmp_path: Path, name: str) -> Path:
    return io.write(events(120, 0), tmp_path / f"small{format_named(name).suffixes[0]}", format=name)


def array_head(shape: str, descr: str) -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text) + 1) + text.encode() + b"\n"


def test_an_archive_whose_array_is_a_bomb_is_read_in_little_memory(tmp_path):
    descr = np.lib.format.dtype_to_descr(EVENT_DTYPE)
    count = 40_000_000
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("size.npy", array_head("(2,)", "'<i8'") + struct.pack("<2q", 40, 30))
        with archive.open("events.npy", "w", force_zip64=True) as member:
            member.write(array_head(f"({count},)", repr(descr)))
            for _ in range(count // 1_000_000):
                member.write(bytes(16_000_000))
    _, megabytes, _, _ = cost_of(tmp_path / "bomb.npz", small(tmp_path, "npz"))
    assert megabytes < 150


@pytest.mark.parametrize("shape", ["(1000000000000,)", "(-5,)", "(2, 1000000000000)", "(99999999999999999999999,)"])
def test_an_array_that_lies_about_its_shape(tmp_path, shape):
    descr = repr(np.lib.format.dtype_to_descr(EVENT_DTYPE))
    for suffix in ("npy", "npz"):
        data = array_head(shape, descr) + events(60, 1).records.tobytes()
        if suffix == "npz":
            file = BytesIO()
            with zipfile.ZipFile(file, "w") as archive:
                archive.writestr("events.npy", data)
            data = file.getvalue()
        path = tmp_path / f"lies.{suffix}"
        path.write_bytes(data)
        count, megabytes, seconds, said = cost_of(path, small(tmp_path, "npz"))
        assert count <= 60
        assert count or said
        assert megabytes < 100
        assert seconds < 2


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_a_packet_that_is_a_bomb(tmp_path, compression):
    plain = io.write(events(120, 0), tmp_path / "plain.aedat4", compression=compression)
    data = plain.read_bytes()
    pack = lz4.frame.compress if compression == "lz4" else zstandard.ZstdCompressor().compress
    bomb = pack(bytes(1 << 30))
    at = data.index(pack(b"")[:4])
    stream = struct.unpack_from("<i", data, at - 8)[0]
    path = tmp_path / "bomb.aedat4"
    path.write_bytes(data[: at - 8] + struct.pack("<ii", stream, len(bomb)) + bomb + data[at - 8 :])
    _, megabytes, seconds, _ = cost_of(path, plain)
    assert megabytes < 180
    assert seconds < 5


@pytest.mark.parametrize("name", ["dsec", "event_utils", "hdf5_columns"])
def test_hdf5_that_says_it_holds_more_than_any_disk(tmp_path, name):
    import h5py

    path = tmp_path / "lies.h5"
    columns = {"event_utils": ("ts", "xs", "ys", "ps")}.get(name, ("t", "x", "y", "p"))
    with h5py.File(path, "w") as file:
        for column in columns:
            file.create_dataset(f"events/{column}", (10**12,), "u4", chunks=(1 << 16,))
        file.create_dataset("t_offset", data=0)
        file.create_dataset("ms_to_idx", data=np.zeros(3, "u8"))
    count, megabytes, seconds, said = cost_of(path, small(tmp_path, "npz"))
    assert megabytes < 200
    assert seconds < 15, f"{count} events out of {path.stat().st_size} bytes, {said}"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("change", ["shrinks", "grows", "goes"])
def test_a_file_that_changes_while_it_is_read(tmp_path, name, change):
    seed = max(_seeds(name), key=len)
    path = tmp_path / f"file{format_named(name).suffixes[0]}"
    path.write_bytes(seed)
    recording = io.open(path, packet_events=7, format=name, **options_of(name))
    try:
        packets = iter(recording)
        next(packets, None)
        if change == "shrinks":
            os.truncate(path, len(seed) // 3)
        elif change == "grows":
            with path.open("ab") as file:
                file.write(seed[len(seed) // 2 :])
        else:
            path.unlink()
        for packet in packets:
            check_events(packet.records, packet.width, packet.height)
        recording.seek(0)
        for packet in recording:
            check_events(packet.records, packet.width, packet.height)
    except EventflowError as error:
        assert str(path) in str(error)  # noqa: PT017 - any of several calls may raise it, or none
    finally:
        recording.close()


def _seeds(name: str) -> tuple[bytes, ...]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return tuple(dressed(name, seed) for seed in seeds_of(name))


@pytest.mark.parametrize("name", NAMES)
def test_a_pipe_that_ends_inside_a_word(tmp_path, name):
    seed = max(_seeds(name), key=len)
    for number, cut in enumerate((len(seed) - 1, len(seed) // 2 + 1, 3)):
        pipe = tmp_path / f"{number}{format_named(name).suffixes[0]}"
        os.mkfifo(pipe)
        writer = threading.Thread(target=_write, args=(pipe, seed[:cut]))
        writer.start()
        begun = time.monotonic()
        try:
            for packet in io.open(pipe, packet_events=9, format=name, **options_of(name)):
                check_events(packet.records, packet.width, packet.height)
        except EventflowError as error:
            assert str(pipe) in str(error)  # noqa: PT017 - likewise
        writer.join(10)
        assert not writer.is_alive()
        assert time.monotonic() - begun < 10


def _write(pipe: Path, data: bytes) -> None:
    try:
        with pipe.open("wb") as file:
            file.write(data)
    except BrokenPipeError:  # the reader was done before
        pass


@pytest.mark.parametrize(("name", "compression"), [("mcap", "zstd"), ("mcap", "lz4"), ("rosbag1", "bz2")])
@pytest.mark.parametrize("size", [1 << 30, 1 << 26])
def test_a_chunk_of_a_log_that_is_a_bomb(tmp_path, name, compression, size):
    plain = small(tmp_path, name)
    data = plain.read_bytes()
    pack = {"lz4": lz4.frame.compress, "zstd": zstandard.ZstdCompressor().compress, "bz2": bz2.compress}[compression]
    bomb = pack(bytes(size))
    if name == "mcap":
        at = 8 + 9 + struct.unpack_from("<Q", data, 9)[0]  # behind the header
        body = struct.pack("<QQQI", 0, 1, size, 0) + struct.pack("<I", len(compression)) + compression.encode()
        record = b"\x06" + struct.pack("<Q", len(body) + 8 + len(bomb)) + body + struct.pack("<Q", len(bomb))
    else:
        at = 13 + 4 + struct.unpack_from("<I", data, 13)[0]
        at += 4 + struct.unpack_from("<I", data, at)[0]
        fields = (b"op=\x05", b"compression=bz2", b"size=" + struct.pack("<I", size))
        head = b"".join(struct.pack("<I", len(each)) + each for each in fields)
        record = struct.pack("<I", len(head)) + head + struct.pack("<I", len(bomb))
    path = tmp_path / f"bomb{plain.suffix}"
    path.write_bytes(data[:at] + record + bomb + data[at:])
    count, megabytes, seconds, _ = cost_of(path, plain)
    assert count == 120
    assert megabytes < 200
    assert seconds < 5


def test_a_chunk_of_hdf5_that_is_a_bomb(tmp_path):
    import h5py

    path, count = tmp_path / "bomb.h5", 1 << 25
    with h5py.File(path, "w") as file:
        for column, dtype in (("t", "i8"), ("x", "u2"), ("y", "u2"), ("p", "u1")):
            made = file.create_dataset(f"events/{column}", (count,), dtype, chunks=(count,), compression=1)
            made.id.write_direct_chunk((0,), zlib.compress(bytes(count * made.dtype.itemsize), 1))
        file.attrs["width"], file.attrs["height"] = 40, 30
    _, megabytes, seconds, said = cost_of(path, small(tmp_path, "npz"))
    assert "compressed chunks of 268435456 bytes" in said
    assert megabytes < 100
    assert seconds < 5


def test_images_in_large_chunks_are_read_a_chunk_at_a_time(tmp_path):
    import h5py

    path = tmp_path / "a.hdf5"
    images = np.random.default_rng(0).integers(0, 255, (1000, 4, 5), np.uint8)
    with h5py.File(path, "w") as file:
        file["davis/left/events"] = np.array([[1.0, 2.0, 3.0, 1.0]])
        file.create_dataset("davis/left/image_raw", data=images, chunks=(300, 4, 5), compression="gzip")
        file["davis/left/image_raw_ts"] = np.arange(1000) / 4
    with io.open(path, format="mvsec") as recording:
        frames = list(recording.messages("frames"))
    assert [frame.t for frame in frames] == list(range(0, 250_000_000, 250_000))
    assert np.array_equal([frame.image for frame in frames], images)
