"""Show events in a window: of a recording, at its own speed, or live. Escape or q closes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventflow.cli.options import duration, positive
from eventflow.cli.sources import add_source, is_live, source_node

if TYPE_CHECKING:
    import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the verb takes."""
    add_source(parser)
    parser.add_argument("--speed", default="1", metavar="N", help="of a recording: 0.1 is slow motion, max (1)")
    parser.add_argument("--for", dest="for_us", type=duration, metavar="TIME", help="how long; until it ends or Ctrl-C")
    parser.add_argument("--window", type=duration, metavar="TIME", help="how long an event is seen (40ms)")
    parser.add_argument("--palette", choices=("dark", "light", "gray"), help="the colours (dark)")
    parser.add_argument("--scale", type=positive, metavar="N", help="how much larger than the sensor")


def main(options: argparse.Namespace) -> int:
    """Show through a graph of two nodes."""
    from eventflow.cli.execution import execute
    from eventflow.errors import ParameterError
    from eventflow.graph.file import graph_from_dict
    from eventflow.views.window import display_missing

    if missing := display_missing():
        raise ParameterError(f"view: {missing}; `eventflow export FILE OUT.mp4` makes a video instead")
    source, port = source_node(options.source, options.set)
    look: dict[str, Any] = {name: getattr(options, name) for name in ("window", "palette", "scale")}
    nodes = {
        "source": source,
        "look": {"use": "view", "title": options.source} | {k: v for k, v in look.items() if v is not None},
    }
    flow = [{f"source.{port} -> look": {"when_full": "latest"}}]
    graph = graph_from_dict({"name": "view", "nodes": nodes, "flow": flow})
    return execute(graph, speed="max" if is_live(source) else options.speed, for_us=options.for_us)
