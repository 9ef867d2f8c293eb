"""Score representations: whether each is its formula to the last bit, on events of a recording or simulated ones."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the task takes."""
    parser.add_argument("recording", nargs="?", help="a recording; simulated events if none is given")
    parser.add_argument("--events", type=int, default=50_000, metavar="N", help="how many, from the first on")
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")


def main(options: argparse.Namespace) -> int:
    """Score every representation that has a formula; 1 if one is not its formula."""
    from eventflow.io import read
    from eventflow.score.representations import agreements
    from eventflow.score.slices import speed_sweep

    stream = read(options.recording).sorted() if options.recording else speed_sweep().events
    events = stream[: options.events]
    window = (int(events.t[0]), int(events.t[-1])) if len(events) else (0, 0)
    found = agreements(events, *window)
    if options.json:
        print(json.dumps([asdict(each) for each in found]))
    else:
        for each in found:
            print(f"{each.name:20}{'equal' if each.equal else f'differs by {each.largest:g}'}")
    return 0 if all(each.equal for each in found) else 1
