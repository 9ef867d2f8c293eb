"""Memory of dense pictures, used again once nobody holds them.

A fresh array of megabytes costs a page fault for each 4 KiB before the first event is drawn into it. Here a block of
memory is handed out again only when neither the array made on it, nor any view of it, nor a tensor or message that
shares it is alive. NumPy keeps the block as the `base` of all of them, so its reference count says so.
"""

from __future__ import annotations

import mmap
import sys
import threading
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

_LEAST_BYTES: Final = 1 << 16  # below, the allocator is as fast
_HUGE_PAGE_BYTES: Final = 1 << 21
_REVIEW_TAKES: Final = 256
_PROBE: Final = [np.empty(0, np.uint8)]
_FREE_REFERENCES: Final = sys.getrefcount(_PROBE[0])  # of what only a list holds


class ArrayPool:
    """Hands out uninitialised arrays on blocks of memory that it keeps.

    Thread-safe. It holds as many blocks of a size as were in use at one time during the last few hundred takes, and at
    most `kept_bytes` that nobody uses.

    Args:
        kept_bytes: most memory that is kept while nobody uses it.
    """

    def __init__(self, kept_bytes: int = 1 << 28) -> None:
        self.kept_bytes = kept_bytes
        self._lock = threading.Lock()
        self._shelves: dict[int, _Shelf] = {}
        self._takes = 0
        self._new_bytes = 0

    def take(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """Return an uninitialised, C-contiguous, writable array. Large blocks begin at a 2 MB boundary."""
        kind = np.dtype(dtype)
        count = kind.itemsize
        for size in shape:
            count *= size
        if count < _LEAST_BYTES:
            return np.empty(shape, kind)
        with self._lock:
            shelf = self._shelves.get(count)
            if shelf is None:
                shelf = self._shelves[count] = _Shelf(count)
            before = len(shelf.blocks)
            array = np.ndarray(shape, kind, shelf.block())
            self._takes += 1
            self._new_bytes += (len(shelf.blocks) - before) * count
            if self._takes >= _REVIEW_TAKES or self._new_bytes > self.kept_bytes:
                self._review()
        return array

    def held_bytes(self) -> tuple[int, int]:
        """Return how many bytes are in use, and how many are kept for later."""
        with self._lock:
            free = sum(shelf.free() * shelf.size for shelf in self._shelves.values())
            return sum(len(shelf.blocks) * shelf.size for shelf in self._shelves.values()) - free, free

    def _review(self) -> None:
        free = self._takes = self._new_bytes = 0
        for size, shelf in list(self._shelves.items()):
            shelf.trim(max(0, (self.kept_bytes - free) // size))
            free += shelf.free() * size
            if not shelf.blocks:
                del self._shelves[size]


class _Shelf:
    """The blocks of one size."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.blocks: list[NDArray[np.uint8]] = []
        self._most_used = 0

    def block(self) -> NDArray[np.uint8]:
        """Return a block that nobody holds, a new one if there is none."""
        blocks = self.blocks
        for index in range(len(blocks)):
            if sys.getrefcount(blocks[index]) == _FREE_REFERENCES:
                self._most_used = max(self._most_used, index + 1)
                return blocks[index]
        blocks.append(_aligned(self.size))
        self._most_used = len(blocks)
        return blocks[-1]

    def free(self) -> int:
        """Return how many blocks nobody holds."""
        return sum(sys.getrefcount(self.blocks[index]) == _FREE_REFERENCES for index in range(len(self.blocks)))

    def trim(self, spare: int) -> None:
        """Let go of free blocks beyond what was needed since the last time, and beyond `spare`."""
        blocks = self.blocks
        held = [sys.getrefcount(blocks[index]) > _FREE_REFERENCES for index in range(len(blocks))]
        used = [block for block, is_held in zip(blocks, held, strict=True) if is_held]
        room = max(0, min(self._most_used - len(used), spare))
        free = [block for block, is_held in zip(blocks, held, strict=True) if not is_held][:room]
        self.blocks = used + free
        self._most_used = 0


def _aligned(size: int) -> NDArray[np.uint8]:
    """Return `size` bytes that own their memory through one array, at a 2 MB boundary if they are large."""
    if size < _HUGE_PAGE_BYTES // 4:
        return np.empty(size, np.uint8)
    memory = mmap.mmap(-1, -(-size // _HUGE_PAGE_BYTES) * _HUGE_PAGE_BYTES + _HUGE_PAGE_BYTES)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        memory.madvise(mmap.MADV_HUGEPAGE)  # one entry of the address cache for 2 MB instead of 512
    whole = np.frombuffer(memory, np.uint8)
    start = -whole.ctypes.data % _HUGE_PAGE_BYTES
    # a base of another type than ndarray: views of views then point here and no further
    return np.frombuffer(memory, np.uint8, size, start)


POOL: Final = ArrayPool()


def blank(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Return an uninitialised array from the pool that all representations share."""
    return POOL.take(shape, dtype)
