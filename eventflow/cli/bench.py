"""Measure how fast eventflow is here. A figure is worth something only beside another of the same run: use --peers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the verb takes."""
    parser.add_argument("names", metavar="NAME", nargs="*", help="what to measure; everything if nothing is named")
    parser.add_argument("--peers", action="store_true", help="measure the other libraries too, side by side")
    parser.add_argument("--events", type=int, default=4_000_000, metavar="N", help="events in the synthetic inputs")
    parser.add_argument("--seconds", type=float, default=3.0, metavar="S", help="of each comparison or run")
    parser.add_argument("--soak", type=float, metavar="S", help="run the live graph so long, print its course, plot it")
    parser.add_argument("--large", action="store_true", help="include the recording of 2 GB")
    parser.add_argument("--cpu-time", action="store_true", help="count CPU time on one-core rows: for busy machines")
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")


def main(options: argparse.Namespace) -> int:
    """Measure."""
    if options.soak is not None:
        from eventflow.bench.soak import soak

        return soak(options.soak, as_json=options.json)
    from eventflow.bench import main as measure

    return measure(
        options.names,
        peers=options.peers,
        json=options.json,
        events=options.events,
        seconds=options.seconds,
        large=options.large,
        cpu_time=options.cpu_time,
    )
