"""Text in a zip archive, as E2VID and its descendants read it: a line "width height", then `t x y p` in seconds.

https://github.com/uzh-rpg/rpg_e2vid. The first member that is text is read, whatever its layout; see text.py.
"""

from __future__ import annotations

import zipfile
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from eventflow.errors import RecordingError
from eventflow.io.decoder import Decoder, Encoder
from eventflow.io.numpy_members import Member, member_of
from eventflow.io.source import ByteSource
from eventflow.io.text import TextDecoder, TextEncoder, open_as

if TYPE_CHECKING:
    from eventflow.events import Events
    from eventflow.io.decoder import Batch

_SUFFIXES: Final = (".txt", ".csv", ".tsv")
_MEMBER: Final = "events.txt"
_DATE: Final = (1980, 1, 1, 0, 0, 0)


class MemberSource(ByteSource):
    """The bytes of a member of an archive, read front to back.

    Attributes:
        member: the member.
    """

    def __init__(self, archive: ByteSource, entry: zipfile.ZipInfo) -> None:
        self.path, self.file = archive.path, archive.file
        self._archive = archive  # whose file is closed with it
        self.member: Member = member_of(archive.file, entry, archive.path)
        self.size, self.seekable = entry.file_size, False
        self._ahead, self.position = b"", 0

    def _read_file(self, buffer: memoryview) -> int:
        data = self.member.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class ZippedTextDecoder(TextDecoder):
    """Reads events from lines of text in an archive."""

    source: MemberSource
    # a member of an archive is read from its start on
    mark, resume, start_near = Decoder.mark, Decoder.resume, Decoder.start_near

    def fill(self, batch: Batch, start: int) -> int:
        """Parse the next lines into `batch` from `start` on."""
        stop = super().fill(batch, start)
        damaged = self.source.member.damaged
        if stop < len(batch) and damaged and "damaged" not in self.skipped:
            self.skip("damaged", 1)
            self.info.notes.append(f"the text in the archive: {damaged}")
        return stop


class ZippedTextEncoder(Encoder):
    """Writes an archive with one member of text."""

    def __init__(self, file: BinaryIO, *, width: int, height: int) -> None:
        self._archive = zipfile.ZipFile(file, "w")
        entry = zipfile.ZipInfo(_MEMBER, _DATE)
        entry.compress_type, entry.create_system, entry.external_attr = zipfile.ZIP_DEFLATED, 3, 0o600 << 16
        self._member = self._archive.open(entry, "w", force_zip64=True)
        self._member.write(f"{width} {height}\n".encode())
        member = cast("BinaryIO", self._member)
        self._text = TextEncoder(member, width=width, height=height, separator=" ", unit="s", header=False)

    def write(self, events: Events) -> None:
        """Append events."""
        self._text.write(events)

    def finish(self) -> None:
        """Write the archive's directory."""
        self._member.close()
        self._archive.close()


def open_decoder(
    source: ByteSource,
    *,
    width: int | None = None,
    height: int | None = None,
    columns: str | None = None,
    unit: str | None = None,
) -> ZippedTextDecoder:
    """Return a decoder of `source`, the first lines of its text looked at.

    Args:
        source: the file; a pipe cannot be read, as an archive's directory is at its end.
        width: sensor width, px, where the text does not say.
        height: sensor height, px, where the text does not say.
        columns: what the columns hold, such as "txyp"; - is a column to pass over.
        unit: of the times: s, ms, us or ns.
    """
    if not source.seekable:
        raise RecordingError(f"{source.path}: zip archives cannot be read from a pipe; write it to a file first")
    try:
        with zipfile.ZipFile(source.file) as archive:
            texts = [each for each in archive.infolist() if PurePosixPath(each.filename).suffix.lower() in _SUFFIXES]
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, EOFError) as error:
        raise RecordingError(
            f"{source.path}: byte {source.size}: expected the directory of a zip archive at the end: {error}"
        ) from error
    if not texts:
        raise RecordingError(f"{source.path}: no member with the suffix {', '.join(_SUFFIXES)}")
    member = MemberSource(source, texts[0])
    decoder = open_as(ZippedTextDecoder, member, width=width, height=height, columns=columns, unit=unit)
    decoder.info.format, decoder.info.size_bytes = "zip", source.size
    decoder.info.attributes["member"] = texts[0].filename
    return decoder


def open_encoder(file: BinaryIO, *, width: int, height: int) -> ZippedTextEncoder:
    """Return an encoder that writes to `file`, in the form that E2VID reads."""
    return ZippedTextEncoder(file, width=width, height=height)
