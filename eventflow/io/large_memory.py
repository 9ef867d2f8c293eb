"""Memory for the events of whole recordings, kept for the next one when it is let go of.

The system fills fresh memory with zeros page by page, which costs as much as decoding into it. What was used before has
that behind it: who reads recording after recording pays once. Meanwhile the system may take it back (MADV_FREE).
Pictures, of which many of one size come every second, have kernels/pool.py; here sizes are all different, and more than
a little is never held for later.
"""

from __future__ import annotations

import mmap
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST_BYTES: Final = 4 << 20
"""Below that the allocator's own memory is as good."""

KEPT_BYTES: Final = 256 << 20
"""How much of what was let go of is kept at most."""

_PAGE: Final = 2 << 20  # a huge page
_ANONYMOUS: Final = getattr(mmap, "MAP_PRIVATE", 0) | getattr(mmap, "MAP_ANONYMOUS", 0)
_OFFERED: Final = hasattr(mmap, "MADV_FREE") and hasattr(mmap, "MADV_HUGEPAGE")

_kept: list[_Block] = []  # the latest last
_lock = threading.Lock()


class _Block:
    """One mapping, in nobody's use."""

    def __init__(self, size: int) -> None:
        self.size = -(-size // _PAGE) * _PAGE
        try:
            self._map = mmap.mmap(-1, self.size, flags=_ANONYMOUS)
        except OSError as error:  # what np.empty calls by another name
            raise MemoryError(f"the system has no {self.size} bytes for events") from error
        with suppress(OSError):  # a kernel without huge pages
            self._map.madvise(mmap.MADV_HUGEPAGE)
        self.interface: dict[str, Any] = np.frombuffer(self._map, np.uint8).__array_interface__

    def offer(self, kept: int) -> None:
        """Let the system take the first `kept` bytes when it needs them, and the rest now."""
        if kept < self.size:
            self._map.madvise(mmap.MADV_DONTNEED, kept, self.size - kept)
        with suppress(OSError):  # a kernel before 4.5
            self._map.madvise(mmap.MADV_FREE, 0, kept)


class _Lease:
    """The owner of an array in a block; the block goes back with it."""

    def __init__(self, block: _Block) -> None:
        self._block = block
        self.__array_interface__ = block.interface

    def __del__(self) -> None:
        _take_back(self._block)


def empty(count: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return an array of shape (count,) whose content is arbitrary, as `np.empty` does."""
    size = count * dtype.itemsize
    if size < LEAST_BYTES or not _OFFERED:
        return np.empty(count, dtype)
    return np.asarray(_Lease(_kept_block(size) or _Block(size)))[:size].view(dtype)


def _kept_block(size: int) -> _Block | None:
    """Return the smallest kept block of that size or more, of several the latest."""
    with _lock:
        fitting = [block for block in reversed(_kept) if block.size >= size]
        if not fitting:
            return None
        block = min(fitting, key=lambda each: each.size)
        _kept.remove(block)
        return block


def _take_back(block: _Block) -> None:
    block.offer(min(block.size, KEPT_BYTES))
    if not _lock.acquire(blocking=False):  # the garbage collector may have come upon us at any place, here too
        return
    try:
        _kept.append(block)
        while sum(min(each.size, KEPT_BYTES) for each in _kept) > KEPT_BYTES:
            _kept.pop(0)
    finally:
        _lock.release()
