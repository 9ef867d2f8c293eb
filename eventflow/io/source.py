"""Bytes of a recording, from a file or a pipe, with clear errors."""

from __future__ import annotations

import errno
import os
import stat
import sys
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np

from eventflow.errors import RecordingError

if TYPE_CHECKING:
    from numpy.typing import NDArray

STDIN: Final = "-"
_FARTHEST: Final = 1 << 40  # beyond every file; where a damaged one sends us may be beyond what systems can seek to
_BLOCK_BYTES: Final = 1 << 20  # taken at once for what may be shorter than a file says
_LEAST_BYTES: Final = 1 << 12
CHUNK_BYTES: Final = 1 << 18  # small enough to stay in the second-level cache between reading and decoding


def reason_of(error: OSError) -> str:
    """Return why an operation on a file failed, in a few words."""
    return error.strerror or str(error) or type(error).__name__


class ByteSource:
    """A file or pipe read from front to back, whose start can be looked at before it is consumed.

    Attributes:
        path: what the user gave; "-" is standard input.
        size: bytes in the file, or None for a pipe.
        seekable: whether the bytes can be read again and in any order.
        position: bytes consumed so far.
        folder: whether it is a folder of files.
    """

    folder = False

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        self._ahead = b""
        self.position = 0
        try:
            self.file: BinaryIO = (
                os.fdopen(os.dup(sys.stdin.fileno()), "rb", buffering=0)
                if self.path == STDIN
                else open(self.path, "rb", buffering=0)  # noqa: SIM115 - closed by close()
            )
        except OSError as error:
            raise RecordingError(_cannot_open(self.path, error)) from error
        status = os.fstat(self.file.fileno())
        self.seekable = stat.S_ISREG(status.st_mode)
        self.size = status.st_size if self.seekable else None

    def readinto(self, buffer: NDArray[np.uint8]) -> int:
        """Fill `buffer` with the next bytes and return how many came: 0 at the end, else as many as there are now."""
        if self._ahead:
            count = min(len(self._ahead), len(buffer))
            buffer[:count] = np.frombuffer(self._ahead, np.uint8, count)
            self._ahead = self._ahead[count:]
        else:
            count = self._read_file(memoryview(buffer))  # type: ignore[arg-type]
        self.position += count
        return count

    def readinto_both(self, first: NDArray[np.uint8], second: NDArray[np.uint8]) -> int:
        """Fill `first`, then `second` with the next bytes, as `readinto` does, where the system can at once."""
        if self._ahead or not len(second) or not hasattr(os, "readv"):
            return self.readinto(first)
        try:
            count = os.readv(self.file.fileno(), [first, second])  # type: ignore[list-item]
        except OSError as error:
            raise RecordingError(f"{self.path}: reading failed at byte {self.position}: {reason_of(error)}") from error
        self.position += count
        return count

    def _read_file(self, buffer: memoryview) -> int:
        try:
            return int(self.file.readinto(buffer) or 0)  # type: ignore[attr-defined]
        except OSError as error:
            raise RecordingError(f"{self.path}: reading failed at byte {self.position}: {reason_of(error)}") from error

    def read_at(self, position: int, buffer: NDArray[np.uint8]) -> int:
        """Fill `buffer` with the bytes from `position` on and return how many came; consumes nothing.

        Several threads may do so at once, where the system has `os.preadv`.
        """
        try:
            return os.preadv(self.file.fileno(), [memoryview(buffer)], position)  # type: ignore[arg-type]
        except OSError as error:
            raise RecordingError(f"{self.path}: reading failed at byte {position}: {reason_of(error)}") from error

    def read(self, count: int) -> bytes:
        """Return the next `count` bytes, fewer only at the end."""
        self.peek(count)
        taken, self._ahead = self._ahead[:count], self._ahead[count:]
        self.position += len(taken)
        return taken

    def peek(self, count: int) -> bytes:
        """Return the next `count` bytes without consuming them, fewer only at the end."""
        parts, missing = [self._ahead], count - len(self._ahead)
        while missing > 0:
            block = bytearray(min(missing, _BLOCK_BYTES, self._likely_bytes()))
            got = self._read_file(memoryview(block))
            if got == 0:
                break
            parts.append(bytes(block[:got]))
            missing -= got
        self._ahead = b"".join(parts)
        return self._ahead[:count]

    def _likely_bytes(self) -> int:
        """Return how many bytes the rest of the file may have: room beyond them would be cleared for nothing."""
        return _BLOCK_BYTES if self.size is None else max(self.size - self.position, _LEAST_BYTES)

    def seek(self, position: int) -> None:
        """Continue from byte `position`."""
        if not self.seekable:
            raise RecordingError(f"{self.path}: a pipe cannot go to another place; write it to a file first")
        position = min(position, max(self.size or 0, _FARTHEST))
        self.file.seek(position)
        self._ahead = b""
        self.position = position

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        self.file.close()

    def __del__(self) -> None:
        if hasattr(self, "file"):  # a recording may be left without closing it
            self.file.close()

    def __enter__(self) -> ByteSource:
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()


def _cannot_open(path: str, error: OSError) -> str:
    if error.errno == errno.EISDIR:
        return f"{path}: is a directory; name a recording inside it"
    if error.errno == errno.ENOENT:
        return f"{path}: no such file (current folder: {os.getcwd()})"
    if error.errno == errno.EACCES:
        return f"{path}: no permission to read it"
    return f"{path}: cannot be opened: {reason_of(error)}"


class FolderSource(ByteSource):
    """A recording that is a folder of files, which its decoder opens.

    Attributes:
        path: the folder.
        size: bytes of the files in it.
        position: bytes of them consumed so far, kept by the decoder.
    """

    folder = True

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        self.position = 0
        self.seekable = True
        try:
            with os.scandir(self.path) as entries:
                self.size = sum(entry.stat().st_size for entry in entries if entry.is_file())
        except OSError as error:
            raise RecordingError(_cannot_open(self.path, error)) from error

    def peek(self, count: int) -> bytes:
        """Return nothing: a folder has no bytes of its own."""
        return b""

    def close(self) -> None:
        """Do nothing: the decoder closes its files."""


def open_source(path: str | os.PathLike[str]) -> ByteSource:
    """Return a file, a pipe or a folder to read from."""
    return FolderSource(path) if os.path.isdir(path) else ByteSource(path)


class WordChunks:
    """The payload of a recording as fixed-size words, a reusable chunk at a time.

    A word that is split between two reads is put together; bytes that end the file without filling a word are counted.

    Attributes:
        words: the current chunk, shape (n,), read-only.
        cursor: index of the next word to be decoded; the decoder moves it.
        truncated_bytes: bytes after the last whole word, known at the end.
        ended: whether the source is exhausted.
    """

    def __init__(self, source: ByteSource, dtype: Any, chunk_bytes: int = CHUNK_BYTES) -> None:
        self._source = source
        self._word = np.dtype(dtype)
        self._bytes = np.empty(chunk_bytes, np.uint8)
        self._filled = 0
        self.words: NDArray[Any] = self._bytes[:0].view(self._word)
        self.cursor = 0
        self.truncated_bytes = 0
        self.ended = False

    @property
    def waiting_bytes(self) -> int:
        """Bytes read from the source and not decoded yet."""
        return self._filled - int(self.cursor) * int(self._word.itemsize)

    def refill(self, keep: int = 0) -> bool:
        """Read more bytes after the last `keep` words of this chunk and a split one; return whether words came."""
        whole = len(self.words)
        first = (whole - keep) * self._word.itemsize
        rest = self._filled - first
        if rest:
            self._bytes[:rest] = self._bytes[first : self._filled].copy()
        self._filled, before = rest, rest // self._word.itemsize
        while not self.ended:
            got = self._source.readinto(self._bytes[self._filled :])
            self._filled += got
            self.ended = got == 0
            if self._filled // self._word.itemsize > before:
                break
        count = self._filled // self._word.itemsize
        if self.ended:
            self.truncated_bytes = self._filled % self._word.itemsize
        self.words = self._bytes[: count * self._word.itemsize].view(self._word)
        self.words.flags.writeable = False
        self.cursor = 0
        return bool(count > before)
