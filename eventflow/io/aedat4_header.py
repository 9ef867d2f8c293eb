"""The header of an AEDAT 4 file: compression, place of the data table, and the streams described in XML."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from eventflow.errors import RecordingError
from eventflow.io.aedat4_flatbuffers import HEADER_TABLE_POSITION_AT, FlatbufferError, header_bytes, root
from eventflow.io.aedat4_unpacking import COMPRESSIONS as COMPRESSIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from eventflow.io.source import ByteSource

VERSION_LINE: Final = b"#!AER-DAT4.0\r\n"
TABLE_POSITION_AT: Final = len(VERSION_LINE) + HEADER_TABLE_POSITION_AT
_MAX_HEADER_BYTES: Final = 1 << 24
_DESCRIPTIONS: Final = {
    "EVTS": "Array of events (polarity ON/OFF).",
    "FRME": "Standard frame (8-bit image).",
    "IMUS": "Inertial Measurement Unit data samples.",
    "TRIG": "External triggers and special signals.",
}


@dataclass(frozen=True)
class StreamHeader:
    """What the header says of one stream.

    Attributes:
        number: what its packets carry.
        identifier: kind of its packets: EVTS, FRME, IMUS, TRIG.
        name: what the recorder called it.
        attributes: the entries of its `info`, such as sizeX, sizeY, source.
    """

    number: int
    identifier: str
    name: str
    attributes: dict[str, str] = field(default_factory=dict)

    def size(self, key: str) -> int:
        """Return a size in pixels, 0 where it is absent or not a number."""
        text = self.attributes.get(key, "")
        return int(text) if text.isdecimal() and len(text) < 6 else 0


@dataclass(frozen=True)
class FileHeader:
    """The header of a file: compression by name, byte of the data table (-1: none), streams by number."""

    compression: str
    table_position: int
    streams: dict[int, StreamHeader]


def read_header(source: ByteSource) -> FileHeader:
    """Read the header, leaving `source` at the first packet.

    Raises:
        RecordingError: it is not a header of AEDAT 4, with the byte that says so.
    """
    line = source.read(len(VERSION_LINE))
    if line != VERSION_LINE:
        raise RecordingError(f"{source.path}: byte 0: expected {VERSION_LINE!r}, found {line!r}")
    start = source.position
    prefix = source.read(4)
    size = struct.unpack("<I", prefix)[0] if len(prefix) == 4 else 0
    if not 12 <= size <= _MAX_HEADER_BYTES:
        raise RecordingError(f"{source.path}: byte {start}: expected the size of the header, found {prefix.hex(' ')}")
    data = prefix + source.read(size)
    if len(data) < size + 4:
        raise RecordingError(
            f"{source.path}: byte {start + len(data)}: the file ends inside its header of {size} bytes"
        )
    try:
        return _parse(data)
    except (FlatbufferError, ElementTree.ParseError, ValueError) as error:
        at = start + (error.offset if isinstance(error, FlatbufferError) else 0)
        raise RecordingError(f"{source.path}: byte {at}: the header is damaged: {error}") from error


def _parse(data: bytes) -> FileHeader:
    table = root(data, b"IOHE")
    compression = table.i32(0)
    if not 0 <= compression < len(COMPRESSIONS):
        raise ValueError(f"compression {compression} is unknown; known: {', '.join(COMPRESSIONS)}")
    start, length = table.vector(2, 1)
    return FileHeader(COMPRESSIONS[compression], table.i64(1, -1), _streams(data[start : start + length]))


def _streams(description: bytes) -> dict[int, StreamHeader]:
    if b"<!" in description:  # entities can unfold to any size, and no recorder writes a declaration
        raise ValueError("the description of the streams holds a declaration")
    found = {}
    for node in ElementTree.fromstring(description.strip(b"\0 \r\n\t")).iterfind("./node[@name='outInfo']/node"):
        name = node.get("name", "")
        if not name.isdecimal():
            continue
        attributes = _attributes(node)
        info = node.find("./node[@name='info']")
        found[int(name)] = StreamHeader(
            int(name),
            attributes.get("typeIdentifier", ""),
            attributes.get("originalOutputName", name),
            {} if info is None else _attributes(info),
        )
    return found


def _attributes(node: ElementTree.Element) -> dict[str, str]:
    return {attr.get("key", ""): attr.text or "" for attr in node.iterfind("./attr")}


def written_stream(number: int, identifier: str, name: str, **info: object) -> StreamHeader:
    """Return the header of a stream to be written; sizes in `info` are integers."""
    return StreamHeader(number, identifier, name, {key: str(value) for key, value in info.items()})


def write_header(compression: str, streams: Iterable[StreamHeader], *, room_bytes: int = 0) -> bytes:
    """Return version line and header of a file, its data table not yet placed.

    Args:
        compression: name of the file's compression.
        streams: what the description names.
        room_bytes: the description is filled up with blanks to this length, to be written again when all streams are
            known.
    """
    path = "/mainloop/Recorder/outInfo"
    lines = ['<dv version="2.0">', f'<node name="outInfo" path="{path}/">']
    for stream in streams:
        about = {
            "compression": compression.upper(),
            "originalModuleName": "eventflow",
            "originalOutputName": stream.name,
            "typeDescription": _DESCRIPTIONS[stream.identifier],
            "typeIdentifier": stream.identifier,
        }
        lines += [f'<node name="{stream.number}" path="{path}/{stream.number}/">', *_attribute_lines(about)]
        lines += [f'<node name="info" path="{path}/{stream.number}/info/">', *_attribute_lines(stream.attributes)]
        lines += ["</node>", "</node>"]
    description = "\n".join([*lines, "</node>", "</dv>", ""])
    blanks = " " * (room_bytes - len(description.encode()))
    return VERSION_LINE + header_bytes(COMPRESSIONS.index(compression), -1, description + blanks)


def _attribute_lines(attributes: Mapping[str, str]) -> list[str]:
    return [
        f'<attr key="{key}" type="{"int" if value.isdecimal() else "string"}">{escape(value)}</attr>'
        for key, value in attributes.items()
    ]
