"""What a column is by its name: which of t, x, y, p, and the unit of times. And the unit that times themselves show."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

UNIT_SCALES: Final = {"s": (1_000_000, 1), "ms": (1_000, 1), "us": (1, 1), "ns": (1, 1_000)}
"""What a number in a unit is multiplied and divided with to be µs."""

_NAMES: Final = {
    "t": "t ts time times timestamp timestamps time_stamp time_stamps stamp stamps",
    "x": "x xs x_pos pos_x x_coord x_coordinate x_coordinates col column u_x",
    "y": "y ys y_pos pos_y y_coord y_coordinate y_coordinates row u_y",
    "p": "p ps pol pols polarity polarities on is_on on_off is_increase sign",
}
_LETTERS: Final = {name: letter for letter, names in _NAMES.items() for name in names.split()}
_UNITS: Final = {
    "s": "s sec secs second seconds",
    "ms": "ms msec msecs millisecond milliseconds",
    "us": "us usec usecs µs μs microsecond microseconds",
    "ns": "ns nsec nsecs nanosecond nanoseconds",
}
_UNIT_NAMES: Final = {name: unit for unit, names in _UNITS.items() for name in names.split()}
_PREFIX: Final = re.compile(r"^(?:dataset_|raw_)?events?[_./ ]+")
_LONGEST_NAME: Final = 64  # characters; the pattern of a unit takes long over longer ones
_ANY_UNIT: Final = "|".join(sorted(_UNIT_NAMES, key=len, reverse=True))
_UNIT: Final = re.compile(rf"(.*?)[_ ]*[\[(_ ]\s*({_ANY_UNIT})\s*[\])]?")

# Moments of our time since 1970 lie apart by these powers of ten in s, ms, µs and ns.
_MS_FROM, _US_FROM, _NS_FROM = 1e11, 1e14, 1e17


def column_of(name: str) -> tuple[str, str]:
    """Return which of t, x, y, p a column of this name is ("" for none) and the unit it names ("" for none).

    Such as t, timestamps, t_us, "Time [ns]", timestamp_ns, events_xs, polarity.
    """
    bare = _PREFIX.sub("", " ".join(name.strip().strip("\"'").lower().split()))
    if bare in _LETTERS:
        return _LETTERS[bare], ""
    match = _UNIT.fullmatch(bare) if len(bare) <= _LONGEST_NAME else None
    if match and _LETTERS.get(match[1].strip()) == "t":
        return "t", _UNIT_NAMES[match[2]]
    return "", ""


def columns_among(names: Iterable[str]) -> tuple[dict[str, str], str]:
    """Return the first name for each of t, x, y, p that there is one for, and the unit that the name of t says."""
    found: dict[str, str] = {}
    unit = ""
    for name in names:
        letter, its_unit = column_of(name)
        if letter and letter not in found:
            found[letter] = name
            unit = its_unit if letter == "t" else unit
    return found, unit


def unit_by_size(largest: float, *, fractions: bool) -> tuple[str, str]:
    """Return the unit that times show that have none, and a sentence about it ("" where it goes without saying).

    Args:
        largest: largest absolute time.
        fractions: whether there are parts of a unit. Whole numbers are µs, or ns where µs lie after the year 5138.
    """
    if not fractions:
        if largest < _NS_FROM:
            return "us", ""
        return "ns", "times are too large for µs and have no unit; taken to be ns"
    unit = "s" if largest < _MS_FROM else "ms" if largest < _US_FROM else "us" if largest < _NS_FROM else "ns"
    return unit, f"times have fractions and no unit; taken to be {'seconds' if unit == 's' else unit}"
