"""Events and what lies beside them, going into HDF5 datasets that grow: columns with an index, tables, rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow.errors import RecordingError
from eventflow.io.hdf5_packing import GrowingDataset
from eventflow.io.numpy_kernels import columns_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import h5py
    from numpy.typing import NDArray

    from eventflow.events import Events

_LONGEST_US: Final = {"<u4": 1 << 32, "<i8": 86_400_000_000}
_EXACT_US: Final = 1 << 52  # float64 seconds beyond are more than half a µs apart
_INDEXED_MS: Final = 1 << 16  # entries of an index made at once


def columns(group: h5py.Group, types: Mapping[str, str], compression: str) -> dict[str, GrowingDataset]:
    """Return datasets of one dimension that grow, by name."""
    return {name: GrowingDataset(group, name, dtype, compression) for name, dtype in types.items()}


class IndexedEvents:
    """t, x, y, p and an index of milliseconds, as DSEC and M3ED have them.

    Args:
        file: where to.
        group: where the columns go.
        compression: zstd, gzip or none.
        time_type: of t: "<u4", or "<i8".
        index: where the index goes: for each ms the first row at or after it.
        offset: where the time of the first event goes, to which t is relative; "" where t is not.
    """

    def __init__(
        self, file: h5py.File, group: str, compression: str, *, time_type: str, index: str, offset: str = ""
    ) -> None:
        types = {"t": time_type, "x": "<u2", "y": "<u2", "p": "|u1"}
        self._file = file
        self._datasets = columns(file.require_group(group), types, compression)
        self._longest_us, self._offset_name = _LONGEST_US[time_type], offset
        where, _, name = index.rpartition("/")
        self._index = GrowingDataset(file.require_group(where or "/"), name, "<u8", compression)
        self._t_offset: int | None = None if offset else 0
        self._last: int | None = None
        self._next_ms = self.written = 0

    def write(self, events: Events) -> None:
        """Append events.

        Raises:
            RecordingError: times step back, or lie too far from the first one.
        """
        for t, x, y, p in columns_of(events):
            if self._t_offset is None:
                self._t_offset = int(t[0])
            self._check(t, ordered=events.ordered)
            t -= self._t_offset
            self._add_to_index(t)
            for name, column in (("t", t), ("x", x), ("y", y), ("p", p)):
                self._datasets[name].append(column)
            self.written += len(t)
            self._last = int(t[-1]) + self._t_offset

    def finish(self) -> None:
        """Write what is left in memory."""
        for dataset in (*self._datasets.values(), self._index):
            dataset.finish()
        if self._offset_name:
            self._file.create_dataset(self._offset_name, data=np.int64(self._t_offset or 0))

    def _check(self, t: NDArray[np.int64], *, ordered: bool) -> None:
        assert self._t_offset is not None
        last = t[0] if self._last is None else self._last
        far = t[0] < self._t_offset or t[-1] - self._t_offset >= self._longest_us
        if ordered and t[0] >= last and not far:
            return
        before = np.concatenate(([last], t[:-1]))
        wrong = (t < before) | (t < self._t_offset) | (t - self._t_offset >= self._longest_us)
        if not wrong.any():
            return
        index = int(np.argmax(wrong))
        where = f"this HDF5 layout cannot hold event {self.written + index} at t={t[index]} µs"
        if t[index] < before[index]:
            raise RecordingError(f"{where}: it lies after t={before[index]} µs; sort or mend the events first")
        raise RecordingError(
            f"{where}: times reach from {self._t_offset} to {self._t_offset + self._longest_us - 1} µs; "
            "cut the recording, or shift it to start at 0 (origin: zero)"
        )

    def _add_to_index(self, t: NDArray[np.int64]) -> None:
        """Append the first rows at or after each ms up to the last time, so many of them at once."""
        last = int(t[-1]) // 1000
        while self._next_ms <= last:
            ms = np.arange(self._next_ms, min(last + 1, self._next_ms + _INDEXED_MS))
            self._index.append(np.searchsorted(t, ms * 1000) + self.written)
            self._next_ms += len(ms)


class TableEvents:
    """One float64 dataset of shape (n, 4), t in s and p -1 or 1, as MVSEC has it.

    Args:
        file: where to.
        name: of the dataset.
        compression: zstd, gzip or none.
        order: of the columns t, x, y, p.
    """

    def __init__(self, file: h5py.File, name: str, compression: str, *, order: str) -> None:
        group, _, last = name.rpartition("/")
        self._table = GrowingDataset(file.require_group(group), last, "<f8", compression, row_shape=(4,))
        self._order = order
        self.written = 0

    def write(self, events: Events) -> None:
        """Append events.

        Raises:
            RecordingError: a time is too large to be told to the µs.
        """
        for t, x, y, p in columns_of(events):
            table = np.empty((len(t), 4))
            found: dict[str, NDArray[Any]] = {"t": seconds_of(t, self.written), "x": x, "y": y, "p": p * 2.0 - 1}
            for index, name in enumerate(self._order):
                table[:, index] = found[name]
            self._table.append(table)
            self.written += len(t)

    def finish(self) -> None:
        """Write what is left in memory."""
        self._table.finish()


class Rows:
    """Datasets that grow together, a row each a message or a sample; made when the first ones come.

    Args:
        file: where to.
        types: their dtypes, by path.
        compression: zstd, gzip or none.
    """

    def __init__(self, file: h5py.File, types: Mapping[str, str], compression: str) -> None:
        self._file, self._types, self._compression = file, types, compression
        self._shapes: list[tuple[int, ...]] = []
        self._datasets: list[GrowingDataset] = []
        self.written = 0

    def fits(self, *arrays: NDArray[Any]) -> bool:
        """Return whether rows, shape (n, …) for each dataset, have the shapes of the first ones."""
        return not self._datasets or [array.shape[1:] for array in arrays] == self._shapes

    def append(self, *arrays: NDArray[Any]) -> None:
        """Append rows that fit."""
        if not self._datasets:
            self._shapes = [array.shape[1:] for array in arrays]
            self._datasets = [self._made(*each) for each in zip(self._types, self._shapes, strict=True)]
        for dataset, array in zip(self._datasets, arrays, strict=True):
            dataset.append(array)
        self.written += len(arrays[0])

    def finish(self) -> None:
        """Write what is left in memory."""
        for dataset in self._datasets:
            dataset.finish()

    def drop(self) -> None:
        """Take the datasets out of the file."""
        if self._datasets:
            self._datasets = []
            for path in self._types:
                del self._file[path]

    def _made(self, path: str, shape: tuple[int, ...]) -> GrowingDataset:
        group, _, name = path.rpartition("/")
        where = self._file.require_group(group or "/")
        return GrowingDataset(where, name, self._types[path], self._compression, row_shape=shape)


def seconds_of(t: NDArray[np.int64], written: int) -> NDArray[np.float64]:
    """Return times of events (µs) in s, `written` events being before them.

    Raises:
        RecordingError: a time is too large to be told to the µs.
    """
    if len(t) and (t.min() <= -_EXACT_US or t.max() >= _EXACT_US):
        index = int(np.argmax((t <= -_EXACT_US) | (t >= _EXACT_US)))
        raise RecordingError(f"event {written + index} at t={t[index]} µs cannot be told to the µs in seconds")
    seconds: NDArray[np.float64] = t / 1e6
    return seconds
