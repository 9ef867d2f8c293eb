"""Memory that packets leave behind is kept for the packets after them.

A C library that gives large blocks back to the system at once has it clear fresh pages for every packet, one fault for
each 4 KiB and one thread of the process at a time: more work than most nodes do.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress
from typing import Final

# From malloc.h of the GNU C library; others are left as they are.
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8
_LARGE_BYTES: Final = 1 << 25  # the most that the library takes
_KEPT_BYTES: Final = 1 << 26


def keep_freed_memory() -> None:
    """Have the C library of this process reuse blocks up to 32 MiB, and keep up to 64 MiB that nobody uses."""
    with suppress(OSError, AttributeError, TypeError):
        library = ctypes.CDLL(None)
        library.gnu_get_libc_version  # noqa: B018 - another library's mallopt may mean something else
        library.mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
        library.mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
        # blocks are freed by other threads than took them: many arenas would each keep their own
        library.mallopt(_M_ARENA_MAX, 2)
