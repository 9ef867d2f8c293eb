"""Writing a dataset as a folder per class."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eventflow.datasets.folder_per_class import CLASSES
from eventflow.errors import ParameterError
from eventflow.io import PartFile, create
from eventflow.io.parts import writing
from eventflow.io.table import format_named

if TYPE_CHECKING:
    from eventflow.datasets.listing import Listing

_UNSAFE = re.compile(r"[^\w.+-]+")


def write_folders(listing: Listing, root: str | Path, *, to: str = "aedat4", **options: Any) -> list[Path]:
    """Write every item as a file of its own, ROOT/[SPLIT/]CLASS/NAME, and return the files; `folders(root)` reads them.

    Args:
        listing: what to write; every item has a label.
        root: the new dataset's folder.
        to: name of the format.
        options: further options of the format.

    Raises:
        ParameterError: an item has no label.
        RecordingError: a recording cannot be read or written.
    """
    row = format_named(to)
    base = Path(root)
    for item in listing:
        if item.label is None:
            raise ParameterError(f"{item.name}: has no label, and a folder per class needs one")
    targets = _targets(listing, base, row.suffixes[0])
    for item, target in zip(listing, targets, strict=True):
        packets, width, height = item.packets()
        with create(target, width=width, height=height, format=to, **options) as writer:
            for packet in packets:
                writer.write(packet)
    with writing(base / CLASSES), PartFile(base / CLASSES) as parts:
        parts.part.write_text("".join(f"{_folder(name)}\n" for name in listing.classes), encoding="utf-8")
    return targets


def _targets(listing: Listing, base: Path, suffix: str) -> list[Path]:
    seen: Counter[Path] = Counter()
    targets = []
    for item in listing:
        assert item.label is not None
        name = _UNSAFE.sub("-", Path(item.name).name.replace(":", "-"))
        stem = name.removesuffix(Path(item.path).suffix) if ":" not in item.name else name
        target = base / item.split / _folder(listing.classes[item.label]) / stem
        seen[target] += 1
        number = f"-{seen[target]}" if seen[target] > 1 else ""
        targets.append(target.with_name(f"{target.name}{number}{suffix}"))
    return targets


def _folder(name: str) -> str:
    return _UNSAFE.sub("_", name)
