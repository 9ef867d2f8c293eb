"""Write a recording in another format, packet by packet. The target appears when it is whole."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from eventflow.cli.options import add_window, number, region

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from eventflow.events import Events
    from eventflow.io import Recording


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the verb takes."""
    from eventflow.io.table import formats

    written = ", ".join(f"{row.suffixes[0]} ({row.name})" for row in formats() if row.writes)
    parser.add_argument("source", metavar="SRC", help="the recording to read; - is standard input")
    parser.add_argument("target", metavar="DST", help=f"the recording to write: {written}")
    parser.add_argument("--to", metavar="FMT", help="format to write, where the suffix leaves a choice")
    parser.add_argument("--roi", type=region, metavar="X,Y,W,H", help="keep only this part of the sensor, moved to 0,0")
    parser.add_argument(
        "--backwards",
        choices=("keep", "clamp", "drop", "fail"),
        default="keep",
        help="what is done where time steps back (keep)",
    )
    parser.add_argument("--origin", choices=("raw", "zero"), default="raw", help="zero: the first event is at time 0")
    add_window(parser)


def main(options: argparse.Namespace) -> int:
    """Convert the recording."""
    from eventflow import io
    from eventflow.cli.command import WRONG
    from eventflow.errors import RecordingError
    from eventflow.io.table import format_named, format_to_write

    try:
        row = format_to_write(options.target) if options.to is None else format_named(options.to)
    except RecordingError as error:
        print(f"eventflow: {error}", file=sys.stderr)
        return WRONG
    reading = {name: getattr(options, name) for name in ("start", "end", "backwards", "origin", "format")}
    with io.open(options.source, width=options.width, height=options.height, **reading) as recording:
        x, y, width, height = options.roi or (0, 0, recording.info.width, recording.info.height)
        with io.create(options.target, width=width, height=height, format=row.name) as writer:
            for packet in _packets(recording):
                writer.write(packet if options.roi is None else _cropped(packet, x, y, width, height))
        print(f"{writer.path}: {number(writer.events)} events, {row.title}")
        _warn(recording, writer.left_behind)
    return 0


def _packets(recording: Recording) -> Iterator[Events]:
    if not sys.stderr.isatty():
        yield from recording
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("converting", total=1.0 if recording.info.size_bytes else None)
        for packet in recording:
            progress.update(task, completed=recording.progress or 0)
            yield packet


def _cropped(events: Events, x: int, y: int, width: int, height: int) -> Events:
    inside = (events.x >= x) & (events.x < x + width) & (events.y >= y) & (events.y < y + height)
    kept = events[inside]
    records = kept.records.copy()
    records["x"] -= x
    records["y"] -= y
    return type(events)(records, width, height, ordered=events.ordered, labels=kept.labels, scores=kept.scores)


def _warn(recording: Recording, left_behind: Any) -> None:
    for reason, count in [*recording.skipped.items(), *recording.repaired.items()]:
        print(f"warning: {recording.path}: {number(count)} {reason}", file=sys.stderr)
    if left_behind:
        print(f"warning: the format does not hold {', '.join(sorted(left_behind))}", file=sys.stderr)
