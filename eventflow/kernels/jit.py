"""The one way a loop is compiled here: Numba, without the GIL, cached on disk, announced when cold.

The cache folder is named by a hash of every module that holds loops, because Numba's own cache does not notice a
changed callee in another file. No `fastmath` and no `parallel`: both change results.
"""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numba
from numba.core import config, event

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")

_PACKAGE = Path(__file__).resolve().parents[1]
_FOLDERS_WITH_LOOPS = ("kernels", "io", "synth")
_announcer: _Announcer | None = None


@lru_cache(maxsize=1)
def cache_folder() -> Path:
    """Return the folder of compiled kernels for exactly these sources and this Numba."""
    digest = hashlib.blake2b(numba.__version__.encode(), digest_size=8)
    for folder in _FOLDERS_WITH_LOOPS:
        for source in sorted((_PACKAGE / folder).rglob("*.py")):
            digest.update(source.relative_to(_PACKAGE).as_posix().encode())
            digest.update(source.read_bytes())
    base = os.environ.get("EVENTFLOW_CACHE") or os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "eventflow" / f"kernels-{digest.hexdigest()}"


def jit(function: F | None = None, **options: Any) -> Any:
    """Compile `function` on first call, without the GIL, into our own cache: `@jit` or `@jit(inline=…)`."""
    if function is None:
        return lambda wrapped: jit(wrapped, **options)
    elsewhere = config.CACHE_DIR
    config.CACHE_DIR = str(cache_folder())  # read once, by the line below; other people's functions keep their own
    try:
        return numba.njit(nogil=True, cache=True, **options)(function)
    finally:
        config.CACHE_DIR = elsewhere


class _Announcer(event.Listener):  # type: ignore[misc]
    def __init__(self, announce: Callable[[str], None]) -> None:
        self._announce = announce

    def on_start(self, started: Any) -> None:
        function = started.data["dispatcher"].py_func
        if function.__module__.startswith("eventflow"):
            self._announce(f"compiling {function.__module__.removeprefix('eventflow.')}.{function.__name__} (once)")

    def on_end(self, ended: Any) -> None:
        """Nothing to say when a kernel is ready."""


def announce_compilation(announce: Callable[[str], None]) -> None:
    """Call `announce("compiling …")` whenever a kernel is compiled because the cache does not hold it."""
    global _announcer
    if _announcer is not None:
        event.unregister("numba:compile", _announcer)
    _announcer = _Announcer(announce)
    event.register("numba:compile", _announcer)
