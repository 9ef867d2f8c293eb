"""MCAP files: records of one byte of kind, eight of size and a body; messages lie in chunks. https://mcap.dev/spec.

A file that was not closed has no summary and is read all the same, up to its last whole chunk and as far as the broken
one goes.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from deflate import crc32

from eventflow.errors import RecordingError
from eventflow.io.cursor import Cursor
from eventflow.io.log_kernels import MCAP_MESSAGE, index_mcap
from eventflow.io.logs import Channel, ChunkedLog, DamageError, unpacked

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eventflow.io.source import ByteSource

MAGIC: Final = b"\x89MCAP0\r\n"
HEADER, FOOTER, SCHEMA, CHANNEL, _MESSAGE, CHUNK = range(1, 7)
CHUNK_INDEX, STATISTICS, METADATA, METADATA_INDEX, DATA_END = 8, 11, 12, 13, 15
_LAST_KIND: Final = 0x7F
_MOST_METADATA_BYTES: Final = 1 << 20
_HEAD_BYTES: Final = 9
_FOOTER_BYTES: Final = _HEAD_BYTES + 20 + len(MAGIC)
_CHUNK_FIXED_BYTES: Final = 40  # of a chunk's body besides the name of its compression and its records


@dataclass(frozen=True)
class Schema:
    """The type of a channel's messages: its name, how it is described, and the description."""

    name: str
    encoding: str
    data: bytes


class McapLog(ChunkedLog):
    """One pass over an MCAP file.

    Attributes:
        schemas: by id.
        metadata: records of metadata met, or all of them where the file has a summary, by name.
        chunks: (latest time of any message up to its end, ns; byte where it begins) of each chunk, from the summary.
        profile: what the writer says the file is for.
        time_range_ns: times of the first and last message, where the file says them.
    """

    index = staticmethod(index_mcap)
    told_kinds = (SCHEMA, CHANNEL)
    message_kind = MCAP_MESSAGE
    chunk_pattern = re.compile(rb"\x06.{5}\x00{3}.{28}(?:\x00{4}|\x03\x00{3}lz4|\x04\x00{3}zstd)", re.S)

    def __init__(self, source: ByteSource) -> None:
        super().__init__(source)
        if source.read(len(MAGIC)) != MAGIC:
            raise RecordingError(f"{source.path}: no MCAP file: it does not begin with {MAGIC!r}")
        self.first_record = source.position
        self.schemas: dict[int, Schema] = {}
        self.metadata: dict[str, dict[str, str]] = {}
        self.chunks: list[tuple[int, int]] = []
        self._metadata_at: list[tuple[int, int]] = []
        self.profile = ""
        self.time_range_ns: tuple[int, int] | None = None
        if source.seekable:
            self._read_summary()

    def _read_summary(self) -> None:
        size = self.source.size or 0
        try:
            self.source.seek(max(size - _FOOTER_BYTES, 0))
            footer = Cursor(self.source.read(_FOOTER_BYTES))
            whole = footer.number("B") == FOOTER and footer.number("Q") == 20
            start = footer.number("Q")
            if whole and 0 < start < size:
                self.source.seek(start)
                for kind, body in _records(self.take(size - _FOOTER_BYTES - start)):
                    self._note(kind, body)
                self.listed = bool(self.channels)
        except ValueError:
            self.channels.clear()
        self._read_metadata()
        self.chunks = sorted((each for each in self.chunks if each[1] < size), key=lambda each: each[1])
        latest = 0
        for number, (time, byte) in enumerate(self.chunks):
            latest = max(latest, time)
            self.chunks[number] = latest, byte
        self.source.seek(self.first_record)

    def _read_metadata(self) -> None:
        for position, size in self._metadata_at:
            try:
                if size <= _MOST_METADATA_BYTES:
                    self.source.seek(position)
                    for kind, body in _records(self.take(size)):
                        self._note(kind, body)
            except ValueError:
                self.count("damaged")

    def place_before(self, time_ns: int) -> tuple[int, int] | None:
        """Return the place of the first chunk that may hold a message at or after a time; None: there is no index."""
        if not self.chunks:
            return None
        number = min(bisect_left(self.chunks, (time_ns, 0)), len(self.chunks) - 1)
        return self.chunks[number][1], 0

    def next_chunk(self) -> NDArray[np.uint8] | None:
        """Return the records of the next chunk, or a record outside of any as one; see ChunkedLog."""
        while True:
            head = self.source.read(_HEAD_BYTES)
            if not head:
                if not self.source.size:
                    return None
                raise DamageError("the end is missing", truncated=True)
            size = int.from_bytes(head[1:], "little")
            if len(head) < _HEAD_BYTES:
                raise DamageError("the end is missing", truncated=True)
            if head[0] in (DATA_END, FOOTER):
                return None
            if head[0] == CHUNK:
                return self._chunk(size)
            if head[0] in (SCHEMA, CHANNEL, METADATA, HEADER):
                self._note(head[0], self.take(size))
            elif head[0] == MCAP_MESSAGE:
                return np.concatenate((np.frombuffer(head, np.uint8), self.take(size)))
            elif 0 < head[0] <= _LAST_KIND:
                self.leave(size)
            else:
                raise DamageError(f"a record of kind {head[0]}")

    def _chunk(self, size: int) -> NDArray[np.uint8]:
        data = self.take(size, part=True)
        cursor = Cursor(data)
        _, _, room, checksum = cursor.number("Q"), cursor.number("Q"), cursor.number("Q"), cursor.number("I")
        compression = cursor.text()
        stored = cursor.number("Q")
        self.cut = len(data) < size
        if self.cut:
            self.count("truncated_bytes", len(data))
        elif stored != cursor.left:
            raise DamageError("a chunk of another size than it says")
        records = unpacked(data[cursor.at :], compression, room)
        if len(data) == size and checksum and crc32(records.data) != checksum:
            raise DamageError("a chunk's checksum is not that of its records")
        return records

    def learn(self, record: NDArray[np.uint8]) -> None:
        """Take note of a schema or a channel; see ChunkedLog."""
        self._note(int(record[0]), record[_HEAD_BYTES:])

    def _note(self, kind: int, body: Any) -> None:
        cursor = Cursor(body)
        if kind == SCHEMA:
            number, name, encoding = cursor.number("H"), cursor.text(), cursor.text()
            self.schemas[number] = Schema(name, encoding, bytes(cursor.block()))
        elif kind == CHANNEL:
            self._channel(cursor)
        elif kind == METADATA:
            name = cursor.text()
            self.metadata[name] = _texts(cursor)
        elif kind == HEADER:
            self.profile = cursor.text()
        elif kind == CHUNK_INDEX:
            _, latest, start = cursor.numbers("Q", 3)
            self.chunks.append((latest, start))
        elif kind == METADATA_INDEX:
            self._metadata_at.append((cursor.number("Q"), cursor.number("Q")))
        elif kind == STATISTICS:
            self._statistics(cursor)

    def _channel(self, cursor: Cursor) -> None:
        number, schema = cursor.numbers("H", 2)
        topic, encoding = cursor.text(), cursor.text()
        known = self.schemas.get(schema)
        kind = "" if known is None else known.name.replace("/msg/", "/")
        self.channels[number] = Channel(number, topic, kind, encoding, _texts(cursor))

    def _statistics(self, cursor: Cursor) -> None:
        cursor.raw(8 + 2 + 4 * 4)
        self.time_range_ns = cursor.number("Q"), cursor.number("Q")
        counts = Cursor(cursor.block())
        while counts.left:
            channel = counts.number("H")
            self.counts[channel] = counts.number("Q")

    def chunk_at(self, found: re.Match[bytes], window: int) -> int | None:
        """Return where a chunk begins whose two sizes agree; see ChunkedLog."""
        at = found.start()
        head = bytes(found.string[at : at + _HEAD_BYTES + _CHUNK_FIXED_BYTES + 4])
        name_bytes = int.from_bytes(head[_HEAD_BYTES + 28 : _HEAD_BYTES + 32], "little")
        size = int.from_bytes(head[1:_HEAD_BYTES], "little")
        stored_at = _HEAD_BYTES + 32 + name_bytes
        stored = int.from_bytes(head[stored_at : stored_at + 8], "little")
        return window + at if size == stored + _CHUNK_FIXED_BYTES + name_bytes else None


def _records(data: NDArray[np.uint8]) -> Any:
    cursor = Cursor(data)
    while cursor.left:
        kind = cursor.number("B")
        yield kind, cursor.raw(cursor.number("Q"))


def _texts(cursor: Cursor) -> dict[str, str]:
    pairs = Cursor(cursor.block())
    found = {}
    while pairs.left:
        name = pairs.text()
        found[name] = pairs.text()
    return found
