"""Times and sizes as a user writes them: "10ms" is 10_000 µs, "16MB" is 16_000_000 bytes.

Inside eventflow every time is an `int` of microseconds. There is no float time, so nothing depends on rounding.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Annotated

from eventflow.errors import UnitError

_MICROSECONDS = {"us": 1, "µs": 1, "ms": 1_000, "s": 1_000_000, "min": 60_000_000, "h": 3_600_000_000}
_BYTES = {"B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_TEXT = re.compile(r"\s*([+-]?(?:\d+(?:\.\d*)?|\.\d+))\s*([A-Za-zµ]*)\s*")


@dataclass(frozen=True)
class Unit:
    """Marks an `int` parameter that a user writes with a unit. `name` is "duration" or "size"."""

    name: str


Duration = Annotated[int, Unit("duration")]
"""A time span in µs; written `10ms`, `2.5s`, `250us` in a graph file and on the command line."""

Size = Annotated[int, Unit("size")]
"""A number of bytes; written `16MB`, `1GB`, `64KiB`."""


def us(value: float) -> int:
    """Return `value` microseconds as µs."""
    return round(value)


def ms(value: float) -> int:
    """Return `value` milliseconds as µs."""
    return round(value * 1_000)


def s(value: float) -> int:
    """Return `value` seconds as µs."""
    return round(value * 1_000_000)


def _parse(text: str, units: dict[str, int], what: str, example: str) -> int:
    match = _TEXT.fullmatch(text)
    if match is None:
        raise UnitError(f"{text!r} is not a {what}; write a number and a unit, such as {example}")
    number, unit = match.groups()
    if unit not in units:
        known = ", ".join(units)
        raise UnitError(
            f"{text!r} is not a {what}: {'no unit' if not unit else f'unknown unit {unit!r}'} (one of {known})"
        )
    try:
        value = Decimal(number) * units[unit]
    except InvalidOperation as error:  # pragma: no cover - the pattern admits numbers only
        raise UnitError(f"{text!r} is not a {what}") from error
    if value != value.to_integral_value():
        raise UnitError(f"{text!r} is not a whole number of {'µs' if what == 'duration' else 'bytes'}")
    return int(value)


def duration_from_text(text: str) -> int:
    """Return µs from "10ms", "2.5s", "250us", "1min".

    Raises:
        UnitError: no unit, an unknown unit, or a fraction of a µs.
    """
    return 0 if text.strip() == "0" else _parse(text, _MICROSECONDS, "duration", "10ms, 2.5s or 250us")


def size_from_text(text: str) -> int:
    """Return bytes from "16MB", "64KiB", "1GB".

    Raises:
        UnitError: no unit, an unknown unit, or a fraction of a byte.
    """
    return 0 if text.strip() == "0" else _parse(text, _BYTES, "size", "16MB or 64KiB")


def text_from_duration(duration_us: int) -> str:
    """Return the shortest text that reads back as `duration_us`."""
    for unit in ("h", "min", "s", "ms"):
        scale = _MICROSECONDS[unit]
        if duration_us and duration_us % scale == 0:
            return f"{duration_us // scale}{unit}"
    return f"{duration_us}us"


def text_from_size(size_bytes: int) -> str:
    """Return the shortest text that reads back as `size_bytes`."""
    for unit in ("GB", "MB", "kB"):
        scale = _BYTES[unit]
        if size_bytes and size_bytes % scale == 0:
            return f"{size_bytes // scale}{unit}"
    return f"{size_bytes}B"
