"""HDF5 files as the formats inside them need them: opened with clear errors, their contents in a few words."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from eventflow.errors import RecordingError
from eventflow.io.hdf5_heaps import text_is_sound

if TYPE_CHECKING:
    import h5py

_MOST_NAMES: Final = 12
_SIGNATURE: Final = b"\x89HDF\r\n\x1a\n"
_SUPERBLOCKS: Final = (0, 512, 1024, 2048)
_SUPERBLOCKS_BYTES: Final = 2048 + 96
_DRIVER_AT: Final = {b"\0": 48, b"\1": 52}
"""Where a superblock names its driver's block, by its version; later ones have none."""

_MOST_VALUE_BYTES: Final = 1 << 20  # of an attribute
_UNREADABLE: Final = (KeyError, OSError, RuntimeError, TypeError, ValueError, MemoryError)


def opened(path: str) -> h5py.File:
    """Return an HDF5 file opened to be read; close it, or use it with `with`.

    Raises:
        RecordingError: it is no regular file, or is damaged.
    """
    import h5py

    if not os.path.isfile(path):
        raise RecordingError(f"{path}: HDF5 is read from a file only, not from a pipe; write it to a file first")
    _check_superblock(path)
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise RecordingError(f"{path}: the HDF5 file cannot be opened: {_told(error)}") from error


def _check_superblock(path: str) -> None:
    """Refuse a file that names a driver's block, which one-piece files have not: the library takes any size it says."""
    try:
        with open(path, "rb") as file:
            head = file.read(_SUPERBLOCKS_BYTES)
    except OSError as error:
        raise RecordingError(f"{path}: cannot be opened: {error.strerror}") from error
    at = next((place for place in _SUPERBLOCKS if head.startswith(_SIGNATURE, place)), None)
    if at is None or head[at + 8 : at + 9] not in _DRIVER_AT or head[at + 13 : at + 14] != b"\x08":
        return
    block = at + _DRIVER_AT[head[at + 8 : at + 9]]
    if head[block : block + 8] != b"\xff" * 8:
        raise RecordingError(
            f"{path}: byte {block}: the HDF5 file says that it is driven by other files; expected all of it in this one"
        )


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
    names: list[str] = []
    with suppress(*_UNREADABLE):
        names.extend(item.attrs)
    found = ((name, attribute(item, name)) for name in names)
    return {name: value for name, value in found if value is not None}


def attribute(item: Any, name: str) -> Any:
    """Return an attribute that is numbers or text, None where there is none or it cannot be read.

    Sequences of any length and composed values are not asked for: the HDF5 library (2.0) crashes on damaged ones.
    """
    import h5py

    plain = h5py.h5t.INTEGER, h5py.h5t.FLOAT, h5py.h5t.ENUM, h5py.h5t.STRING
    with suppress(*_UNREADABLE):
        held = item.attrs.get_id(name)
        kind = held.get_type()
        count = held.get_space().get_simple_extent_npoints()
        if kind.get_class() not in plain or kind.get_size() * count > _MOST_VALUE_BYTES:
            return None
        in_heap = kind.get_class() == h5py.h5t.STRING and kind.is_variable_str()
        if not in_heap or text_is_sound(item.file.filename, name, count):
            return item.attrs[name]
    return None


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
