"""HDF5 files as the formats inside them need them: opened with clear errors, their contents in a few words."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

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


def attributes_of(item: Any) -> dict[str, Any]:
    """Return the attributes of a file, group or dataset; those that cannot be read are left out."""
    found = {}
    for name in item.attrs:
        try:
            found[name] = item.attrs[name]
        except (OSError, RuntimeError, TypeError, ValueError):
            continue
    return found


def filters_of(dataset: h5py.Dataset) -> list[tuple[int, str]]:
    """Return number and name of the filters that a dataset's chunks have gone through."""
    pipeline = dataset.id.get_create_plist()
    found = [pipeline.get_filter(index) for index in range(pipeline.get_nfilters())]
    return [(number, name.decode("utf-8", "replace")) for number, _, _, name in found]


def check_filters(path: str, dataset: h5py.Dataset, filters: list[tuple[int, str]]) -> None:
    """Make sure that the HDF5 library knows these filters.

    Raises:
        RecordingError: it does not know one.
    """
    import h5py

    for number, name in filters:
        if not h5py.h5z.filter_avail(number):
            import hdf5plugin  # noqa: F401 - which brings filters

            if not h5py.h5z.filter_avail(number):
                raise RecordingError(
                    f"{path}: {dataset.name} is compressed by filter {number} {name!r}, which is not known here; "
                    "install the HDF5 plugin of that filter, or write the file anew with another one"
                )


def rows_of(dataset: Any, first: int, end: int) -> Any:
    """Return a part of a dataset.

    Raises:
        RecordingError: the HDF5 library cannot read it.
    """
    try:
        return dataset[first:end]
    except (OSError, RuntimeError) as error:
        path = dataset.file.filename
        raise RecordingError(f"{path}: rows {first} to {end} of {dataset.name} cannot be read: {error}") from error


def _told(error: OSError) -> str:
    """Return what the HDF5 library says, and what it means where that is known."""
    text = str(error)
    if "truncated file" in text:
        return f"{text}. The copy is incomplete"
    return text
