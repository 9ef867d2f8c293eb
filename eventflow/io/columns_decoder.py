"""Events from columns t, x, y, p, wherever a format keeps them: checked, put into µs, and sought by time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from eventflow.errors import ParameterError, RecordingError
from eventflow.io.column_names import UNIT_SCALES, unit_by_size
from eventflow.io.decoder import Decoder, RecordingInfo
from eventflow.io.numpy_kernels import LAST, OUTSIDE, RESERVED, STATE_SIZE, STEPS_BACK, pack_columns, whole_us
from eventflow.io.order import BEFORE_ALL_TIME

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eventflow.io.decoder import Batch
    from eventflow.io.source import ByteSource

PIECE_ROWS: Final = 1 << 16
_LARGEST_US: Final = 2.0**62
_IMPOSSIBLE_FROM: Final = 1e20
_PACKED_AS_THEY_ARE: Final = (np.dtype(np.int64), np.dtype(np.uint32))


class Columns(Protocol):
    """Rows of columns, read one after the other.

    Attributes:
        rows: rows that can be there at most.
        names: of the columns: t, x, y, p and perhaps labels, scores.
        can_go: whether there are `go_to` and marks, and `times` costs little anywhere.
        lost: rows passed over because they could not be read.
    """

    rows: int
    names: tuple[str, ...]
    can_go: bool
    lost: int

    @property
    def damage(self) -> list[str]:
        """What is wrong, a sentence each; complete at the end."""

    def read(self, count: int) -> dict[str, NDArray[Any]]:
        """Return the next rows, `count` at most; none at the end."""

    def times(self, start: int, stop: int) -> NDArray[Any]:
        """Return times as they are stored, without moving on."""

    def go_to(self, row: int) -> None:
        """Go on at a row."""

    def mark(self) -> dict[str, Any]:
        """Return plain values from which `resume` goes on with the next row."""

    def resume(self, mark: dict[str, Any]) -> None:
        """Go on from a `mark`, with what was found wrong before it."""


class ColumnsDecoder(Decoder):
    """Reads events from columns.

    Args:
        source: the file.
        info: what is known of it.
        columns: where they are.
        unit: of the times; None has the first of them looked at, which says the same for any packets.
        t_offset: µs added to every time.
    """

    def __init__(
        self, source: ByteSource, info: RecordingInfo, columns: Columns, unit: str | None, *, t_offset: int = 0
    ) -> None:
        super().__init__(source, info)
        self._reader, self._offset = columns, t_offset
        self._whole = False
        self._unit = unit or self._seen_unit()
        self._read = 0
        self._damage_counted = False
        self._state = np.zeros(STATE_SIZE, np.int64)
        self._state[LAST] = BEFORE_ALL_TIME
        self.columns = frozenset(columns.names) & {"labels", "scores"}

    @property
    def steps_back(self) -> int:  # type: ignore[override]
        """Number of events earlier than the one before them so far."""
        return int(self._state[STEPS_BACK])

    def fill(self, batch: Batch, start: int) -> int:
        """Read the next rows into `batch` from `start` on."""
        while (start := self._at_once(batch, start)) < len(batch):
            rows = self._reader.read(min(len(batch) - start, PIECE_ROWS))
            if not len(rows["t"]):
                self._end()
                break
            start = self._pack(rows, batch, start)
            self._read += len(rows["t"])
        return start

    def _at_once(self, batch: Batch, start: int) -> int:
        """Read next rows into `batch` in a faster way, where a layout has one, and return where they end."""
        return start

    def mark(self) -> dict[str, Any] | None:
        """Return the next row and what was counted; None where only reading leads to a row."""
        if not self._reader.can_go:
            return None
        state = {"row": self._read, "counts": self._state.tolist(), "skipped": dict(self.skipped)}
        return state | {"ended": self._damage_counted, "columns": self._reader.mark()}

    def resume(self, mark: dict[str, Any]) -> None:
        """Go on from a `mark`."""
        self._read, self._state[:], self.skipped = mark["row"], mark["counts"], dict(mark["skipped"])
        self._damage_counted = mark["ended"]
        self._reader.resume(mark["columns"])

    def approach(self, t: int) -> None:
        """Go near time `t` (µs) by halving, where any row is reached at once; times that step back lead elsewhere."""
        if not self._reader.can_go:
            return
        low, high = 0, self._reader.rows
        while low < high:
            middle = (low + high) // 2
            if self._time_at(middle) < t:
                low = middle + 1
            else:
                high = middle
        self.go_to(low)

    def go_to(self, row: int) -> None:
        """Go on at a row."""
        self._reader.go_to(row)
        self._read = row

    def expected_events(self) -> int:
        """Return how many rows there are."""
        return self._reader.rows

    def _seen_unit(self) -> str:
        times = self._reader.times(0, PIECE_ROWS)
        unit, note = unit_of(times)
        self._whole = times.dtype.kind == "f" and not note
        if note and note not in self.info.notes:
            self.info.notes.append(note)
        self.info.attributes.setdefault("unit", unit)
        return unit

    def _time_at(self, row: int) -> int:
        times = self._in_us(self._reader.times(row, row + 1))
        return int(times[0]) if len(times) else 1 << 62

    def _in_us(self, t: NDArray[Any]) -> NDArray[np.int64]:
        times, self._bad_times = checked_times(t, self._unit)
        if self._whole and t.dtype.kind == "f" and (t[np.isfinite(t)] % 1 != 0).any():
            raise ValueError("times have fractions, which the first rows have not; say what they are: unit='s' or 'us'")
        return times + self._offset if self._offset else times

    def _pack(self, rows: dict[str, NDArray[Any]], batch: Batch, start: int) -> int:
        t, offset = rows["t"], self._offset
        try:
            if self._unit != "us" or t.dtype not in _PACKED_AS_THEY_ARE:
                t, offset = self._in_us(t), 0
                if self._bad_times is not None:
                    t, rows = self._without_bad_times(t, rows)
            x, y = checked_pixels(rows["x"]), checked_pixels(rows["y"])
            p = checked_polarities(rows["p"])
            if t.ndim != 1 or not len(t) == len(x) == len(y) == len(p) <= len(batch) - start:
                raise ValueError("columns of different lengths")
        except ValueError as error:
            last = self._read + len(rows["t"]) - 1
            raise RecordingError(f"{self.info.path}: rows {self._read} to {last}: {error}") from error
        kept = np.empty(len(t) if self.columns else 0, np.bool_)
        words = batch.records.view(np.int64).reshape(-1, 2)[start:]
        size = self.info.width, self.info.height
        t, x, y, p = (frozen(column) for column in (t, x, y, p))
        made = int(pack_columns(t, offset, x, y, p, words, kept, *size, self._state))
        self._take_counts()
        for name in self.columns:
            getattr(batch, name)[start : start + made] = rows[name][kept]
        return start + made

    def _take_counts(self) -> None:
        counts = {"outside": int(self._state[OUTSIDE]), "reserved": int(self._state[RESERVED])}
        self.skipped.update({reason: count for reason, count in counts.items() if count})

    def _without_bad_times(
        self, t: NDArray[np.int64], rows: dict[str, NDArray[Any]]
    ) -> tuple[NDArray[np.int64], dict[str, NDArray[Any]]]:
        assert self._bad_times is not None
        self.skip("damaged", int(np.count_nonzero(self._bad_times)))
        good = ~self._bad_times
        return t[good], {name: column[good] for name, column in rows.items()}

    def _end(self) -> None:
        damage = self._reader.damage
        if damage and not self._damage_counted:
            self._damage_counted = True
            self.skip("damaged", self._reader.lost or 1)  # how many columns are hurt shows only where all were read
            self.info.notes.extend(damage)


def frozen(array: NDArray[Any]) -> NDArray[Any]:
    """Return a contiguous read-only view: a writeable or a strided array would be compiled for apart."""
    array = np.ascontiguousarray(array).view()
    array.flags.writeable = False
    return array


def checked_unit(unit: str | None) -> str | None:
    """Return `unit`.

    Raises:
        ParameterError: it is none that is known.
    """
    if unit is not None and unit not in UNIT_SCALES:
        raise ParameterError(f"unit={unit!r} is not allowed; choose {', '.join(UNIT_SCALES)}")
    return unit


def unit_of(times: NDArray[Any]) -> tuple[str, str]:
    """Return the unit that an array of times shows, and a sentence about it; what is no number is passed over."""
    if times.dtype.kind not in "iuf" or not len(times):
        return "us", ""
    known = times[np.abs(times) < _IMPOSSIBLE_FROM] if times.dtype.kind == "f" else times
    if not len(known):
        return "us", ""
    fractions = known.dtype.kind == "f" and bool((known != np.floor(known)).any())
    return unit_by_size(max(abs(float(known.min())), abs(float(known.max()))), fractions=fractions)


def checked_times(t: NDArray[Any], unit: str) -> tuple[NDArray[np.int64], NDArray[np.bool_] | None]:
    """Return times in µs, rounded to the nearest, and which are no times or beyond 2^62 µs, None where all are.

    Raises:
        ValueError: they are no numbers.
    """
    if t.dtype.kind not in "iuf" or t.ndim != 1:
        raise ValueError(f"times are {t.dtype}, expected numbers")
    up, down = UNIT_SCALES[unit]
    if t.dtype.kind == "f":
        made = np.empty(len(t), np.int64)
        if whole_us(frozen(t.astype(np.float64, copy=False)), float(up), float(down), _LARGEST_US, made):
            return made, None
        with np.errstate(over="ignore", invalid="ignore"):  # what is beyond all numbers is no time
            scaled = t.astype(np.float64)
            if up != 1:
                scaled *= up
            if down != 1:
                scaled /= down
            np.rint(scaled, out=scaled)
        fine = np.abs(scaled) < _LARGEST_US
        return np.where(fine, scaled, 0).astype(np.int64), ~fine
    bad = None
    if t.dtype == np.uint64 or up != 1:
        limit = int(_LARGEST_US) // up
        wrong = t > limit if t.dtype.kind == "u" else (t > limit) | (t < -limit)
        bad = wrong if wrong.any() else None
    whole = np.ascontiguousarray(t, np.int64)
    whole = whole if up == 1 else whole * up
    return (whole if down == 1 else (whole + down // 2) // down), bad


def checked_pixels(values: NDArray[Any]) -> NDArray[Any]:
    """Return pixels as integers, -1 for what is no whole number.

    Raises:
        ValueError: they are no numbers.
    """
    if values.dtype.kind not in "iufb" or values.ndim != 1:
        raise ValueError(f"pixels are {values.dtype}, expected numbers")
    if values.dtype.kind == "f":
        values = values.astype(np.float32) if values.dtype.itemsize < 4 else values
        with np.errstate(invalid="ignore"):
            values = np.where((np.abs(values) <= 1 << 20) & (values == np.floor(values)), values, -1)
    elif values.dtype == np.uint64:
        values = np.minimum(values, 1 << 20)
    if values.dtype in (np.uint16, np.int16):
        return np.ascontiguousarray(values)
    return np.ascontiguousarray(values, np.int64)


def checked_polarities(p: NDArray[Any]) -> NDArray[np.uint8]:
    """Return polarities as 0 or 1, from bool, 0/1 or -1/1, and 2 for anything else."""
    if p.dtype == np.uint8 and p.ndim == 1:
        return np.ascontiguousarray(p)
    if p.dtype.kind not in "iufb" or p.ndim != 1:
        raise ValueError(f"polarities are {p.dtype}, expected numbers")
    if p.dtype.kind == "b":
        return np.ascontiguousarray(p).view(np.uint8)
    return np.where((p == 0) | (p == -1), 0, np.where(p == 1, 1, 2)).astype(np.uint8)
