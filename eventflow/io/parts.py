"""Files being written: NAME.part beside the target, renamed when whole, gone when not.

Whoever sees NAME sees a finished file. Every writer of the package goes through PartFile, so that the runtime can ask
`open_parts()` what would be left behind.
"""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eventflow.errors import RecordingError
from eventflow.io.source import reason_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_OPEN: dict[Path, None] = {}
_journal: Path | None = None


class PartFile:
    """The unfinished form of `path`.

    Use `part` as the file to write, then `keep()`; or as a context manager, which keeps on success and discards on
    an exception. The parent folder is created. Both endings may be called any number of times; the first one counts.

    Attributes:
        path: the target.
        part: the file to write, NAME.part in the same folder.

    Args:
        path: the target.
        made: whether `part` is made here, empty. Where it is not, whoever writes makes a file or a folder of it; a
            folder takes the place of one of that name.
        kept: whether `part` stays where it is not finished, as a recorder's does: what it holds was seen once.
    """

    def __init__(self, path: str | os.PathLike[str], *, made: bool = True, kept: bool = False) -> None:
        self.path = Path(path)
        self.part = self.path.with_name(self.path.name + ".part")
        if made and self.path.is_dir():
            raise RecordingError(f"{self.path}: is a directory; name the file to write")
        with writing(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if not kept:
                _note(self.part)
            remove_part(self.part)
            if made:
                self.part.touch()
        if not kept:
            _OPEN[self.part] = None
        self._kept = kept
        self._live = True

    def keep(self) -> Path:
        """Give the file its name and return it."""
        if self._live:
            with writing(self.path):
                if self.part.is_dir() and self.path.is_dir():
                    shutil.rmtree(self.path)
                os.replace(self.part, self.path)
            self._end()
        return self.path

    def discard(self) -> None:
        """Delete the unfinished file, unless it is a kept one."""
        if self._live:
            if not self._kept:
                remove_part(self.part)
            self._end()

    def _end(self) -> None:
        self._live = False
        _OPEN.pop(self.part, None)

    def __enter__(self) -> PartFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: Any) -> None:
        if kind is None:
            self.keep()
        else:
            self.discard()


def remove_part(part: Path) -> None:
    """Delete an unfinished file or folder, if it is there."""
    if part.is_dir() and not part.is_symlink():
        shutil.rmtree(part, ignore_errors=True)
    else:
        part.unlink(missing_ok=True)


def open_parts() -> list[Path]:
    """Return the unfinished files of this process."""
    return list(_OPEN)


def keep_journal(path: Path) -> None:
    """Note in `path` every unfinished file from now on, so that another process can remove them if this one dies."""
    global _journal
    _journal = path


def _note(part: Path) -> None:
    if _journal is not None:
        with _journal.open("ab") as journal:
            journal.write(os.fsencode(part.absolute()) + b"\0")


def parts_in_journal(path: Path) -> list[Path]:
    """Return the files noted in a journal; there may be none, and they may be gone."""
    if not path.exists():
        return []
    return [Path(os.fsdecode(name)) for name in path.read_bytes().split(b"\0")[:-1]]


@contextmanager
def writing(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn an OSError inside the block into a RecordingError that says which file, why and what to do."""
    try:
        yield
    except OSError as error:
        raise RecordingError(_cannot_write(Path(path), error)) from error


def _cannot_write(path: Path, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{path}: the disk is full ({_free(path)}); free some space or write elsewhere"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{path}: no permission to write there ({reason_of(error)})"
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return f"{path}: its parent {path.parent} is not a directory"
    return f"{path}: cannot be written: {reason_of(error)}"


def _free(path: Path) -> str:
    try:
        return f"{shutil.disk_usage(path.parent).free:_} bytes free".replace("_", " ")
    except OSError:
        return "free space unknown"
