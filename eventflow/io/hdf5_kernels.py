"""The byte shuffle of HDF5 and Blosc, and undone: the first bytes of all numbers lie before the second bytes of all."""

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
def _unshuffle_8(planes: NDArray[np.uint8], out: NDArray[np.uint64]) -> None:
    count = len(out)
    a, b, c, d = planes[:count], planes[count : 2 * count], planes[2 * count : 3 * count], planes[3 * count : 4 * count]
    rest = planes[4 * count : 8 * count]
    e, f, g, h = rest[:count], rest[count : 2 * count], rest[2 * count : 3 * count], rest[3 * count :]
    for i in range(count):
        low = np.uint32(a[i]) | np.uint32(b[i]) << np.uint32(8)
        low |= np.uint32(c[i]) << np.uint32(16) | np.uint32(d[i]) << np.uint32(24)
        high = np.uint32(e[i]) | np.uint32(f[i]) << np.uint32(8)
        high |= np.uint32(g[i]) << np.uint32(16) | np.uint32(h[i]) << np.uint32(24)
        out[i] = np.uint64(low) | np.uint64(high) << np.uint64(32)


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
    parts: dict[int, tuple[Any, Any]] = {
        2: (_unshuffle_2, np.uint16),
        4: (_unshuffle_4, np.uint32),
        8: (_unshuffle_8, np.uint64),
    }
    if size in parts:
        kernel, dtype = parts[size]
        kernel(planes[:whole], out[:whole].view(dtype))
    else:
        _unshuffle(planes[:whole], out[:whole], size)
    out[whole:] = planes[whole:]


@jit
def _plane(numbers: NDArray[Any], shift: Any, out: NDArray[np.uint8]) -> None:
    for index in range(len(numbers)):
        out[index] = np.uint8(numbers[index] >> shift)


def shuffled(data: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Return numbers of `size` bytes taken apart.

    Args:
        data: uint8, read-only, whole numbers, begins at a multiple of `size` bytes in memory.
        size: bytes of a number.
    """
    kinds: dict[int, Any] = {2: np.uint16, 4: np.uint32, 8: np.uint64}
    if size not in kinds:
        return np.ascontiguousarray(data.reshape(-1, size).T).reshape(-1)
    numbers = data.view(kinds[size])
    planes = np.empty((size, len(numbers)), np.uint8)
    for byte, plane in enumerate(planes):
        _plane(numbers, kinds[size](8 * byte), plane)
    return planes.reshape(-1)
