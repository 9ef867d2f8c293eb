"""Make a video (.mp4, .gif) of a recording, or the busiest picture of one (.png)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from eventflow.cli.options import add_window, duration, positive

if TYPE_CHECKING:
    import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the verb takes."""
    parser.add_argument("file", metavar="FILE", help="a recording, or synth:SCENE")
    parser.add_argument("output", metavar="OUT", help="the video or picture: .mp4, .gif or .png")
    parser.add_argument("--fps", type=float, default=30.0, help="pictures a second (30)")
    parser.add_argument("--speed", type=float, default=1.0, help="event time per video time; 0.1 is slow motion (1)")
    parser.add_argument(
        "--window", type=duration, metavar="TIME", help="how long an event is seen; two pictures' worth"
    )
    parser.add_argument("--palette", choices=("dark", "light", "gray"), default="dark", help="the colours (dark)")
    parser.add_argument("--scale", type=positive, metavar="N", help="how much larger than the sensor")
    add_window(parser)


def main(options: argparse.Namespace) -> int:
    """Export the recording through a graph of two nodes."""
    from eventflow.cli.execution import execute
    from eventflow.graph.file import graph_from_dict
    from eventflow.views.films import checked_suffix

    checked_suffix(Path(options.output))
    read = {"begin": options.start, "end": options.end, "format": options.format}
    film = {name: getattr(options, name) for name in ("fps", "speed", "window", "palette", "scale")}
    nodes = {
        "recording": {"use": "read", "path": options.file, "width": options.width, "height": options.height} | read,
        "film": {"use": "export", "path": options.output} | film,
    }
    return execute(graph_from_dict({"name": "export", "nodes": nodes, "flow": ["recording -> film.events"]}))
