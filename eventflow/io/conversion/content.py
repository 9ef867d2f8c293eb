"""What lies on the disk: its hash, its size, and whether it changed while it was read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import xxhash

from eventflow.errors import RecordingError
from eventflow.io.source import reason_of

_PIECE_BYTES: Final = 1 << 20


def content_hash(path: Path) -> str:
    """Return the XXH3-128 of a file's bytes, 32 hexadecimal digits; of a folder, of its names and their contents.

    It tells damage and changes, not forgeries: a hash made against these takes longer than the conversion.

    Raises:
        RecordingError: it cannot be read.
    """
    hasher = xxhash.xxh3_128()
    try:
        for each in files_in(path):
            if each != path:
                hasher.update(os.fsencode(each.relative_to(path).as_posix()) + b"\0")
            _take(each, hasher)
    except OSError as error:
        raise RecordingError(f"{path}: cannot be read: {reason_of(error)}") from error
    return str(hasher.hexdigest())


def files_in(path: Path) -> list[Path]:
    """Return the file itself, or all files in a folder, sorted."""
    return sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]


def _take(path: Path, hasher: Any) -> None:
    buffer = bytearray(_PIECE_BYTES)
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            hasher.update(memoryview(buffer)[:count])


def size_and_time(path: Path) -> tuple[int, int]:
    """Return the size in bytes and the time of the last change in ns; of a folder, the sum and the latest."""
    try:
        found = [each.stat() for each in files_in(path)]
    except OSError as error:
        raise RecordingError(f"{path}: cannot be read: {reason_of(error)}") from error
    return sum(each.st_size for each in found), max((each.st_mtime_ns for each in found), default=0)


class Unchanged:
    """Notes what a file is like before it is read, and refuses it when it is not so afterwards."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._watched = path != "-" and (self._path.is_file() or self._path.is_dir())
        self._before = size_and_time(self._path) if self._watched else (0, 0)

    def check(self) -> None:
        """Raise where the file changed.

        Raises:
            RecordingError: it grew, shrank, or was written to.
        """
        if not self._watched:
            return
        after = size_and_time(self._path)
        if after == self._before:
            return
        (size, _), (now, _) = self._before, after
        what = f"had {size} bytes and has {now}" if now != size else f"was written to (it still has {size} bytes)"
        raise RecordingError(
            f"{self._path}: changed while it was read: it {what}. Is it still being recorded or copied? "
            "Nothing was kept; convert it again when it is finished"
        )
