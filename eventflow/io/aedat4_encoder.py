"""AEDAT 4, written: events in packets of a fixed number, other streams between them by time, and the data table.

Which streams there are is known at the end, and the header says it: it is written with room and then once more.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import lz4.frame
import numpy as np
import zstandard

from eventflow.errors import RecordingError
from eventflow.io.aedat4_flatbuffers import (
    EVENT_BYTES,
    EVENTS_PREFIX_BYTES,
    TABLE_DTYPE,
    data_table_bytes,
    events_prefix,
)
from eventflow.io.aedat4_header import TABLE_POSITION_AT, StreamHeader, write_header, written_stream
from eventflow.io.aedat4_messages import frame_bytes, imu_bytes, triggers_bytes
from eventflow.io.aedat4_packets import HEAD_BYTES
from eventflow.io.aedat4_unpacking import COMPRESSIONS
from eventflow.io.packet_encoder import PacketEncoder

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventflow.messages import Message

PACKET_EVENTS: Final = 1 << 14
_HEAD: Final = struct.Struct("<ii")
_LEAD_BYTES: Final = HEAD_BYTES + EVENTS_PREFIX_BYTES
_LZ4_HIGH_LEVEL: Final = 9
_ZSTD_LEVEL: Final = 3
_ZSTD_HIGH_LEVEL: Final = 12
_IDENTIFIERS: Final = {"events": "EVTS", "frames": "FRME", "imu": "IMUS", "triggers": "TRIG"}
_ROOM_BYTES: Final = 8192


class Aedat4Encoder(PacketEncoder):
    """Writes an AEDAT 4 file."""

    streams = frozenset({"frames", "imu", "triggers"})

    def __init__(self, file: BinaryIO, *, width: int, height: int, compression: str, sensor: str) -> None:
        if compression not in COMPRESSIONS:
            raise RecordingError(f"AEDAT 4 has no compression {compression!r}; choose {', '.join(COMPRESSIONS)}")
        if max(width, height) > 1 << 15:
            raise RecordingError(f"AEDAT 4 holds sensors up to 32768x32768, not {width}x{height}")
        super().__init__(PACKET_EVENTS, _LEAD_BYTES // 8)
        self._file, self._compression = file, compression
        self._about = {"sizeX": width, "sizeY": height, "source": sensor}
        self._streams: dict[str, StreamHeader] = {"events": written_stream(0, "EVTS", "events", **self._about)}
        self._pack = packer(compression)
        self._rows: list[tuple[int, ...]] = []
        self._write_header()
        self._place = file.tell()

    def add(self, stream: str, message: Message) -> None:
        """Append a message. It is written after the packet of the events before it.

        Raises:
            RecordingError: there are more streams than the header has room for.
        """
        if stream not in self._streams:
            self._begin(stream, message)
        super().add(stream, message)

    def finish(self) -> None:
        """Write the last packets and the data table, and note its place and the streams in the header."""
        self._flush()
        place = self._place
        self._file.write(self._pack(data_table_bytes(np.array(self._rows, TABLE_DTYPE))))
        self._file.seek(0)
        self._write_header()
        self._file.seek(TABLE_POSITION_AT)
        self._file.write(struct.pack("<q", place))
        self._file.seek(0, 2)

    def _begin(self, stream: str, message: Any) -> None:
        kind, _, name = stream.partition(":")
        about = {"source": self._about["source"]}
        if kind == "frames":
            height, width = message.image.shape[:2]
            about |= {"sizeX": width, "sizeY": height}
        known = written_stream(len(self._streams), _IDENTIFIERS[kind], name or kind, **about)
        self._streams[stream] = known
        if len(self._header(0)) > len(self._header(_ROOM_BYTES)) - 1:
            raise RecordingError(f"{self._file.name}: no room for stream {stream!r} beside {len(self._streams) - 1}")

    def _header(self, room_bytes: int) -> bytes:
        return write_header(self._compression, self._streams.values(), room_bytes=room_bytes)

    def _write_header(self) -> None:
        self._file.write(self._header(_ROOM_BYTES))

    def _write_events(self, count: int, earliest: int, latest: int) -> None:
        # what precedes the events is put before them where they are: uncompressed, all goes out at once
        size = EVENTS_PREFIX_BYTES + EVENT_BYTES * count
        data = memoryview(self._words).cast("B")[: HEAD_BYTES + size]  # type: ignore[arg-type]
        data[HEAD_BYTES:_LEAD_BYTES] = events_prefix(count)
        if self._compression != "none":
            self._packet("events", data[HEAD_BYTES:], count, earliest, latest)
            return
        data[:HEAD_BYTES] = _HEAD.pack(0, size)
        self._file.write(data)
        self._note(0, size, count, earliest, latest)

    def _write_messages(self, stream: str, messages: list[Any]) -> None:
        if stream.startswith("frames"):
            for frame in messages:
                self._packet(stream, frame_bytes(frame), 1, frame.t, frame.t)
            return
        times = np.concatenate([message.time for message in messages])
        if len(times):
            data = (imu_bytes if stream.startswith("imu") else triggers_bytes)(messages)
            self._packet(stream, data, len(times), int(times.min()), int(times.max()))

    def _packet(self, stream: str, data: bytes | memoryview, count: int, earliest: int, latest: int) -> None:
        payload, number = self._pack(data), self._streams[stream].number
        self._file.write(_HEAD.pack(number, len(payload)))
        self._file.write(payload)
        self._note(number, len(payload), count, earliest, latest)

    def _note(self, number: int, size: int, count: int, earliest: int, latest: int) -> None:
        self._rows.append((number, size, self._place + HEAD_BYTES, count, earliest, latest))
        self._place += HEAD_BYTES + size


def packer(compression: str) -> Callable[[Any], Any]:
    """Return what compresses the payload of a packet."""
    if compression == "none":
        return lambda data: data
    if compression == "zstd":
        # what precedes a packet's events makes it larger than what the smaller and faster tables are taken for
        size = PACKET_EVENTS * EVENT_BYTES
        how = zstandard.ZstdCompressionParameters.from_level(_ZSTD_LEVEL, source_size=size)
        return zstandard.ZstdCompressor(compression_params=how).compress
    if compression == "zstd_high":
        return zstandard.ZstdCompressor(level=_ZSTD_HIGH_LEVEL).compress
    level = _LZ4_HIGH_LEVEL if compression == "lz4_high" else 0

    def pack(data: Any) -> Any:
        # as DV does it: linked blocks of 64 KiB, no sizes, no checksums
        return lz4.frame.compress(data, compression_level=level, store_size=False, block_linked=True)

    return pack
