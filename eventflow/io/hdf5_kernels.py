"""The byte shuffle of HDF5 and Blosc, and undone: the first bytes of all numbers lie before the second bytes of all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.io.numpy_kernels import BLOCK, pack_block
from eventflow.kernels.jit import jit

if TYPE_CHECKING:
    from numpy.typing import NDArray


@jit
def _unshuffle_2(planes: NDArray[np.uint8], stride: int, at: int, out: NDArray[np.uint16]) -> None:
    """Put the numbers from `at` on together; a plane has `stride` bytes."""
    count = len(out)
    low, high = planes[at : at + count], planes[stride + at : stride + at + count]
    for index in range(count):
        out[index] = np.uint16(low[index]) | np.uint16(high[index]) << np.uint16(8)


@jit
def _unshuffle_4(planes: NDArray[np.uint8], stride: int, at: int, out: NDArray[np.uint32]) -> None:
    """See _unshuffle_2."""
    count = len(out)
    a, b = planes[at : at + count], planes[stride + at : stride + at + count]
    c, d = planes[2 * stride + at : 2 * stride + at + count], planes[3 * stride + at : 3 * stride + at + count]
    for index in range(count):
        low = np.uint32(a[index]) | np.uint32(b[index]) << np.uint32(8)
        out[index] = low | np.uint32(c[index]) << np.uint32(16) | np.uint32(d[index]) << np.uint32(24)


@jit
def _unshuffle_8(planes: NDArray[np.uint8], stride: int, at: int, out: NDArray[np.uint64]) -> None:
    """See _unshuffle_2."""
    count = len(out)
    a, b = planes[at : at + count], planes[stride + at : stride + at + count]
    c, d = planes[2 * stride + at : 2 * stride + at + count], planes[3 * stride + at : 3 * stride + at + count]
    e, f = planes[4 * stride + at : 4 * stride + at + count], planes[5 * stride + at : 5 * stride + at + count]
    g, h = planes[6 * stride + at : 6 * stride + at + count], planes[7 * stride + at : 7 * stride + at + count]
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
        kernel(planes[:whole], whole // size, 0, out[:whole].view(dtype))
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


@jit
def pack_planes(
    t: NDArray[np.uint8],
    t_bytes: int,
    t_offset: int,
    x: NDArray[np.uint8],
    y: NDArray[np.uint8],
    p: NDArray[np.uint8],
    count: int,
    words: NDArray[np.int64],
    width: int,
    height: int,
    state: NDArray[np.int64],
) -> int:
    """Put events together as `pack_columns` does, out of columns whose bytes are still apart.

    Args:
        t: of so many times as there are polarities, u4 or i8, µs.
        t_bytes: of a time, 4 or 8.
        t_offset: added to each.
        x: likewise u2, px.
        y: likewise u2, px.
        p: 0 or 1.
        count: events of these that are meant, not more than there are.
        words: see pack_columns, `count` events at least.
        width: sensor width, px.
        height: sensor height, px.
        state: see pack_columns.
    """
    made, stride = 0, len(p)
    none = np.empty(0, np.bool_)
    short, long = np.empty(BLOCK, np.uint32), np.empty(BLOCK, np.uint64)
    left, top = np.empty(BLOCK, np.uint16), np.empty(BLOCK, np.uint16)
    for at in range(0, count, BLOCK):
        size = min(BLOCK, count - at)
        u, v, on = left[:size], top[:size], p[at : at + size]
        _unshuffle_2(x, stride, at, u)
        _unshuffle_2(y, stride, at, v)
        if t_bytes == 4:
            _unshuffle_4(t, stride, at, short[:size])
            made = pack_block(short[:size], t_offset, u, v, on, words, made, none, width, height, state)
        else:
            _unshuffle_8(t, stride, at, long[:size])
            made = pack_block(long[:size].view(np.int64), t_offset, u, v, on, words, made, none, width, height, state)
    return made
