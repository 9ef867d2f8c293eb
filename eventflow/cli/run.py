"""Run a graph.

GRAPH is a file, or a name looked up in ./graphs and among the installed graphs (`demo`). Times are written 10ms, 2.5s.
"""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from eventflow.cli.options import add_set, duration, positive, size
from eventflow.errors import ParameterError

if TYPE_CHECKING:
    import argparse

_PLACES = ("fused", "threads", "processes", "auto")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the verb takes."""
    parser.add_argument("graph", metavar="GRAPH", help="a graph file, or a name such as demo")
    add_set(parser)
    parser.add_argument(
        "--speed",
        default="max",
        metavar="N|max|FILE",
        help="event time per wall time: 1 is real time; or a file of lines 'WALL_S SPEED'",
    )
    parser.add_argument("--jitter", type=duration, default=0, metavar="TIME", help="send packets up to this much late")
    parser.add_argument(
        "--place",
        metavar="HOW",
        help="fused (one thread), threads, processes, auto, or a YAML file with a `place:` map; else the graph's own",
    )
    parser.add_argument("--packet-events", type=positive, metavar="N", help="largest packet of every source")
    parser.add_argument(
        "--for", dest="for_us", type=duration, metavar="TIME", help="stop after so much event time; live: wall time"
    )
    parser.add_argument("--summary", metavar="FILE.json", help="write the summary there, with hashes of all outputs")
    parser.add_argument("--strict", action="store_true", help="fail if a recording was damaged")
    parser.add_argument("--memory", type=size, default=None, metavar="SIZE", help="limit of all queues (1GB)")


def main(options: argparse.Namespace) -> int:
    """Run the graph."""
    from eventflow.cli.execution import execute
    from eventflow.graph.file import load_graph

    _check_place(options.place)
    graph = load_graph(options.graph, set=options.set)
    given = {
        "place": options.place,
        "speed": options.speed,
        "packet_events": options.packet_events,
        "jitter_us": options.jitter,
    }
    limits = {"for_us": options.for_us} | ({} if options.memory is None else {"memory_bytes": options.memory})
    return execute(graph, summary_path=options.summary, strict=options.strict, **given, **limits)


def _check_place(place: str | None) -> None:
    """Refuse what is neither a placement nor a file, before a file of that name is looked for."""
    if place is None or place in _PLACES or Path(place).exists():
        return
    near = get_close_matches(place, _PLACES, 1)
    hint = f". Did you mean {near[0]!r}?" if near else f"; choose {', '.join(_PLACES)} or a YAML file"
    raise ParameterError(f"--place {place}: no such placement, and no such file{hint}")
