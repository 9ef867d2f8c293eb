"""What the logs of robots share: channels, messages as bytes, chunks of records, damage passed over and counted.

A log is read from front to back in the order of its file, a chunk at a time.
"""

from __future__ import annotations

import bz2
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import lz4.frame
import numpy as np
import zstandard

from eventflow.io.log_kernels import CHANNEL, COLUMNS, KIND, RECORD, SEQUENCE, START, STOP, TIME_NS

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Collection, Iterator

    from numpy.typing import NDArray

    from eventflow.io.source import ByteSource

MAX_RECORD_BYTES: Final = 1 << 27
"""Records and chunks beyond this, as stored or unpacked, count as damage: flipped bits must not take the memory."""

_ROOM_BYTES: Final = 1 << 24  # taken at once for what may be shorter than it says
_ROWS: Final = 4096
_WINDOW_BYTES: Final = 1 << 20
_OVERLAP_BYTES: Final = 256
_SURVEYED_BYTES: Final = 1 << 26

Place = tuple[int, int]
"""Byte of the file where a chunk begins (a row's number in a database), and number of a record in it."""


@dataclass(frozen=True)
class Channel:
    """One topic of a log.

    Attributes:
        id: its number in the log.
        topic: its name.
        type: type of its messages: "dvs_msgs/EventArray", without the "/msg" of ROS 2.
        encoding: how they are written: "ros1", "cdr", "eventflow", or whatever the log says.
        metadata: what else the log says of it.
    """

    id: int
    topic: str
    type: str
    encoding: str
    metadata: dict[str, str] = field(default_factory=dict)


class LogMessage(NamedTuple):
    """A message as bytes: its channel, the time of recording in ns, its bytes, where it is and its own number."""

    channel: int
    time_ns: int
    data: NDArray[np.uint8]
    place: Place
    sequence: int


class Log(ABC):
    """One pass over a log.

    Attributes:
        channels: those met so far, or all of them where the log has a table of them; by id.
        counts: number of messages by channel, where the log says so.
        skipped: what was passed over, by reason.
        noted: what is odd, by reason.
        listed: whether `channels` is complete.
    """

    def __init__(self) -> None:
        self.channels: dict[int, Channel] = {}
        self.counts: dict[int, int] = {}
        self.skipped: dict[str, int] = {}
        self.noted: dict[str, int] = {}
        self.listed = False

    def survey(self) -> bool:
        """Learn the channels where there is no table of them; return whether they are all known then."""
        return True

    @abstractmethod
    def messages(self, wanted: Collection[int] | None = None, place: Place | None = None) -> Iterator[LogMessage]:
        """Yield messages in the order of the file.

        Args:
            wanted: ids of the channels whose messages are given out; None: all.
            place: begin with the message there; None: at the beginning, or where a pipe is.
        """

    def count(self, reason: str, number: int = 1) -> None:
        """Count something passed over."""
        if number:
            self.skipped[reason] = self.skipped.get(reason, 0) + number


class ChunkedLog(Log):
    """A log of records in chunks, read from a file or a pipe. A format gives the parts below.

    Attributes:
        source: the bytes.
        first_record: byte where the first record begins.
        cut: whether the file ends inside the last chunk given out.
    """

    source: ByteSource
    first_record: int
    index: Callable[[NDArray[np.uint8], int, NDArray[np.int64]], tuple[int, int, bool]]
    message_kind: int
    told_kinds: tuple[int, ...]
    chunk_pattern: re.Pattern[bytes]

    def __init__(self, source: ByteSource) -> None:
        super().__init__()
        self.source = source
        self.cut = False

    @abstractmethod
    def next_chunk(self) -> NDArray[np.uint8] | None:
        """Return the records of the next chunk, or None at the end.

        Raises:
            DamageError: what is there is no record.
        """

    @abstractmethod
    def learn(self, record: NDArray[np.uint8]) -> None:
        """Take note of a record that is not a message. Raises a ValueError where it is damaged."""

    @abstractmethod
    def chunk_at(self, found: re.Match[bytes], window: int) -> int | None:
        """Return the byte where a chunk begins whose mark was `found` in a window of the file, or None."""

    def messages(self, wanted: Collection[int] | None = None, place: Place | None = None) -> Iterator[LogMessage]:
        """Yield messages; see Log.messages."""
        first = 0
        if self.source.seekable:
            self.source.seek(self.first_record if place is None else place[0])
        if place is not None:
            first = place[1]
        while True:
            begin = self.source.position
            try:
                chunk = self.next_chunk()
            except ValueError as error:  # of a Cursor that left its record, too
                if not self._pass_over(begin, truncated=getattr(error, "truncated", False)):
                    return
                continue
            if chunk is None:
                return
            yield from self._of_chunk(chunk, begin, first, wanted)
            first = 0

    def survey(self) -> bool:
        """Learn the channels of a file without an index from its first part; return whether that was all of it.

        A pipe is left as it is.
        """
        if not self.source.seekable:
            return False
        whole = True
        for _ in self.messages():
            if self.source.position > _SURVEYED_BYTES:
                whole = False
                break
        self.skipped.clear()
        return whole

    def _of_chunk(
        self, chunk: NDArray[np.uint8], begin: int, first: int, wanted: Collection[int] | None
    ) -> Iterator[LogMessage]:
        chunk.flags.writeable = False
        rows = np.empty((_ROWS, COLUMNS), np.int64)
        at, before, broken = 0, 0, False
        while at < len(chunk) and not broken:
            count, at, broken = self.index(chunk, at, rows)
            known = np.flatnonzero(np.isin(rows[:count, KIND], (self.message_kind, *self.told_kinds)))
            numbers, before = (known + before).tolist(), before + count
            for number, row in zip(numbers, rows[known].tolist(), strict=True):
                if row[KIND] != self.message_kind:
                    self._learn(chunk[row[RECORD] : row[STOP]])
                elif number >= first and (wanted is None or row[CHANNEL] in wanted):
                    data = chunk[row[START] : row[STOP]]
                    yield LogMessage(row[CHANNEL], row[TIME_NS], data, (begin, number), row[SEQUENCE])
        if broken and not self.cut:
            self.count("damaged")

    def _learn(self, record: NDArray[np.uint8]) -> None:
        try:
            self.learn(record)
        except ValueError:
            self.count("damaged")

    def _pass_over(self, begin: int, *, truncated: bool) -> bool:
        """Go to the next chunk after damage at byte `begin` and return whether there is one."""
        found = self._search(begin + 1) if self.source.seekable else None
        if found is not None:
            self.count("damaged")
            self.count("damaged_bytes", found - begin)
            self.source.seek(found)
            return True
        end = self.source.size if self.source.size is not None else self.source.position
        self.count("truncated_bytes" if truncated else "damaged_bytes", end - begin)
        return False

    def _search(self, start: int) -> int | None:
        window = np.empty(_WINDOW_BYTES, np.uint8)
        while True:
            count = self.source.read_at(start, window)
            if count <= _OVERLAP_BYTES:
                return None
            for match in self.chunk_pattern.finditer(window[:count].data):
                found = self.chunk_at(match, start)
                if found is not None and found >= start:
                    return found
            start += count - _OVERLAP_BYTES

    def take(self, count: int, *, part: bool = False) -> NDArray[np.uint8]:
        """Return the next `count` bytes; fewer, where the file ends before and a part of them is of use.

        Raises:
            DamageError: more than can be, or the file ends before.
        """
        source = self.source
        left = None if source.size is None else source.size - source.position
        if count > MAX_RECORD_BYTES or (left is not None and count > left and not part):
            raise DamageError(f"a record of {count} bytes", truncated=left is not None and count > left)
        block = np.empty(count if left is not None else min(count, _ROOM_BYTES), np.uint8)
        have = 0
        while have < count:
            if have == len(block):
                block = np.concatenate((block, np.empty(min(count, 2 * have) - have, np.uint8)))
            got = source.readinto(block[have:])
            if not got:
                if part:
                    break
                raise DamageError(f"{have} of {count} bytes", truncated=True)
            have += got
        return block[:have]

    def leave(self, count: int) -> None:
        """Pass over the next `count` bytes.

        Raises:
            DamageError: the file ends before.
        """
        source = self.source
        if source.size is not None:
            if count > source.size - source.position:
                raise DamageError(f"a record of {count} bytes", truncated=True)
            source.seek(source.position + count)
            return
        while count:
            count -= len(self.take(min(count, _ROOM_BYTES)))


class DamageError(ValueError):
    """What is there is no record of the log; `truncated` where the file ends inside of it."""

    def __init__(self, message: str, *, truncated: bool = False) -> None:
        super().__init__(message)
        self.truncated = truncated


def unpacked(data: NDArray[np.uint8], compression: str, size: int) -> NDArray[np.uint8]:
    """Return the records of a chunk, as many as there are where its end is missing.

    Args:
        data: the chunk as it is stored.
        compression: "" or "none", "lz4", "zstd", "bz2".
        size: bytes of its records.

    Raises:
        DamageError: it cannot be unpacked, or not within that size.
    """
    if size > MAX_RECORD_BYTES:
        raise DamageError(f"a chunk of {size} bytes")
    if compression in ("", "none"):
        return data
    unpack: Callable[[Any, int], Any] | None = {"lz4": _lz4, "zstd": _zstd, "bz2": _bz2}.get(compression)
    if unpack is None:
        raise DamageError(f"compression {compression!r}")
    try:
        return np.frombuffer(unpack(data, size), np.uint8)
    except (RuntimeError, OSError, EOFError, MemoryError, zstandard.ZstdError) as error:
        raise DamageError(str(error)) from error


def _lz4(data: Any, size: int) -> bytes:
    context = lz4.frame.create_decompression_context()
    return lz4.frame.decompress_chunk(context, data, max_length=max(size, 1))[0]  # type: ignore[no-any-return]


def _zstd(data: Any, size: int) -> NDArray[np.uint8]:
    room, have = np.empty(size, np.uint8), 0
    with zstandard.ZstdDecompressor().stream_reader(data) as stream:
        while have < size:
            try:
                got = stream.readinto(room[have : have + _ROOM_BYTES].data)
            except zstandard.ZstdError:
                if not have:
                    raise
                break
            if not got:
                break
            have += got
    return room[:have]


def _bz2(data: Any, size: int) -> bytes:
    return bz2.BZ2Decompressor().decompress(data, max_length=max(size, 1))
