"""Recordings: one module a format, one table of formats, and open, read, write, convert over all of them.

Every name is imported on first use; importing this package imports nothing heavy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

_HOME = {
    "Jump": "eventflow.io.order",
    "PartFile": "eventflow.io.parts",
    "Recording": "eventflow.io.recording",
    "RecordingInfo": "eventflow.io.decoder",
    "Writer": "eventflow.io.writing",
    "convert": "eventflow.io.converting",
    "create": "eventflow.io.writing",
    "describe": "eventflow.io.describing",
    "formats": "eventflow.io.table",
    "index": "eventflow.io.indexing",
    "open": "eventflow.io.recording",
    "open_parts": "eventflow.io.parts",
    "read": "eventflow.io.recording",
    "read_fixes": "eventflow.io.trajectory",
    "read_poses": "eventflow.io.trajectory",
    "write": "eventflow.io.writing",
    "write_fixes": "eventflow.io.trajectory",
    "write_poses": "eventflow.io.trajectory",
}

__all__ = sorted(_HOME)

if TYPE_CHECKING:
    from eventflow.io.converting import convert as convert
    from eventflow.io.decoder import RecordingInfo as RecordingInfo
    from eventflow.io.describing import describe as describe
    from eventflow.io.indexing import index as index
    from eventflow.io.order import Jump as Jump
    from eventflow.io.parts import PartFile as PartFile
    from eventflow.io.parts import open_parts as open_parts
    from eventflow.io.recording import Recording as Recording
    from eventflow.io.recording import open as open
    from eventflow.io.recording import read as read
    from eventflow.io.table import formats as formats
    from eventflow.io.trajectory import read_fixes as read_fixes
    from eventflow.io.trajectory import read_poses as read_poses
    from eventflow.io.trajectory import write_fixes as write_fixes
    from eventflow.io.trajectory import write_poses as write_poses
    from eventflow.io.writing import Writer as Writer
    from eventflow.io.writing import create as create
    from eventflow.io.writing import write as write


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'eventflow.io' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
