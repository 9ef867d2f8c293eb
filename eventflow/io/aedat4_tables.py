"""AEDAT 4: vectors of tables, which inertial samples and triggers are stored as, read into columns.

Offsets come from the file: each is looked at only after it was found to lie inside the buffer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow.kernels.jit import jit

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DAMAGED: Final = -1
_ABSENT: Final = -2


@jit
def _bits(data: NDArray[np.uint8], at: int, size: int) -> Any:  # pragma: no cover
    word = np.int64(0)
    for index in range(size):
        word |= np.int64(data[at + index]) << (8 * index)
    return word


@jit
def _signed_32(data: NDArray[np.uint8], at: int) -> Any:  # pragma: no cover
    return (_bits(data, at, 4) ^ 0x8000_0000) - 0x8000_0000


@jit
def _field(data: NDArray[np.uint8], table: int, index: int, size: int) -> int:  # pragma: no cover
    """Return where field `index` of the table lies, _ABSENT where it is left out, _DAMAGED where it cannot be."""
    if table < 0 or table + 4 > len(data):
        return _DAMAGED
    vtable = table - _signed_32(data, table)
    if vtable < 0 or vtable + 4 > len(data):
        return _DAMAGED
    if _bits(data, vtable, 2) < 6 + 2 * index:
        return _ABSENT
    if vtable + 6 + 2 * index > len(data):
        return _DAMAGED
    offset = _bits(data, vtable + 4 + 2 * index, 2)
    if offset == 0:
        return _ABSENT
    return table + offset if table + offset + size <= len(data) else _DAMAGED


@jit
def _vector(data: NDArray[np.uint8]) -> tuple[int, int]:  # pragma: no cover
    """Return where the offsets of the root's tables begin and how many there are; -1 where that cannot be."""
    if len(data) < 12:
        return 0, _DAMAGED
    at = _field(data, 4 + _bits(data, 4, 4), 0, 4)
    if at == _ABSENT:
        return 0, 0
    if at == _DAMAGED:
        return 0, _DAMAGED
    at += _bits(data, at, 4)
    if at + 4 > len(data):
        return 0, _DAMAGED
    count = _bits(data, at, 4)
    return (at + 4, count) if at + 4 + 4 * count <= len(data) else (0, _DAMAGED)


@jit
def count_tables(data: NDArray[np.uint8]) -> int:  # pragma: no cover
    """Return how many tables the root's vector names, -1 where it contradicts itself."""
    return int(_vector(data)[1])


@jit
def read_tables(  # pragma: no cover
    data: NDArray[np.uint8], times: NDArray[np.int64], kinds: NDArray[np.uint8], reals: NDArray[np.int32]
) -> bool:
    """Read the root's tables into columns and return whether all were sound.

    Field 0 is the time. Where `kinds` has rows field 1 is a byte; where `reals` has columns these are fields 1 and on.

    Args:
        data: uint8, a size-prefixed buffer.
        times: int64, shape (n,), written; n is at most `count_tables(data)`.
        kinds: uint8, shape (n,) or (0,), written.
        reals: int32, shape (n, m) or (n, 0), written: the bits of m 32-bit floats.
    """
    start, _ = _vector(data)
    for row in range(len(times)):
        place = start + 4 * row
        table = place + _bits(data, place, 4)
        at: Any = _field(data, table, 0, 8)
        if at == _DAMAGED:
            return False
        times[row] = 0 if at == _ABSENT else _bits(data, at, 8)
        if len(kinds):
            at = _field(data, table, 1, 1)
            if at == _DAMAGED:
                return False
            kinds[row] = 0 if at == _ABSENT else data[at]
        for column in range(reals.shape[1]):
            at = _field(data, table, 1 + column, 4)
            if at == _DAMAGED:
                return False
            reals[row, column] = 0 if at == _ABSENT else _signed_32(data, at)
    return True
