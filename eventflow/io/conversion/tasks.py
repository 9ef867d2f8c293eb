"""One recording of a tree as a task: plain values in, plain values out, whoever runs it.

A task writes into a folder of its own below the target and renames at the end. Whether a task is killed, or run twice
at once by a scheduler that lost sight of it, nobody sees a half target, and the same bytes get the same name.
"""

from __future__ import annotations

import os
import shutil
import uuid
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from eventflow.errors import EventflowError
from eventflow.io.conversion.content import content_hash, size_and_time
from eventflow.io.conversion.settings import digest_of
from eventflow.io.conversion.sources import PARTS
from eventflow.io.parts import writing

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventflow.io.conversion.sources import Found

RECORDING: Final = "eventflow.io.conversion.one:make"
Task = dict[str, Any]


@dataclass(frozen=True)
class Work:
    """What is to be made of one recording.

    Attributes:
        found: the recording.
        target: the target's name inside the target folder.
        plain: all that decides the target's bytes besides the recording, plain values.
        maker: `module:function` that makes it: `function(source, target, plain, *, verify, on_progress)` returns what
            the manifest keeps, and what verification said or None.
    """

    found: Found
    target: str
    plain: dict[str, Any]
    maker: str = RECORDING

    @property
    def digest(self) -> str:
        """A hash of how the target is made."""
        return digest_of(self.plain)

    def task(self, folder: Path, *, verify: bool) -> Task:
        """Return the task of making the target inside `folder`, plain values."""
        return {
            "source": str(self.found.path),
            "name": self.found.name,
            "size": self.found.size,
            "folder": str(folder.absolute()),
            "target": self.target,
            "plain": self.plain,
            "digest": self.digest,
            "maker": self.maker,
            "verify": verify,
        }


def run_task(task: Task, on_progress: Callable[[float], None] | None = None) -> dict[str, Any]:
    """Do a task and return its `record` for the manifest, or `failed` with the reason in words."""
    try:
        return _made(task, on_progress)
    except EventflowError as error:
        return {"source": task["name"], "failed": _shown(str(error), task)}
    except Exception as error:
        return {"source": task["name"], "failed": _shown(f"{type(error).__name__}: {error}", task)}


def _made(task: Task, on_progress: Callable[[float], None] | None) -> dict[str, Any]:
    source, folder = Path(task["source"]), Path(task["folder"])
    target = folder / task["target"]
    own = folder / PARTS / uuid.uuid4().hex
    made = own / target.name
    module, _, function = task["maker"].partition(":")
    make = getattr(import_module(module), function)
    try:
        size, mtime_ns = size_and_time(source)
        source_hash = content_hash(source)
        kept, said = make(str(source), str(made), task["plain"], verify=task["verify"], on_progress=on_progress)
        record = kept | {
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
    return {"source": task["name"], "record": record, "verified": said}


def _shown(text: str, task: Task) -> str:
    """Return a message with the target where it speaks of the folder the target was made in."""
    parts = str(Path(task["folder"]) / PARTS)
    while (at := text.find(parts)) >= 0:
        rest = text[at + len(parts) + 1 :].partition("/")[2]
        text = text[:at] + str(Path(task["folder"]) / Path(task["target"]).parent) + "/" + rest
    return text
