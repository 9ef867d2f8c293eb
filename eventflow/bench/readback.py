"""What eventflow writes, read back by libraries that know nothing of it: format, library, and whether it is equal.

`python -m eventflow.bench.readback [RECORDING…]` prints the table, for simulated events or for recordings. A library
that is not installed is named with what installs it.
"""

from __future__ import annotations

import sys
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow import io
from eventflow.bench import inputs, peers
from eventflow.bench.peer_decoders import decoders_of, difference
from eventflow.errors import EventflowError
from eventflow.events import Events
from eventflow.io.table import format_named

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Read = Callable[[Path], Any]


@dataclass(frozen=True)
class Written:
    """One way to write a format, and who reads it.

    Attributes:
        format: name of the format.
        readers: names of libraries.
        options: of the writer.
        suffix: of the file, where it is not the format's first.
        stream: the generated stream that is written in place of the simulated scene.
    """

    format: str
    readers: tuple[str, ...]
    options: dict[str, Any]
    suffix: str = ""
    stream: str = ""


_AEDAT4: Final = ("aedat", "dv-processing", "evutils", "faery")
_HDF5: Final = ("zstd", "gzip", "none")
WRITTEN: Final = (
    Written("evt3", ("evt3", "evutils", "faery"), {}),
    Written("evt2", ("evutils", "expelliarmus", "faery"), {}),
    Written("evt21", ("evutils",), {}),
    Written("evt21", ("evlib",), {"layout": "little"}),
    Written("dat", ("evutils", "expelliarmus", "faery"), {}),
    *(Written("aedat4", _AEDAT4, {"compression": each}) for each in ("none", "lz4", "lz4_high", "zstd", "zstd_high")),
    Written("aedat3", ("evutils",), {}),
    Written("aedat2", ("evutils, mirrored",), {"chip": "davis346"}),
    Written("es", ("faery",), {}),
    Written("es", ("faery",), {"kind": "atis"}),
    Written("nmnist", ("tonic",), {}),
    Written("csv", ("faery", "numpy.loadtxt"), {}),
    Written("zip", ("zipfile",), {}),
    Written("npz", ("numpy", "evutils"), {}),
    Written("npz", ("numpy", "evutils"), {"compressed": True}),
    Written("hdf5", ("evlib",), {}, stream="sparse"),
    *(Written("dsec", ("h5py", "evutils"), {"compression": each}) for each in _HDF5),
    *(Written("m3ed", ("h5py",), {"compression": each}) for each in _HDF5),
    *(Written("mvsec", ("h5py",), {"compression": each}) for each in _HDF5),
    *(Written("event_utils", ("h5py",), {"compression": each}) for each in _HDF5),
    Written("rosbag1", ("rosbags",), {"encoding": "dvs"}),
    Written("rosbag1", ("rosbags",), {"encoding": "mono"}),
    Written("rosbag2", ("rosbags",), {"encoding": "dvs"}, "bag"),
    Written("rosbag2", ("rosbags",), {"encoding": "dvs", "storage": "sqlite3"}, "bag"),
    Written("rosbag2", ("rosbags",), {"encoding": "mono"}, "bag"),
    Written("mcap", ("mcap",), {}),
)


def rows(given: Events) -> Iterator[tuple[str, str, str]]:
    """Yield format with options, library, and `equal` or what is not."""
    for each in WRITTEN:
        events = _fitting(given, each)
        said = " ".join([each.format, *(f"{name}={value}" for name, value in each.options.items())])
        with TemporaryDirectory() as folder:
            path = Path(folder, each.suffix or f"a{format_named(each.format).suffixes[0]}")
            try:
                io.write(events, path, format=each.format, **each.options)
            except EventflowError as error:
                yield said, "-", f"cannot hold these events: {error}".replace(f"{path}: ", "")
                continue
            for name in each.readers:
                yield said, name, read_back(name, each.format, path, events)


def _fitting(events: Events, written: Written) -> Events:
    """Return the events that are written: all, but for formats of small sensors, and libraries that read a part."""
    if written.stream:  # evlib reads ECF chunks of single pixels only, which sparse events become
        return inputs.stream(written.stream, 200_000)
    width, height = _MOST.get(written.format, (events.width, events.height))
    if events.width <= width and events.height <= height:
        return events
    inside = events[(events.x < width) & (events.y < height)]
    return Events(inside.records, width, height)


def read_back(name: str, format: str, path: Path, events: Events) -> str:
    """Return `equal`, or what a library makes of the events in a file."""
    read = reader(name, format)
    if read is None:
        return f"not installed: {peers.install_command(name.partition(',')[0])}"
    try:
        return difference(read(path), events) or "equal"
    except Exception as error:  # whatever another library does
        return f"{type(error).__name__}: {error}".splitlines()[0]


def reader(name: str, format: str) -> Read | None:
    """Return how a library reads a format, or None where it is not installed."""
    own = _OWN.get((name, format))
    if own is not None:
        return own if name in _ALWAYS or peers.load(name.partition(",")[0]) is not None else None
    found = [each.whole for each in decoders_of(format) if each.peer == name]
    return (lambda path: found[0](str(path))) if found else None


def _numpy(path: Path) -> SimpleNamespace:
    with np.load(path) as archive:
        return SimpleNamespace(**archive)


def _loadtxt(path: Path) -> SimpleNamespace:
    table = np.loadtxt(path, delimiter=",", skiprows=1, dtype=np.int64, ndmin=2)
    return SimpleNamespace(**dict(zip("txyp", table.T, strict=True)))


def _mirrored(path: Path) -> SimpleNamespace:
    """Read with evutils, which gives the addresses as they are; jAER, whose format it is, turns the DAVIS."""
    (whole,) = (each.whole for each in decoders_of("aedat2") if each.peer == "evutils")
    found = whole(str(path))
    return SimpleNamespace(t=found.t, x=345 - found.x.astype(int), y=259 - found.y.astype(int), p=found.p)


def _faery_csv(path: Path) -> Any:
    return peers.load("faery").events_stream_from_file(path).to_array()  # type: ignore[union-attr]


def _zip(path: Path) -> SimpleNamespace:
    with zipfile.ZipFile(path) as archive, archive.open(archive.namelist()[0]) as file:
        table = np.loadtxt(file, skiprows=1, ndmin=2)
    t, x, y, p = table.T
    return SimpleNamespace(t=np.rint(t * 1e6).astype(np.int64), x=x, y=y, p=p)


def _mvsec(path: Path) -> SimpleNamespace:
    h5py = _h5py()
    with h5py.File(path) as file:
        x, y, t, p = file["davis/left/events"][:].T
    return SimpleNamespace(t=np.rint(t * 1e6).astype(np.int64), x=x, y=y, p=p > 0)


def _m3ed(path: Path) -> SimpleNamespace:
    h5py = _h5py()
    with h5py.File(path) as file:
        return SimpleNamespace(**{name: file[f"prophesee/left/{name}"][:] for name in "txyp"})


def _h5py() -> Any:
    import hdf5plugin  # noqa: F401 - h5py knows Blosc with it

    return peers.load("h5py")


_OWN: Final[dict[tuple[str, str], Read]] = {
    ("numpy", "npz"): _numpy,
    ("numpy.loadtxt", "csv"): _loadtxt,
    ("zipfile", "zip"): _zip,
    ("faery", "csv"): _faery_csv,
    ("evutils, mirrored", "aedat2"): _mirrored,
    ("h5py", "mvsec"): _mvsec,
    ("h5py", "m3ed"): _m3ed,
}
_MOST: Final = {"nmnist": (240, 180)}
_ALWAYS: Final = ("numpy", "numpy.loadtxt", "zipfile")


def simulated() -> Events:
    """Return events that every format can hold: in time order, from a sensor of a size that all know."""
    from eventflow.synth import render

    return render("crossing", seed=1, duration=200_000, noise=5.0)


def main(arguments: list[str]) -> int:
    """Print the table; 1 where a library that is here reads something else than was written."""
    warnings.simplefilter("ignore")  # what libraries think of each other
    wrong = 0
    for name in arguments or ["synth:crossing"]:
        events = io.read(name) if arguments else simulated()
        print(f"{name}: {len(events)} events, {events.width}x{events.height}")
        print(f"{'written':36} {'read by':18} result")
        for written, library, result in rows(events):
            print(f"{written:36} {library:18} {result}", flush=True)
            wrong += result != "equal" and not result.startswith(("not installed", "cannot hold"))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
