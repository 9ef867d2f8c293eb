"""Going to a time in a recording: by the format's own table, by an index beside the file, or by reading up to it.

Where a format has neither table nor index, the index of a large file is made as far as somebody wants to go, and goes
on from there the next time.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

from eventflow.errors import EventflowError, RecordingError
from eventflow.io.index_file import IndexFile, indexable
from eventflow.io.recording import decoder_of
from eventflow.io.source import ByteSource, reason_of
from eventflow.io.table import HEAD_BYTES, Format, format_named, format_of
from eventflow.io.time_index import TimeIndex, has_marks

if TYPE_CHECKING:
    from pathlib import Path

    from eventflow.io.decoder import Decoder

WORTH_BYTES = 64 << 20
"""From what size on a file is given an index unasked, when somebody goes to a time in it."""


class Way:
    """How times are found in one recording; it remembers the index.

    Args:
        path: the recording.
        format: its format.
        options: what it is opened with.
    """

    def __init__(self, path: str, format: Format, options: dict[str, Any]) -> None:
        self._path, self._format, self._options = path, format, options
        self._file = IndexFile(path, format, options)
        self._index: TimeIndex | None = None

    def go(self, decoder: Decoder, t: int) -> int:
        """Send a fresh decoder close before the first event at or after `t` (µs); say how many events that passes."""
        index = self._reaching(decoder, t)
        if index is None:
            if not has_marks(decoder):
                decoder.seek(t)
            return 0
        place = index.place_of(t)
        if place is None:
            return 0
        decoder.resume(index.states[place])
        return index.events[place]

    def complete(self) -> tuple[TimeIndex, Path]:
        """Return the index of all of the recording and its file, made and written where it is not there.

        Raises:
            RecordingError: the format has no marks, or the index can be written nowhere.
        """
        found = self._file.find()
        if found is not None and found[0].complete:
            return found
        index = TimeIndex() if found is None else found[0]
        try:
            stamp = self._extend(index, None)
            return index, self._file.save(index, stamp)
        except OSError as error:
            raise RecordingError(f"{self._path}: its index cannot be written: {reason_of(error)}") from error

    def known(self) -> TimeIndex | None:
        """Return the index, as far as it goes, where there is one."""
        if self._index is None and indexable(self._path):
            self._index = self._file.load()
        return self._index

    def _reaching(self, decoder: Decoder, t: int) -> TimeIndex | None:
        """Return an index as far as `t`, or None where there is none and none is wanted."""
        if not indexable(self._path) or not has_marks(decoder):
            return None
        index = self.known()
        if index is None and (decoder.source.size or 0) < WORTH_BYTES:
            return None
        index = index or TimeIndex()
        if not index.reaches(t):
            try:
                stamp = self._extend(index, t)
            except EventflowError:
                return None  # whoever reads up to there meets it too
            with contextlib.suppress(OSError):  # then the next one reads as far again
                self._file.save(index, stamp)
        self._index = index
        return index

    def _extend(self, index: TimeIndex, until: int | None) -> dict[str, Any]:
        """Read on with a decoder of its own and return what tells the recording that was read.

        Raises:
            RecordingError: the format has no marks, or the recording changes meanwhile.
        """
        stamp = self._file.stamp()
        with ByteSource(self._path) as source:
            decoder = decoder_of(self._format, source, self._options)
            if not has_marks(decoder):
                raise RecordingError(f"{self._path}: {self._format.title} has no need of an index: it has its own")
            index.extend(decoder, until)
        if self._file.stamp() != stamp:
            raise RecordingError(f"{self._path}: changes while it is read; an index is of a finished recording")
        return stamp


def index(path: str | os.PathLike[str], *, format: str | None = None, **options: Any) -> tuple[TimeIndex, Path]:
    """Make the index of a recording, so that any time in it is reached at once, and return it and its file.

    Args:
        path: the recording, a file.
        format: name of its format, where its bytes do not say.
        options: the options it will be opened with, such as width and height.

    Raises:
        RecordingError: it cannot be read, is no file, or is of a format that needs no index.
    """
    name = os.fspath(path)
    if not indexable(name) and os.path.exists(name):
        raise RecordingError(f"{name}: only a file has an index")
    with ByteSource(name) as source:
        row = format_named(format) if format else format_of(source.peek(HEAD_BYTES), name)
    return Way(name, row, options).complete()
