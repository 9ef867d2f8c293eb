"""Decoding recordings to events: the whole file into one array, and in packets of 64 k events."""

from __future__ import annotations

import struct
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow import io
from eventflow.bench import inputs, machine, peers
from eventflow.bench.model import FASTEST, OURS, AtLeast, Case, Contender
from eventflow.bench.peer_decoders import PACKET_EVENTS, decoders_of, difference
from eventflow.bench.peer_logs import deserialised
from eventflow.io.aedat4_header import read_header
from eventflow.io.source import ByteSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from eventflow.bench.model import Row
    from eventflow.bench.suite import Bench

_BARE: Final = {"lz4": "lz4.frame", "zstd": "zstandard"}  # what decompresses and does nothing else
_DESERIALISED: Final = "rosbags, messages alone"
_ONE_THREAD: Final = "one thread"
_IN_PARTS: Final = ("evt3_vectors", "evt3_sparse", "evt2")
# evutils does not turn columns and rows as jAER does: to be compared, they are left as they are
_OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "csv": {"width": 640, "height": 480},
    "dsec": {"width": 640, "height": 480},
    "nmnist": {"width": 240, "height": 180},
    "aedat2": {"flip_x": False, "flip_y": False},
}
# an order of magnitude slower, or with such peers: a part of the events is enough
SHARE: Final = {"csv": 4, "event_utils": 4, "rosbag1": 8, "rosbag2": 8}
_CHUNKS: Final = "its chunks, unpacked alone"


@dataclass(frozen=True)
class _Input:
    """A recording to decode: a generated stream, or a sample where `sample` is set, in one format."""

    name: str
    what: str
    format: str
    stream: str
    sample: str = ""
    compression: str = ""
    encoding: str = ""

    def path(self, events: int) -> Path | None:
        options: dict[str, Any] = {"compression": self.compression} if self.compression else {}
        if self.encoding:
            options = {"encoding": self.encoding}
        if self.format == "csv":
            options = {"header": False}  # what a header looks like is where readers of text part ways
        events //= SHARE.get(self.format, 1)
        if self.sample:
            return inputs.real_recording(self.sample, events, self.format, **options)
        return inputs.recording(self.stream, events, self.format, **options)


_INPUTS: Final = (
    _Input("evt3_vectors", "EVT3, vectors", "evt3", "vectors"),
    _Input("evt3_vectors_real", "EVT3, vectors, Gen4.1 tiled", "evt3", "", "evt/gen41_vectors.evt3.raw"),
    _Input("evt3_sparse", "EVT3, sparse", "evt3", "sparse"),
    _Input("evt3_sparse_real", "EVT3, sparse, Gen3 tiled", "evt3", "", "evt/gen3.evt2.raw"),
    _Input("evt2", "EVT2", "evt2", "sparse"),
    _Input("evt2_real", "EVT2, Gen3 tiled", "evt2", "", "evt/gen3.evt2.raw"),
    _Input("evt21_vectors", "EVT2.1, vectors", "evt21", "vectors"),
    _Input("evt21_sparse", "EVT2.1, sparse", "evt21", "sparse"),
    _Input("evt21_real", "EVT2.1, Gen4.1 tiled", "evt21", "", "evt/gen41_vectors.evt3.raw"),
    _Input("dat", "DAT", "dat", "sparse"),
    _Input("hdf5_vectors", "Prophesee HDF5, vectors", "hdf5", "vectors"),
    _Input("hdf5_sparse", "Prophesee HDF5, sparse", "hdf5", "sparse"),
    _Input("es", "Event Stream", "es", "sparse"),
    _Input("csv", "CSV", "csv", "sparse"),
    _Input("aedat4_lz4", "AEDAT4, LZ4", "aedat4", "small", compression="lz4"),
    _Input("aedat4_lz4_real", "AEDAT4, LZ4, DAVIS346 tiled", "aedat4", "", "aedat/davis346_demo01.aedat4", "lz4"),
    _Input("aedat4_zstd", "AEDAT4, ZSTD", "aedat4", "small", compression="zstd"),
    _Input("aedat4_none", "AEDAT4, uncompressed", "aedat4", "small", compression="none"),
    _Input("aedat3", "AEDAT 3.1", "aedat3", "sparse"),
    _Input("aedat2", "AEDAT 2, DAVIS640", "aedat2", "sparse"),
    _Input("nmnist", "N-Caltech101", "nmnist", "tiny"),
    _Input("npz", "NumPy archive", "npz", "sparse"),
    _Input("hdf5", "Prophesee HDF5, ECF", "hdf5", "vectors"),
    _Input("dsec", "DSEC HDF5", "dsec", "sparse"),
    _Input("event_utils", "event_utils HDF5, gzip", "event_utils", "sparse"),
    _Input("rosbag1", "ROS 1 bag, dvs_msgs", "rosbag1", "small", encoding="dvs"),
    _Input("rosbag1_mono", "ROS 1 bag, mono", "rosbag1", "small", encoding="mono"),
    _Input("rosbag2_mono", "ROS 2 bag, mono", "rosbag2", "small", encoding="mono"),
    _Input("rosbag2_evt3", "ROS 2 bag, evt3", "rosbag2", "small", encoding="evt3"),
    _Input("mcap", "MCAP", "mcap", "small"),
)


def rows(bench: Bench) -> Iterator[Row]:
    """Yield a row for every input and way of reading."""
    for given in _INPUTS:
        names = [f"io.decode.{given.name}.{way}" for way in ("whole", "packets", "two_cores")]
        if not any(map(bench.wants, names)):
            continue
        try:
            path = given.path(bench.events)
        except Exception as error:
            yield bench.unmeasured(names[0], given.what, f"no input: {error}")
            continue
        if path is None:
            continue
        yield from _rows_of(bench, given, str(path))


def _rows_of(bench: Bench, given: _Input, path: str) -> Iterator[Row]:
    size = _OPTIONS.get(given.format, {})
    expected = io.read(path, threads=1, **size)
    floor = machine.floor_mev_per_s(Path(path).stat().st_size, len(expected))
    ways = [("whole", "whole file"), ("packets", "64 k packets")]
    if (given.format == "aedat4" and given.compression == "lz4") or given.name in (*_IN_PARTS, "dsec"):
        ways.append(("two_cores", "whole file, two cores"))
    for way, what in ways:
        name = f"io.decode.{given.name}.{way}"
        if not bench.wants(name):
            continue
        case = Case(name, f"{given.what}: {what}", len(expected), [_ours(path, way, size)], floor=floor)
        case.targets = _targets(given, way)
        if way == "two_cores" and given.name in _IN_PARTS:
            _add_one_thread(case, path, len(expected))
        elif given.encoding == "evt3":  # rosbags gives its words as they are
            if bench.peers and peers.load("rosbags") is not None:
                case.contenders.append(Contender(_DESERIALISED, _call(deserialised, path), peer=False))
        elif bench.peers:
            for peer in decoders_of(given.format):
                run = peer.stream if way == "packets" else peer.whole
                wrong = _wrong(peer.whole, path, expected) if way == "packets" else ""
                case.contenders.append(Contender(peer.peer, _call(run, path), wrong=wrong))
        case.check = None if way == "packets" else difference
        if given.format == "dsec":
            case.contenders.append(Contender(_CHUNKS, _call(unpack_chunks, path), peer=False))
        if given.compression in _BARE:
            case.contenders.append(Contender(_BARE[given.compression], _call(decompress, path), peer=False))
        yield bench.race(case, on_one_core=way != "two_cores")


def _targets(given: _Input, way: str) -> list[AtLeast]:
    if given.format == "dsec":  # on one core most of it is decompression, in the same libraries; two share it
        return [AtLeast(1.5, FASTEST)] if way == "two_cores" else [AtLeast(0.6, _CHUNKS)]
    if way == "two_cores":
        return [AtLeast(1.5, _ONE_THREAD if given.name in _IN_PARTS else "dv-processing")]
    if given.encoding == "evt3":
        return [AtLeast(1, _DESERIALISED)]
    if given.format == "mcap":  # Foxglove's library checks no event: nearly all of it is decompression
        return [AtLeast(0.8, FASTEST)]
    if given.format != "aedat4":
        return [AtLeast(1.5, FASTEST)]
    return [AtLeast(0.8, _BARE[given.compression])] if given.compression in _BARE else [AtLeast(1.5, FASTEST)]


def _ours(path: str, way: str, size: dict[str, Any]) -> Contender:
    def packets() -> int:
        with io.open(path, packet_events=PACKET_EVENTS, **size) as recording:
            return sum(len(packet) for packet in recording)

    threads = 2 if way == "two_cores" else 1
    return Contender(OURS, packets if way == "packets" else lambda: io.read(path, threads=threads, **size))


def _add_one_thread(case: Case, path: str, events: int) -> None:
    """Set one thread beside two, and what two cores can be hoped for: two copies at once beside one after another."""
    case.contenders.append(Contender(_ONE_THREAD, lambda: io.read(path, threads=1), peer=False))
    copy, half = np.ndarray.copy, np.ones(events, np.int64)  # half as many bytes as the events have
    with ThreadPoolExecutor(2) as pool:
        ratios = [
            _seconds(lambda: [half.copy(), half.copy()]) / _seconds(lambda: list(pool.map(copy, (half, half))))
            for _ in range(9)
        ]
    case.note += f"Two copies at once are {median(ratios):.2f}x as fast as one after the other. "


def _seconds(run: Callable[[], object]) -> float:
    begun = time.perf_counter()
    run()
    return time.perf_counter() - begun


def _call(function: Any, path: str) -> Any:
    return lambda: function(path)


def _wrong(whole: Any, path: str, expected: Any) -> str:
    """Return what a peer gets wrong; read in packets it may reuse its memory, so that is found on the whole file."""
    try:
        return difference(whole(path), expected)
    except Exception as error:
        return f"{type(error).__name__} on the whole file"


def unpack_chunks(path: str) -> int:
    """Decompress the chunks of DSEC's columns and nothing else, as `decompress` does; return the number of bytes."""
    import h5py

    from eventflow.io.hdf5_chunks import unpacker_of

    total = 0
    with h5py.File(path) as file:
        for dataset in (file[f"events/{name}"] for name in "txyp"):
            unpack: Any = unpacker_of(dataset)
            size = dataset.chunks[0] * dataset.dtype.itemsize
            for number in range(dataset.id.get_num_chunks()):
                place = dataset.id.get_chunk_info(number).chunk_offset
                total += len(unpack(dataset.id.read_direct_chunk(place)[1], size).data)
    return total


def decompress(path: str) -> int:
    """Decompress the packets of an AEDAT4 recording and nothing else; return the number of bytes.

    This is what bounds any reader of compressed recordings that uses the reference library.
    """
    import lz4.frame
    import zstandard

    with ByteSource(path) as source:
        header = read_header(source)
        start = source.position
    data = memoryview(Path(path).read_bytes())
    end = header.table_position if header.table_position > 0 else len(data)
    unpack: Any = lz4.frame.decompress if header.compression[0] == "l" else zstandard.ZstdDecompressor().decompress
    total = 0
    while start + 8 <= end:
        (size,) = struct.unpack_from("<i", data, start + 4)
        total += len(unpack(data[start + 8 : start + 8 + size]))
        start += 8 + size
    return total
