"""The index of a recording as a file beside it, NAME.eventflow-index, or in the user's cache folder.

A magic line, a checksum, then compressed msgpack. It belongs to one file in one state, read in one way by one version
of the decoder; anything else is as good as no index. A damaged one is none either.
"""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
import zlib
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from eventflow.io.time_index import TimeIndex
from eventflow.kernels.jit import cache_folder, code_digest

if TYPE_CHECKING:
    from eventflow.io.table import Format

SUFFIX: Final = ".eventflow-index"
_MAGIC: Final = b"\x89eventflow-index 1\n"
_CHECKSUM_BYTES: Final = 16
_END_BYTES: Final = 64 << 10
_MOST_BYTES: Final = 256 << 20  # unpacked: a million marks
_DECODER: Final = msgspec.msgpack.Decoder()


class UnusableIndexError(ValueError):
    """An index file cannot be used."""


class IndexFile:
    """Where the index of one recording lies, and what it must say to be believed.

    Args:
        path: the recording.
        format: its format.
        options: what it is opened with.
    """

    def __init__(self, path: str | os.PathLike[str], format: Format, options: dict[str, Any]) -> None:
        self._path = Path(path).absolute()
        self._format = format
        self._options = {name: value for name, value in sorted(options.items()) if value is not None}

    @property
    def places(self) -> list[Path]:
        """Where it is looked for and written: beside the recording, or else in the cache folder."""
        name = blake2b(os.fsencode(self._path), digest_size=12).hexdigest()
        hidden = cache_folder().parent / "indexes" / f"{self._path.name[:80]}-{name}{SUFFIX}"
        return [self._path.with_name(self._path.name + SUFFIX), hidden]

    def stamp(self) -> dict[str, Any]:
        """Return what tells the recording, as it is now, and the way it is read from any other.

        Raises:
            OSError: it is gone.
        """
        with self._path.open("rb") as file:
            status = os.fstat(file.fileno())
            ends = blake2b(file.read(_END_BYTES), digest_size=16)
            file.seek(max(status.st_size - _END_BYTES, 0))
            ends.update(file.read(_END_BYTES))
        return {
            "size": status.st_size,
            "mtime_ns": status.st_mtime_ns,
            "ends": ends.digest(),
            "format": self._format.name,
            "code": code_digest(Path(str(self._format.load().__file__))),
            "options": repr(self._options),
        }

    def load(self) -> TimeIndex | None:
        """Return the index as it was written, or None where there is none for the recording as it is now."""
        found = self.find()
        return found and found[0]

    def find(self) -> tuple[TimeIndex, Path] | None:
        """Return likewise the index and where it lies."""
        stamp = None
        for place in self.places:
            try:
                data = place.read_bytes()
                stamp = stamp or self.stamp()
                return _unpacked(data, stamp), place
            except (OSError, UnusableIndexError):
                continue
        return None

    def save(self, index: TimeIndex, stamp: dict[str, Any]) -> Path:
        """Write the index, whole or not at all, and return where it is.

        Args:
            index: what was found.
            stamp: of the recording before it was read.

        Raises:
            OSError: it can be written nowhere.
        """
        data = _packed(index, stamp)
        beside, hidden = self.places
        try:
            return _written(beside, data)
        except OSError:
            hidden.parent.mkdir(parents=True, exist_ok=True)
            return _written(hidden, data)


def indexable(path: str) -> bool:
    """Return whether a path is a file, which alone can have an index."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return False


def _packed(index: TimeIndex, stamp: dict[str, Any]) -> bytes:
    body = zlib.compress(msgspec.msgpack.encode({"stamp": stamp, "index": vars(index)}), 6)
    return _MAGIC + blake2b(body, digest_size=_CHECKSUM_BYTES).digest() + body


def _unpacked(data: bytes, stamp: dict[str, Any]) -> TimeIndex:
    head = len(_MAGIC) + _CHECKSUM_BYTES
    checksum, body = data[len(_MAGIC) : head], data[head:]
    if not data.startswith(_MAGIC) or blake2b(body, digest_size=_CHECKSUM_BYTES).digest() != checksum:
        raise UnusableIndexError("not an index, or damaged")
    try:
        unpacker = zlib.decompressobj()
        found = _DECODER.decode(unpacker.decompress(body, _MOST_BYTES))
        index = msgspec.convert(found["index"], TimeIndex)
    except (zlib.error, msgspec.MsgspecError, KeyError, TypeError) as error:
        raise UnusableIndexError("not an index") from error
    counts = {len(index.events), len(index.highest), len(index.states)}
    if found.get("stamp") != stamp or len(counts) != 1:
        raise UnusableIndexError("of another recording")
    return index


def _written(place: Path, data: bytes) -> Path:
    descriptor, name = tempfile.mkstemp(prefix=f".{place.name}", suffix=".part", dir=place.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.chmod(name, 0o644)
        os.replace(name, place)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
    return place
