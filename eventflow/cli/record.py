"""Record a camera, a stream or anything else that gives events, while it lasts; Ctrl-C ends the recording well.

A crash leaves OUT.part, readable up to the last packets. --raw records a Prophesee sensor's own bytes, undecoded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventflow.cli.options import duration, size
from eventflow.cli.sources import add_source, source_node

if TYPE_CHECKING:
    import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the verb takes."""
    add_source(parser)
    parser.add_argument("output", metavar="OUT", help="the recording; its suffix names the format")
    parser.add_argument("--format", metavar="FMT", help="format, where the suffix leaves a choice")
    parser.add_argument("--for", dest="for_us", type=duration, metavar="TIME", help="how long; until it ends or Ctrl-C")
    parser.add_argument("--raw", action="store_true", help="the sensor's own bytes (camera, .raw)")
    parser.add_argument("--rotate-time", type=duration, metavar="TIME", help="a new file at each multiple of so much")
    parser.add_argument("--rotate-size", type=size, metavar="BYTES", help="a new file after so many bytes, such as 1GB")
    parser.add_argument("--summary", metavar="FILE", help="write what was counted there, as JSON")


def main(options: argparse.Namespace) -> int:
    """Record through a graph of two nodes."""
    from eventflow.cli.execution import execute
    from eventflow.graph.file import graph_from_dict

    source, port = source_node(options.source, options.set)
    if options.raw:
        source["raw"], port = True, "raw"
    record = {name: getattr(options, name) for name in ("format", "rotate_time", "rotate_size")}
    given = {name: value for name, value in record.items() if value is not None}
    nodes = {"source": source, "out": {"use": "record", "path": options.output, **given}}
    graph = graph_from_dict({"name": "record", "nodes": nodes, "flow": [f"source.{port} -> out"]})
    return execute(graph, summary_path=options.summary, for_us=options.for_us)
