"""Encoding events to recordings."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow import io
from eventflow.bench import inputs, peer_events, peers
from eventflow.bench.decode import SHARE
from eventflow.bench.model import FASTEST, OURS, AtLeast, Case, Contender
from eventflow.bench.peer_decoders import difference
from eventflow.errors import EventflowError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from eventflow.bench.model import Row
    from eventflow.bench.suite import Bench
    from eventflow.events import Events

_STREAMS: Final = {
    "evt3_vectors": ("EVT3, vectors", "evt3", "vectors"),
    "evt3_sparse": ("EVT3, sparse", "evt3", "sparse"),
    "evt2": ("EVT2", "evt2", "sparse"),
    "evt21_vectors": ("EVT2.1, vectors", "evt21", "vectors"),
    "evt21_sparse": ("EVT2.1, sparse", "evt21", "sparse"),
    "dat": ("DAT", "dat", "sparse"),
    "hdf5_vectors": ("Prophesee HDF5, vectors", "hdf5", "vectors"),
    "hdf5_sparse": ("Prophesee HDF5, sparse", "hdf5", "sparse"),
    "es": ("Event Stream", "es", "sparse"),
    "csv": ("CSV", "csv", "sparse"),
    "aedat4_lz4": ("AEDAT4, LZ4", "aedat4", "small"),
    "aedat4_zstd": ("AEDAT4, ZSTD", "aedat4", "small"),
    "aedat4_none": ("AEDAT4, uncompressed", "aedat4", "small"),
    "aedat3": ("AEDAT 3.1", "aedat3", "sparse"),
    "aedat2": ("AEDAT 2, DAVIS640", "aedat2", "sparse"),
    "nmnist": ("N-Caltech101", "nmnist", "tiny"),
    "npz": ("NumPy archive", "npz", "sparse"),
    "hdf5": ("Prophesee HDF5, ECF", "hdf5", "vectors"),
    "dsec": ("DSEC HDF5", "dsec", "sparse"),
    "event_utils": ("event_utils HDF5, gzip", "event_utils", "sparse"),
    "rosbag1": ("ROS 1 bag", "rosbag1", "small"),
    "mcap": ("MCAP", "mcap", "small"),
}
_PACKET_EVENTS: Final = 16384
_UNPACKED: Final = ("evt3", "evt2", "evt21", "dat")
_PLAIN_BYTES: Final = 1 << 19


def rows(bench: Bench) -> Iterator[Row]:
    """Yield a row for every format that is written."""
    for key, (what, format, stream) in _STREAMS.items():
        name = f"io.encode.{key}"
        if bench.wants(name):
            with TemporaryDirectory(dir=inputs.folder()) as place:
                events = inputs.stream(stream, bench.events // SHARE.get(format, 1) // 2)
                compression = key.partition("_")[2] if format == "aedat4" else ""
                try:
                    case = _case(bench, name, what, format, events, Path(place), compression)
                    yield bench.race(case, on_one_core=True)
                except EventflowError as error:  # an optional package is not here
                    yield bench.unmeasured(name, what, str(error))


def _case(bench: Bench, name: str, what: str, format: str, events: Events, place: Path, compression: str) -> Case:
    suffix = io.table.format_named(format).suffixes[0]
    options: dict[str, Any] = {"compression": compression} if compression else {}

    def ours(path: Path) -> object:
        return io.write(events, path, format=format, **options)

    contenders = [Contender(OURS, _run(ours, place / f"ours{suffix}"))]
    if bench.peers:
        for peer, make in _WRITERS.items():
            if format in _WRITES[peer] and peers.load(peer) is not None:
                run = make(compression or format, events)
                path = place / f"{peer}{_SUFFIXES.get((peer, format), suffix)}"
                contenders.append(Contender(peer, _run(run, path)))
    targets = [AtLeast(1.5, FASTEST)]
    if compression in ("lz4", "zstd"):  # nearly all of it is compression, in the same libraries
        contenders.append(Contender("bare compression", lambda: _compress(compression, events), peer=False))
        targets = [AtLeast(0.8, "bare compression")]

    if format in _UNPACKED:  # no writer is faster than the system takes the bytes
        contenders.append(Contender("plain write", _plain(contenders[0], place / "plain"), peer=False))

    def check(path: Path, _: Any) -> str:
        sizeless = ("csv", "evt3", "evt2", "evt21", "dat", "nmnist", "dsec", "event_utils")
        size = {"width": events.width, "height": events.height} if format in sizeless else {}
        return difference(io.read(path, format=format, **size), events)

    return Case(name, what, len(events), contenders, check, targets)


def _plain(ours: Contender, path: Path) -> Callable[[], Path]:
    """Return what writes the bytes of our recording and nothing else."""
    data = ours.run().read_bytes()

    def write(path: Path) -> None:
        with path.open("wb", buffering=0) as file:
            for at in range(0, len(data), _PLAIN_BYTES):
                file.write(memoryview(data)[at : at + _PLAIN_BYTES])

    return _run(write, path)


def _compress(compression: str, events: Events) -> int:
    """Compress the events in packets of our size and nothing else; return the number of bytes."""
    import lz4.frame
    import zstandard

    pack: Any = lz4.frame.compress if compression == "lz4" else zstandard.ZstdCompressor(level=3).compress
    data = memoryview(events.records.view(np.uint8))  # type: ignore[arg-type]
    step = _PACKET_EVENTS * events.records.itemsize
    return sum(len(pack(data[at : at + step])) for at in range(0, len(data), step))


def _run(write: Callable[[Path], object], path: Path) -> Callable[[], Path]:
    def run() -> Path:
        path.unlink(missing_ok=True)
        write(path)
        return path

    return run


def _expelliarmus(format: str, events: Events) -> Callable[[Path], object]:
    library: Any = peers.load("expelliarmus")
    array = events.to_numpy("expelliarmus").copy()
    return lambda path: library.Wizard(format).save(path, array)


def _faery(format: str, events: Events) -> Callable[[Path], object]:
    library: Any = peers.load("faery")
    array = events.to_numpy("faery")
    size = (events.width, events.height)
    versions = {"evt3": "evt3", "evt2": "evt2", "dat": "dat2"}

    def write(path: Path) -> None:
        stream = library.events_stream_from_array(array, dimensions=size)
        compression = {"lz4": ("lz4", 1), "zstd": ("zstd", 3)}.get(format)
        stream.to_file(path, version=versions.get(format), zero_t0=False, compression=compression)

    return write


def _evutils(format: str, events: Events) -> Callable[[Path], object]:
    library: Any = peers.load("evutils")
    array = events.to_numpy("evutils")

    def write(path: Path) -> None:
        with library.EventWriter(path, width=events.width, height=events.height) as writer:
            writer.write(array)

    return write


def _dv(format: str, events: Events) -> Callable[[Path], object]:
    library: Any = peers.load("dv-processing")
    (store,) = peer_events.dv_packets(events, len(events))
    size = (events.width, events.height)

    def write(path: Path) -> None:
        kind = getattr(library.CompressionType, format.upper())
        config = library.io.MonoCameraWriter.EventOnlyConfig("bench", size, kind)
        writer = library.io.MonoCameraWriter(str(path), config)
        writer.writeEvents(store)

    return write


def _h5py(format: str, events: Events) -> Callable[[Path], object]:
    """Return what h5py users write: whole columns, in the same chunks and compression as ours."""
    h5py: Any = peers.load("h5py")
    import hdf5plugin

    t, x, y, p = (events.records[name].copy() for name in "txyp")

    def write(path: Path) -> None:
        with h5py.File(path, "w") as file:
            if format == "event_utils":
                how: dict[str, Any] = {"compression": "gzip", "compression_opts": 4, "shuffle": True}
                columns = {"ts": t / 1e6, "xs": x.astype("i2"), "ys": y.astype("i2"), "ps": p.astype(bool)}
            else:
                how = dict(hdf5plugin.Blosc(cname="zstd", clevel=3, shuffle=hdf5plugin.Blosc.SHUFFLE))
                columns = {"t": (t - t[0]).astype("u4"), "x": x, "y": y, "p": p}
                file["t_offset"] = t[0]
                file["ms_to_idx"] = np.searchsorted(t - t[0], np.arange((t[-1] - t[0]) // 1000 + 1) * 1000)
            for name, column in columns.items():
                file.create_dataset(f"events/{name}", data=column, chunks=(1 << 16,), **how)

    return write


_WRITERS: Final[dict[str, Callable[[str, Events], Callable[[Path], object]]]] = {
    "expelliarmus": _expelliarmus,
    "faery": _faery,
    "evutils": _evutils,
    "dv-processing": _dv,
    "h5py": _h5py,
}
_WRITES: Final = {
    "expelliarmus": {"evt3", "evt2", "dat"},
    "faery": {"evt3", "evt2", "dat", "es", "csv", "aedat4"},
    "evutils": {"evt3", "evt2", "evt21", "dat", "csv"},
    "dv-processing": {"aedat4"},
    "h5py": {"dsec", "event_utils"},
}
_SUFFIXES: Final = {("evutils", "evt2"): ".evt2", ("evutils", "evt21"): ".evt21"}
