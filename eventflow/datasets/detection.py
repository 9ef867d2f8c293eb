"""Prophesee's automotive detection datasets, Gen1 and 1 Megapixel: DAT recordings, and boxes beside them.

root/[train|val|test/]NAME_td.dat + NAME_bbox.npy
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow.datasets.listing import Item, Listing, folder_of
from eventflow.errors import RecordingError
from eventflow.messages import Boxes

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

GEN1_CLASSES: Final = ("car", "pedestrian")
MEGAPIXEL_CLASSES: Final = ("pedestrian", "two wheeler", "car", "truck", "bus", "traffic sign", "traffic light")
_EVENTS, _BOXES = "_td.dat", "_bbox.npy"
_SPLITS: Final = ("train", "val", "test")
_TIMES: Final = ("t", "ts")
_CONFIDENCES: Final = ("class_confidence", "confidence")


@dataclass(frozen=True)
class DetectionItem(Item):
    """A recording with boxes.

    Attributes:
        boxes_path: the file of its boxes.
    """

    boxes_path: Path | None = None

    def boxes(self) -> list[Boxes]:
        """Return the labelled boxes, one message an instant, in time order."""
        return [] if self.boxes_path is None else read_boxes(self.boxes_path)


def prophesee_detection(root: str | Path) -> Listing:
    """Return the recordings of Gen1 or 1 Megapixel with their boxes; the classes go by the sensor.

    Raises:
        RecordingError: the folder is not there, or holds no NAME_td.dat.
    """
    base = folder_of(root)
    paths = sorted(base.rglob(f"*{_EVENTS}"))
    if not paths:
        raise RecordingError(f"{base}: no recordings named NAME{_EVENTS}")
    items, alone = [], []
    for path in paths:
        name = path.relative_to(base)
        boxes = path.with_name(path.name.removesuffix(_EVENTS) + _BOXES)
        if not boxes.is_file():
            alone.append(name.as_posix())
        split = next((part for part in name.parts[:-1] if part in _SPLITS), "")
        items.append(DetectionItem(path, name.as_posix(), split=split, boxes_path=boxes if boxes.is_file() else None))
    with items[0].open() as first:
        classes = GEN1_CLASSES if first.info.width <= 304 else MEGAPIXEL_CLASSES
    notes = (f"{len(alone)} recordings have no {_BOXES}: {alone[0]} …",) if alone else ()
    return Listing(tuple(items), classes, notes)


def read_boxes(path: str | Path) -> list[Boxes]:
    """Return the boxes of a `_bbox.npy` file, one message an instant, in time order.

    Raises:
        RecordingError: it is no such file.
    """
    try:
        rows = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise RecordingError(f"{path}: cannot be read: {error}") from error
    names = rows.dtype.names or ()
    time = next((name for name in _TIMES if name in names), None)
    missing = [name for name in ("x", "y", "w", "h", "class_id") if name not in names]
    if time is None or missing:
        raise RecordingError(f"{path}: no file of boxes: it has the fields {', '.join(names) or 'none'}")
    confidence = next((name for name in _CONFIDENCES if name in names), None)
    return _by_instant(rows, time, confidence)


def _by_instant(rows: NDArray[Any], time: str, confidence: str | None) -> list[Boxes]:
    rows = rows[np.argsort(rows[time], kind="stable")]
    times = rows[time].astype(np.int64)
    count = len(rows)
    columns: dict[str, NDArray[Any]] = {name: rows[name].astype(np.float64) for name in "xywh"}
    columns["class_id"] = rows["class_id"].astype(np.int64)
    has_track = "track_id" in (rows.dtype.names or ())
    columns["track_id"] = rows["track_id"].astype(np.int64) if has_track else np.full(count, -1, np.int64)
    columns["confidence"] = np.ones(count) if confidence is None else rows[confidence].astype(np.float64)
    borders = np.flatnonzero(np.diff(times)) + 1
    return [
        Boxes(t=int(times[part[0]]), **{name: column[part] for name, column in columns.items()})
        for part in np.split(np.arange(count), borders)
        if len(part)
    ]
