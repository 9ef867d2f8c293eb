"""The recordings in a folder, told by their first bytes and names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from eventflow.errors import UnknownFormatError
from eventflow.io.conversion.sources import is_recording_folder
from eventflow.io.index_file import SUFFIX
from eventflow.io.table import HEAD_BYTES, format_of

if TYPE_CHECKING:
    from collections.abc import Iterator


def recordings_in(folder: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield the recordings in a folder and those below it, in order of their names; hidden and unfinished ones not."""
    for place, below, names in os.walk(folder):
        below[:] = sorted(name for name in below if not name.startswith("."))
        if is_recording_folder(Path(place)):
            below.clear()
            yield Path(place)
            continue
        for name in sorted(names):
            path = Path(place, name)
            if not name.startswith(".") and not name.endswith((".part", SUFFIX)) and _is_recording(path):
                yield path


def _is_recording(path: Path) -> bool:
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            format_of(file.read(HEAD_BYTES), str(path))
    except (OSError, UnknownFormatError):
        return False
    return True
