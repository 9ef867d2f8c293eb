"""How each peer reads a recording: whole, and in packets. Each is given its fastest documented way."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow.bench import peers
from eventflow.bench.peer_logs import mcap_packets, ros_events

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventflow.events import Events

PACKET_EVENTS: Final = 65536


@dataclass(frozen=True)
class PeerDecoder:
    """One peer and one format.

    Attributes:
        whole: reads everything and returns arrays of t, x, y, p: a structured array, or an object with such attributes.
        stream: reads packets of about 64 k events, makes the arrays of each, and returns the number of events.
    """

    peer: str
    whole: Callable[[str], Any]
    stream: Callable[[str], int]


def decoders_of(format: str) -> list[PeerDecoder]:
    """Return the peers that claim to read a format and are installed."""
    return [make(format) for name, make in _MAKERS.items() if format in _READS[name] and peers.load(name) is not None]


def difference(result: Any, expected: Events) -> str:
    """Return why a peer's events are not ours, "" where they are."""
    columns = _columns(result)
    if len(columns[0]) != len(expected):
        return f"{len(columns[0])} events, not {len(expected)}"
    for name, theirs in zip("txyp", columns, strict=True):
        unequal = theirs.astype(np.int64) != expected.records[name].astype(np.int64)
        if unequal.any():
            return f"{name} differs in {int(np.count_nonzero(unequal))} events"
    return ""


def _columns(result: Any) -> list[Any]:
    if isinstance(result, np.ndarray):
        names = result.dtype.names or ()
        wanted = [("t", "timestamp"), ("x",), ("y",), ("p", "polarity", "on")]
        return [result[next(name for name in options if name in names)] for options in wanted]
    return [result.t, result.x, result.y, result.p]


def _evt3(format: str) -> PeerDecoder:
    evt3 = peers.load("evt3")

    def stream(path: str) -> int:
        assert evt3 is not None
        return sum(len(batch.t) for batch in evt3.decode_file_batches(path, batch_bytes=4 * PACKET_EVENTS))

    assert evt3 is not None
    return PeerDecoder("evt3", evt3.decode_file, stream)


def _evutils(format: str) -> PeerDecoder:
    evutils: Any = peers.load("evutils")

    def whole(path: str) -> Any:
        with evutils.EventReader(path, max_events=1 << 30) as reader:
            return reader.read_all()

    def stream(path: str) -> int:
        with evutils.EventReader(path, n_events=PACKET_EVENTS, mode="n_events", reuse_buffers=True) as reader:
            return sum(len(packet.t) for packet in reader)

    return PeerDecoder("evutils", whole, stream)


def _evlib(format: str) -> PeerDecoder:
    evlib: Any = peers.load("evlib")

    def whole(path: str) -> Any:
        table = evlib.load_events(path, sort=False).collect()
        columns = {"t": "t", "x": "x", "y": "y", "p": "polarity"}
        found = {ours: table[theirs].to_physical().to_numpy() for ours, theirs in columns.items()}
        return SimpleNamespace(**{**found, "p": found["p"] > 0})

    return PeerDecoder("evlib", whole, lambda path: len(whole(path).t))


def _expelliarmus(format: str) -> PeerDecoder:
    expelliarmus: Any = peers.load("expelliarmus")

    def whole(path: str) -> Any:
        return expelliarmus.Wizard(format).read(path)

    def stream(path: str) -> int:
        wizard = expelliarmus.Wizard(format, fpath=path, chunk_size=PACKET_EVENTS)
        return sum(len(packet) for packet in wizard.read_chunk())

    return PeerDecoder("expelliarmus", whole, stream)


def _faery(format: str) -> PeerDecoder:
    faery: Any = peers.load("faery")

    def open(path: str) -> Any:
        if format != "csv":
            return faery.events_stream_from_file(path)
        layout = faery.CsvProperties(
            has_header=False, separator=b",", t_index=0, x_index=1, y_index=2, on_index=3, t_scale=0.0,
            on_value=b"1", off_value=b"0", skip_errors=False,
        )  # fmt: skip
        return faery.events_stream_from_file(path, dimensions_fallback=(640, 480), csv_properties=layout)

    return PeerDecoder("faery", lambda path: open(path).to_array(), lambda path: sum(map(len, open(path))))


def _aedat(format: str) -> PeerDecoder:
    aedat: Any = peers.load("aedat")

    def packets(path: str) -> Any:
        return (packet["events"] for packet in aedat.Decoder(path) if "events" in packet)

    return PeerDecoder(
        "aedat", lambda path: np.concatenate(list(packets(path))), lambda path: sum(map(len, packets(path)))
    )


def _dv(format: str) -> PeerDecoder:
    dv: Any = peers.load("dv-processing")

    def batches(path: str) -> Any:
        reader = dv.io.MonoCameraRecording(path)
        while (batch := reader.getNextEventBatch()) is not None:
            yield batch

    def whole(path: str) -> Any:
        store = dv.EventStore()
        for batch in batches(path):
            store.add(batch)
        return store.numpy()

    return PeerDecoder("dv-processing", whole, lambda path: sum(len(batch.numpy()) for batch in batches(path)))


def _h5py(format: str) -> PeerDecoder:
    h5py: Any = peers.load("h5py")
    import hdf5plugin  # noqa: F401 - h5py knows Blosc with it

    names = ("ts", "xs", "ys", "ps") if format == "event_utils" else ("t", "x", "y", "p")

    def rows(file: Any, part: slice) -> SimpleNamespace:
        t, x, y, p = (file[f"events/{name}"][part] for name in names)
        t = np.rint(t * 1e6).astype(np.int64) if format == "event_utils" else t.astype(np.int64) + file["t_offset"][()]
        return SimpleNamespace(t=t, x=x, y=y, p=p)

    def whole(path: str) -> SimpleNamespace:
        with h5py.File(path) as file:
            return rows(file, slice(None))

    def stream(path: str) -> int:
        with h5py.File(path) as file:
            count = len(file[f"events/{names[0]}"])
            starts = range(0, count, PACKET_EVENTS)
            return sum(len(rows(file, slice(start, start + PACKET_EVENTS)).t) for start in starts)

    return PeerDecoder("h5py", whole, stream)


def _tonic(format: str) -> PeerDecoder:
    tonic_io = import_module("tonic.io")
    layout = np.dtype([("x", np.int16), ("y", np.int16), ("t", np.int64), ("p", np.int8)])

    def whole(path: str) -> Any:
        return tonic_io.read_mnist_file(path, dtype=layout)

    return PeerDecoder("tonic", whole, lambda path: len(whole(path)))


def _rosbags(format: str) -> PeerDecoder:
    return PeerDecoder("rosbags", ros_events, lambda path: len(ros_events(path).t))


def _mcap(format: str) -> PeerDecoder:
    return PeerDecoder(
        "mcap", lambda path: np.concatenate(list(mcap_packets(path))), lambda path: sum(map(len, mcap_packets(path)))
    )


_MAKERS: Final[dict[str, Callable[[str], PeerDecoder]]] = {
    "evt3": _evt3,
    "evlib": _evlib,
    "evutils": _evutils,
    "expelliarmus": _expelliarmus,
    "faery": _faery,
    "aedat": _aedat,
    "dv-processing": _dv,
    "h5py": _h5py,
    "tonic": _tonic,
    "rosbags": _rosbags,
    "mcap": _mcap,
}
_READS: Final = {
    "evt3": {"evt3"},
    "evlib": {"evt21", "hdf5"},
    "evutils": {"evt3", "evt2", "evt21", "dat", "csv", "aedat4", "aedat2", "aedat3", "npz", "dsec"},
    "expelliarmus": {"evt3", "evt2", "dat"},
    "faery": {"evt3", "evt2", "dat", "es", "csv", "aedat4"},
    "aedat": {"aedat4"},
    "dv-processing": {"aedat4"},
    "h5py": {"dsec", "event_utils"},
    "tonic": {"nmnist"},
    "rosbags": {"rosbag1", "rosbag2"},
    "mcap": {"mcap"},
}
