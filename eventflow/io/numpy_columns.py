"""Where the columns t, x, y, p lie among NumPy arrays: an array each, fields of one, or one of four columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow.errors import ParameterError, RecordingError
from eventflow.events import FIELD_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from eventflow.io.numpy_members import ArrayReader, Member

UNIT_SCALES: Final = {"s": (1_000_000, 1), "ms": (1_000, 1), "us": (1, 1), "ns": (1, 1_000)}


class ColumnReader:
    """Reads rows as a mapping of columns.

    Attributes:
        rows: rows that can be there at most.
        names: of the columns it gives: t, x, y, p and perhaps labels, scores.
    """

    def __init__(
        self, readers: Mapping[str, ArrayReader], split: Callable[[NDArray[Any]], dict[str, Any]] | None = None
    ) -> None:
        self._readers, self._split = dict(readers), split
        self.rows = min(reader.rows for reader in self._readers.values())
        self.names = tuple(self._readers) if split is None else tuple("txyp")

    def read(self, count: int) -> dict[str, NDArray[Any]]:
        """Return the next `count` rows, fewer at the end."""
        arrays = {name: reader.read(count) for name, reader in self._readers.items()}
        rows = min(len(array) for array in arrays.values())
        arrays = {name: array[:rows] for name, array in arrays.items()}
        return arrays if self._split is None else self._split(next(iter(arrays.values())))

    @property
    def damage(self) -> list[str]:
        """What is wrong with the arrays, a sentence each."""
        readers = self._readers.values()
        return [f"{reader.name}: {reader.member.damaged}" for reader in readers if reader.member.damaged]


def from_members(names: Mapping[str, str], open_array: Callable[[str], ArrayReader]) -> dict[str, ArrayReader] | None:
    """Return a reader for each column that has an array of its own; `names` maps array names to members."""
    found = {}
    for ours, theirs in {**FIELD_NAMES, "labels": ("labels",), "scores": ("scores",)}.items():
        name = next((name for name in theirs if name in names), None)
        if name is not None:
            found[ours] = open_array(names[name])
    return found if set("txyp") <= set(found) else None


def from_array(reader: ArrayReader, columns: str, path: str, reopen: Callable[[], Member]) -> ColumnReader:
    """Return a reader of the columns of one array: structured, or of four columns in the order `columns`.

    Raises:
        RecordingError: the array is neither.
        ParameterError: `columns` is no order.
    """
    if sorted(columns) != sorted("txyp"):
        raise ParameterError(f"columns={columns!r}: expected the letters t, x, y, p in the order of the columns")
    fields = reader.dtype.names
    if fields is not None and len(reader.shape) == 1:
        mapping = {ours: next((n for n in theirs if n in fields), "") for ours, theirs in FIELD_NAMES.items()}
        if all(mapping.values()):
            return ColumnReader({"events": reader}, lambda rows: {ours: rows[name] for ours, name in mapping.items()})
        raise RecordingError(f"{path}: {reader.name} has the fields {', '.join(fields)}; expected t, x, y and p")
    if fields is None and len(reader.shape) == 2 and reader.shape[1] == 4:
        if reader.by_columns:
            return ColumnReader({name: reader.column(columns.index(name), reopen()) for name in "txyp"})
        return ColumnReader({"events": reader}, lambda rows: {n: rows[:, columns.index(n)] for n in "txyp"})
    raise RecordingError(
        f"{path}: {reader.name} is {reader.dtype} of shape {reader.shape}; expected events: "
        "a structured array with t, x, y, p, or shape (n, 4)"
    )


def checked_times(t: NDArray[Any], unit: str | None) -> NDArray[np.int64]:
    """Return times in µs, rounded to the nearest.

    Raises:
        ValueError: they are no numbers, or have fractions and no unit.
    """
    if t.dtype.kind not in "iuf":
        raise ValueError(f"times are {t.dtype}, expected numbers")
    if t.dtype.kind == "f":
        if not np.isfinite(t).all() or (np.abs(t) >= 2.0**62).any():
            raise ValueError("a time is not finite or beyond 2^62 µs")
        if unit is None and (t != np.floor(t)).any():
            raise ValueError("times have fractions; say what they are: unit='s' or unit='ms'")
        up, down = UNIT_SCALES[unit or "us"]
        scaled: NDArray[np.int64] = np.rint(t.astype(np.float64) * up / down).astype(np.int64)
        return scaled
    up, down = UNIT_SCALES[unit or "us"]
    if t.dtype.kind == "u" and len(t) and int(t.max()) > np.iinfo(np.int64).max:
        raise ValueError("a time is beyond 2^63 µs")
    whole = np.ascontiguousarray(t, np.int64)
    whole = whole if up == 1 else whole * up
    return whole if down == 1 else (whole + down // 2) // down


def checked_pixels(values: NDArray[Any]) -> NDArray[np.int64] | NDArray[np.uint16]:
    """Return pixels as integers, -1 for what is no whole number.

    Raises:
        ValueError: they are no numbers.
    """
    if values.dtype.kind not in "iufb":
        raise ValueError(f"pixels are {values.dtype}, expected numbers")
    if values.dtype.kind == "f":
        values = np.where((np.abs(values) <= 1 << 20) & (values == np.floor(values)), values, -1)
    elif values.dtype == np.uint64:
        values = np.minimum(values, 1 << 20)
    if values.dtype == np.uint16:
        return np.ascontiguousarray(values)
    return np.ascontiguousarray(values, np.int64)


def checked_polarities(p: NDArray[Any]) -> NDArray[np.uint8]:
    """Return polarities as 0 or 1, from bool, 0/1 or -1/1, and 2 for anything else."""
    if p.dtype == np.uint8:
        return np.ascontiguousarray(p)
    if p.dtype.kind not in "iufb":
        raise ValueError(f"polarities are {p.dtype}, expected numbers")
    if p.dtype.kind == "b":
        return p.astype(np.uint8)
    return np.where((p == 0) | (p == -1), 0, np.where(p == 1, 1, 2)).astype(np.uint8)
