"""Which layout a dataset has, from what lies in its folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from eventflow.datasets.dailydvs import dailydvs200
from eventflow.datasets.detection import prophesee_detection
from eventflow.datasets.folder_per_class import folders, ncaltech101, nmnist
from eventflow.datasets.gesture import dvs128_gesture
from eventflow.datasets.packing import packed
from eventflow.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventflow.datasets.listing import Listing

LAYOUTS: dict[str, Callable[..., Listing]] = {
    "dailydvs200": dailydvs200,
    "dvs128_gesture": dvs128_gesture,
    "folders": folders,
    "ncaltech101": ncaltech101,
    "nmnist": nmnist,
    "packed": packed,
    "prophesee_detection": prophesee_detection,
}


def load(path: str | Path, *, layout: str | None = None, **options: Any) -> Listing:
    """Return the samples of a dataset.

    Args:
        path: its folder, or the archive of a packed one.
        layout: name of its layout; None: what lies there says.
        options: of that layout's function.

    Raises:
        ParameterError: no layout has this name.
        RecordingError: it is not there, or not laid out so.
    """
    if layout is None:
        layout = _layout_of(Path(path))
    if layout not in LAYOUTS:
        raise ParameterError(f"layout={layout!r} is not known; choose {', '.join(LAYOUTS)}")
    return LAYOUTS[layout](path, **options)


def _layout_of(path: Path) -> str:
    if path.is_file():
        return "packed"
    if (path / "trials_to_train.txt").is_file():
        return "dvs128_gesture"
    if any((path / f"{split}.txt").is_file() for split in ("train", "val", "test")):
        return "dailydvs200"
    if next(path.rglob("*_td.dat"), None) is not None:
        return "prophesee_detection"
    return "folders"
