"""One large recording converted in parts: cut by time, each part written alone, and joined to the same bytes.

That is done where it is exact. The source has marks to go on from, and each part begins with the first event at or
after its time, where the one before it stops. Of the targets those are joined whose records depend on no other: text
and DAT. What was counted is taken from the index, which is of the whole recording. Wherever it cannot be done, or goes
wrong, the recording is converted undivided.
"""

from __future__ import annotations

import shutil
import uuid
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from eventflow.errors import EventflowError, RecordingError
from eventflow.io.conversion.content import Unchanged, size_and_time
from eventflow.io.conversion.geometry import Placement
from eventflow.io.conversion.one import header_entries, streams_beside
from eventflow.io.conversion.settings import Settings
from eventflow.io.conversion.sources import PARTS
from eventflow.io.conversion.tasks import RECORDING
from eventflow.io.conversion.verifying import Seen, verified
from eventflow.io.dat_encoding import can_follow
from eventflow.io.indexing import index
from eventflow.io.recording import open as open_recording
from eventflow.io.table import format_named
from eventflow.io.tally import BACK
from eventflow.io.writing import create

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventflow.io.conversion.tasks import Task
    from eventflow.io.time_index import TimeIndex

JOINED: Final = ("csv", "dat")
"""Formats of which parts are joined byte for byte."""

_JOINER: Final = "eventflow.io.conversion.divided:joined"
_END_OF_DAT_HEADER_BYTES: Final = 2
Plan = dict[str, Any]


def worth_it(task: Task, part_bytes: int) -> bool:
    """Return whether a task is of a recording large enough to be divided, and asks for nothing that forbids it."""
    plain = task["plain"]
    whole = not {"start", "end", "reader"} & plain.keys()
    return task["maker"] == RECORDING and task["size"] >= 2 * part_bytes and whole and plain.get("to") in JOINED


def plan(task: Task, part_bytes: int) -> Plan | None:
    """Return how a recording is cut: `windows` (start and end, µs) and what was counted of it; None: it is not.

    The index that says so stays beside the recording, as where somebody goes to a time in a large one.
    """
    settings = Settings(**task["plain"])
    given = {name: getattr(settings, name) for name in ("width", "height") if getattr(settings, name) is not None}
    state = size_and_time(Path(task["source"]))
    try:
        marks, _ = index(task["source"], format=settings.format, **given, **settings.reader_options)
        with open_recording(task["source"], **settings.reading) as recording:
            shift = recording.time_shift or 0
    except EventflowError:
        return None
    steps_back = int(marks.tally[BACK]) if marks.tally else 0
    cuts = _cuts(marks, max(state[0] // part_bytes, 1), shift)
    if not cuts or (steps_back and settings.backwards != "keep"):
        return None
    counts = {"skipped": marks.skipped, "noted": marks.noted, "steps_back": steps_back}
    windows = list(zip([None, *cuts], [*cuts, None], strict=True))
    return {"windows": windows, "state": list(state), **counts}


def _cuts(marks: TimeIndex, parts: int, shift: int) -> list[int]:
    """Return times that cut at marks into at most `parts`."""
    wanted = {number * len(marks) // parts for number in range(1, parts)} if len(marks) else set()
    return sorted({marks.highest[number] + 1 - shift for number in wanted})


def make_part(task: Task, window: tuple[int | None, int | None]) -> dict[str, Any]:
    """Write the events of a window as a recording of its own and return where it is and what it holds, or `failed`."""
    own = Path(task["folder"]) / PARTS / uuid.uuid4().hex
    settings = replace(Settings(**task["plain"]), start=window[0], end=window[1])
    try:
        return _part(task["source"], own / Path(task["target"]).name, settings)
    except Exception as error:
        shutil.rmtree(own, ignore_errors=True)
        return {"failed": str(error)}


def _part(source: str, made: Path, settings: Settings) -> dict[str, Any]:
    assert settings.to is not None
    watch = Unchanged(source)
    first = last = None
    with open_recording(source, **settings.reading) as recording:
        placement = Placement(settings, recording.info.width, recording.info.height)
        options = header_entries(format_named(settings.to), recording, settings) | settings.writer_options
        width, height = placement.width, placement.height
        with create(made, format=settings.to, width=width, height=height, **options) as writer:
            for packet in recording:
                events = placement.events(packet)
                writer.write(events)
                if len(events):
                    first = int(events.t[0]) if first is None else first
                    last = int(events.t[-1])
            watch.check()
        left = {"left_out": placement.left_out, "left_behind": sorted(writer.left_behind)}
        described = {"source_format": recording.info.format, "shift": recording.shift, "width": width, "height": height}
    return {"path": str(made), "events": writer.events, "first": first, "last": last, **left, **described}


def join_task(task: Task, made: Plan, parts: list[dict[str, Any]]) -> Task:
    """Return the task of joining parts, whose outcome is that of the undivided task."""
    plain = {"settings": task["plain"], "plan": made, "parts": parts, "source_is": made["state"]}
    return task | {"maker": _JOINER, "plain": plain}


def joined(
    source: str, target: str, plain: dict[str, Any], *, verify: bool, on_progress: Callable[[float], None] | None
) -> tuple[dict[str, Any], list[str] | None]:
    """Join parts, in the order of their windows; see `one.make`.

    Raises:
        RecordingError: they do not follow one another as the format has it, or the source changed meanwhile.
    """
    settings, parts = Settings(**plain["settings"]), plain["parts"]
    if list(size_and_time(Path(source))) != list(plain["source_is"]):
        raise RecordingError(f"{source}: changed while it was read")
    some = [part for part in parts if part["events"]] or parts[:1]
    if settings.to == "dat":
        for one, after in pairwise(some):
            if not can_follow(one["last"], after["first"]):
                raise RecordingError(f"{target}: a step of time between two parts that DAT cannot say")
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    with open(target, "wb") as whole:
        for number, part in enumerate(some):
            with open(part["path"], "rb") as file:
                if number:
                    file.seek(_head_bytes(part["path"], settings))
                shutil.copyfileobj(file, whole, 1 << 20)
    record = _record(source, settings, plain["plan"], parts)
    return record, _compared(source, target, settings, record) if verify else None


def _head_bytes(path: str, settings: Settings) -> int:
    """Return how many bytes of a part come before its events."""
    with open(path, "rb") as file:
        if settings.to == "csv":
            return len(file.readline()) if settings.writer_options.get("header", True) else 0
        size = 0
        while (line := file.readline()).startswith(b"% "):
            size += len(line)
    return size + _END_OF_DAT_HEADER_BYTES


def _record(source: str, settings: Settings, counted: Plan, parts: list[dict[str, Any]]) -> dict[str, Any]:
    assert settings.to is not None
    left_out: Counter[str] = sum((Counter(part["left_out"]) for part in parts), Counter())
    with open_recording(source, **settings.reading) as recording:
        _, unread = streams_beside(recording, lambda name: False, settings)
    own = {name: parts[0][name] for name in ("source_format", "shift", "width", "height")}
    return own | {
        "format": settings.to,
        "events": sum(part["events"] for part in parts),
        "messages": {},
        "left_out": dict(left_out),
        "skipped": dict(sorted(counted["skipped"].items())),
        "noted": dict(sorted(counted["noted"].items())),
        "repaired": {},
        "steps_back": counted["steps_back"],
        "origin": settings.origin,
        "left_behind": sorted({*unread, *(name for part in parts for name in part["left_behind"])}),
    }


def _compared(source: str, target: str, settings: Settings, record: dict[str, Any]) -> list[str]:
    """Read the source once more, and the target, and compare."""
    seen = Seen()
    with open_recording(source, **settings.reading) as recording:
        placement = Placement(settings, recording.info.width, recording.info.height)
        for packet in recording:
            seen.take(placement.events(packet))
    return verified(source, target, settings, record, seen)


def remove_parts(parts: list[dict[str, Any]]) -> None:
    """Delete what was joined or is of no use."""
    for part in parts:
        if "path" in part:
            shutil.rmtree(Path(part["path"]).parent, ignore_errors=True)
