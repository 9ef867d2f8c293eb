"""The one way a loop is compiled here: Numba, without the GIL, cached on disk, announced when cold.

A module's cache folder is named by a hash of it and of the modules it imports, because Numba's own cache does not
notice a changed callee in another file. No `fastmath` and no `parallel`: both change results.
"""

from __future__ import annotations

import hashlib
import os
import re
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numba
from numba.core import config, event

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")

_ROOT = Path(__file__).resolve().parents[2]
_IMPORT = re.compile(r"^(?:from (eventflow[\w.]*) import (\([^)]*\)|.*)|import (eventflow[\w.]+))", re.M)
_announcer: _Announcer | None = None


@lru_cache(maxsize=1)
def cache_folder() -> Path:
    """Return the folder of compiled kernels."""
    base = os.environ.get("EVENTFLOW_CACHE") or os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "eventflow" / "kernels"


@cache
def code_digest(source: Path) -> str:
    """Return a word for exactly this module, what it imports from this package, and this Numba."""
    digest = hashlib.blake2b(numba.__version__.encode(), digest_size=8)
    for each in sorted(_with_imports(source)):
        digest.update(each.name.encode())
        digest.update(each.read_bytes())
    return digest.hexdigest()


def _folder_of(source: Path) -> Path:
    """Return the folder of a module's compiled kernels."""
    return cache_folder() / f"{source.stem}-{code_digest(source)}"


def _with_imports(source: Path) -> set[Path]:
    """Return a module's file and those it imports at its top level, and they in turn: a loop's callees are there."""
    found, waiting = {source}, [source]
    while waiting:
        new = _imports_of(waiting.pop()) - found
        found |= new
        waiting += new
    return found


@cache
def _imports_of(source: Path) -> frozenset[Path]:
    names = set()
    for package, members, module in _IMPORT.findall(source.read_text(encoding="utf-8")):
        names |= {package or module, *(f"{package}.{member}" for member in re.findall(r"\w+", members))}
    files = (_ROOT.joinpath(*name.split(".")).with_suffix(".py") for name in names)
    return frozenset(file for file in files if file.is_file())


def jit(function: F | None = None, **options: Any) -> Any:
    """Compile `function` on first call, without the GIL, into our own cache: `@jit` or `@jit(inline=…)`."""
    if function is None:
        return lambda wrapped: jit(wrapped, **options)
    elsewhere = config.CACHE_DIR
    source = Path(function.__code__.co_filename)
    # read once, by the line below; other people's functions keep their own
    config.CACHE_DIR = str(_folder_of(source) if source.is_file() else cache_folder() / "elsewhere")
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
