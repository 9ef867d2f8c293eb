"""A folder per class, with or without a folder per split above: the commonest layout, and N-MNIST's and N-Caltech101's.

    root/[train|test|val…/]CLASS/…/recording

A file `classes.txt` in the root, one name a line, fixes the order of the labels; otherwise classes are sorted by name,
numbers by value.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from eventflow.datasets.listing import Item, Listing, folder_of, natural
from eventflow.errors import RecordingError
from eventflow.io.conversion.sources import is_recording_folder
from eventflow.io.table import format_named, formats

if TYPE_CHECKING:
    from pathlib import Path

CLASSES: Final = "classes.txt"
_SPLITS: Final = {
    "train": "train", "training": "train", "test": "test", "testing": "test", "val": "val", "valid": "val",
    "validation": "val",
}  # fmt: skip
_PROSE: Final = frozenset((".txt",))  # beside recordings it is a description


def folders(root: str | Path, *, format: str | None = None, **options: Any) -> Listing:
    """Return the recordings below a folder, labelled by the folder they lie in.

    Args:
        root: the dataset.
        format: name of the recordings' format; None: files with the suffix of any format that is read.
        options: how they are opened, as arguments of `eventflow.open`.

    Raises:
        RecordingError: the folder is not there, or holds no recording in a folder.
    """
    base = folder_of(root)
    suffixes = _suffixes(format)
    opened = options | ({} if format is None else {"format": format})
    split_folders = _split_folders(base)
    found = [
        (split, folder, path)
        for split, above in (split_folders or {"": base}).items()
        for folder in sorted((each for each in above.iterdir() if each.is_dir()), key=lambda each: natural(each.name))
        for path in _recordings(folder, suffixes)
    ]
    if not found:
        kinds = ", ".join(sorted(suffixes))
        raise RecordingError(f"{base}: no recordings ({kinds}) in folders of their class: root/[split/]CLASS/recording")
    classes = _classes(base, {folder.name for _, folder, _ in found})
    numbers = {name: number for number, name in enumerate(classes)}
    items = [
        Item(path, path.relative_to(base).as_posix(), numbers[folder.name], split, options=opened)
        for split, folder, path in found
    ]
    return Listing(tuple(items), classes)


def nmnist(root: str | Path) -> Listing:
    """Return N-MNIST: Train and Test, a folder per digit, 34x34 pixels (Orchard et al. 2015)."""
    return folders(root, format="nmnist", width=34, height=34)


def ncaltech101(root: str | Path) -> Listing:
    """Return N-Caltech101: a folder per category, no split, at most 240x180 pixels (Orchard et al. 2015)."""
    return folders(root, format="nmnist", width=240, height=180)


def _suffixes(format: str | None) -> frozenset[str]:
    rows = [row for row in formats() if row.reads] if format is None else [format_named(format)]
    return frozenset(suffix for row in rows for suffix in row.suffixes) - _PROSE


def _split_folders(base: Path) -> dict[str, Path]:
    """Return the folder of each split, or {} where the folders below are classes."""
    below = [each for each in sorted(base.iterdir()) if each.is_dir()]
    named = {_SPLITS[each.name.lower()]: each for each in below if each.name.lower() in _SPLITS}
    return dict(sorted(named.items(), key=lambda pair: ["train", "val", "test"].index(pair[0]))) if named else {}


def _recordings(folder: Path, suffixes: frozenset[str]) -> list[Path]:
    found = []
    for above, below, names in os.walk(folder):
        here = type(folder)(above)
        bags = [name for name in below if is_recording_folder(here / name)]
        below[:] = [name for name in below if name not in bags]
        found += [here / name for name in names if here.joinpath(name).suffix.lower() in suffixes]
        found += [here / name for name in bags]
    return sorted(found)


def _classes(base: Path, names: set[str]) -> tuple[str, ...]:
    listed = base / CLASSES
    if not listed.is_file():
        return tuple(sorted(names, key=natural))
    given = tuple(line.strip() for line in listed.read_text(encoding="utf-8").splitlines() if line.strip())
    missing = sorted(names - set(given))
    if missing:
        raise RecordingError(f"{listed}: does not list {', '.join(missing)}, of which there is a folder")
    return given
