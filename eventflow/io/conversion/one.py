"""One recording: read, placed, merged with its other streams, written, and reported."""

from __future__ import annotations

import inspect
from itertools import chain
from typing import TYPE_CHECKING, Any

from eventflow.errors import RecordingError
from eventflow.io.conversion.content import Unchanged
from eventflow.io.conversion.geometry import Placement
from eventflow.io.conversion.merging import merged, stream_of
from eventflow.io.conversion.settings import Settings
from eventflow.io.conversion.verifying import Seen, verified
from eventflow.io.recording import open as open_recording
from eventflow.io.table import format_named, format_to_write
from eventflow.io.writing import create

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator

    from eventflow.events import Events
    from eventflow.io.recording import Recording
    from eventflow.io.table import Format
    from eventflow.io.writing import Writer


def convert_one(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    settings: Settings,
    *,
    verify: bool = False,
    on_progress: Callable[[float], None] | None = None,
) -> dict[str, Any]:
    """Write the recording `source` as `target`, in memory that does not grow with it, and return a report.

    Args:
        source: the recording to read; "-" is standard input.
        target: the recording to write; it appears when it is whole.
        settings: how.
        verify: read the target back and compare, before it has its name.
        on_progress: called with the share of the source that is read, 0 to 1.

    Raises:
        RecordingError: it cannot be read or written, changed while it was read, or did not come back equal.
    """
    row = format_to_write(str(target)) if settings.to is None else format_named(settings.to)
    watch = Unchanged(str(source))
    with open_recording(source, **settings.reading) as recording:
        info = recording.info
        placement = Placement(settings, info.width, info.height)
        seen = Seen() if verify else None
        width, height = placement.width, placement.height
        options = header_entries(row, recording, settings) | settings.writer_options
        with create(target, format=row.name, width=width, height=height, **options) as writer:
            unread = _copy(recording, writer, placement, settings, seen, on_progress)
            watch.check()
            report = _report(recording, writer, placement, settings)
            report["left_behind"] = sorted({*report["left_behind"], *unread})
            if seen is not None:
                report["verified"] = _verified(source, writer, settings, report, seen)
    return report


def _verified(
    source: str | os.PathLike[str], writer: Writer, settings: Settings, report: dict[str, Any], seen: Seen
) -> list[str]:
    """Compare what was written while it does not have its name yet; see `verified`."""
    part = writer.finish()
    try:
        return verified(source, part, settings, report, seen)
    except RecordingError as error:
        why = str(error).replace(str(part), str(writer.path))
        raise RecordingError(f"{why}; nothing was kept") from error


def header_entries(row: Format, recording: Recording, settings: Settings) -> dict[str, Any]:
    """Return what the target's header is to say of the times, where it can."""
    takes = inspect.signature(row.load().open_encoder).parameters
    if settings.origin == "raw" or "entries" not in takes:
        return {}
    return {"entries": {"time_origin": settings.origin, "time_shift": str(recording.time_shift)}}


def _copy(
    recording: Recording,
    writer: Writer,
    placement: Placement,
    settings: Settings,
    seen: Seen | None,
    on_progress: Callable[[float], None] | None,
) -> set[str]:
    """Write everything that the target holds; return the streams that it does not hold or that cannot be read."""
    held, left = streams_beside(recording, writer.holds, settings)
    for name, item in merged(_packets(recording, on_progress), held):
        if name == "events":
            events = placement.events(item)
            writer.write(events)
            if seen is not None:
                seen.take(events)
        elif (message := placement.message(item)) is not None:
            writer.add(name, message)
            if seen is not None:
                seen.take_message(name, message)
    return left


def streams_beside(
    recording: Recording, holds: Callable[[str], bool], settings: Settings
) -> tuple[list[Iterator[tuple[str, Any]]], set[str]]:
    """Return the streams that a target holds, as (name, message), and the names of those that are left behind."""
    held: list[Iterator[tuple[str, Any]]] = []
    left: set[str] = set()
    for name in (*recording.streams, *recording.info.possible):
        if name != "events":
            messages = _opened(recording, name, settings)
            if messages is None:
                left.add(name)
            elif holds(name):
                held.append(messages)
            elif next(messages, None) is not None:
                left.add(name)
    return held, left


def _opened(recording: Recording, name: str, settings: Settings) -> Iterator[tuple[str, Any]] | None:
    """Return (name, message) for what is wanted of a stream, or None where nobody reads it."""
    if not recording.seekable:  # one pass is all there is, and the events need it
        return None
    messages = stream_of(name, recording.messages(name), settings.start, settings.end)
    try:
        first = next(messages, None)
    except RecordingError:
        return None
    return iter(()) if first is None else chain([first], messages)


def _packets(recording: Recording, on_progress: Callable[[float], None] | None) -> Iterator[Events]:
    for packet in recording:
        if on_progress is not None:
            on_progress(recording.progress or 0.0)
        yield packet


def _report(recording: Recording, writer: Writer, placement: Placement, settings: Settings) -> dict[str, Any]:
    return {
        "source": recording.path,
        "path": str(writer.path),
        "source_format": recording.info.format,
        "format": writer.format,
        "width": placement.width,
        "height": placement.height,
        "events": writer.events,
        "messages": dict(sorted(writer.messages.items())),
        "left_out": placement.left_out,
        "skipped": dict(sorted(recording.skipped.items())),
        "noted": dict(sorted(recording.noted.items())),
        "repaired": dict(sorted(recording.repaired.items())),
        "steps_back": recording.steps_back,
        "origin": settings.origin,
        "shift": recording.shift,
        "left_behind": sorted(writer.left_behind),
    }


_RECORDED = (
    "events", "format", "height", "left_behind", "left_out", "messages", "noted", "origin", "repaired", "shift",
    "skipped", "source_format", "steps_back", "width",
)  # fmt: skip


def make(
    source: str, target: str, plain: dict[str, Any], *, verify: bool, on_progress: Callable[[float], None] | None
) -> tuple[dict[str, Any], list[str] | None]:
    """Convert for a tree: return what the manifest keeps of the report, and what verification said."""
    report = convert_one(source, target, Settings(**plain), verify=verify, on_progress=on_progress)
    return {name: report[name] for name in _RECORDED}, report.get("verified")


def losses_of(report: dict[str, Any]) -> list[str]:
    """Return in words what of a recording did not come over: damage, and what the target does not hold."""
    damage = [f"{count} {reason} skipped" for reason, count in report["skipped"].items()]
    mended = [f"{count} {reason}" for reason, count in report["repaired"].items()]
    left = [f"{report['format']} does not hold {', '.join(report['left_behind'])}"] if report["left_behind"] else []
    return [*damage, *mended, *left]
