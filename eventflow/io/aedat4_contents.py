"""What is in an AEDAT 4 file, from its header and its data table: streams and their names, sizes, counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from eventflow.errors import RecordingError
from eventflow.io.aedat4_flatbuffers import EVENT_BYTES, FlatbufferError, read_data_table
from eventflow.io.aedat4_kernels import MAX_PACKET_BYTES
from eventflow.io.aedat4_packets import HEAD_BYTES
from eventflow.io.aedat4_unpacking import PacketError, Unpacker
from eventflow.io.decoder import RecordingInfo

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from eventflow.io.aedat4_header import FileHeader, StreamHeader
    from eventflow.io.source import ByteSource

_KINDS: Final = {"EVTS": "events", "FRME": "frames", "IMUS": "imu", "TRIG": "triggers"}


def chosen_stream(path: str, header: FileHeader, name: str) -> StreamHeader:
    """Return the stream of events of that name or number; "events" is the first.

    Raises:
        RecordingError: there is none; the message lists all.
    """
    streams = [stream for stream in header.streams.values() if stream.identifier == "EVTS"]
    for stream in streams:
        if name in (stream.name, str(stream.number)):
            return stream
    if streams and name == "events":
        return streams[0]
    known = ", ".join(f"{s.number} ({s.name}, {s.identifier})" for s in header.streams.values()) or "none at all"
    raise RecordingError(f"{path}: no stream of events {name!r}; the file has the streams {known}")


def info_of(
    source: ByteSource, header: FileHeader, stream: StreamHeader, width: int | None, height: int | None
) -> RecordingInfo:
    """Return what the header says of a stream of events.

    Raises:
        RecordingError: it does not say the sensor's size, and nobody else does.
    """
    width, height = stream.size("sizeX") or width or 0, stream.size("sizeY") or height or 0
    if not 0 < max(width, height) <= 1 << 15 or not min(width, height):
        raise RecordingError(f"{source.path}: the header does not say the sensor's size; pass width= and height=")
    attributes: dict[str, Any] = {"compression": header.compression}
    attributes |= {key: value for key, value in stream.attributes.items() if key not in ("sizeX", "sizeY", "source")}
    return RecordingInfo(
        source.path,
        "aedat4",
        width,
        height,
        sensor=stream.attributes.get("source", ""),
        size_bytes=source.size,
        attributes=attributes,
    )


def named_streams(header: FileHeader, chosen: StreamHeader) -> dict[str, StreamHeader]:
    """Return the streams by name: their kind, where it occurs twice with the recorder's own name, or else a number."""
    names = {"events": chosen}
    for stream in header.streams.values():
        if stream is not chosen:
            kind = _KINDS.get(stream.identifier, stream.identifier.lower() or "unknown")
            choices = (kind, f"{kind}:{stream.name}", f"{kind}:{stream.number}")
            names[next(name for name in choices if name not in names)] = stream
    return names


def read_table(source: ByteSource, header: FileHeader, stream: int) -> NDArray[np.void] | None:
    """Return the data table's rows for `stream`, or None where there is none that can be believed."""
    first, at = source.position, header.table_position
    if source.size is None or not first <= at < source.size or source.size - at > MAX_PACKET_BYTES:
        return None
    source.seek(at)
    try:
        data = Unpacker(header.compression, MAX_PACKET_BYTES)(memoryview(source.read(source.size - at)))
        rows = read_data_table(data)
    except (PacketError, FlatbufferError):
        return None
    finally:
        source.seek(first)
    offset, events = rows["offset"], rows["events"]
    believed = (
        (offset >= first + HEAD_BYTES) & (offset < at) & (events >= 0) & (events <= MAX_PACKET_BYTES // EVENT_BYTES)
    )
    return rows[rows["stream"] == stream] if believed.all() else None
