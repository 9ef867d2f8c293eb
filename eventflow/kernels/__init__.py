"""Functions on Events over compiled loops on arrays: no node, no graph, no file. Usable alone in a notebook.

Each module is imported on first use, because Numba takes half a second.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = ["denoise", "representations", "slices", "tracking"]

if TYPE_CHECKING:
    from eventflow.kernels import denoise as denoise
    from eventflow.kernels import representations as representations
    from eventflow.kernels import slices as slices
    from eventflow.kernels import tracking as tracking


def __getattr__(name: str) -> Any:
    if name in __all__:
        return import_module(f"eventflow.kernels.{name}")
    raise AttributeError(f"module 'eventflow.kernels' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
