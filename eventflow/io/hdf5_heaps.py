"""The heaps in which HDF5 keeps text of any length, looked through: on a damaged one the HDF5 library (2.0) hangs.

https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html, "Disk Format: Level 1E - Global Heap".
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, BinaryIO, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_SEARCHED_BYTES: Final = 1 << 20  # at either end of a file: the text of attributes lies near the first or the last
_SIGNATURE: Final = b"GCOL\x01\0\0\0"
_HEAD_BYTES: Final = 16  # of a heap, and of an object in it
_MOST_BYTES: Final = 1 << 20  # of a heap of attributes


def heaps_are_sound(path: str) -> bool:
    """Return whether each heap found in a file is a row of objects that ends where the heap does."""
    try:
        with open(path, "rb") as file:
            return all(_is_sound(file, place) for place in _places(file))
    except OSError:
        return False


def _places(file: BinaryIO) -> Iterator[int]:
    size = file.seek(0, os.SEEK_END)
    for begin in sorted({0, max(0, size - _SEARCHED_BYTES)}):
        file.seek(begin)
        data = file.read(_SEARCHED_BYTES)
        at = data.find(_SIGNATURE)
        while at >= 0:
            yield begin + at
            at = data.find(_SIGNATURE, at + 1)


def _is_sound(file: BinaryIO, place: int) -> bool:
    file.seek(place)
    heap = file.read(_MOST_BYTES)
    if len(heap) < _HEAD_BYTES:
        return False
    size = int.from_bytes(heap[8:16], "little")
    at = _HEAD_BYTES
    while at + _HEAD_BYTES <= min(size, len(heap)):
        number, _, length = struct.unpack_from("<HHxxxxQ", heap, at)
        at += _HEAD_BYTES + -(-length // 8) * 8 if number else max(length, 1)
        if number == 0 and length == 0:
            return False
    return at <= size <= len(heap)
