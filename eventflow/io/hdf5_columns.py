"""Columns t, x, y, p in HDF5 datasets: one each, fields of one, or the columns of one; read chunk by chunk."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import hdf5plugin  # noqa: F401 - with it the HDF5 library knows filters that are not unpacked here
import numpy as np

from eventflow.errors import RecordingError
from eventflow.io.hdf5_chunks import Chunk, ChunkError, unpacker_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import h5py
    from numpy.typing import NDArray

    Split = Callable[[NDArray[Any]], NDArray[Any]]

_PIECE_ROWS: Final = 1 << 16
_SMALL_CHUNK_ROWS: Final = 1 << 10  # below, a call takes longer than its chunk
_LARGEST_CHUNK_BYTES: Final = 1 << 26  # at once: there are four columns
_HOPELESS_CHUNK_BYTES: Final = 1 << 27  # the HDF5 library takes twice as much


def stored_rows(dataset: h5py.Dataset) -> int:
    """Return how many rows a dataset has room for in the file, which may be fewer than its shape says."""
    row_shape: tuple[int, ...] = dataset.shape[1:]
    chunks: tuple[int, ...] | None = dataset.chunks
    if chunks:
        across = math.prod(-(-a // b) for a, b in zip(row_shape, chunks[1:], strict=True))
        return int(dataset.id.get_num_chunks()) * int(chunks[0]) // max(across, 1)
    row_bytes = int(dataset.dtype.itemsize) * math.prod(row_shape)
    return int(dataset.id.get_storage_size()) // max(row_bytes, 1)


def _check_chunk(dataset: h5py.Dataset) -> None:
    """Refuse a large chunk that the HDF5 library must unpack as a whole, or that is a bomb."""
    size = math.prod(dataset.chunks or (0,)) * int(dataset.dtype.itemsize)
    packed = dataset.id.get_create_plist().get_nfilters() > 0
    if packed and (size > _HOPELESS_CHUNK_BYTES or dataset.id.get_storage_size() * 1000 < size):
        raise RecordingError(
            f"{dataset.file.filename}: {dataset.name} has compressed chunks of {size} bytes, unpacked as a whole; "
            f"expected at most {_HOPELESS_CHUNK_BYTES}, growing less than a thousandfold (h5repack -l CHUNK=65536)"
        )


class Hdf5Rows:
    """The rows of one dataset, a block at a time: a chunk, or some small ones, or so many rows where there are none.

    Attributes:
        row_shape: of a row.
        rows: rows that are there: no more than there are chunks for, whatever the shape says.
        block_rows: rows of a block.
        chunk_rows: rows that are damaged together.
    """

    def __init__(self, dataset: h5py.Dataset) -> None:
        self._dataset = dataset
        self._chunks = dataset.chunks
        self.dtype: np.dtype[Any] = dataset.dtype
        self.row_shape: tuple[int, ...] = dataset.shape[1:]
        whole_rows = self._chunks is not None and self._chunks[1:] == self.row_shape
        self.block_rows = self.chunk_rows = int(self._chunks[0]) if self._chunks else _PIECE_ROWS
        self._unpack = unpacker_of(dataset) if whole_rows and self.block_rows >= _SMALL_CHUNK_ROWS else None
        if self._unpack is None:
            self.block_rows *= max(_PIECE_ROWS // self.block_rows, 1)
        self.rows = min(int(dataset.shape[0]), stored_rows(dataset))
        row_bytes = self.dtype.itemsize * int(np.prod(self.row_shape, dtype=np.int64))
        self._block_bytes = self.block_rows * row_bytes
        if self._block_bytes > _LARGEST_CHUNK_BYTES:
            _check_chunk(dataset)
            self._unpack, self.block_rows = None, max(_LARGEST_CHUNK_BYTES // row_bytes, 1)
            self.chunk_rows = self.block_rows

    def block(self, index: int) -> NDArray[Any]:
        """Return block number `index`: shape (n, …), n less than `block_rows` only at the end.

        Raises:
            OSError: it is damaged.
        """
        start = index * self.block_rows
        stop = min(start + self.block_rows, self.rows)
        if self._unpack is not None:
            stored = self.stored(index)
            if stored is not None:
                try:
                    return self.of_bytes(self.chunk(stored))[: stop - start]
                except ChunkError:
                    pass  # HDF5 may know better, and else says what is wrong
        return self.rows_between(start, stop)

    def rows_between(self, start: int, stop: int) -> NDArray[Any]:
        """Return some rows as the HDF5 library reads them.

        Raises:
            OSError: they are damaged.
        """
        rows: NDArray[Any] = self._dataset[start : min(stop, self.rows)]
        return rows

    def stored(self, index: int) -> bytes | None:
        """Return a chunk's bytes in the file, None where only the HDF5 library can unpack it."""
        if self._unpack is None:
            return None
        offset = (index * self.block_rows, *(0 for _ in self.row_shape))
        try:
            skipped_filters, data = self._dataset.id.read_direct_chunk(offset)
        except (OSError, RuntimeError, ValueError):
            return None
        return None if skipped_filters else data

    def chunk(self, stored: bytes) -> Chunk:
        """Return a whole chunk from its bytes in the file; needs no HDF5 and may run beside other work.

        Raises:
            ChunkError: it cannot be unpacked here.
        """
        assert self._unpack is not None
        return self._unpack(stored, self._block_bytes)

    def of_bytes(self, chunk: Chunk) -> NDArray[Any]:
        """Return the rows of a chunk."""
        return chunk.numbers.view(self.dtype).reshape(-1, *self.row_shape)

    @property
    def by_chunks(self) -> bool:
        """Whether a block is a chunk that is unpacked here."""
        return self._unpack is not None


class _Column:
    """One dataset on its way out, with the block in hand."""

    def __init__(self, rows: Hdf5Rows) -> None:
        self.rows = rows
        self._index = -1
        self._block: NDArray[Any] | None = None

    def at(self, row: int) -> tuple[NDArray[Any] | None, int]:
        """Return the rows in hand from `row` on, None where they cannot be read, and how many they are."""
        index = row // self.rows.block_rows
        if index != self._index:
            self._index, self._block = index, None  # whose memory the next one takes
            with suppress(OSError, RuntimeError, ValueError):
                self._block = self.rows.block(index)
        if self._block is None and self.rows.chunk_rows < self.rows.block_rows:
            return self._chunk_at(row)
        first = row - index * self.rows.block_rows
        count = min(self.rows.block_rows, self.rows.rows - index * self.rows.block_rows) - first
        return (None if self._block is None else self._block[first:]), count

    def _chunk_at(self, row: int) -> tuple[NDArray[Any] | None, int]:
        """Return as `at` does the rows of one chunk of a block that has a damaged one."""
        stop = min((row // self.rows.chunk_rows + 1) * self.rows.chunk_rows, self.rows.rows)
        try:
            return self.rows.rows_between(row, stop), stop - row
        except (OSError, RuntimeError, ValueError):
            return None, stop - row


class Hdf5Columns:
    """Reads rows of columns out of datasets.

    Args:
        datasets: by column name; or one, under "events", that `split` makes columns of.
        split: by column name, takes the column out of rows; None where the datasets are the columns.

    Attributes:
        row: the next one.
        rows: rows that can be there at most.
        names: of the columns: t, x, y, p.
        can_go: true.
        lost: rows passed over because their chunk is damaged.
    """

    can_go = True
    names = tuple("txyp")

    def __init__(self, datasets: Mapping[str, h5py.Dataset], split: Mapping[str, Split] | None = None) -> None:
        self._split = split
        self._columns = {name: _Column(Hdf5Rows(dataset)) for name, dataset in datasets.items()}
        self._names = {name: str(dataset.name) for name, dataset in datasets.items()}
        lengths = {name: int(dataset.shape[0]) for name, dataset in datasets.items()}
        # what no chunk was written for is zeros, which is believed of all columns but the times
        whole = {name: c.rows.rows if name in ("t", "events") else lengths[name] for name, c in self._columns.items()}
        for name, column in self._columns.items():
            column.rows.rows = whole[name]
        self.rows = min(whole.values())
        self._unequal = len(set(lengths.values())) > 1 or self.rows < min(lengths.values())
        self._claimed = max(lengths.values())
        self.row = self.lost = 0
        self._damaged: list[str] = []

    @property
    def aligned(self) -> dict[str, Hdf5Rows] | None:
        """The columns, where their chunks hold the same rows and all are unpacked here; else None."""
        columns = {name: column.rows for name, column in self._columns.items()}
        apart = self._split is None and all(rows.by_chunks and not rows.row_shape for rows in columns.values())
        return columns if apart and len({rows.block_rows for rows in columns.values()}) == 1 else None

    def read(self, count: int) -> dict[str, NDArray[Any]]:
        """Return the next rows, `count` at most and none at the end; they lie in the chunks in hand."""
        while self.row < self.rows:
            got = {name: column.at(self.row) for name, column in self._columns.items()}
            taken = min(count, self.rows - self.row, *(there for _, there in got.values()))
            self.row += taken
            bad = [name for name, (block, _) in got.items() if block is None]
            if not bad:
                return self._apart({name: block[:taken] for name, (block, _) in got.items() if block is not None})
            self.lost += taken
            if not self._damaged:
                self._damaged.append(f"{self._names[bad[0]]}: the chunk of row {self.row - taken} cannot be read")
        return {name: np.empty(0, np.uint8) for name in self.names}

    def times(self, start: int, stop: int) -> NDArray[Any]:
        """Return times as they are stored, without moving on; those that cannot be read are left out."""
        name = "t" if "t" in self._columns else "events"
        rows = self._columns[name].rows
        parts = []
        for index in range(start // rows.block_rows, -(-min(stop, self.rows) // rows.block_rows)):
            first = index * rows.block_rows
            try:
                block = rows.block(index)[max(start - first, 0) : stop - first]
            except (OSError, RuntimeError, ValueError):
                block = self._whole_rows(rows, max(start, first), min(stop, first + rows.block_rows))
            parts.append(block if self._split is None else self._split["t"](block))
        return np.concatenate(parts) if parts else np.empty(0, np.int64)

    @staticmethod
    def _whole_rows(rows: Hdf5Rows, start: int, stop: int) -> NDArray[Any]:
        """Return the rows of those chunks that are not damaged."""
        parts = [np.empty((0, *rows.row_shape), rows.dtype)]
        while start < stop:
            after = min(start // rows.chunk_rows * rows.chunk_rows + rows.chunk_rows, stop)
            with suppress(OSError, RuntimeError, ValueError):
                parts.append(rows.rows_between(start, after))
            start = after
        return np.concatenate(parts[1:] or parts)

    def go_to(self, row: int) -> None:
        """Go on at a row."""
        self.row = row

    def mark(self) -> dict[str, Any]:
        """Return the next row, and what was lost before it."""
        return {"row": self.row, "lost": self.lost, "damaged": list(self._damaged)}

    def resume(self, mark: dict[str, Any]) -> None:
        """Go on from a `mark`."""
        self.row, self.lost, self._damaged = mark["row"], mark["lost"], list(mark["damaged"])

    @property
    def damage(self) -> list[str]:
        """What is wrong with the datasets, a sentence each."""
        if not self._unequal:
            return self._damaged
        return [*self._damaged, f"columns of up to {self._claimed} rows, of which {self.rows} have all of t, x, y, p"]

    def _apart(self, blocks: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        return blocks if self._split is None else {n: take(blocks["events"]) for n, take in self._split.items()}
