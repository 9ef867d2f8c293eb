"""Which layout a dataset has, from what lies in its folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from eventflow.datasets.dailydvs import dailydvs200
from eventflow.datasets.detection import prophesee_detection
from eventflow.datasets.folder_per_class import folders, ncaltech101, nmnist
from eventflow.datasets.gesture import dvs128_gesture
from eventflow.datasets.packing import packed
from eventflow.datasets.traverses import brisbane_event_vpr, nsavp, qcr_event_vpr
from eventflow.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventflow.datasets.listing import Listing

LAYOUTS: dict[str, Callable[..., Listing]] = {
    "brisbane_event_vpr": brisbane_event_vpr,
    "dailydvs200": dailydvs200,
    "dvs128_gesture": dvs128_gesture,
    "folders": folders,
    "ncaltech101": ncaltech101,
    "nmnist": nmnist,
    "nsavp": nsavp,
    "packed": packed,
    "prophesee_detection": prophesee_detection,
    "qcr_event_vpr": qcr_event_vpr,
}

_TRAVERSES = {"dvs_vpr_20*": "brisbane_event_vpr", "bags_20*": "qcr_event_vpr", "*_dvxplorer_*.h5": "nsavp"}


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
    for pattern, layout in _TRAVERSES.items():
        if next(path.rglob(pattern), None) is not None:
            return layout
    return "folders"
