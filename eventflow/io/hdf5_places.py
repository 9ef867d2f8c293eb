"""Where things lie in an HDF5 file of events: columns by their names, tables by their fields, the sensor's size."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import h5py
import numpy as np

from eventflow.io.column_names import columns_among
from eventflow.io.hdf5 import attributes_of
from eventflow.io.numpy_columns import order_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

_DEEPEST: Final = 4
_MOST_ITEMS: Final = 4096
_LOOKED_AT_ROWS: Final = 1 << 12
_TABLE: Final = re.compile(r"event|data|^td$|^cd$", re.I)
_INDEXES: Final = ("ms_to_idx", "ms_map_idx")
_WIDTHS: Final = ("width", "sensor_width", "sizex")
_HEIGHTS: Final = ("height", "sensor_height", "sizey")
_ROWS_FIRST: Final = ("sensor_resolution",)  # height before width
_COLUMNS_FIRST: Final = ("resolution", "geometry", "sensor_size")


@dataclass
class EventsPlace:
    """Where the events of one camera lie.

    Attributes:
        datasets: by column name; or one, under "events", that `split` makes columns of.
        split: by column name, takes the column out of rows; None where the datasets are the columns.
        unit: of the times, None where they have to be looked at.
        t_offset: µs added to every time.
        index: for each ms since the offset the first row at or after it, or None.
        notes: sentences about what had to be assumed.
    """

    datasets: Mapping[str, h5py.Dataset]
    split: Mapping[str, Callable[[NDArray[Any]], NDArray[Any]]] | None = None
    unit: str | None = None
    t_offset: int = 0
    index: h5py.Dataset | None = None
    notes: list[str] = field(default_factory=list)


def item_at(file: h5py.Group, path: str) -> Any:
    """Return what lies at a path, None where there is nothing or it cannot be read."""
    try:
        found = file.get(path)
        if isinstance(found, h5py.Dataset):
            found.dtype, found.shape  # noqa: B018 - which may be damaged
    except (KeyError, OSError, RuntimeError, ValueError, TypeError):
        return None
    return found


def dataset_at(file: h5py.Group, path: str, dimensions: int | None = None) -> h5py.Dataset | None:
    """Return a dataset of numbers, None where there is none or it has not so many dimensions."""
    return _of_numbers(item_at(file, path), dimensions)


def _of_numbers(found: Any, dimensions: int | None) -> h5py.Dataset | None:
    if not isinstance(found, h5py.Dataset) or found.dtype.kind not in "iufb" or found.shape is None:
        return None
    return found if dimensions in (None, len(found.shape)) else None


def columns_in(group: h5py.Group) -> EventsPlace | None:
    """Return the events of a group with a dataset for each of t, x, y, p, by any of their names."""
    items = {name: item_at(group, name) for name in group}
    found, unit = columns_among(name for name, item in items.items() if isinstance(item, h5py.Dataset))
    datasets = {ours: _of_numbers(items[theirs], 1) for ours, theirs in found.items()}
    if not set("txyp") <= {ours for ours, dataset in datasets.items() if dataset is not None}:
        return None
    index = next((each for name in _INDEXES if (each := dataset_at(group, name, 1)) is not None), None)
    return EventsPlace({name: d for name, d in datasets.items() if d is not None}, unit=unit or None, index=index)


def table_in(dataset: h5py.Dataset, order: str | None = None) -> EventsPlace | None:
    """Return the events of a dataset with fields t, x, y, p, or of shape (n, 4) in an order given or looked up."""
    if dataset.shape is None:
        return None
    if any(dataset.dtype[name].hasobject for name in dataset.dtype.names or ()):
        return None  # text or sequences, of which damaged ones are not safe to read
    if dataset.dtype.names and len(dataset.shape) == 1:
        found, unit = columns_among(dataset.dtype.names)
        if set("txyp") <= set(found) and all(dataset.dtype[name].kind in "iufb" for name in found.values()):
            fields = {ours: _field(theirs) for ours, theirs in found.items()}
            return EventsPlace({"events": dataset}, fields, unit=unit or None)
    if dataset.dtype.kind in "iuf" and len(dataset.shape) == 2 and dataset.shape[1] == 4:
        notes = []
        if order is None:
            order = order_of(np.asarray(dataset[:_LOOKED_AT_ROWS]).T)
            notes.append(f"columns of {dataset.name} taken to be {', '.join(order)}, which fits the first rows")
        return EventsPlace({"events": dataset}, {n: _column(order.index(n)) for n in "txyp"}, notes=notes)
    return None


def places_of(file: h5py.File) -> Iterator[tuple[str, EventsPlace]]:
    """Yield all events in a file whose layout is not known, those nearest to its root first, each with its path."""
    waiting: list[tuple[str, Any, int]] = [("/", file, 0)]
    seen = 0
    while waiting and seen < _MOST_ITEMS:
        path, item, depth = waiting.pop(0)
        seen += 1
        try:
            place = columns_in(item) if isinstance(item, h5py.Group) else None
            if isinstance(item, h5py.Dataset) and (item.dtype.names or _TABLE.search(path.rpartition("/")[2])):
                place = table_in(item)
            if place is not None:
                yield path, place
            elif isinstance(item, h5py.Group) and depth < _DEEPEST:
                inside = ((name, item_at(item, name)) for name in list(item)[:_MOST_ITEMS])
                waiting += [(f"{path.rstrip('/')}/{name}", each, depth + 1) for name, each in inside]
        except (OSError, RuntimeError, ValueError, TypeError, KeyError):
            continue  # a part that is damaged; others may not be


def size_in(*groups: h5py.Group | h5py.Dataset | None) -> tuple[int, int]:
    """Return the sensor size, px, that the first of several groups says in its attributes or datasets, else 0, 0."""
    for group in groups:
        if group is None:
            continue
        said = {name.lower(): value for name, value in _values(group)}
        width, height = (next((_whole(said[n]) for n in names if n in said), 0) for names in (_WIDTHS, _HEIGHTS))
        if width and height:
            return width, height
        for name in (*_ROWS_FIRST, *_COLUMNS_FIRST):
            sides = _pair(said.get(name))
            if sides:
                return (sides[1], sides[0]) if name in _ROWS_FIRST else sides
    return 0, 0


def fits(place: EventsPlace, size: tuple[int, int]) -> bool:
    """Return whether the first events lie inside a sensor of this size."""
    for name, side in zip("xy", size, strict=True):
        dataset = place.datasets.get(name)
        try:
            if dataset is not None and len(dataset) and int(dataset[:_LOOKED_AT_ROWS].max()) >= side:
                return False
        except (OSError, RuntimeError, ValueError):
            return True
    return True


def _values(group: h5py.Group | h5py.Dataset) -> Iterator[tuple[str, Any]]:
    try:
        yield from attributes_of(group).items()
        if isinstance(group, h5py.Group):
            there = set(group)
            for name in (*_WIDTHS, *_HEIGHTS, *_ROWS_FIRST, *_COLUMNS_FIRST):
                dataset = dataset_at(group, name) if name in there else None
                if dataset is not None and dataset.size in (1, 2):
                    yield name, dataset[()]
    except (OSError, RuntimeError, ValueError, KeyError, TypeError):
        return


def _whole(value: Any) -> int:
    array = np.asarray(value).reshape(-1)
    return int(array[0]) if len(array) == 1 and array.dtype.kind in "iu" and 0 < array[0] <= 1 << 16 else 0


def _pair(value: Any) -> tuple[int, int] | None:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, str):
        match = re.fullmatch(r"\s*(\d{1,5})\s*x\s*(\d{1,5})\s*", value)
        return (int(match[1]), int(match[2])) if match else None
    array = np.asarray(value if value is not None else []).reshape(-1)[:2]
    if len(array) < 2 or array.dtype.kind not in "iuf" or not ((array > 0) & (array <= 1 << 16)).all():
        return None
    return int(array[0]), int(array[1])


def _field(name: str) -> Callable[[NDArray[Any]], NDArray[Any]]:
    return lambda rows: rows[name]


def _column(index: int) -> Callable[[NDArray[Any]], NDArray[Any]]:
    return lambda rows: rows[:, index]
