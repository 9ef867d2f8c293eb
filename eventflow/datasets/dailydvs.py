"""DailyDVS-200 (Wang et al. 2024): AEDAT 4 recordings of a DVXplorer Lite, 320x240, and lists that split them.

    root/train.txt, val.txt, test.txt      lines `RELATIVE_PATH ACTION_ID`
    root/all_data.json                     FileName, Action, ID (the subject), Scene, Move, PersonNum and more

The published lists share subjects; the listing's notes say which.
"""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import Any, Final

from eventflow.datasets.listing import Item, Listing, folder_of, notes_on_subjects
from eventflow.errors import RecordingError

_SPLITS: Final = ("train", "val", "test")
_SUBJECT: Final = "ID"


def dailydvs200(root: str | Path, *, recordings: str | Path | None = None) -> Listing:
    """Return the recordings of DailyDVS-200.

    Args:
        root: folder of the lists.
        recordings: folder that the lists' paths begin in; None: `root`.

    Raises:
        RecordingError: no list is there, or one is wrong.
    """
    base = folder_of(root)
    lists = {split: base / f"{split}.txt" for split in _SPLITS if (base / f"{split}.txt").is_file()}
    if not lists:
        raise RecordingError(f"{base}: none of {', '.join(f'{each}.txt' for each in _SPLITS)} is there")
    known = _known(base / "all_data.json")
    beneath = base if recordings is None else folder_of(recordings)
    items: list[Item] = []
    notes: list[str] = []
    for split, path in lists.items():
        listed = _listed(path, split, beneath, known)
        missing = [item for item in listed if not item.path.exists()]
        if missing:
            notes.append(
                f"{len(missing)} of {len(listed)} recordings in {path.name} are not there: {missing[0].name} …"
            )
        items += [item for item in listed if item.path.exists()]
    classes = tuple(str(number) for number in range(1 + max((item.label or 0 for item in items), default=-1)))
    listing = Listing(tuple(items), classes)
    if not known:
        notes.append("all_data.json is not there: who was recorded is not known")
    return Listing(listing.items, classes, (*notes, *notes_on_subjects(listing)))


def _listed(path: Path, split: str, beneath: Path, known: dict[str, dict[str, Any]]) -> list[Item]:
    items = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        name, _, action = line.strip().rpartition(" ")
        if not name or not action.isdecimal():
            raise RecordingError(f"{path}:{number}: expected `RELATIVE_PATH ACTION_ID`, found {line!r}")
        about = known.get(_stem(name), {})
        subject = about.get(_SUBJECT)
        attributes = {key: value for key, value in about.items() if key not in ("FileName", _SUBJECT)}
        items.append(
            Item(
                beneath / name,
                name,
                int(action),
                split,
                subject="" if subject is None else str(subject),
                attributes=attributes,
            )
        )
    return items


def _known(path: Path) -> dict[str, dict[str, Any]]:
    """Return what the dataset says of each recording, by its name without folder and suffix."""
    if not path.is_file():
        return {}
    try:
        records = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise RecordingError(f"{path}: is no JSON: {error}") from error
    if isinstance(records, dict):
        records = [({"FileName": name} | about) for name, about in records.items() if isinstance(about, dict)]
    return {_stem(str(each["FileName"])): each for each in records if isinstance(each, dict) and "FileName" in each}


def _stem(name: str) -> str:
    return PurePosixPath(name).name.removesuffix(".aedat4")
