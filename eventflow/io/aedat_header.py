"""The text header of AEDAT 1, 2 and 3: lines that begin with '#', the first with the version.

Where nothing marks its end, data may itself begin with a '#' (a DAVIS event in rows 140 to 143 does), so a line counts
as header only if it is text with the line ending of the first line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from eventflow.errors import RecordingError

if TYPE_CHECKING:
    from eventflow.io.source import ByteSource

_LONGEST_HEADER_BYTES: Final = 1 << 24
_STEP_BYTES: Final = 1 << 14
_VERSION = re.compile(rb"#!AER-DAT(\d\.\d)\r?\n")
_LINE = re.compile(rb"#([\t\x20-\x7e\x80-\xff]*)(\r?\n)")
_CUT_LINE = re.compile(rb"#[\t\r\x20-\x7e\x80-\xff]*")
_ENDS: Final = ("!END-HEADER", "End Of ASCII Header")
_KEY = re.compile(r"[ -]?([A-Za-z][\w -]*?) ?: ?(.*)")


@dataclass
class Header:
    """What the header says.

    Attributes:
        version: such as "2.0"; "1.0" where there is no version line.
        lines: the others, without '#' and line ending.
        ended: whether its end is marked.
        hash_follows: whether the data begin with the byte of '#'.
    """

    version: str = "1.0"
    lines: list[str] = field(default_factory=list)
    ended: bool = False
    hash_follows: bool = False

    @property
    def entries(self) -> dict[str, str]:
        """The lines of the form `key: value`, the preferences of jAER left out."""
        pairs = (_KEY.fullmatch(line) for line in self.lines if "<" not in line)
        return {pair[1]: pair[2] for pair in pairs if pair}


def read_header(source: ByteSource) -> Header:
    """Read the header, leaving `source` at the first byte of data.

    Raises:
        RecordingError: it does not end within 16 MiB.
    """
    header, first = Header(), b""
    while source.peek(1) == b"#":
        line = _line(source)
        version = _VERSION.fullmatch(line)
        text = _LINE.fullmatch(line)
        if version and not first:
            header.version = version[1].decode()
        elif text is None or (first and text[2] != first):
            header.hash_follows = True
            break
        else:
            header.lines.append(text[1].decode("utf-8", "replace"))
        first = first or (b"\r\n" if line.endswith(b"\r\n") else b"\n")
        source.read(len(line))
        if header.lines and header.lines[-1].strip() in _ENDS:
            header.ended = True
            break
    return header


def _line(source: ByteSource) -> bytes:
    """Return the bytes up to the next end of line, or up to where they can no longer be text."""
    size = _STEP_BYTES
    while True:
        head = source.peek(size)
        end = head.find(b"\n")
        if end >= 0:
            return head[: end + 1]
        if len(head) < size or _CUT_LINE.fullmatch(head) is None:
            return head
        size *= 4
        if size > _LONGEST_HEADER_BYTES:
            raise RecordingError(f"{source.path}: a header line is longer than {_LONGEST_HEADER_BYTES} bytes")
