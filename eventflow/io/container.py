"""eventflow's own container: an MCAP file whose messages are those of the wire, any kind of them.

A message of the file is the header that a link sends before its buffers (docs/wire.md, `data`), behind its length, and
the buffers, each at a multiple of eight bytes. A stream has a channel for each set of columns its events came with.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow import codec
from eventflow.errors import CodecError, RecordingError
from eventflow.events import Events
from eventflow.io.container_kernels import check_records, copy_sound
from eventflow.io.decoder import Decoder, RecordingInfo
from eventflow.io.order import BEFORE_ALL_TIME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from eventflow.io.decoder import Batch
    from eventflow.io.logs import Channel
    from eventflow.io.mcap_log import McapLog
    from eventflow.io.source import ByteSource
    from eventflow.messages import Message

NAME: Final = "mcap"
ENCODING: Final = "eventflow"
SCHEMA_PREFIX: Final = "eventflow."
RECORD: Final = "eventflow"
TOTALS: Final = "eventflow.totals"
NOTHING_PROMISED: Final = -(1 << 62)
LENGTH_BYTES: Final = 4
ALIGNMENT: Final = 8
_COLUMNS: Final = {"records": codec.EVENTS_ENCODING, "labels": "|u1", "scores": "<f4"}
STREAMS: Final = {
    "Events": "events",
    "Slice": "slices",
    "Grid": "grids",
    "Frame": "frames",
    "Tracks": "tracks",
    "Boxes": "boxes",
    "Flow": "flow",
    "Corners": "corners",
    "Label": "labels",
    "Place": "places",
    "Descriptor": "descriptors",
    "Pose": "poses",
    "Fix": "fixes",
    "Triggers": "triggers",
    "Imu": "imu",
    "Raw": "raw",
}
"""The stream that messages of each type make; a plugin's type makes one of its own name."""


def stream_of(kind: str) -> str:
    """Return the plain name of the stream that messages of a type make."""
    return STREAMS.get(kind, kind.lower())


def is_container(log: McapLog) -> bool:
    """Return whether an MCAP file holds messages of eventflow."""
    return any(channel.encoding == ENCODING for channel in log.channels.values())


class ContainerDecoder(Decoder):
    """One pass over a container.

    Args:
        source: the file.
        log: its records.
        topic: the stream whose events are given out; None: "events", or the first stream of events.
    """

    streams = frozenset(STREAMS.values())

    def __init__(self, source: ByteSource, log: McapLog, *, topic: str | None = None) -> None:
        self._log = log
        self._streams: dict[str, list[Channel]] = {}
        for number in sorted(log.channels):
            channel = log.channels[number]
            if channel.encoding == ENCODING:
                self._streams.setdefault(channel.metadata.get("stream", channel.topic), []).append(channel)
        self._name = self._chosen(source.path, topic)
        channels = self._streams.get(self._name, [])
        super().__init__(source, self._described(source))
        self.columns = frozenset(
            name for each in channels for name in each.metadata.get("columns", "").split(",") if name
        )
        self._ids = {each.id for each in channels}
        self._messages = log.messages(self._ids) if channels else iter(())
        self._parts: dict[str, NDArray[Any]] = {}
        self._size = self.info.width, self.info.height
        self._at = self._count = 0
        self._state = np.array([BEFORE_ALL_TIME, 0], np.int64)

    def _chosen(self, path: str, topic: str | None) -> str:
        of_events = [name for name, channels in self._streams.items() if channels[0].type == f"{SCHEMA_PREFIX}Events"]
        if topic is not None and topic not in of_events:
            raise RecordingError(f"{path}: no stream {topic!r} of events; it has {', '.join(of_events) or 'none'}")
        return topic or ("events" if "events" in of_events else next(iter(of_events), ""))

    def _described(self, source: ByteSource) -> RecordingInfo:
        log = self._log
        said = log.metadata.get(RECORD, {})
        channel = next(iter(self._streams.get(self._name, [])), None)
        known = said if channel is None else channel.metadata
        width, height = (_number(known.get(name, "")) or 0 for name in ("width", "height"))
        names = [name for name in self._streams if name != self._name]
        info = RecordingInfo(source.path, NAME, width, height, size_bytes=source.size)
        info.streams = (*(("events",) if channel is not None else ()), *(name for name in names if name != "events"))
        totals = log.metadata.get(TOTALS, {}) if self._name == "events" else {}
        counted = (_number(totals.get(name, "")) for name in ("events", "t_first", "t_last"))
        info.events, info.t_first, info.t_last = counted
        info.attributes = {name: value for name, value in said.items() if name not in ("width", "height")}
        if not log.listed:
            info.notes.append("it has no index: its writer did not close it")
        return info

    @property
    def steps_back(self) -> int:  # type: ignore[override]
        """Events earlier than the one before them so far."""
        return int(self._state[1])

    def seek(self, t: int) -> None:
        """Go to the chunk that may hold the first event at or after `t`; see Decoder.seek."""
        place = self._log.place_before(max(t, 0) * 1000)
        if place is not None and self._ids:
            self._messages = self._log.messages(self._ids, place)

    def fill(self, batch: Batch, start: int) -> int:
        """Write the next events into `batch`; see Decoder.fill."""
        n = start
        while n < len(batch) and (self._at < self._count or self._next()):
            taken = min(len(batch) - n, self._count - self._at)
            n = self._copy(batch, n, taken)
            self._at += taken
        self._take_counts()
        return n

    def _next(self) -> bool:
        for message in self._messages:
            try:
                self._parts = _columns_of(message.data)
            except CodecError:
                self.skip("damaged_messages", 1)
                continue
            self._at, self._count = 0, len(self._parts["records"])
            if self._count:
                return True
        return False

    def _copy(self, batch: Batch, n: int, taken: int) -> int:
        stop = n + taken
        source = slice(self._at, self._at + taken)
        halves = batch.records[n:stop].view(np.int64)
        data = self._parts["records"][source].view(np.uint8)
        sound = copy_sound(data, halves, *self._size, self._state)
        for name, target in (("labels", batch.labels), ("scores", batch.scores)):
            if target is not None:
                target[n:stop] = self._parts[name][source] if name in self._parts else 0
        if sound:
            return stop
        keep = np.empty(taken, np.bool_)
        bad = int(check_records(halves, keep, *self._size, self._state))
        self.skip("outside", bad)
        for array in batch.arrays:
            array[n : stop - bad] = array[n:stop][keep]
        return stop - bad

    def _take_counts(self) -> None:
        while self._log.skipped:
            self.skip(*self._log.skipped.popitem())

    def messages(self, name: str) -> Iterator[Message]:
        """Yield the messages of a stream, those with events as Events or Slice; consumes this decoder."""
        channels = self._streams.get(self._name if name == "events" else name)
        if not channels:
            raise RecordingError(f"{self.info.path}: no stream {name!r}; it has {', '.join(self.info.streams)}")
        for message in self._log.messages({each.id for each in channels}):
            try:
                header, buffers = frames_of(message.data)
                found = codec.message_from_frames(header, buffers)
                codec.check_events(found)
            except CodecError:
                self.skip("damaged_messages", 1)
                continue
            yield found
        self._take_counts()


def _number(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None


def frames_of(data: NDArray[np.uint8]) -> tuple[codec.Data, list[memoryview]]:
    """Return the header and the buffers of a message in a container.

    Raises:
        CodecError: it is none.
    """
    length = int.from_bytes(data[:LENGTH_BYTES].tobytes(), "little")
    at = LENGTH_BYTES + length
    if not 0 < length <= len(data) - LENGTH_BYTES:
        raise CodecError(f"a header of {length} bytes in a message of {len(data)}")
    header = codec.decode_data(data[LENGTH_BYTES:at].data)
    buffers = []
    for name, dtype, shape in header.arrays:
        at += -at % ALIGNMENT
        size = codec.bytes_of(dtype, shape)
        if not 0 <= size <= len(data) - at:
            raise CodecError(f"array {name!r}: {size} bytes in a message of {len(data)}")
        buffers.append(data[at : at + size].data)
        at += size
    return header, buffers


def _columns_of(data: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
    """Return the columns of a message of events, the records as plain bytes: nothing more is known of them.

    Raises:
        CodecError: it is none.
    """
    header, buffers = frames_of(data)
    found = {}
    for (name, dtype, shape), buffer in zip(header.arrays, buffers, strict=True):
        if dtype != _COLUMNS.get(name) or len(shape) != 1:
            raise CodecError(f"column {name!r} of {dtype} and shape {shape}")
        found[name] = np.frombuffer(buffer, "V16") if name == "records" else codec.array_of(name, dtype, shape, buffer)
    if header.type != "Events" or "records" not in found or len({len(each) for each in found.values()}) != 1:
        raise CodecError(f"{header.type} with columns that are not of one length")
    return found


def packed(message: Any, seq: int) -> bytes:
    """Return a message as it stands in a container."""
    header, arrays = codec.data_header(message, 0, seq, 0, NOTHING_PROMISED, 0)
    first = codec.encoder.encode(header)
    parts: list[Any] = [len(first).to_bytes(LENGTH_BYTES, "little"), first]
    at = LENGTH_BYTES + len(first)
    for array in arrays:
        parts.append(bytes(-at % ALIGNMENT))
        at += -at % ALIGNMENT + array.nbytes
        parts.append(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data if array.nbytes else b"")
    return b"".join(parts)


def schema_of(kind: type) -> bytes:
    """Return what a file says of the messages of a type: its fields and their types."""
    from dataclasses import fields, is_dataclass

    said = {"width": "int", "height": "int", "ordered": "bool", "records": codec.EVENTS_ENCODING}
    if kind is not Events and is_dataclass(kind):
        said = {each.name: str(each.type) for each in fields(kind)}
    return json.dumps({"version": codec.VERSION, "message": kind.__name__, "fields": said}, sort_keys=True).encode()
