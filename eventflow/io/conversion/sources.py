"""Finding recordings: files, patterns and trees, and the names that their targets get."""

from __future__ import annotations

import glob
import os
import stat
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from eventflow.errors import ParameterError, RecordingError, UnknownFormatError
from eventflow.io.conversion.content import size_and_time
from eventflow.io.index_file import SUFFIX
from eventflow.io.recording import open as open_recording
from eventflow.io.source import reason_of
from eventflow.io.table import HEAD_BYTES, format_named, format_of, formats

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from eventflow.io.conversion.settings import Settings

MANIFEST: Final = "eventflow-manifest.jsonl"
JOURNAL: Final = "eventflow-manifest.journal"
PARTS: Final = ".eventflow-parts"
_OURS: Final = frozenset((MANIFEST, JOURNAL, PARTS))
_SAYS_SO: Final = "metadata.yaml"
_MAGIC: Final = frozenset("*?[")
_CONTAINERS: Final = frozenset(("csv", "npz", "npy"))  # they hold anything: only a look inside says whether events


@dataclass(frozen=True)
class Found:
    """A recording of a tree.

    Attributes:
        path: where it is.
        name: its path inside the tree, with forward slashes.
        size: bytes.
        mtime_ns: time of its last change, ns.
    """

    path: Path
    name: str
    size: int
    mtime_ns: int


@dataclass
class Search:
    """What was found under the sources of a conversion.

    Attributes:
        recordings: by name.
        others: `source` and `why` of everything that is no recording or was refused.
    """

    recordings: list[Found] = field(default_factory=list)
    others: list[dict[str, str]] = field(default_factory=list)


def is_pattern(source: str) -> bool:
    """Return whether a source is a pattern such as data/*.raw, and no file of that very name."""
    return bool(_MAGIC & set(source)) and not os.path.lexists(source)


def is_recording_folder(path: Path) -> bool:
    """Return whether a folder is itself one recording, as a rosbag2 is."""
    if not (path / _SAYS_SO).is_file():  # a folder of several .mcap files is a tree
        return False
    return any(row.folder is not None and row.folder(path) for row in formats())


def find(sources: Iterable[str | os.PathLike[str]], *, target: Path, settings: Settings) -> Search:
    """Find the recordings that sources name.

    Args:
        sources: files, patterns (`**` reaches into folders) and folders, which are searched.
        target: the folder written to; it is not searched.
        settings: how they will be read.

    Raises:
        RecordingError: a source does not exist.
        ParameterError: a pattern fits nothing.
    """
    search = Search()
    roots = list(_roots([os.fspath(each) for each in sources]))
    folders = Counter(root.name for root, _ in roots if root.is_dir())
    several = len(roots) > 1
    for root, prefix in roots:
        if root.is_dir() and not is_recording_folder(root):
            if several:
                prefix = f"{prefix or root.name}/" if folders[root.name] == 1 else f"{'/'.join(root.parts[-2:])}/"
            _search(root, prefix if several else "", search, target.resolve(), settings)
        else:
            _consider(root, prefix or root.name, search, settings)
    search.recordings.sort(key=lambda each: each.name)
    search.others.sort(key=lambda each: each["source"])
    twice = [name for name, count in Counter(each.name for each in search.recordings).items() if count > 1]
    if twice:
        raise ParameterError(f"{twice[0]}: several sources have this name; convert them into folders of their own")
    return search


def _roots(sources: list[str]) -> Iterator[tuple[Path, str]]:
    """Yield each file and folder that is named, with its name in the target where a pattern gives it one."""
    for source in sources:
        if is_pattern(source):
            matches = sorted(glob.glob(source, recursive=True))
            if not matches:
                raise ParameterError(f"{source}: nothing fits this pattern (current folder: {os.getcwd()})")
            fixed = Path(*_fixed_part(source))
            deep = "**" in Path(source).parts
            for match in matches:
                if deep and os.path.isdir(match):  # its files are matches of their own
                    continue
                yield Path(match), Path(match).relative_to(fixed).as_posix()
        elif not os.path.exists(source):
            what = "leads nowhere" if os.path.islink(source) else f"no such file or folder (current: {os.getcwd()})"
            raise RecordingError(f"{source}: {what}")
        else:
            yield Path(os.path.normpath(source)).absolute(), ""


def _fixed_part(pattern: str) -> list[str]:
    fixed: list[str] = []
    for part in Path(pattern).parts[:-1]:
        if _MAGIC & set(part):
            break
        fixed.append(part)
    return fixed


def _search(root: Path, prefix: str, search: Search, target: Path, settings: Settings) -> None:
    waiting: list[tuple[Path, frozenset[tuple[int, int]]]] = [(root, frozenset())]
    while waiting:
        folder, above = waiting.pop()
        status = folder.stat()
        here = (status.st_dev, status.st_ino)
        name = prefix + folder.relative_to(root).as_posix()
        if here in above:
            search.others.append(_other(name, "a symbolic link back to a folder above it: not followed"))
            continue
        if folder.resolve() == target and folder != root:
            continue
        try:
            entries = sorted(os.scandir(folder), key=lambda each: each.name)
        except OSError as error:
            search.others.append(_other(name, f"cannot be searched: {reason_of(error)}"))
            continue
        for entry in entries:
            path = Path(entry.path)
            if entry.name in _OURS or entry.name.endswith(SUFFIX):
                continue
            if _is_folder(entry) and not is_recording_folder(path):
                waiting.append((path, above | {here}))
            else:
                _consider(path, prefix + path.relative_to(root).as_posix(), search, settings)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a symbolic link to itself: what is wrong with it is said of it as a file
        return False


def _consider(path: Path, name: str, search: Search, settings: Settings) -> None:
    why = _why_not(path, settings)
    if why is not None:
        search.others.append(_other(name, why))
        return
    size, mtime_ns = size_and_time(path)
    search.recordings.append(Found(path.absolute(), name, size, mtime_ns))


def _why_not(path: Path, settings: Settings) -> str | None:
    """Return why a file is not converted, or None where it is a recording by its first bytes."""
    if is_recording_folder(path):
        return None
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return "no file"
        if path.name.endswith(".part"):
            return "an unfinished file"
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        return "a symbolic link that leads nowhere" if path.is_symlink() else f"cannot be read: {reason_of(error)}"
    if settings.format is not None:
        row = format_named(settings.format)
        return None if path.suffix.lower() in row.suffixes or row.sniff(head) else f"not named like {row.title}"
    return _why_no_format(path, head, settings)


def _why_no_format(path: Path, head: bytes, settings: Settings) -> str | None:
    suffix = path.suffix.lower()
    if not head:  # nobody knows what it was to be, but by its name: that it failed must not be passed over
        named = any(suffix in row.suffixes for row in formats() if row.name not in _CONTAINERS)
        return None if named else "an empty file"
    try:
        row = format_of(head, str(path))
        if row.name in _CONTAINERS:
            open_recording(path, **settings.reading).close()
    except UnknownFormatError:
        return "no known recording format"
    except RecordingError as error:
        return f"no recording: {error}"
    return None


def _other(name: str, why: str) -> dict[str, str]:
    return {"source": name, "why": why}


def target_names(recordings: Iterable[Found], suffix: str) -> dict[str, str]:
    """Return the target's name of each recording, by its own; names that would clash keep their own suffix too."""
    short = {each.name: str(PurePosixPath(each.name).with_suffix(suffix)) for each in recordings}
    taken = Counter(short.values())
    names = {name: name + suffix if taken[target] > 1 else target for name, target in short.items()}
    clashes = [target for target, count in Counter(names.values()).items() if count > 1]
    if clashes:
        raise ParameterError(
            f"{clashes[0]}: two recordings would get this name; convert them into folders of their own"
        )
    return names
