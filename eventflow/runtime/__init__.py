"""The runtime: plan, tasks, links, workers, supervisor."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

_HOME = {"connect": "eventflow.runtime.client", "run": "eventflow.runtime.running"}
__all__ = ["connect", "run"]

if TYPE_CHECKING:
    from eventflow.runtime.client import connect as connect
    from eventflow.runtime.running import run as run


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'eventflow.runtime' has no attribute {name!r}")
