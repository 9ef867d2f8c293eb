"""DVS128 Gesture (Amir et al. 2017): long recordings, and beside each a table that cuts it into gestures.

root/userNN_LIGHT.aedat            AEDAT 3.1, 128x128
root/userNN_LIGHT_labels.csv       class,startTime_usec,endTime_usec; classes 1 to 11
root/trials_to_train.txt, trials_to_test.txt
"""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING, Final

from eventflow.datasets.listing import Item, Listing, folder_of, notes_on_subjects
from eventflow.errors import RecordingError

if TYPE_CHECKING:
    from pathlib import Path

CLASSES: Final = (
    "hand_clapping", "right_hand_wave", "left_hand_wave", "right_arm_clockwise", "right_arm_counter_clockwise",
    "left_arm_clockwise", "left_arm_counter_clockwise", "arm_roll", "air_drums", "air_guitar", "other_gestures",
)  # fmt: skip
_NAME: Final = re.compile(r"user(\d+)_(\w+)")
_COLUMNS: Final = ("class", "startTime_usec", "endTime_usec")


def dvs128_gesture(root: str | Path) -> Listing:
    """Return the gestures of DVS128 Gesture, label 0 to 10 in the order of the dataset's classes 1 to 11.

    Raises:
        RecordingError: the folder or its lists of trials are not there, or a table of labels is wrong.
    """
    base = folder_of(root)
    items: list[Item] = []
    notes: list[str] = []
    for split in ("train", "test"):
        for trial in _trials(base / f"trials_to_{split}.txt"):
            path = base / trial
            table = path.with_name(f"{path.stem}_labels.csv")
            if path.is_file() and table.is_file():
                items += _gestures(path, table, split)
            else:
                missing = path if not path.is_file() else table
                notes.append(f"{missing.name} is listed in trials_to_{split}.txt and is not there")
    listing = Listing(tuple(items), CLASSES)
    return Listing(listing.items, CLASSES, (*notes, *notes_on_subjects(listing)))


def _trials(path: Path) -> list[str]:
    if not path.is_file():
        raise RecordingError(f"{path}: not there; it lists which recordings are trained with")
    return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def _gestures(path: Path, table: Path, split: str) -> list[Item]:
    named = _NAME.match(path.stem)
    subject, light = named.groups() if named else ("", "")
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    if not rows or [each.strip() for each in rows[0]] != list(_COLUMNS):
        raise RecordingError(f"{table}:1: expected {','.join(_COLUMNS)}")
    items = []
    for number, row in enumerate(row for row in rows[1:] if row):
        try:
            kind, start, end = (int(value) for value in row)
        except ValueError:
            raise RecordingError(
                f"{table}:{number + 2}: expected three whole numbers, found {','.join(row)!r}"
            ) from None
        if not 1 <= kind <= len(CLASSES) or end <= start:
            raise RecordingError(f"{table}:{number + 2}: class {kind} from {start} to {end} µs cannot be")
        items.append(
            Item(
                path,
                f"{path.name}:{number}",
                kind - 1,
                split,
                subject=str(int(subject)) if subject else "",
                start=start,
                end=end,
                attributes={"light": light},
            )
        )
    return items
