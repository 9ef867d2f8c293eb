"""The byte shuffle of HDF5 and Blosc undone: the first bytes of all numbers lie before the second bytes of all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.kernels.jit import jit

if TYPE_CHECKING:
    from numpy.typing import NDArray


@jit
def _unshuffle_2(planes: NDArray[np.uint8], out: NDArray[np.uint16]) -> None:
    count = len(out)
    low, high = planes[:count], planes[count : 2 * count]
    for index in range(count):
        out[index] = np.uint16(low[index]) | np.uint16(high[index]) << np.uint16(8)


@jit
def _unshuffle_4(planes: NDArray[np.uint8], out: NDArray[np.uint32]) -> None:
    count = len(out)
    a, b, c, d = planes[:count], planes[count : 2 * count], planes[2 * count : 3 * count], planes[3 * count : 4 * count]
    for index in range(count):
        low = np.uint32(a[index]) | np.uint32(b[index]) << np.uint32(8)
        out[index] = low | np.uint32(c[index]) << np.uint32(16) | np.uint32(d[index]) << np.uint32(24)


@jit
def _unshuffle(planes: NDArray[np.uint8], out: NDArray[np.uint8], size: int) -> None:
    count = len(out) // size
    for byte in range(size):
        for index in range(count):
            out[index * size + byte] = planes[byte * count + index]


def unshuffle(planes: NDArray[np.uint8], out: NDArray[np.uint8], size: int) -> None:
    """Put numbers of `size` bytes together; bytes at the end that fill none stay where they are.

    Args:
        planes: uint8, read-only, as long as `out`.
        out: uint8, begins at a multiple of `size` bytes in memory.
        size: bytes of a number.
    """
    whole = len(out) // size * size
    parts: dict[int, tuple[Any, Any]] = {2: (_unshuffle_2, np.uint16), 4: (_unshuffle_4, np.uint32)}
    if size in parts:
        kernel, dtype = parts[size]
        kernel(planes[:whole], out[:whole].view(dtype))
    else:
        _unshuffle(planes[:whole], out[:whole], size)
    out[whole:] = planes[whole:]
