"""HDF5 files as the formats inside them need them: opened with clear errors, their contents in a few words."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from eventflow.errors import RecordingError

if TYPE_CHECKING:
    import h5py

_MOST_NAMES: Final = 12


def opened(path: str) -> h5py.File:
    """Return an HDF5 file opened to be read; close it, or use it with `with`.

    Raises:
        RecordingError: it is no regular file, or is damaged.
    """
    import h5py

    if not os.path.isfile(path):
        raise RecordingError(f"{path}: HDF5 is read from a file only, not from a pipe; write it to a file first")
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise RecordingError(f"{path}: the HDF5 file cannot be opened: {_told(error)}") from error


def contents(file: h5py.File) -> str:
    """Return the names of the datasets in a file, the first few of them, for people."""
    import h5py

    names: list[str] = []

    def visit(name: str, item: object) -> bool | None:
        if isinstance(item, h5py.Dataset):
            names.append(f"/{name}")
        return True if len(names) > _MOST_NAMES else None

    try:
        file.visititems(visit)
    except (RuntimeError, OSError, KeyError):
        names.append("a part that cannot be read")
    shown = ", ".join(names[:_MOST_NAMES]) + (", …" if len(names) > _MOST_NAMES else "")
    return f"the datasets {shown}" if names else "no datasets"


def _told(error: OSError) -> str:
    """Return what the HDF5 library says, and what it means where that is known."""
    text = str(error)
    if "truncated file" in text:
        return f"{text}. The copy is incomplete"
    return text
