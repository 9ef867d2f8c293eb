"""Where HDF5 keeps text of any length, looked through: on a damaged heap or length the HDF5 library (2.0) hangs.

https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html, the global heap and the attribute message.
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
_TEXT_BYTES: Final = 16  # of a text in an attribute: its length, and where it is


def text_is_sound(path: str, name: str, count: int) -> bool:
    """Return whether attributes of a name, `count` texts of any length each, can be read without harm.

    Each heap found must be a row of objects that ends where the heap does, and no text may say more bytes than a heap
    has: the library takes that much memory. In the middle of a large file nothing is looked at.
    """
    try:
        with open(path, "rb") as file:
            parts = list(_parts(file))
            places = sorted({begin + at for begin, data in parts for at in _found(data, _SIGNATURE)})
            lengths = [length for _, data in parts for length in _lengths(data, name.encode() + b"\0", count)]
            known = bool(lengths) or len(parts) > 1
            return known and max(lengths, default=0) <= _MOST_BYTES and all(_is_sound(file, each) for each in places)
    except OSError:
        return False


def _parts(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield the begin and the end of a file, each with where it lies."""
    size = file.seek(0, os.SEEK_END)
    for begin in sorted({0, max(0, size - _SEARCHED_BYTES)}):
        file.seek(begin)
        yield begin, file.read(_SEARCHED_BYTES)


def _found(data: bytes, mark: bytes) -> Iterator[int]:
    at = data.find(mark)
    while at >= 0:
        yield at
        at = data.find(mark, at + 1)


def _lengths(data: bytes, name: bytes, count: int) -> Iterator[int]:
    """Yield the lengths that attributes say their texts have; before the name stand the sizes of their parts."""
    for at in _found(data, name):
        for version, fixed_bytes in ((1, 8), (2, 8), (3, 9)):
            head = data[max(at - fixed_bytes, 0) : at]
            if len(head) < fixed_bytes or head[0] != version or int.from_bytes(head[2:4], "little") != len(name):
                continue
            sizes = struct.unpack_from("<3H", head, 2)
            texts = at + sum(-(-size // 8) * 8 if version == 1 else size for size in sizes)
            for place in range(texts, min(texts + _TEXT_BYTES * count, len(data)), _TEXT_BYTES):
                yield int.from_bytes(data[place : place + 4], "little")


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
