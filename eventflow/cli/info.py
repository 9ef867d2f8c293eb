"""Say what is in a recording: its format, sensor, times, events, and what is damaged. All of it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventflow.cli.options import add_format, add_json, number, print_json, seconds

if TYPE_CHECKING:
    import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the verb takes."""
    parser.add_argument("file", metavar="FILE", help="a recording; - is standard input")
    add_format(parser)
    add_json(parser)


def main(options: argparse.Namespace) -> int:
    """Describe the recording."""
    from eventflow.io import describe

    found = describe(options.file, format=options.format, width=options.width, height=options.height)
    print_json(found) if options.json else print(_text(found))
    return 0


def _text(found: dict[str, Any]) -> str:
    rate, on = found["rate_ev_per_s"], found["on_share"]
    rows = {
        "format": found["format"],
        "sensor": f"{found['width']} x {found['height']} px {found['sensor']}".rstrip(),
        "streams": ", ".join(found["streams"]),
        "size": "unknown" if found["size_bytes"] is None else f"{number(found['size_bytes'])} bytes",
        "events": number(found["events"]) + ("" if on is None else f", {on:.1%} ON"),
        "time": f"{seconds(found['t_first'])} to {seconds(found['t_last'])}",
        "duration": seconds(found["duration_us"]) + ("" if rate is None else f", {rate / 1e6:.3f} Mev/s"),
        "steps back": number(found["steps_back"]),
    }
    lines = [found["path"], *(f"  {name:11}{value}" for name, value in rows.items())]
    for title in ("skipped", "repaired", "attributes"):
        lines += [f"  {title:11}{name}: {value}" for name, value in found[title].items()]
    return "\n".join([*lines, *(f"  note       {note}" for note in found["notes"])])
