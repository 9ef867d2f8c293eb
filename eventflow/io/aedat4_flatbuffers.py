"""The flatbuffers of AEDAT 4: file header, event vectors, data table (dv-processing, `flatbuffers/`).

Every buffer begins with its own size (u32) and the offset of its root table, then an identifier. An offset is looked at
only after it was found to lie inside the buffer.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

EVENT_BYTES: Final = 16
TABLE_DTYPE: Final = np.dtype(
    [("stream", "<i4"), ("size", "<i4"), ("offset", "<i8"), ("events", "<i8"), ("t_first", "<i8"), ("t_last", "<i8")]
)
"""One row of the data table: a packet's stream, its size and its payload's place in the file; times in µs."""

_U16: Final = struct.Struct("<H")
_I16: Final = struct.Struct("<h")
_U32: Final = struct.Struct("<I")
_I32: Final = struct.Struct("<i")
_I64: Final = struct.Struct("<q")

# What precedes the events as every known writer lays it out: u32 size, this, u32 count, events from byte 32.
PLAIN_EVENTS: Final = bytes.fromhex("1000000045565453000006000800040006000000 04000000")
EVENTS_PREFIX_BYTES: Final = 32
"""What precedes the events of a packet laid out so."""


class FlatbufferError(ValueError):
    """A flatbuffer contradicts itself; `offset` is the byte inside it."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Table:
    """A table inside a size-prefixed flatbuffer, with checked access to its fields."""

    data: bytes
    at: int
    fields: tuple[int, ...]

    def place(self, index: int, size: int) -> int | None:
        """Return where field `index` of `size` bytes lies, or None where it is left at its default."""
        offset = self.fields[index] if index < len(self.fields) else 0
        if not offset:
            return None
        return within(self.data, self.at + offset, size)

    def i32(self, index: int, default: int = 0) -> int:
        """Return field `index` as a 32-bit integer."""
        place = self.place(index, 4)
        return default if place is None else int(_I32.unpack_from(self.data, place)[0])

    def i16(self, index: int) -> int:
        """Return field `index` as a 16-bit integer, 0 where it is absent."""
        place = self.place(index, 2)
        return 0 if place is None else int(_I16.unpack_from(self.data, place)[0])

    def i8(self, index: int) -> int:
        """Return field `index` as an unsigned byte, 0 where it is absent."""
        place = self.place(index, 1)
        return 0 if place is None else self.data[place]

    def i64(self, index: int, default: int = 0) -> int:
        """Return field `index` as a 64-bit integer."""
        place = self.place(index, 8)
        return default if place is None else int(_I64.unpack_from(self.data, place)[0])

    def vector(self, index: int, item_bytes: int) -> tuple[int, int]:
        """Return where the items of vector field `index` begin and how many there are; (0, 0) where it is absent."""
        place = self.place(index, 4)
        if place is None:
            return 0, 0
        start = within(self.data, place + _U32.unpack_from(self.data, place)[0], 4)
        count: int = _U32.unpack_from(self.data, start)[0]
        return within(self.data, start + 4, count * item_bytes), count


def within(data: bytes, at: int, size: int) -> int:
    """Return `at` where `size` bytes from there on lie inside `data`."""
    if at < 0 or at + size > len(data):
        raise FlatbufferError(f"{size} bytes at {at} lie outside the buffer's {len(data)}", at)
    return at


def table_at(data: bytes, at: int) -> Table:
    """Return the table at byte `at`."""
    within(data, at, 4)
    vtable = within(data, at - _I32.unpack_from(data, at)[0], 4)
    size = _U16.unpack_from(data, vtable)[0] & ~1
    within(data, vtable, max(size, 4))
    return Table(data, at, struct.unpack_from(f"<{max(size - 4, 0) // 2}H", data, vtable + 4))


def root(data: bytes, identifier: bytes) -> Table:
    """Return the root table of a size-prefixed flatbuffer that must carry `identifier`.

    Raises:
        FlatbufferError: too short, of another kind, or offsets that lead outside.
    """
    within(data, 0, 12)
    if data[8:12] != identifier:
        raise FlatbufferError(f"identifier {data[8:12]!r}, expected {identifier!r}", 8)
    size = _U32.unpack_from(data, 0)[0] + 4
    if size > len(data):
        raise FlatbufferError(f"it says it has {size} bytes and has {len(data)}", 0)
    return table_at(data, 4 + _U32.unpack_from(data, 4)[0])


def framed_events(data: bytes) -> bytes:
    """Return an EVTS packet laid out as `events_prefix` does it, with nothing behind its events.

    Raises:
        FlatbufferError: it contradicts itself.
    """
    if plain_count(data[:EVENTS_PREFIX_BYTES], len(data)) >= 0:
        return data
    start, count = root(data, b"EVTS").vector(0, EVENT_BYTES)
    return events_prefix(count) + data[start : start + count * EVENT_BYTES]


def plain_count(prefix: bytes | memoryview, size: int) -> int:
    """Return how many events a packet of `size` bytes beginning so has, -1 where it is laid out otherwise."""
    if size < EVENTS_PREFIX_BYTES or prefix[4:28] != PLAIN_EVENTS:
        return -1
    count: int = _U32.unpack_from(prefix, 28)[0]
    return count if size == EVENTS_PREFIX_BYTES + count * EVENT_BYTES else -1


def events_prefix(count: int) -> bytes:
    """Return what precedes `count` events in an EVTS packet."""
    return _U32.pack(EVENTS_PREFIX_BYTES - 4 + count * EVENT_BYTES) + PLAIN_EVENTS + _U32.pack(count)


# The header's layout as written here; the file's first 14 bytes are its version line.
HEADER_TABLE_POSITION_AT: Final = 32


def header_bytes(compression: int, table_position: int, description: str) -> bytes:
    """Return the size-prefixed IOHE header."""
    text = description.encode()
    body = struct.pack("<I4s", 20, b"IOHE")
    body += struct.pack("<5H2x", 10, 24, 4, 8, 16)  # vtable: compression, position of the data table, description
    body += struct.pack("<iiqI4x", 12, compression, table_position, 8)
    body += struct.pack("<I", len(text)) + text + b"\0"
    body += b"\0" * (-len(body) % 4)
    return _U32.pack(len(body)) + body


def vector_of_tables(identifier: bytes, fields: tuple[int, ...], entries: NDArray[np.void]) -> bytes:
    """Return a size-prefixed buffer whose root has one field: a vector of tables that share a vtable.

    Args:
        identifier: four bytes.
        fields: where each field of a table lies in it, 0 where it is left out.
        entries: the tables, their first field "to_vtable" not yet set, of a multiple of 8 bytes, fields aligned.
    """
    count = len(entries)
    vtable = 32 + 4 * count
    vtable += -vtable % 4
    first = vtable + 4 + 2 * len(fields)
    first += -first % 8
    places = first + entries.itemsize * np.arange(count)
    entries["to_vtable"] = places - vtable
    head = struct.pack("<I4s", 16, identifier) + struct.pack("<3H2x", 6, 8, 4) + struct.pack("<iI", 8, 4)
    head += _U32.pack(count) + (places - (32 + 4 * np.arange(count))).astype("<u4").tobytes()
    shared = struct.pack(f"<{2 + len(fields)}H", 4 + 2 * len(fields), entries.itemsize, *fields)
    body = (head.ljust(vtable - 4, b"\0") + shared).ljust(first - 4, b"\0") + entries.tobytes()
    return _U32.pack(len(body)) + body


def data_table_bytes(rows: NDArray[np.void]) -> bytes:
    """Return the size-prefixed FTAB of `rows` (TABLE_DTYPE)."""
    entries = np.zeros(
        len(rows),
        [("to_vtable", "<i4"), ("stream", "<i4"), ("size", "<i4"), ("pad", "<i4")]
        + [(name, "<i8") for name in ("offset", "events", "t_first", "t_last")],
    )
    for name in TABLE_DTYPE.names or ():
        entries[name] = rows[name]
    return vector_of_tables(b"FTAB", (16, 4, 24, 32, 40), entries)


def read_data_table(data: bytes) -> NDArray[np.void]:
    """Return the rows (TABLE_DTYPE) of a FTAB buffer.

    Raises:
        FlatbufferError: it contradicts itself.
    """
    start, count = root(data, b"FTAB").vector(0, 4)
    offsets = np.frombuffer(data, "<u4", count, start).astype(np.int64)
    places = start + 4 * np.arange(count) + offsets
    rows = np.zeros(count, TABLE_DTYPE)
    if not count:
        return rows
    buffer = np.frombuffer(data, np.uint8)
    vtables = places - _gather(buffer, places, "<i4")
    sizes = _gather(buffer, vtables, "<u2")
    for index, names in enumerate((("offset",), ("stream", "size"), ("events",), ("t_first",), ("t_last",))):
        known = sizes >= 6 + 2 * index
        fields = np.where(known, _gather(buffer, np.where(known, vtables + 4 + 2 * index, 0), "<u2"), 0)
        present = fields > 0
        for name, at in _columns_at(names, places + fields):
            rows[name] = np.where(present, _gather(buffer, np.where(present, at, 0), TABLE_DTYPE[name].str), 0)
    return rows


def _columns_at(names: Sequence[str], at: NDArray[np.int64]) -> list[tuple[str, NDArray[np.int64]]]:
    return [(name, at + 4 * index) for index, name in enumerate(names)]


def _gather(buffer: NDArray[np.uint8], places: NDArray[np.int64], dtype: str) -> NDArray[np.int64]:
    width = np.dtype(dtype).itemsize
    outside = (places < 0) | (places + width > len(buffer))
    if outside.any():
        at = int(places[np.argmax(outside)])
        raise FlatbufferError(f"{width} bytes at {at} lie outside the buffer's {len(buffer)}", at)
    gathered: NDArray[np.int64] = buffer[places[:, None] + np.arange(width)].view(dtype)[:, 0].astype(np.int64)
    return gathered
