"""Make the index of recordings, NAME.eventflow-index beside each: any time in them is then reached at once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eventflow.cli.options import add_format, add_json, number, print_json

if TYPE_CHECKING:
    import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the verb takes."""
    parser.add_argument("files", metavar="FILE", nargs="+", help="a recording")
    add_format(parser)
    add_json(parser)


def main(options: argparse.Namespace) -> int:
    """Make the indexes."""
    from eventflow.errors import EventflowError

    found, failed = [], False
    for file in options.files:
        try:
            found.append(_indexed(file, options))
        except EventflowError as error:
            print(f"eventflow index: {error}", file=sys.stderr)
            failed = True
            continue
        if not options.json:
            row = found[-1]
            print(f"{row['index']}: {row['marks']} places, {number(row['events'])} events, {row['bytes']} bytes")
    if options.json:
        print_json(found)
    return 1 if failed else 0


def _indexed(file: str, options: argparse.Namespace) -> dict[str, Any]:
    from eventflow.io import index

    made, place = index(file, format=options.format, width=options.width, height=options.height)
    return {
        "path": file,
        "index": str(place),
        "marks": len(made),
        "events": made.tally[0],
        "bytes": Path(place).stat().st_size,
    }
