"""A dataset packed into one NumPy archive: all events joined, and where each sample begins.

`x`, `y`, `p` and `t` (µs) of all samples; `offsets` (n + 1), `label` (n) and, where there are, `sample_id` (n), `width`
and `height`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow.datasets.listing import Item, Listing
from eventflow.errors import RecordingError
from eventflow.events import EVENT_DTYPE, Events

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_NEEDED: Final = ("x", "y", "p", "t", "offsets", "label")


@dataclass(frozen=True)
class PackedItem(Item):
    """A sample of a packed dataset.

    Attributes:
        index: its number in the archive.
    """

    index: int = 0

    def events(self) -> Events:
        """Return the sample's events."""
        arrays = _arrays(str(self.path), Path(self.path).stat().st_mtime_ns)
        begin, end = int(arrays["offsets"][self.index]), int(arrays["offsets"][self.index + 1])
        records = np.zeros(end - begin, EVENT_DTYPE)
        for name in "txyp":
            records[name] = arrays[name][begin:end]
        events = Events(records, self.options["width"], self.options["height"])
        low = -(1 << 63) if self.start is None else self.start
        high = (1 << 63) - 1 if self.end is None else self.end
        return events if self.start is None and self.end is None else events[(events.t >= low) & (events.t < high)]

    def packets(self, **options: Any) -> tuple[Iterator[Events], int, int]:
        """Return the sample's events as one packet in time order, and the width and height of the sensor, px."""
        events = self.events().sorted()
        return iter([events]), events.width, events.height

    def open(self, **options: Any) -> Any:
        """Refuse: a sample inside an archive is no file; `events()` returns it."""
        raise RecordingError(f"{self.path}: sample {self.index} is inside an archive; take its events()")


def packed(path: str | Path, *, width: int | None = None, height: int | None = None) -> Listing:
    """Return the samples of a packed dataset.

    Args:
        path: the archive.
        width: sensor width, px; None: what the archive says, else the smallest that fits.
        height: sensor height, px.

    Raises:
        RecordingError: it is no such archive.
    """
    arrays = _arrays(str(path), _changed(path))
    labels = arrays["label"]
    size = {
        "width": _size(arrays, "width", "x") if width is None else width,
        "height": _size(arrays, "height", "y") if height is None else height,
    }
    if _span(arrays["x"]) > size["width"] or _span(arrays["y"]) > size["height"]:
        raise RecordingError(f"{path}: has events beyond {size['width']}x{size['height']} pixels")
    ids = arrays.get("sample_id", np.arange(len(labels)))
    items = [
        PackedItem(Path(path), f"{Path(path).stem}:{ids[index]}", _label(label), options=size, index=index)
        for index, label in enumerate(labels)
    ]
    classes = tuple(str(number) for number in range(1 + int(labels.max()) if len(labels) else 0))
    return Listing(tuple(items), classes)


def _label(number: Any) -> int | None:
    return int(number) if number >= 0 else None


def _size(arrays: dict[str, NDArray[Any]], name: str, column: str) -> int:
    return int(arrays[name].reshape(-1)[0]) if name in arrays else _span(arrays[column])


def _span(column: NDArray[Any]) -> int:
    return int(column.max(initial=0)) + 1


def _changed(path: str | Path) -> int:
    try:
        return Path(path).stat().st_mtime_ns
    except OSError as error:
        raise RecordingError(f"{path}: no such file") from error


@lru_cache(maxsize=4)
def _arrays(path: str, _changed_ns: int) -> dict[str, NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, AttributeError) as error:
        raise RecordingError(f"{path}: cannot be read as a NumPy archive: {error}") from error
    missing = [name for name in _NEEDED if name not in arrays]
    if missing:
        raise RecordingError(f"{path}: no packed dataset: it has no {', '.join(missing)}")
    offsets, count = arrays["offsets"], len(arrays["t"])
    whole = len(offsets) == len(arrays["label"]) + 1 and offsets[0] == 0 and offsets[-1] == count
    if not whole or (np.diff(offsets) < 0).any() or any(len(arrays[name]) != count for name in "xyp"):
        raise RecordingError(f"{path}: its offsets do not fit its {count} events and {len(arrays['label'])} labels")
    if count and int(arrays["p"].max()) > 1:
        raise RecordingError(f"{path}: polarities beyond 0 and 1")
    return arrays
