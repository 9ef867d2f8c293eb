"""Chunks of HDF5 datasets unpacked here: Blosc, which most large files of events are made of, and deflate.

Unpacked here, chunks can be unpacked beside other work, which the HDF5 library cannot; libdeflate takes a third of the
time that the library's zlib does.
Blosc 1: https://github.com/Blosc/c-blosc/blob/main/README_CHUNK_FORMAT.rst.
"""

from __future__ import annotations

import struct
import threading
import zlib
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import h5py
import lz4.block
import numpy as np
import zstandard
from deflate import DeflateError, zlib_decompress

from eventflow.io.hdf5_kernels import unshuffle

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Unpack = Callable[[bytes, int], "Chunk"]

_DEFLATE, _SHUFFLE, _BLOSC = 1, 2, 32001
BLOSC_HEADER: Final = struct.Struct("<4B3I")
_SHUFFLED, _STORED, _BITS_SHUFFLED, _WHOLE = 1, 2, 4, 16
_LZ4, _ZLIB, _ZSTD = 1, 3, 4


_of_this_thread = threading.local()


class ChunkError(Exception):
    """A chunk is damaged, or packed in a way that is left to the HDF5 library."""


class Chunk(NamedTuple):
    """The unpacked bytes of a chunk (uint8, read-only): numbers, or where `item` is more than 1, numbers shuffled."""

    data: NDArray[np.uint8]
    item: int = 1

    @property
    def numbers(self) -> NDArray[np.uint8]:
        """The bytes, numbers put together."""
        if self.item == 1:
            return self.data
        out = np.empty(len(self.data), np.uint8)
        self.write(out)
        return _frozen(out)

    def write(self, out: NDArray[np.uint8]) -> None:
        """Write the bytes, numbers put together."""
        if self.item == 1:
            out[:] = self.data
        else:
            unshuffle(self.data, out, self.item)


def unpacker_of(dataset: h5py.Dataset) -> Unpack | None:
    """Return a function from a chunk's stored bytes and its size to the chunk, None where HDF5 has to do it."""
    if not dataset.id.get_type().equal(h5py.h5t.py_create(dataset.dtype, logical=True)):
        return None  # numbers of fewer bits than they take, which HDF5 turns into NumPy's
    filters = dataset.id.get_create_plist()
    codes = [filters.get_filter(index)[0] for index in range(filters.get_nfilters())]
    size = dataset.dtype.itemsize
    known: dict[tuple[int, ...], Unpack] = {
        (): _plain,
        (_BLOSC,): _unblosced,
        (_DEFLATE,): _inflated,
        (_SHUFFLE, _BLOSC): partial(_shuffled, _unblosced, size),
        (_SHUFFLE, _DEFLATE): partial(_shuffled, _inflated, size),
    }
    return known.get(tuple(codes))


def _decompressor() -> zstandard.ZstdDecompressor:
    """Return this thread's decompressor; making one takes a tenth of what a chunk takes."""
    found: zstandard.ZstdDecompressor | None = getattr(_of_this_thread, "zstd", None)
    if found is None:
        found = _of_this_thread.zstd = zstandard.ZstdDecompressor()
    return found


def _frozen(data: NDArray[np.uint8]) -> NDArray[np.uint8]:
    data.flags.writeable = False
    return data


def _checked(data: Any, size: int) -> NDArray[np.uint8]:
    if len(data) != size:
        raise ChunkError(f"{len(data)} bytes, not {size}")
    return _frozen(np.frombuffer(data, np.uint8))


def _plain(data: bytes, size: int) -> Chunk:
    return Chunk(_checked(data, size))


def _shuffled(unpack: Unpack, item: int, data: bytes, size: int) -> Chunk:
    return Chunk(unpack(data, size).numbers, item)


def _inflated(data: bytes, size: int) -> Chunk:
    try:
        return Chunk(_checked(zlib_decompress(data, size), size))
    except DeflateError as error:
        raise ChunkError(str(error)) from error


def _unblosced(data: bytes, size: int) -> Chunk:
    if len(data) < BLOSC_HEADER.size:
        raise ChunkError("cut off")
    _, _, flags, item, total, block, _ = BLOSC_HEADER.unpack_from(data)
    view = memoryview(data)
    if total != size:
        raise ChunkError(f"{total} bytes, not {size}")
    if flags & _STORED:
        return Chunk(_checked(view[BLOSC_HEADER.size :][:size], size))
    count = -(-total // block) if block else 0
    if flags & _BITS_SHUFFLED or not count or not item or len(data) < BLOSC_HEADER.size + 4 * count:
        raise ChunkError("bits shuffled, or damaged")
    starts = struct.unpack_from(f"<{count}I", data, BLOSC_HEADER.size)
    out = np.empty(size if count > 1 else 0, np.uint8)
    for index, start in enumerate(starts):
        length = min(block, size - index * block)
        parts = item if not flags & _WHOLE and length == block and item <= 16 and block % item == 0 else 1
        made = Chunk(_block(view, start, length, parts, flags >> 5), item if flags & _SHUFFLED else 1)
        if count == 1:
            return made
        made.write(out[index * block : index * block + length])
    return Chunk(_frozen(out))


def _block(data: memoryview, start: int, size: int, parts: int, method: int) -> NDArray[np.uint8]:
    pieces = []
    for _ in range(parts):
        if start + 4 > len(data):
            raise ChunkError("cut off")
        (packed,) = struct.unpack_from("<I", data, start)
        start += 4
        pieces.append(_piece(data[start : start + packed], size // parts, method))
        start += packed
    return pieces[0] if parts == 1 else _frozen(np.concatenate(pieces))


def _piece(packed: memoryview, size: int, method: int) -> NDArray[np.uint8]:
    if len(packed) == size:
        return _checked(packed, size)
    try:
        if method == _ZSTD:
            if zstandard.frame_content_size(packed) not in (size, -1):
                raise ChunkError("its size is wrong")
            return _checked(_decompressor().decompress(packed, max_output_size=size), size)
        if method == _LZ4:
            return _checked(lz4.block.decompress(packed, uncompressed_size=size), size)
        if method == _ZLIB:
            return _checked(zlib.decompressobj().decompress(packed, size), size)
    except (zstandard.ZstdError, lz4.block.LZ4BlockError, zlib.error, MemoryError) as error:
        raise ChunkError(str(error)) from error
    raise ChunkError(f"compression {method} is left to the HDF5 library")
