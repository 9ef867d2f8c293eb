"""Where the columns t, x, y, p lie among NumPy arrays: an array each, fields of one, or one of four columns."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow.errors import ParameterError, RecordingError
from eventflow.io.column_names import columns_among

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray

    from eventflow.io.numpy_members import ArrayReader

_ORDERS: Final = ("txyp", "xytp", "xypt")
_BESIDE: Final[tuple[str, ...]] = ("labels", "scores")


class NumpyColumns:
    """Reads rows as a mapping of columns.

    Args:
        open_readers: by name, makes a reader at its first row.
        split: makes columns of what the readers give; None where they are the columns.

    Attributes:
        rows: rows that can be there at most.
        names: of the columns it gives: t, x, y, p and perhaps labels, scores.
        can_go: whether any row is reached at once, which compressed arrays do not allow.
        lost: rows passed over, of which there are none.
    """

    lost = 0

    def __init__(
        self,
        open_readers: Mapping[str, Callable[[], ArrayReader]],
        split: Callable[[Mapping[str, NDArray[Any]]], dict[str, Any]] | None = None,
    ) -> None:
        self._open, self._split = open_readers, split
        self._readers = {name: open_reader() for name, open_reader in open_readers.items()}
        self.rows = min(reader.rows for reader in self._readers.values())
        self.names = (*"txyp", *(name for name in _BESIDE if name in self._readers))
        self.can_go = all(reader.can_go for reader in self._readers.values())
        self._row = 0

    def read(self, count: int) -> dict[str, NDArray[Any]]:
        """Return the next `count` rows, fewer at the end."""
        rows = self._rows(self._readers, count)
        self._row += len(rows["t"])
        return rows

    def times(self, start: int, stop: int) -> NDArray[Any]:
        """Return times as they are stored, without moving on."""
        if "t" in self._open:
            reader = self._open["t"]()
            reader.skip(start)
            return reader.read(stop - start)
        readers = {name: open_reader() for name, open_reader in self._open.items()}
        for reader in readers.values():
            reader.skip(start)
        return self._rows(readers, stop - start)["t"]

    def go_to(self, row: int) -> None:
        """Go on at a row."""
        self._readers = {name: open_reader() for name, open_reader in self._open.items()}
        for reader in self._readers.values():
            reader.skip(row)
        self._row = row

    def mark(self) -> dict[str, Any]:
        """Return the next row, and the checksum of what is before it for each array."""
        return {"row": self._row, "sums": {name: reader.member.sum for name, reader in self._readers.items()}}

    def resume(self, mark: dict[str, Any]) -> None:
        """Go on from a `mark`."""
        self._readers = {name: open_reader() for name, open_reader in self._open.items()}
        for name, reader in self._readers.items():
            reader.skip(mark["row"], mark["sums"][name])
        self._row = mark["row"]

    @property
    def damage(self) -> list[str]:
        """What is wrong with the arrays, a sentence each."""
        readers = self._readers.values()
        return [f"{reader.name}: {reader.member.damaged}" for reader in readers if reader.member.damaged]

    def _rows(self, readers: Mapping[str, ArrayReader], count: int) -> dict[str, NDArray[Any]]:
        arrays = {name: reader.read(count) for name, reader in readers.items()}
        rows = min(len(array) for array in arrays.values())
        arrays = {name: array[:rows] for name, array in arrays.items()}
        return arrays if self._split is None else self._split(arrays)


def from_members(names: Iterable[str], open_array: Callable[[str], ArrayReader]) -> tuple[NumpyColumns, str] | None:
    """Return the columns that have arrays of their own and the unit their names say, or None where one is missing.

    x and y may be the columns of one array `xy` of shape (n, 2).
    """
    names = list(names)
    found, unit = columns_among(names)
    pair = next((name for name in names if name.lower().rpartition("_")[2] == "xy"), None)
    beside = {name: name for name in _BESIDE if name in names}
    if set("txyp") <= set(found):
        found |= beside
        return NumpyColumns({ours: partial(open_array, theirs) for ours, theirs in found.items()}), unit
    if pair is None or not {"t", "p"} <= set(found) or open_array(pair).row_items != 2:
        return None
    given = {"t": found["t"], "p": found["p"], "xy": pair, **beside}

    def split(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
        return {**arrays, "x": arrays["xy"][:, 0], "y": arrays["xy"][:, 1]}

    return NumpyColumns({ours: partial(open_array, theirs) for ours, theirs in given.items()}, split), unit


def from_array(
    open_array: Callable[[], ArrayReader], columns: str | None, path: str, notes: list[str]
) -> tuple[NumpyColumns, str]:
    """Return the columns of one array, structured or of four columns, and the unit that names say.

    Args:
        open_array: makes a reader at the first row.
        columns: order of four columns; None has the first rows looked at.
        path: for messages.
        notes: gets a sentence about an order that was found.

    Raises:
        RecordingError: the array is neither.
        ParameterError: `columns` is no order.
    """
    if columns is not None and sorted(columns) != sorted("txyp"):
        raise ParameterError(f"columns={columns!r}: expected the letters t, x, y, p in the order of the columns")
    reader = open_array()
    fields = reader.dtype.names
    if fields is not None and len(reader.shape) == 1:
        return _from_fields(open_array, fields, path)
    if fields is None and reader.dtype.kind in "iufb" and len(reader.shape) == 2 and 4 in reader.shape[:2]:
        by_rows = reader.shape[1] == 4
        if by_rows or reader.shape[0] == 4:
            return _from_table(open_array, columns, by_rows=by_rows, notes=notes), ""
    raise RecordingError(
        f"{path}: {reader.name} is {reader.dtype} of shape {reader.shape}; expected events: "
        "a structured array with t, x, y, p, or shape (n, 4) or (4, n)"
    )


def _from_fields(open_array: Callable[[], ArrayReader], fields: tuple[str, ...], path: str) -> tuple[NumpyColumns, str]:
    found, unit = columns_among(fields)
    if not set("txyp") <= set(found):
        name = open_array().name
        raise RecordingError(f"{path}: {name} has the fields {', '.join(fields)}; expected t, x, y and p")

    def split(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
        return {ours: arrays["events"][theirs] for ours, theirs in found.items()}

    return NumpyColumns({"events": open_array}, split), unit


def _from_table(
    open_array: Callable[[], ArrayReader], columns: str | None, *, by_rows: bool, notes: list[str]
) -> NumpyColumns:
    reader = open_array()
    apart = reader.by_columns == by_rows  # each column's numbers lie beside each other

    def column(index: int) -> ArrayReader:
        return open_array().part(index, 4)

    def rows(order: str) -> Callable[[Mapping[str, NDArray[Any]]], dict[str, Any]]:
        return lambda arrays: {name: arrays["events"][:, order.index(name)] for name in "txyp"}

    def made(order: str) -> NumpyColumns:
        if apart:
            return NumpyColumns({name: partial(column, order.index(name)) for name in "txyp"})
        return NumpyColumns({"events": lambda: open_array().of_rows(4)}, rows(order))

    if columns is not None:
        return made(columns)
    first = made("txyp").read(1 << 12)
    order = order_of(np.stack([first[name] for name in "txyp"]))
    if order != "txyp":
        notes.append(f"columns taken to be {', '.join(order)}, which fits the first rows; columns= overrules it")
    return made(order)


def order_of(table: NDArray[Any]) -> str:
    """Return the order of four columns, shape (4, n), that the first rows fit: t, x, y, p where they fit none."""
    fits = [order for order in _ORDERS if _fits(table, order)]
    return fits[0] if fits else _ORDERS[0]


def _fits(table: NDArray[Any], order: str) -> bool:
    t, p = (table[order.index(name)] for name in "tp")
    if not len(t) or not np.isin(p, (-1, 0, 1)).all():
        return False
    x, y = (table[order.index(name)] for name in "xy")
    whole = all((side >= 0).all() and (side == np.floor(side)).all() for side in (x, y))
    return bool(whole and (t[1:] >= t[:-1]).all())
