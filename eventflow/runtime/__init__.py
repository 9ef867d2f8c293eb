"""The runtime: plan, tasks, links, workers, supervisor."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

_HOME = {
    "attach": ("eventflow.runtime.steering", "RunHandle"),
    "connect": ("eventflow.runtime.client", "connect"),
    "run": ("eventflow.runtime.running", "run"),
    "runs": ("eventflow.runtime.steering", "runs"),
}
__all__ = ["attach", "connect", "run", "runs"]

if TYPE_CHECKING:
    from eventflow.runtime.client import connect as connect
    from eventflow.runtime.running import run as run
    from eventflow.runtime.steering import RunHandle as attach
    from eventflow.runtime.steering import runs as runs


def __getattr__(name: str) -> Any:
    if name in _HOME:
        module, what = _HOME[name]
        return getattr(import_module(module), what)
    raise AttributeError(f"module 'eventflow.runtime' has no attribute {name!r}")
