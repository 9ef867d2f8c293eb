"""The text header of Prophesee RAW and DAT files: lines `% key value`.

It ends at `% end` or, in older files, where no such line follows. Data may itself begin with the bytes of "% " (the
EVT3 word 0x2025), so a line counts as header only if it is text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from eventflow.errors import RecordingError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventflow.io.source import ByteSource

_LONGEST_HEADER_BYTES: Final = 1 << 20
_LINE = re.compile(rb"% ([\t\r\x20-\x7e\x80-\xff]*)\n")
_CUT_LINE = re.compile(rb"%(?: [\t\r\x20-\x7e]*)?")

# system_ID -> sensor, width, height: boards that wrote headers without a geometry
_SYSTEMS: Final = {
    21: ("Gen3", 640, 480),
    28: ("Gen3.1", 640, 480),
    39: ("Gen4.1", 1280, 720),
    40: ("Gen3.1", 640, 480),
    48: ("Gen4.1", 1280, 720),
    49: ("IMX636", 1280, 720),
    59: ("GenX320", 320, 320),
    64: ("GenX320", 320, 320),
}


@dataclass
class Header:
    """What the header of a Prophesee file says.

    Attributes:
        entries: its lines by key, in their order; "" where a line has only a key.
        ended: whether it ends with `% end`.
    """

    entries: dict[str, str] = field(default_factory=dict)
    ended: bool = False

    @property
    def format_fields(self) -> dict[str, str]:
        """The parts of the line `format NAME;key=value…`."""
        parts = self.entries.get("format", "").split(";")
        return {key.strip(): value.strip() for key, _, value in (part.partition("=") for part in parts[1:])}

    @property
    def system(self) -> tuple[str, int, int] | None:
        """Sensor, width and height of the board `system_ID` names, where it is a known one."""
        try:
            return _SYSTEMS.get(int(self.entries.get("system_ID", ""), 0))
        except ValueError:
            return None

    @property
    def sensor(self) -> str:
        """Name of the sensor or of the driver that wrote the file, or ""."""
        for key in ("sensor_name", "generation", "sensor_generation", "plugin_name"):
            if self.entries.get(key):
                return self.entries[key]
        return "" if self.system is None else self.system[0]

    @property
    def geometry(self) -> tuple[int, int] | None:
        """Width and height in px, or None where nothing in the header says."""
        fields = self.format_fields
        written = re.fullmatch(r"(\d+)x(\d+)", self.entries.get("geometry", ""))
        for pair in (
            (fields.get("width", ""), fields.get("height", "")),
            written.groups() if written else ("", ""),
            (self.entries.get("Width", ""), self.entries.get("Height", "")),
        ):
            if pair[0].isdecimal() and pair[1].isdecimal() and int(pair[0]) and int(pair[1]):
                return int(pair[0]), int(pair[1])
        return None if self.system is None else self.system[1:]


def time_origin(entries: Mapping[str, str]) -> int:
    """Return the µs to add to every time: the line `% t0 N` of writers whose clock could not count that far."""
    text = entries.get("t0", "")
    return int(text) if text.isdecimal() and len(text) < 19 else 0


def read_header(source: ByteSource) -> Header:
    """Consume the header at the start of `source`; without one, consume nothing.

    Raises:
        RecordingError: the file is empty, or ends inside its header.
    """
    header = Header()
    if not source.peek(1):
        raise RecordingError(
            f"{source.path}: the file is empty (0 bytes); expected a Prophesee header `% …` and events"
        )
    while True:
        line = _next_line(source)
        if line is None:
            return header
        source.read(len(line))
        key, _, value = line[2:].decode("utf-8", "replace").strip().partition(" ")
        if key == "end" and not value:
            header.ended = True
            return header
        header.entries[key] = value.strip()


def _next_line(source: ByteSource) -> bytes | None:
    size = 256
    while True:
        ahead = source.peek(size)
        if ahead[:2] not in (b"% ", b"%"):
            return None
        end = ahead.find(b"\n")
        if end >= 0:
            line = _LINE.fullmatch(ahead[: end + 1])
            return None if line is None else line.group()
        if len(ahead) < size:
            if _CUT_LINE.fullmatch(ahead) is None:
                return None
            raise RecordingError(
                f"{source.path}: the file ends inside its header, at byte {source.position + len(ahead)}; "
                "expected the rest of a line `% key value`. The copy is incomplete"
            )
        if size >= _LONGEST_HEADER_BYTES:
            return None
        size *= 4


def geometry_of(
    source: ByteSource, header: Header, width: int | None, height: int | None, default: tuple[int, int] | None = None
) -> tuple[int, int]:
    """Return width and height: what the user gave, else what the header says, else the default.

    Raises:
        RecordingError: nobody knows.
    """
    known = header.geometry or default or (None, None)
    width, height = width or known[0], height or known[1]
    if width is None or height is None:
        system = header.entries.get("system_ID")
        why = f"its system_ID {system} is unknown" if system else "its header names no geometry"
        raise RecordingError(f"{source.path}: the sensor size is not known ({why}); pass width= and height=")
    return width, height
