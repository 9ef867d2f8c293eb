"""One recording of a tree as a task: plain values in, plain values out, whoever runs it.

A task writes into a folder of its own below the target and renames at the end. Whether a task is killed, or run twice
at once by a scheduler that lost sight of it, nobody sees a half target, and the same bytes get the same name.
"""

from __future__ import annotations

import os
import shutil
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eventflow.errors import EventflowError
from eventflow.io.conversion.content import content_hash, size_and_time
from eventflow.io.conversion.one import convert_one
from eventflow.io.conversion.settings import Settings
from eventflow.io.conversion.sources import PARTS
from eventflow.io.parts import writing

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventflow.io.conversion.sources import Found

Task = dict[str, Any]
_MANIFESTED = (
    "events", "format", "height", "left_behind", "left_out", "messages", "noted", "origin", "repaired", "shift",
    "skipped", "source_format", "steps_back", "width",
)  # fmt: skip


def task_of(found: Found, folder: Path, target: str, settings: Settings, *, verify: bool) -> Task:
    """Return the task of converting a recording to `target` inside `folder`."""
    return {
        "source": str(found.path),
        "name": found.name,
        "size": found.size,
        "folder": str(folder.absolute()),
        "target": target,
        "settings": settings.plain,
        "digest": settings.digest,
        "verify": verify,
    }


def run_task(task: Task, on_progress: Callable[[float], None] | None = None) -> dict[str, Any]:
    """Convert the recording and return its record for the manifest, or `failed` with the reason in words."""
    try:
        return _converted(task, on_progress)
    except EventflowError as error:
        return {"source": task["name"], "failed": _shown(str(error), task)}
    except Exception as error:
        return {"source": task["name"], "failed": _shown(f"{type(error).__name__}: {error}", task)}


def _converted(task: Task, on_progress: Callable[[float], None] | None) -> dict[str, Any]:
    source, folder = Path(task["source"]), Path(task["folder"])
    target = folder / task["target"]
    own = folder / PARTS / uuid.uuid4().hex
    made = own / target.name
    try:
        size, mtime_ns = size_and_time(source)
        source_hash = content_hash(source)
        settings = Settings(**task["settings"])
        report = convert_one(source, made, settings, verify=task["verify"], on_progress=on_progress)
        record = {name: report[name] for name in _MANIFESTED} | {
            "source": task["name"],
            "size": size,
            "mtime_ns": mtime_ns,
            "hash": source_hash,
            "options_hash": task["digest"],
            "target": task["target"],
            "target_size": size_and_time(made)[0],
            "target_hash": content_hash(made),
        }
        with writing(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.is_dir():
                shutil.rmtree(target)
            os.replace(made, target)
    finally:
        shutil.rmtree(own, ignore_errors=True)
    return {"source": task["name"], "record": record, "verified": report.get("verified")}


def _shown(text: str, task: Task) -> str:
    """Return a message with the target where it speaks of the folder the target was made in."""
    parts = str(Path(task["folder"]) / PARTS)
    while (at := text.find(parts)) >= 0:
        rest = text[at + len(parts) + 1 :].partition("/")[2]
        text = text[:at] + str(Path(task["folder"]) / Path(task["target"]).parent) + "/" + rest
    return text
