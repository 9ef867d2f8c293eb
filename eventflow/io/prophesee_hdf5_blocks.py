"""The events of a Prophesee HDF5 file, block by block: chunks of the codec ECF, or rows decoded by the HDF5 library."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow.errors import RecordingError
from eventflow.io import hdf5
from eventflow.io import prophesee_hdf5_kernels as kernels
from eventflow.io.hdf5_columns import stored_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eventflow.io.source import ByteSource

ECF: Final = 36559
"""Number of the codec among the filters of HDF5."""

_ROWS: Final = 1 << 14
_MOST_EVENTS: Final = 0xFFFF  # of a chunk, by the codec
_HEADER_BYTES: Final = 12
_MOST_BYTES_AN_EVENT: Final = 32


@dataclass(frozen=True)
class Loaded:
    """What became of a block.

    Attributes:
        count: events written.
        damaged: events that it should have and that could not be read.
        beyond: events that it has beyond the end of the dataset.
    """

    count: int
    damaged: int = 0
    beyond: int = 0


class Blocks(ABC):
    """Events in blocks of equal size, the last one smaller.

    Attributes:
        events: in a block.
        total: events in all.
        missing: how many more the file says it has, for which nothing is stored.

    Args:
        events: in a block.
        said: events in all, as the file says.
        stored: how many there is room for in the file.
    """

    def __init__(self, events: int, said: int, stored: int) -> None:
        self.events, self.total = events, min(said, stored)
        self.missing = said - self.total

    def __len__(self) -> int:
        return -(-self.total // self.events)

    def expected(self, number: int) -> int:
        """Return how many events a block should have."""
        return min(self.events, self.total - number * self.events)

    @abstractmethod
    def load(self, number: int, out: NDArray[np.int64]) -> Loaded:
        """Write the events of a block into `out` (int64 pairs, room for `events` + SLACK of them)."""

    @abstractmethod
    def first_time(self, number: int) -> int | None:
        """Return the first time of a block, µs, or None where it is damaged."""

    def steps_back(self, halves: NDArray[np.int64]) -> int:
        """Return how many events of a loaded block are earlier than the one before them."""
        return int(np.count_nonzero(halves[2::2] < halves[:-2:2]))


class EcfBlocks(Blocks):
    """Chunks of ECF. They are read from the file itself: the HDF5 library has said where they are.

    Args:
        source: the file.
        dataset: an open `h5py.Dataset` of it, used now only.
    """

    def __init__(self, source: ByteSource, dataset: Any) -> None:
        places = _places_of(source, dataset)
        events = int(dataset.chunks[0])
        super().__init__(events, len(dataset), (max(places, default=-1) + 1) * events)
        self._source, self._row = source, dataset.dtype
        self._places = np.zeros((len(self), 3), np.int64)
        for number in places.keys() & set(range(len(self))):
            self._places[number] = places[number]
        self._most_bytes = _HEADER_BYTES + _MOST_BYTES_AN_EVENT * self.events
        self._data = np.empty(0, np.uint8)

    def load(self, number: int, out: NDArray[np.int64]) -> Loaded:
        """Decode a chunk; see Blocks.load."""
        expected = self.expected(number)
        data = self._bytes(number, self._most_bytes)
        if data is None:
            return Loaded(0, expected)
        if self._places[number, 2] & 1:
            return self._unfiltered(data, expected, out)
        count, sound = kernels.decode(data, out, self.events)
        good = min(sound, expected)
        return Loaded(good, expected - good, max(count - expected, 0))

    def _unfiltered(self, data: NDArray[np.uint8], expected: int, out: NDArray[np.int64]) -> Loaded:
        count = min(len(data) // self._row.itemsize, expected)
        _put_rows(data[: count * self._row.itemsize].view(self._row), out)
        return Loaded(count, expected - count)

    def first_time(self, number: int) -> int | None:
        """Return the first time of a chunk; see Blocks.first_time."""
        if self._places[number, 2] & 1:
            data = self._bytes(number, self._row.itemsize, at_least=self._row.itemsize)
            return None if data is None else int(data.view(self._row)[0]["t"])
        data = self._bytes(number, _HEADER_BYTES, at_least=_HEADER_BYTES)
        return None if data is None else int(kernels.first_time(data))

    def _bytes(self, number: int, most: int, at_least: int = 0) -> NDArray[np.uint8] | None:
        """Return a chunk's bytes, or the first `at_least` of them; None where the file does not have them."""
        first, size = int(self._places[number, 0]), int(self._places[number, 1])
        if size < max(at_least, 1) or (size > most and not at_least):
            return None
        size = at_least or size
        if len(self._data) < size:
            self._data = np.empty(size, np.uint8)
        data = self._data[:size]
        self._source.seek(first)
        filled = 0
        while filled < size and (got := self._source.readinto(data[filled:])):
            filled += got
        data = data[:filled]
        data.flags.writeable = False
        return data if filled >= at_least else None


class RowBlocks(Blocks):
    """Rows that the HDF5 library decodes."""

    def __init__(self, source: ByteSource, dataset: Any) -> None:
        super().__init__(_ROWS, len(dataset), stored_rows(dataset))
        self._path, self._name = source.path, dataset.name
        self._file: Any = None

    def load(self, number: int, out: NDArray[np.int64]) -> Loaded:
        """Read a block; see Blocks.load."""
        rows = self._rows(number * _ROWS, number * _ROWS + self.expected(number))
        _put_rows(rows, out)
        return Loaded(len(rows))

    def first_time(self, number: int) -> int | None:
        """Return the first time of a block; see Blocks.first_time."""
        try:
            return int(self._rows(number * _ROWS, number * _ROWS + 1)[0]["t"])
        except RecordingError:
            return None

    def _rows(self, first: int, end: int) -> NDArray[np.void]:
        if self._file is None:
            self._file = hdf5.opened(self._path)
        rows: NDArray[np.void] = hdf5.rows_of(self._file[self._name], first, end)
        return rows

    def __del__(self) -> None:
        if getattr(self, "_file", None):
            self._file.close()


def _places_of(source: ByteSource, dataset: Any) -> dict[int, tuple[int, int, int]]:
    """Return by a chunk's number its first byte, bytes, and which filters were left out; of what has room in the file.

    Raises:
        RecordingError: the HDF5 library finds the table of chunks damaged.
    """
    found: dict[int, tuple[int, int, int]] = {}

    def note(info: Any) -> None:
        if source.size is None or info.byte_offset < source.size:
            found[info.chunk_offset[0] // dataset.chunks[0]] = info.byte_offset, info.size, info.filter_mask

    try:
        dataset.id.chunk_iter(note)
    except (RuntimeError, OSError, ValueError) as error:
        raise RecordingError(f"{source.path}: the table of chunks of {dataset.name} is damaged: {error}") from error
    return found


def _put_rows(rows: NDArray[np.void], out: NDArray[np.int64]) -> None:
    """Write rows with x, y, p and t as int64 pairs; what no pixel can have becomes a place outside every sensor."""
    pairs = out[: 2 * len(rows)].reshape(-1, 2)
    x, y = (rows[name].astype(np.int64).clip(-1, 0xFFFF) & 0xFFFF for name in "xy")
    pairs[:, 0] = rows["t"]
    pairs[:, 1] = x | y << 16 | (rows["p"] > 0).astype(np.int64) << 32


def blocks_of(source: ByteSource, dataset: Any) -> Blocks:
    """Return the events of a dataset in blocks.

    Raises:
        RecordingError: they are behind a filter that is not known, or their chunks are larger than the codec allows.
    """
    filters = hdf5.filters_of(dataset)
    if [number for number, _ in filters] != [ECF]:
        hdf5.check_filters(source.path, dataset, filters)
        return RowBlocks(source, dataset)
    if dataset.chunks[0] > _MOST_EVENTS:
        raise RecordingError(
            f"{source.path}: {dataset.name} has chunks of {dataset.chunks[0]} events; ECF has at most {_MOST_EVENTS}"
        )
    return EcfBlocks(source, dataset)
