"""What is kept of a message that a node failed on: the message and the traceback, in the run's folder."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from eventflow.events import Events


def keep_message(folder: str, node: str, port: str, seq: int, message: Any, traceback: str) -> str:
    """Write `NODE-PORT-SEQ.txt` and `.npz` into `folder`; return the folder, or "" if it cannot be written."""
    stem = f"{node.replace('/', '.')}-{port}-{seq}"
    try:
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{stem}.txt").write_text(traceback)
        columns = _columns(message)
        if columns:
            np.savez_compressed(place / f"{stem}.npz", allow_pickle=False, **columns)
    except OSError:
        return ""
    return str(place)


def _columns(message: Any, prefix: str = "") -> dict[str, Any]:
    if isinstance(message, Events):
        columns: dict[str, Any] = {name: message.records[name] for name in "txyp"}
        columns |= {"width": message.width, "height": message.height}
        columns |= {name: getattr(message, name) for name in ("labels", "scores") if getattr(message, name) is not None}
        return {prefix + name: column for name, column in columns.items()}
    if not dataclasses.is_dataclass(message):
        return {}
    found: dict[str, Any] = {}
    for declared in dataclasses.fields(message):
        value = getattr(message, declared.name)
        if isinstance(value, Events):
            found |= _columns(value, f"{prefix}{declared.name}.")
        else:
            found[prefix + declared.name] = value
    return found
