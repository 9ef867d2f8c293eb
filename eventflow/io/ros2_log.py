"""ROS 2 bags: a folder with metadata.yaml and databases or MCAP files, or one SQLite database alone.

https://github.com/ros2/rosbag2, storage plugins sqlite3 and mcap. Messages come in the order they were recorded in.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import yaml
import zstandard

from eventflow.errors import RecordingError
from eventflow.io.logs import MAX_RECORD_BYTES, Channel, Log, LogMessage
from eventflow.io.mcap_log import McapLog
from eventflow.io.source import ByteSource, FolderSource

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from numpy.typing import NDArray

    from eventflow.io.logs import Place

SUFFIXES: Final = (".db3", ".mcap")
METADATA: Final = "metadata.yaml"
_METADATA_BYTES: Final = 1 << 24
_FILE_BITS: Final = 48  # a place in a folder: the number of the file above these bits


def is_bag(folder: Path) -> bool:
    """Return whether a folder is a ROS 2 bag; one file alone is one without its metadata."""
    if (folder / METADATA).is_file():
        return any(set(path.suffixes) & set(SUFFIXES) for path in folder.iterdir())  # also NAME.db3.zstd
    return len(_files_in(folder)) == 1


def _files_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES and path.is_file())


def open_log(source: ByteSource) -> Log:
    """Return the log in a database, or in all files of a folder."""
    return FolderLog(source) if isinstance(source, FolderSource) else SqliteLog(source)


class SqliteLog(Log):
    """One pass over a database of the plugin sqlite3.

    Args:
        source: the file, which SQLite opens once more by its path.
    """

    def __init__(self, source: ByteSource) -> None:
        super().__init__()
        if not source.seekable:
            raise RecordingError(f"{source.path}: a database cannot be read from a pipe; write it to a file first")
        self.source = source
        self.listed = True
        try:
            with closing(self._connect()) as base:
                for number, topic, kind, encoding in base.execute(
                    "SELECT id, name, type, serialization_format FROM topics ORDER BY id"
                ):
                    self.channels[int(number)] = Channel(
                        int(number), str(topic), str(kind).replace("/msg/", "/"), str(encoding)
                    )
        except (sqlite3.Error, ValueError, TypeError) as error:
            raise RecordingError(f"{source.path}: no database of a ROS 2 bag: {error}") from None

    def _connect(self) -> sqlite3.Connection:
        # an unfinished bag has a journal beside it; nothing is ever written here
        path = Path(self.source.path).absolute().as_uri()
        # one thread at a time, but not the same: a paced source is opened in one and read in another
        return sqlite3.connect(f"{path}?mode=ro&immutable=1", uri=True, check_same_thread=False)

    def messages(self, wanted: Collection[int] | None = None, place: Place | None = None) -> Iterator[LogMessage]:
        """Yield messages; see Log.messages."""
        first = 0 if place is None else place[0]
        where = "id >= ?" if wanted is None else f"id >= ? AND topic_id IN ({','.join(map(str, sorted(wanted)))})"
        with closing(self._connect()) as base:
            try:
                rows = base.execute(
                    f"SELECT id, topic_id, timestamp, data FROM messages WHERE {where} ORDER BY id", (first,)
                )
                for number, channel, time_ns, data in rows:
                    if isinstance(data, bytes) and isinstance(channel, int) and isinstance(time_ns, int):
                        yield LogMessage(channel, time_ns, np.frombuffer(data, np.uint8), (number, 0), -1)
                    else:
                        self.count("damaged")
            except sqlite3.Error:
                self.count("damaged")
        self.source.position = self.source.size or 0


class FolderLog(Log):
    """One pass over the files of a folder, one after another. A topic has one id in all of them.

    Args:
        source: the folder; its position counts the bytes of files read so far.
    """

    def __init__(self, source: FolderSource) -> None:
        super().__init__()
        self.source = source
        folder = Path(source.path)
        said = _metadata(folder)
        packed = said.get("compression_mode", "") or ""
        if str(packed).lower() == "file":
            raise RecordingError(f"{folder}: its files are compressed as a whole; unpack them with zstd -d first")
        names = [name for name in said.get("relative_file_paths") or [] if isinstance(name, str)]
        files = [folder / Path(name).name for name in names if (folder / Path(name).name).is_file()]
        self.missing = len(names) - len(files)
        self.files = files or _files_in(folder)
        if not self.files:
            raise RecordingError(f"{folder}: no file of the bag is there ({', '.join(SUFFIXES)})")
        self._packed = str(packed).lower() == "message"
        self._ids: dict[tuple[str, str], int] = {}
        self.listed = True
        for path in self.files:
            with ByteSource(path) as member:
                log = self._log(member)
                self._learn(log)
                self.listed &= log.listed
                for number, count in log.counts.items():
                    own = self._map(log).get(number, -1)
                    self.counts[own] = self.counts.get(own, 0) + count

    def _log(self, member: ByteSource) -> Log:
        if member.peek(6) == b"SQLite":
            return SqliteLog(member)
        return McapLog(member)

    def _learn(self, log: Log) -> None:
        for channel in log.channels.values():
            key = channel.topic, channel.type
            if key not in self._ids:
                number = self._ids[key] = len(self._ids)
                self.channels[number] = Channel(number, channel.topic, channel.type, channel.encoding, channel.metadata)

    def _map(self, log: Log) -> dict[int, int]:
        return {number: self._ids[each.topic, each.type] for number, each in log.channels.items()}

    def messages(self, wanted: Collection[int] | None = None, place: Place | None = None) -> Iterator[LogMessage]:
        """Yield messages; see Log.messages."""
        self.count("missing_files", self.missing)
        first = 0 if place is None else place[0] >> _FILE_BITS
        done = 0
        for number, path in enumerate(self.files):
            with ByteSource(path) as member:
                if number >= first:
                    inner = None
                    if place is not None and number == first:
                        inner = (place[0] & ((1 << _FILE_BITS) - 1), place[1])
                    yield from self._of_file(member, number, wanted, inner, done)
                done += member.size or 0
                self.source.position = done

    def _of_file(
        self, member: ByteSource, number: int, wanted: Collection[int] | None, place: Place | None, done: int
    ) -> Iterator[LogMessage]:
        log = self._log(member)
        own: dict[int, int] = {}
        try:
            for message in log.messages(None if not log.listed else self._wanted_in(log, wanted), place):
                if message.channel not in own:
                    self._learn(log)
                    own = self._map(log)
                target = own.get(message.channel, -1)
                if target >= 0 and (wanted is None or target in wanted):
                    self.source.position = done + member.position
                    at = message.place[0] | number << _FILE_BITS, message.place[1]
                    data = self._unpacked(message.data) if self._packed else message.data
                    if data is not None:
                        yield message._replace(channel=target, data=data, place=at)
        finally:
            for reason, count in log.skipped.items():
                self.count(reason, count)

    def _unpacked(self, data: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
        """Return a message that is compressed by itself (zstd), or None where it is damaged."""
        try:
            raw = zstandard.ZstdDecompressor().decompress(data.data, max_output_size=MAX_RECORD_BYTES)
        except (zstandard.ZstdError, MemoryError):
            self.count("damaged")
            return None
        return np.frombuffer(raw, np.uint8)

    def _wanted_in(self, log: Log, wanted: Collection[int] | None) -> list[int]:
        return [number for number, own in self._map(log).items() if wanted is None or own in wanted]


def _metadata(folder: Path) -> dict[str, Any]:
    with suppress(OSError, yaml.YAMLError, UnicodeDecodeError, RecursionError), (folder / METADATA).open("rb") as file:
        said = yaml.safe_load(file.read(_METADATA_BYTES))
        found = said.get("rosbag2_bagfile_information") if isinstance(said, dict) else None
        return found if isinstance(found, dict) else {}
    return {}
