"""Kinds of option values that several verbs take."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from eventflow.errors import UnitError
from eventflow.units import duration_from_text, size_from_text

if TYPE_CHECKING:
    from collections.abc import Callable


def _read_by(parse: Callable[[str], int]) -> Callable[[str], int]:
    def read(text: str) -> int:
        try:
            return parse(text)
        except UnitError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read


duration = _read_by(duration_from_text)
"""A time such as 10ms, as µs."""

size = _read_by(size_from_text)
"""A number of bytes such as 1GB."""


def positive(text: str) -> int:
    """Return a whole number above zero."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above zero")
    return number


def region(text: str) -> tuple[int, int, int, int]:
    """Return (x, y, width, height) in px from "X,Y,WIDTH,HEIGHT"."""
    parts = text.split(",")
    try:
        x, y, width, height = (int(part) for part in parts)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not X,Y,WIDTH,HEIGHT in pixels") from None
    if min(x, y) < 0 or min(width, height) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: x and y are at least 0, width and height at least 1")
    return x, y, width, height


def add_json(parser: argparse.ArgumentParser) -> None:
    """Let a verb that only looks print JSON."""
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")


def add_set(parser: argparse._ActionsContainer) -> None:
    """Let a verb change parameters of a graph."""
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="set a parameter of the graph, or NODE.PARAM=VALUE of a node; may come several times",
    )


def add_window(parser: argparse.ArgumentParser) -> None:
    """Let a verb read part of a recording, and one that does not say what it is."""
    parser.add_argument("--start", type=duration, metavar="TIME", help="begin with the first event at this time (2.5s)")
    parser.add_argument("--end", type=duration, metavar="TIME", help="stop before the first event at this time")
    add_format(parser)


def add_format(parser: argparse.ArgumentParser) -> None:
    """Let a verb read a recording that does not say what it is."""
    parser.add_argument("--format", metavar="FMT", help="format of the recording, where its bytes do not say")
    parser.add_argument("--width", type=positive, metavar="PX", help="sensor width, where the recording does not say")
    parser.add_argument("--height", type=positive, metavar="PX", help="sensor height, where the recording does not say")


def add_topic(parser: argparse.ArgumentParser) -> None:
    """Let a verb choose among the events of a log."""
    parser.add_argument("--topic", metavar="NAME", help="which events, where a bag or MCAP file has several topics")


def print_json(value: Any) -> None:
    """Print a value as JSON."""
    print(json.dumps(value, indent=2, default=str))


def number(value: float | None) -> str:
    """Return a number as people read it: thousands apart."""
    if value is None:
        return "unknown"
    whole = isinstance(value, int) or abs(value) >= 100
    return f"{value:,.0f}".replace(",", " ") if whole else f"{value:.3g}"


def seconds(time_us: int | None) -> str:
    """Return a time in µs as seconds."""
    return "unknown" if time_us is None else f"{time_us / 1e6:.6f} s"
