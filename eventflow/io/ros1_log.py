"""ROS 1 bags, format 2.0: records of a header of named fields and data; messages lie in chunks.

http://wiki.ros.org/Bags/Format/2.0. A bag that was not closed has no index and is read all the same.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from eventflow.errors import RecordingError
from eventflow.io.cursor import Cursor
from eventflow.io.log_kernels import index_ros1
from eventflow.io.logs import Channel, ChunkedLog, DamageError, unpacked

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from eventflow.io.source import ByteSource

MAGIC: Final = b"#ROSBAG V2.0\n"
_MESSAGE, _BAG, _INDEX, _CHUNK, _CHUNK_INFO, _CONNECTION = range(2, 8)
_MOST_HEADER_BYTES: Final = 1 << 20
_MOST_HEAD_BYTES: Final = 80  # from the start of a chunk's record to the field that says it is one


class Ros1Log(ChunkedLog):
    """One pass over a ROS 1 bag."""

    index = staticmethod(index_ros1)
    message_kind = _MESSAGE
    told_kinds = (_CONNECTION,)
    chunk_pattern = re.compile(rb"op=\x05")

    def __init__(self, source: ByteSource) -> None:
        super().__init__(source)
        if source.read(len(MAGIC)) != MAGIC:
            raise RecordingError(f"{source.path}: no ROS 1 bag of format 2.0: it does not begin with {MAGIC!r}")
        self.first_record = source.position
        if source.seekable:
            self._read_index()

    def _read_index(self) -> None:
        try:
            fields, size = self._head()
            position = int.from_bytes(fields.get(b"index_pos", b""), "little")
            self.leave(size)
            if fields.get(b"op") == bytes([_BAG]) and position and position < (self.source.size or 0):
                self.source.seek(position)
                self._read_summary()
                self.listed = True
        except ValueError:
            self.channels.clear()
        self.source.seek(self.first_record)

    def _read_summary(self) -> None:
        while (self.source.size or 0) > self.source.position:
            fields, size = self._head()
            data = self.take(size)
            if fields.get(b"op") == bytes([_CONNECTION]):
                self._connection(fields, data)
            elif fields.get(b"op") == bytes([_CHUNK_INFO]):
                for channel, count in data[: len(data) // 8 * 8].view("<u4").reshape(-1, 2).tolist():
                    self.counts[channel] = self.counts.get(channel, 0) + count

    def _head(self) -> tuple[dict[bytes, bytes], int]:
        """Return the fields of the next record and how many bytes of data follow."""
        size = int.from_bytes(self.source.read(4), "little")
        if not 4 <= size <= _MOST_HEADER_BYTES:
            raise DamageError(f"a header of {size} bytes", truncated=(self.source.size or 0) - self.source.position < 1)
        header = self.take(size)
        return _fields(header), int.from_bytes(self.take(4).tobytes(), "little")

    def next_chunk(self) -> NDArray[np.uint8] | None:
        """Return the records of the next chunk; see ChunkedLog."""
        while self.source.peek(1):
            fields, size = self._head()
            kind = (fields.get(b"op") or b"\0")[0]
            if kind == _CHUNK:
                compression = fields.get(b"compression", b"none").decode("latin-1")
                room = int.from_bytes(fields.get(b"size", b""), "little")
                data = self.take(size, part=True)
                self.cut = len(data) < size
                if self.cut:
                    self.count("truncated_bytes", len(data))
                return unpacked(data, compression, room)
            if kind == _CONNECTION:
                self._connection(fields, self.take(size))
            elif kind in (_BAG, _INDEX, _CHUNK_INFO):
                self.leave(size)
            else:
                raise DamageError(f"a record of kind {kind}")
        return None

    def learn(self, record: NDArray[np.uint8]) -> None:
        """Take note of a connection; see ChunkedLog."""
        cursor = Cursor(record)
        fields = _fields(cursor.block())
        if fields.get(b"op") == bytes([_CONNECTION]):
            self._connection(fields, cursor.block())

    def _connection(self, fields: dict[bytes, bytes], data: Any) -> None:
        number = int.from_bytes(fields[b"conn"], "little") if b"conn" in fields else -1
        if number < 0:
            raise DamageError("a connection without a number")
        said = _fields(data)
        topic, kind = (said.get(name, b"").decode("utf-8", "replace") for name in (b"topic", b"type"))
        topic = fields.get(b"topic", b"").decode("utf-8", "replace") or topic
        self.channels[number] = Channel(number, topic, kind, "ros1")

    def chunk_at(self, found: re.Match[bytes], window: int) -> int | None:
        """Return where the record begins of which "op" was found; its other fields may stand before it."""
        begin = max(found.start() - _MOST_HEAD_BYTES, 0)
        for at in range(begin, found.start() - 7):
            head = found.string[at : found.end() + _MOST_HEAD_BYTES]
            if _is_chunk(bytes(head)):
                return window + at
        return None


def _is_chunk(head: bytes) -> bool:
    size = int.from_bytes(head[:4], "little")
    if not 30 <= size <= len(head) - 4:
        return False
    try:
        fields = _fields(head[4 : 4 + size])
    except ValueError:
        return False
    return fields.keys() >= {b"op", b"compression", b"size"} and fields[b"op"] == bytes([_CHUNK])


def _fields(header: Any) -> dict[bytes, bytes]:
    """Return the named fields of a header.

    Raises:
        DamageError: it is none.
    """
    return dict(_named(Cursor(header)))


def _named(cursor: Cursor) -> Iterator[tuple[bytes, bytes]]:
    while cursor.left:
        name, equals, value = bytes(cursor.block()).partition(b"=")
        if not equals:
            raise DamageError("a field without a name")
        yield name, value
