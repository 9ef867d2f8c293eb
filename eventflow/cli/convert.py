"""Write recordings in another format, packet by packet. A target appears when it is whole.

One recording becomes the file DST. Several, a pattern or a folder become files in the folder DST, under the names they
have; --resume goes on where an earlier run was stopped, --jobs and --dask spread the work.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eventflow.cli.options import add_json, add_set, add_topic, add_window, number, positive, print_json, region

_SETTINGS = (
    "to", "start", "end", "roi", "polarity", "flip_x", "flip_y", "transpose", "origin", "backwards", "width", "height",
    "format", "reader", "topic",
)  # fmt: skip


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the verb takes."""
    from eventflow.io.table import formats

    written = ", ".join(f"{row.suffixes[0]} ({row.name})" for row in formats() if row.writes)
    parser.add_argument("sources", metavar="SRC", nargs="+", help="recordings, patterns, folders; - is standard input")
    parser.add_argument("target", metavar="DST", help=f"the recording to write ({written}), or the folder for several")
    parser.add_argument("--to", metavar="FMT", help="format to write; needed for a folder")
    add_window(parser)
    _add_changes(parser)
    many = parser.add_argument_group("several recordings")
    many.add_argument("--jobs", type=positive, default=1, metavar="N", help="convert with N processes (1)")
    many.add_argument(
        "--dask", metavar="URL", help="convert on a Dask cluster: tcp://HOST:PORT of its scheduler, or local"
    )
    many.add_argument("--resume", action="store_true", help="leave what an earlier run finished as it is")
    parser.add_argument("--verify", action="store_true", help="read every target back and compare")
    parser.add_argument(
        "--strict", action="store_true", help="damage, and whatever the target cannot hold, is a failure"
    )
    parser.add_argument(
        "--reader", choices=("expelliarmus", "aedat"), help="read with another library (extra `readers`)"
    )
    add_topic(parser)
    _add_graph(parser)
    add_json(parser)


def _add_changes(parser: argparse.ArgumentParser) -> None:
    what = parser.add_argument_group("what is kept, and where it comes to lie")
    what.add_argument("--roi", type=region, metavar="X,Y,W,H", help="keep only this part of the sensor, moved to 0,0")
    what.add_argument("--polarity", choices=("on", "off"), help="keep only these events")
    what.add_argument("--flip-x", action="store_true", help="mirror left and right, after --roi")
    what.add_argument("--flip-y", action="store_true", help="mirror top and bottom, after --roi")
    what.add_argument("--transpose", action="store_true", help="exchange x and y, after --roi and the mirrors")
    what.add_argument(
        "--origin",
        "--rebase",
        choices=("raw", "zero", "openeb", "unix"),
        default="raw",
        help="what time 0 is: the sensor's (raw), the first event, OpenEB's, or 1970 where the recording says",
    )
    what.add_argument(
        "--backwards",
        choices=("keep", "clamp", "drop", "fail"),
        default="keep",
        help="what is done where time steps back (keep)",
    )


def _add_graph(parser: argparse.ArgumentParser) -> None:
    """Declare the options of preparing training data with a graph."""
    graph = parser.add_argument_group("training data: slices or grids that a graph makes of each recording")
    graph.add_argument("--graph", metavar="GRAPH", help="run it with `recording` set; --to is npz, h5, pt or tar")
    graph.add_argument("--output", metavar="NODE", help="store this node's output, where several are left unread")
    graph.add_argument("--layout", metavar="NAME", help="labels, splits and parts from a dataset's layout; auto: look")
    graph.add_argument(
        "--shard", metavar="N|SIZE", help="--to tar: join the samples of all recordings, so many (1000, 500MB) a shard"
    )
    add_set(graph)


def main(options: argparse.Namespace) -> int:
    """Convert."""
    from eventflow.io.conversion.jobs import warm

    with warm(options.jobs if options.jobs > 1 and options.dask is None else 0):
        return _converted(options)


def _converted(options: argparse.Namespace) -> int:
    from eventflow.cli.command import WRONG
    from eventflow.errors import RecordingError
    from eventflow.io.conversion.settings import from_options
    from eventflow.io.converting import is_tree
    from eventflow.io.table import format_named, format_to_write

    if options.graph is not None:
        return _prepared(options)
    try:
        row = None if options.to is None else format_named(options.to)
        if row is None and not is_tree(options.sources, options.target):
            format_to_write(options.target)
    except RecordingError as error:
        print(f"eventflow: {error}", file=sys.stderr)
        return WRONG
    settings = from_options({name: getattr(options, name) for name in _SETTINGS})
    tree = is_tree(options.sources, options.target)
    return _many(options, settings) if tree else _one(options, settings)


def _one(options: argparse.Namespace, settings: Any) -> int:
    from eventflow.errors import ParameterError
    from eventflow.io.conversion.one import convert_one, losses_of

    for name, given in (("jobs", options.jobs > 1), ("dask", options.dask), ("resume", options.resume)):
        if given:
            raise ParameterError(f"--{name} is for several recordings; this is one, and {options.target} is one file")
    with _progress() as tell:
        report = convert_one(
            options.sources[0],
            options.target,
            settings,
            verify=options.verify,
            on_progress=None if tell is None else lambda share: tell({"done": share, "total": 1.0}),
        )
    losses = losses_of(report)
    if options.json:
        print_json(report)
    else:
        print(f"{report['path']}: {number(report['events'])} events{_besides(report)}, {report['format']}")
        if options.verify:
            print(f"verified: {'; '.join(report['verified']) or 'read back equal'}")
    for loss in losses:
        print(f"warning: {report['source']}: {loss}", file=sys.stderr)
    return 1 if options.strict and losses else 0


def _many(options: argparse.Namespace, settings: Any) -> int:
    from eventflow.io.conversion.tree import convert_tree

    with _progress() as tell:
        report = convert_tree(
            options.sources,
            options.target,
            settings,
            jobs=options.jobs,
            dask=options.dask,
            resume=options.resume,
            verify=options.verify,
            on_progress=tell,
        )
    return _ended(options, report)


def _prepared(options: argparse.Namespace) -> int:
    from eventflow.cli.preparing import prepare
    from eventflow.errors import ParameterError
    from eventflow.io.conversion.settings import from_options

    given = from_options({name: getattr(options, name) for name in _SETTINGS}).plain
    given.pop("to", None)
    if given or options.verify:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in [*given, *["verify"] * options.verify])
        raise ParameterError(f"{names}: with --graph the graph says what is read and kept")
    if options.to is None:
        raise ParameterError("--graph needs --to: npz, h5, pt or tar")
    with _progress() as tell:
        report = prepare(
            options.sources,
            options.target,
            options.graph,
            to=options.to,
            set=options.set,
            output=options.output,
            layout=options.layout,
            shard=options.shard,
            jobs=options.jobs,
            dask=options.dask,
            resume=options.resume,
            on_progress=tell,
        )
    for note in report["notes"]:
        print(f"note: {note}", file=sys.stderr)
    return _ended(options, report)


def _ended(options: argparse.Namespace, report: dict[str, Any]) -> int:
    """Say what came of a folder, and return the exit code."""
    from eventflow.io.conversion.one import losses_of

    lossy = {each["source"]: losses for each in report["recordings"] if (losses := losses_of(each))}
    if options.json:
        print_json(report)
    else:
        _tell(report)
    for name, losses in lossy.items():
        print(f"warning: {name}: {'; '.join(losses)}", file=sys.stderr)
    for each in report["failed"]:
        print(f"failed: {each['source']}: {each['why']}", file=sys.stderr)
    return 1 if report["failed"] or (options.strict and lossy) else 0


def _tell(report: dict[str, Any]) -> None:
    count = len(report["recordings"])
    before = f", {report['resumed']} of them finished before" if report["resumed"] else ""
    print(f"{report['folder']}: {number(count)} recordings{before}, {number(report['events'])} events")
    for name, losses in report["verified"].items():
        if losses:
            print(f"verified: {name}: {'; '.join(losses)}")
    if report["verified"] and not any(report["verified"].values()):
        print(f"verified: {len(report['verified'])} read back equal")
    if shards := report.get("shards"):
        samples, size = (sum(each[name] for each in shards) for name in ("samples", "size_bytes"))
        where = Path(shards[0]["path"]).parent
        print(f"{where}: {number(len(shards))} shards, {number(samples)} samples, {number(size)} bytes")
    for each in report["others"]:
        print(f"left alone: {each['source']}: {each['why']}")
    if report["failed"]:
        print(f"failed: {len(report['failed'])} of {count + len(report['failed'])}")


def _besides(report: dict[str, Any]) -> str:
    return "".join(f", {number(count)} {name}" for name, count in report["messages"].items())


@contextmanager
def _progress() -> Iterator[Callable[[dict[str, Any]], None] | None]:
    """Give a function that shows how far a conversion is, on a terminal; elsewhere None."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("converting")

        def tell(state: dict[str, Any]) -> None:
            of = f"{state['finished']} of {state['recordings']}" if "recordings" in state else ""
            progress.update(task, completed=state["done"], total=state["total"] or 1, description=f"converting {of}")

        yield tell
