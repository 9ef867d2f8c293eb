"""A dataset that grows by whole chunks, which are packed here and not by the HDF5 library: that takes half the time.

What is deflated is as large as zlib makes it at the level that the dataset names, in less than half the time.
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Any, Final

import hdf5plugin
import numpy as np
import zstandard
from deflate import zlib_compress

from eventflow.io.hdf5_chunks import BLOSC_HEADER
from eventflow.io.hdf5_kernels import shuffled

if TYPE_CHECKING:
    import h5py
    from numpy.typing import NDArray

COMPRESSIONS: Final = ("zstd", "gzip", "none")
CHUNK_ROWS: Final = 1 << 16
_ZSTD_LEVEL: Final = 3
_GZIP_LEVEL: Final = 4
_TIMES_LEVEL, _OTHERS_LEVEL = 3, 1  # of libdeflate: a longer search finds more in times, and next to nothing in pixels
_TIME_BYTES: Final = 8
_BLOSC_VERSION, _ZSTD_VERSION, _SHUFFLED, _WHOLE, _ZSTD = 2, 1, 1, 16, 4 << 5


class GrowingDataset:
    """A dataset of rows of one shape that is written front to back.

    Args:
        group: where it goes.
        name: what it is called there.
        dtype: of its items.
        compression: zstd, gzip or none.
        row_shape: of a row, () for a dataset of one dimension.
    """

    def __init__(
        self, group: h5py.Group, name: str, dtype: str, compression: str, *, row_shape: tuple[int, ...] = ()
    ) -> None:
        self._dtype, self._compression, rest = np.dtype(dtype), compression, row_shape
        self._rows = max(CHUNK_ROWS // math.prod(rest), 1)
        filters: dict[str, Any] = {}
        if compression == "zstd":
            filters = dict(hdf5plugin.Blosc(cname="zstd", clevel=_ZSTD_LEVEL, shuffle=hdf5plugin.Blosc.SHUFFLE))
        elif compression == "gzip":
            filters = {"compression": "gzip", "compression_opts": _GZIP_LEVEL, "shuffle": True}
        self._dataset = group.create_dataset(
            name, (0, *rest), self._dtype, maxshape=(None, *rest), chunks=(self._rows, *rest), **filters
        )
        self._buffer = np.zeros((self._rows, *rest), self._dtype)
        self._filled = self._written = self._room = 0
        self._compressor = zstandard.ZstdCompressor(level=_ZSTD_LEVEL)

    def append(self, rows: NDArray[Any]) -> None:
        """Append rows, which are made of the dataset's type."""
        while len(rows):
            taken = min(len(rows), self._rows - self._filled)
            self._buffer[self._filled : self._filled + taken] = rows[:taken]
            self._filled += taken
            rows = rows[taken:]
            if self._filled == self._rows:
                self._flush()

    def finish(self) -> None:
        """Write the last rows and cut the dataset to its length."""
        if self._filled:
            self._buffer[self._filled :] = 0
            self._flush()
        self._dataset.resize(self._written, axis=0)

    def _flush(self) -> None:
        if self._written + self._rows > self._room:
            self._room = max(16 * self._rows, 2 * self._room)
            self._dataset.resize(self._room, axis=0)
        offset = self._written, *(0 for _ in self._buffer.shape[1:])
        self._dataset.id.write_direct_chunk(offset, self._packed(), 0)
        self._written += self._filled
        self._filled = 0

    def _packed(self) -> bytes | bytearray:
        data = self._buffer.view(np.uint8).reshape(-1)
        data.flags.writeable = False
        if self._compression == "none":
            return data.tobytes()
        size = self._dtype.itemsize
        planes = shuffled(data, size) if size > 1 else data
        if self._compression == "gzip":
            return zlib_compress(planes, _TIMES_LEVEL if size == _TIME_BYTES else _OTHERS_LEVEL)
        return self._blosc(planes, size)

    def _blosc(self, planes: NDArray[np.uint8], size: int) -> bytes:
        packed = self._compressor.compress(planes.data)
        packed = packed if len(packed) < len(planes) else planes.tobytes()
        flags = _WHOLE | _ZSTD | (_SHUFFLED if size > 1 else 0)
        start = BLOSC_HEADER.size + 4
        total = start + 4 + len(packed)
        header = BLOSC_HEADER.pack(_BLOSC_VERSION, _ZSTD_VERSION, flags, size, len(planes), len(planes), total)
        return header + struct.pack("<II", start, len(packed)) + packed
