"""Say what is in recordings: format, sensor, times, events, other streams, and everything odd, each thing counted."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eventflow.cli.options import add_format, add_json, add_topic, number, print_json, seconds

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the verb takes."""
    parser.add_argument(
        "files", metavar="FILE", nargs="+", help="a recording, or a folder of recordings; - is standard input"
    )
    depth = parser.add_mutually_exclusive_group()
    depth.add_argument("--full", dest="depth", action="store_const", const="full", help="read all of every file")
    depth.add_argument(
        "--quick", dest="depth", action="store_const", const="quick", help="look at tables, indexes and samples only"
    )
    parser.set_defaults(depth="auto")
    add_format(parser)
    add_topic(parser)
    add_json(parser)


def main(options: argparse.Namespace) -> int:
    """Describe the recordings."""
    found, failed = [], False
    several = len(options.files) > 1 or Path(options.files[0]).is_dir()
    for name in _named(options.files):
        try:
            found.append(_described(name, options))
        except Exception as error:
            from eventflow.errors import EventflowError

            if not several or not isinstance(error, EventflowError):
                raise
            print(f"eventflow info: {error}", file=sys.stderr)
            failed = True
            continue
        if not options.json:
            print(("\n" if len(found) > 1 else "") + text_of(found[-1]), flush=True)
    if options.json:
        print_json(found if several else found[0])
    elif len(found) > 1:
        print("\n" + _total(found))
    if several and not found and not failed:
        print(f"eventflow info: no recordings in {', '.join(options.files)}", file=sys.stderr)
        return 1
    return 1 if failed else 0


def _named(files: list[str]) -> Iterator[str]:
    """Yield the files named, and the recordings in the folders named."""
    from eventflow.io.finding import recordings_in

    for file in files:
        if Path(file).is_dir():
            yield from map(str, recordings_in(file))
        else:
            yield file


def _described(name: str, options: argparse.Namespace) -> dict[str, Any]:
    from eventflow.io import describe

    given = {each: getattr(options, each) for each in ("depth", "format", "width", "height", "topic")}
    return describe(name, **given)


def text_of(found: dict[str, Any]) -> str:
    """Return what was found as people read it."""
    about = "about " if found["method"] == "estimated" else ""
    rate, on = found["rate_ev_per_s"], found["on_share"]
    rows = {
        "format": f"{found['format']} ({found['title']})",
        "sensor": f"{found['width']} x {found['height']} px {found['sensor']}".rstrip(),
        "size": "unknown" if found["size_bytes"] is None else f"{number(found['size_bytes'])} bytes",
        "events": about + number(found["events"]) + ("" if on is None else f", {on:.1%} ON"),
        "time": f"{seconds(found['t_first'])} to {seconds(found['t_last'])}",
        "duration": about + seconds(found["duration_us"]) + ("" if rate is None else f", {rate / 1e6:.3f} Mev/s"),
        "known from": _method(found),
    }
    lines = [found["path"], *(f"  {name:11}{value}" for name, value in rows.items())]
    lines += [f"  {'stream':11}{_stream(stream)}" for stream in found["other_streams"]]
    lines += [f"  {'odd':11}{text}" for text in _oddities(found)]
    lines += [f"  {'header':11}{name}: {value}" for name, value in found["attributes"].items()]
    return "\n".join([*lines, *(f"  {'note':11}{note}" for note in found["notes"])])


def _method(found: dict[str, Any]) -> str:
    seen = f"{(found['decoded_bytes'] or 0) / 1e6:.3g} MB"
    return {
        "counted": "all of it, counted",
        "indexed": "its index, counted when that was made",
        "table": f"its own table; shares and oddities from {seen}",
        "estimated": f"estimated from {seen}; --full counts",
    }[found["method"]]


def _stream(stream: dict[str, Any]) -> str:
    if stream["error"]:
        return f"{stream['name']}: {stream['error']}"
    if stream["messages"] is None:
        return f"{stream['name']}, not counted"
    text = f"{stream['name']}: {number(stream['entries'])}"
    if stream["t_first"] is not None:
        text += f", {seconds(stream['t_first'])} to {seconds(stream['t_last'])}"
    return text + ("" if stream["rate_per_s"] is None else f", {stream['rate_per_s']:.4g} a second")


def _oddities(found: dict[str, Any]) -> list[str]:
    """Return a line for everything that a good recording has none of, the clock's turns included."""
    lines = []
    if found["steps_back"]:
        lines.append(f"{number(found['steps_back'])} steps back, the largest {found['largest_step_back_us']} µs")
    if found["silences"]:
        longest = seconds(found["longest_silence_us"])
        lines.append(f"{number(found['silences'])} silences of a second or more, the longest {longest}")
    for title in ("skipped", "noted", "repaired"):
        lines += [f"{title} {name}: {number(count)}" for name, count in found[title].items()]
    return lines


def _total(found: list[dict[str, Any]]) -> str:
    events = sum(each["events"] or 0 for each in found)
    size = sum(each["size_bytes"] or 0 for each in found)
    lasts = sum(each["duration_us"] or 0 for each in found)
    about = "about " if any(each["method"] == "estimated" for each in found) else ""
    return f"{len(found)} recordings: {about}{number(events)} events, {seconds(lasts)}, {number(size)} bytes"
