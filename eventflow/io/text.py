"""Text, one event a line: CSV, tab or space separated, with or without a header.

Read: `t,x,y,p` in any order and unit a header names; without one, `t x y p` in µs, or in seconds where the times have
fractions (the rpg datasets). Polarity is 0/1, -1/1, true/false or on/off. Lines that begin with # or % are comments.
A header names units too (t_us, timestamp_ns, "Time [ms]"); times without one that have fractions are s, ms, µs or ns
by how near they are to our time since 1970 in it.
Written: as faery does it, `t,x@WIDTH,y@HEIGHT,on`, so that the file says its sensor size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, Final, TypeVar

import numpy as np

from eventflow.errors import ParameterError, RecordingError
from eventflow.io.decoder import Decoder, Encoder, RecordingInfo
from eventflow.io.order import BEFORE_ALL_TIME
from eventflow.io.source import CHUNK_BYTES, WordChunks
from eventflow.io.text_kernels import (
    FIRST_MALFORMED,
    LAST,
    LINES,
    MALFORMED,
    OUTSIDE,
    STATE_SIZE,
    STEPS_BACK,
    parse_rows,
)
from eventflow.io.text_layout import LOOKED_AT_BYTES, UNIT_POWERS, TextLayout, layout_of
from eventflow.io.text_swift import time_column_of
from eventflow.io.text_writing import format_rows
from eventflow.kernels.words import words_of

if TYPE_CHECKING:
    from eventflow.events import Events
    from eventflow.io.decoder import Batch
    from eventflow.io.source import ByteSource

D = TypeVar("D", bound="TextDecoder")

_SHORTEST_ROW_BYTES: Final = 8  # "0,0,0,0\n"
_SEPARATORS: Final = ",; \t"
_BUFFER_BYTES: Final = 1 << 18


class TextDecoder(Decoder):
    """Reads events from lines of text."""

    def __init__(self, source: ByteSource, layout: TextLayout, info: RecordingInfo) -> None:
        super().__init__(source, info)
        self._unit_power = UNIT_POWERS[layout.unit]
        self._roles = np.array(["txyp-".index(letter) for letter in layout.columns], np.int64)
        self._state = np.zeros(STATE_SIZE, np.int64)
        self._state[[LINES, LAST]] = layout.skipped_lines, BEFORE_ALL_TIME
        self._swift_column = time_column_of(layout.columns, self._unit_power)
        self._row_bytes = max(layout.row_bytes, _SHORTEST_ROW_BYTES)
        self._chunks = WordChunks(source, np.uint8)
        self._in_long_line = False

    def fill(self, batch: Batch, start: int) -> int:
        """Parse the next lines into `batch` from `start` on."""
        words = batch.records.view(np.int64).reshape(-1, 2)
        while start < len(words):
            made = self._parse(words[start:], ended=self._chunks.ended)
            start += made
            if start < len(words) and not self._more():
                self._count()
                break
        return start

    def mark(self) -> dict[str, Any] | None:
        """Return where the next line begins and what was counted, None inside a line longer than the window."""
        if self._in_long_line or not self.source.seekable:
            return None
        return {"byte": self.decoded_bytes, "state": self._state.tolist()}

    def resume(self, mark: dict[str, Any]) -> None:
        """Go on from a mark."""
        self.source.seek(int(mark["byte"]))
        self._state[:] = mark["state"]

    @property
    def steps_back(self) -> int:  # type: ignore[override]
        """Number of events earlier than the one before them so far."""
        return int(self._state[STEPS_BACK])

    @property
    def decoded_bytes(self) -> int:
        """Bytes of the source decoded so far."""
        return self.source.position - self._chunks.waiting_bytes

    def start_near(self, position: int) -> bool:
        """Go to the first line that begins after byte `position`; see Decoder.start_near."""
        if position > self.decoded_bytes:
            self.source.seek(position)
            self._chunks = WordChunks(self.source, np.uint8)
            self._chunks.refill()
            newlines = np.flatnonzero(self._chunks.words == ord("\n"))
            self._chunks.cursor = int(newlines[0]) + 1 if len(newlines) else len(self._chunks.words)
        return True

    def expected_events(self) -> int | None:
        """Return how many events the file holds, judged by the length of its first rows."""
        return None if self.source.size is None else int(self.source.size / self._row_bytes) + 1

    def _parse(self, words: Any, *, ended: bool) -> int:
        chunks, info = self._chunks, self.info
        data = chunks.words[chunks.cursor :]
        kept = np.uint64(self._unit_power) if self._unit_power > 0 else None
        how = self._roles, self._swift_column, kept, self._unit_power, info.width, info.height
        used, made = parse_rows(data, ended, words, self._state, *how)
        chunks.cursor += used
        return int(made)

    def _more(self) -> bool:
        chunks = self._chunks
        left = len(chunks.words) - chunks.cursor
        if left == CHUNK_BYTES:  # a line longer than the window is no event: it is passed over piece by piece
            self._in_long_line = True
            left = 0
        came = chunks.refill(keep=left)
        if self._in_long_line:
            self._leave_long_line()
        return came or left > 0

    def _leave_long_line(self) -> None:
        newlines = np.flatnonzero(self._chunks.words == ord("\n"))
        if len(newlines) or self._chunks.ended:
            self._in_long_line = False
            self._state[[MALFORMED, LINES]] += 1
        self._chunks.cursor = int(newlines[0]) + 1 if len(newlines) else len(self._chunks.words)

    def _count(self) -> None:
        counts = {"malformed": int(self._state[MALFORMED]), "outside": int(self._state[OUTSIDE])}
        self.skipped.update({reason: count for reason, count in counts.items() if count})
        if self._state[FIRST_MALFORMED]:
            note = f"line {self._state[FIRST_MALFORMED]} is the first that is no event"
            if note not in self.info.notes:
                self.info.notes.append(note)


class TextEncoder(Encoder):
    """Writes events as lines of text."""

    def __init__(self, file: BinaryIO, *, width: int, height: int, separator: str, unit: str, header: bool) -> None:
        if separator not in _SEPARATORS or len(separator) != 1:
            raise ParameterError(
                f"separator={separator!r} is not allowed; choose one of {', '.join(map(repr, _SEPARATORS))}"
            )
        if unit not in UNIT_POWERS:
            raise ParameterError(f"unit={unit!r} is not allowed; choose {', '.join(UNIT_POWERS)}")
        self._file = file
        self._separator = ord(separator)
        self._unit_power = UNIT_POWERS[unit]
        self._buffer = np.empty(_BUFFER_BYTES, np.uint8)
        if header:
            time = "t" if unit == "us" else f"t_{unit}"
            file.write((separator.join((time, f"x@{width}", f"y@{height}", "on")) + "\n").encode())

    def write(self, events: Events) -> None:
        """Append events."""
        words, index = words_of(events), 0
        while index < len(events):
            index, used = format_rows(words, index, self._separator, self._unit_power, self._buffer)
            self._file.write(self._buffer[:used].data)


def open_decoder(
    source: ByteSource,
    *,
    width: int | None = None,
    height: int | None = None,
    columns: str | None = None,
    unit: str | None = None,
) -> TextDecoder:
    """Return a decoder of `source`, its first lines looked at.

    Args:
        source: the file or pipe.
        width: sensor width, px, where the file does not say.
        height: sensor height, px, where the file does not say.
        columns: what the columns hold, such as "txyp" or "xypt"; - is a column to pass over.
        unit: of the times: s, ms, us or ns. Parts of a µs are rounded to the nearest.
    """
    return open_as(TextDecoder, source, width=width, height=height, columns=columns, unit=unit)


def open_as(
    kind: type[D], source: ByteSource, *, width: int | None, height: int | None, columns: str | None, unit: str | None
) -> D:
    """Return a decoder of this kind; the arguments are those of `open_decoder`."""
    if source.peek(3) == b"\xef\xbb\xbf":
        source.read(3)
    head = source.peek(LOOKED_AT_BYTES)
    text = head[: head.rfind(b"\n") + 1] if len(head) == LOOKED_AT_BYTES else head
    layout = layout_of(text.decode("utf-8", "replace"), columns=columns, unit=unit)
    if not layout.rows and not layout.named and not layout.width:
        raise RecordingError(
            f"{source.path}: byte 0: expected lines such as 't,x,y,p' or '12,3,4,1', found {head[:40]!r}"
        )
    size = layout.width or width or 0, layout.height or height or 0
    if not (0 < size[0] <= 65536 and 0 < size[1] <= 65536):
        raise RecordingError(
            f"{source.path}: nothing says how large the sensor is; pass width= and height= (--width, --height), "
            "or begin the file with a line such as 't,x@640,y@480,on' or '# 640x480'"
        )
    source.read(sum(len(line) + 1 for line in text.split(b"\n")[: layout.skipped_lines]))
    attributes = {"columns": layout.columns, "unit": layout.unit}
    info = RecordingInfo(source.path, "csv", *size, size_bytes=source.size, attributes=attributes, notes=layout.notes)
    return kind(source, layout, info)


def open_encoder(
    file: BinaryIO, *, width: int, height: int, separator: str = ",", unit: str = "us", header: bool = True
) -> TextEncoder:
    """Return an encoder that writes to `file`.

    Args:
        file: where to.
        width: sensor width, px.
        height: sensor height, px.
        separator: comma, semicolon, space or tab.
        unit: of the times: s, ms, us or ns; s and ms are written with all decimals.
        header: whether the first line names the columns. separator=" ", unit="s", header=False is rpg's format.
    """
    return TextEncoder(file, width=width, height=height, separator=separator, unit=unit, header=header)
