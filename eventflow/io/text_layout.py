"""What the first lines of a text file say about the rest: columns, unit of time, sensor size."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Final

from eventflow.errors import ParameterError
from eventflow.io.column_names import column_of, unit_by_size

LOOKED_AT_BYTES: Final = 1 << 16

_ROWS_LOOKED_AT: Final = 256

UNIT_POWERS: Final = {"s": 6, "ms": 3, "us": 0, "ns": -3}
_ORDERS: Final = ("txyp", "xypt", "xytp")  # rpg and faery; Metavision; tonic
_ROWS_TO_TELL: Final = 16  # two columns of numbers that rise by chance in fewer rows are no evidence
_POLARITIES: Final = frozenset({"0", "1", "-1", "+1", "true", "false", "on", "off"})
_SIZED: Final = re.compile(r"(.*?) ?@ ?(\d{1,9}) ?")
_PAIR: Final = re.compile(r"\b(\d{1,5}) ?[x×] ?(\d{1,5})\b", re.I)
_SIDES: Final = tuple(re.compile(rf"\b{side}\b[\"']? ?[:= ] ?(\d{{1,5}})\b", re.I) for side in ("width", "height"))


@dataclass
class TextLayout:
    """How the rows of a text file are to be read.

    Attributes:
        columns: a letter for each column up to the last one needed: t, x, y, p, or - for others.
        unit: of the times: s, ms, us or ns.
        width: sensor width, px, or 0.
        height: sensor height, px, or 0.
        skipped_lines: lines before the first row that are no comments.
        rows: how many rows were looked at.
        row_bytes: their mean length.
        named: whether a header names the columns.
        notes: what had to be assumed.
    """

    columns: str = ""
    unit: str = ""
    width: int = 0
    height: int = 0
    skipped_lines: int = 0
    rows: int = 0
    row_bytes: float = 0.0
    named: bool = False
    notes: list[str] = field(default_factory=list)


def layout_of(text: str, *, columns: str | None, unit: str | None) -> TextLayout:
    """Return the layout that the begin of a file shows; `columns` and `unit` overrule it.

    Raises:
        ParameterError: `columns` or `unit` is not one.
    """
    layout = TextLayout()
    rows = _read_head(text.split("\n"), layout)
    layout.rows = sum(_is_row(row) for row in rows)
    if columns is not None:
        layout.columns = _checked_columns(columns)
    elif not layout.columns:
        layout.columns = _order_of(rows, layout.notes)
    if unit is not None:
        if unit not in UNIT_POWERS:
            raise ParameterError(f"unit={unit!r} is not allowed; choose {', '.join(UNIT_POWERS)}")
        layout.unit = unit
    elif not layout.unit:
        layout.unit = _unit_of(rows, layout.columns.index("t"), layout.notes)
    return layout


def _read_head(lines: list[str], layout: TextLayout) -> list[list[str]]:
    rows: list[list[str]] = []
    for number, line in enumerate(lines, 1):
        bare = line.strip().removeprefix("\ufeff")
        if not bare:
            continue
        if bare[0] in "#%":
            _read_names(bare.lstrip("#% "), layout)
            _read_size(bare, layout)
            continue
        fields = _fields(bare)
        if not rows and layout.skipped_lines == 0 and not _is_row(fields):
            layout.skipped_lines = number
            if len(fields) == 2 and all(text.isdecimal() and len(text) < 10 for text in fields):
                layout.width, layout.height = map(int, fields)
            else:
                _read_names(bare, layout)
                _read_size(bare, layout)
            continue
        rows.append(fields)
        layout.row_bytes += (len(line) + 1 - layout.row_bytes) / len(rows)
        if len(rows) == _ROWS_LOOKED_AT:
            break
    return rows


def _fields(line: str) -> list[str]:
    return re.split(r"\s*[,;]\s*|\s+", line)


def _is_row(fields: list[str]) -> bool:
    numbers = sum(_decimal(text) is not None for text in fields)
    return numbers >= 3 and len(fields) >= 4


def _decimal(text: str) -> Decimal | None:
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


def _read_names(line: str, layout: TextLayout) -> None:
    separator = r"[,;\t]" if re.search(r"[,;\t]", line) else r"\s+"
    found, unit, sizes = "", "", {"x": 0, "y": 0}
    for text in re.split(separator, line):
        name = " ".join(text.split()).strip("\"'")
        sized = _SIZED.fullmatch(name)
        letter, its_unit = column_of(sized[1] if sized else name)
        found += letter if letter and letter not in found else "-"
        if letter == "t" and its_unit:
            unit = its_unit
        if letter in sizes and sized:
            sizes[letter] = int(sized[2])
    if set("txyp") <= set(found):
        layout.columns, layout.unit, layout.named = found.rstrip("-"), unit, True
        layout.width, layout.height = sizes["x"] or layout.width, sizes["y"] or layout.height


def _read_size(line: str, layout: TextLayout) -> None:
    line = " ".join(line.split())
    pair = _PAIR.search(line)
    sides = [side.search(line) for side in _SIDES]
    if pair:
        layout.width, layout.height = int(pair[1]), int(pair[2])
    if sides[0]:
        layout.width = int(sides[0][1])
    if sides[1]:
        layout.height = int(sides[1][1])


def _checked_columns(columns: str) -> str:
    letters = columns.rstrip("-")
    if not set("txyp") <= set(letters) <= set("txyp-") or any(letters.count(letter) > 1 for letter in "txyp"):
        raise ParameterError(f"columns={columns!r}: expected t, x, y and p once each, and - for columns to pass over")
    return letters


def _order_of(rows: list[list[str]], notes: list[str]) -> str:
    for order in _ORDERS:
        if len(rows) >= (2 if order != "xytp" else _ROWS_TO_TELL) and _fits(rows, order):
            if order != _ORDERS[0]:
                notes.append(f"no header; columns taken to be {', '.join(order)}, which fits the first rows")
            return order
    return _ORDERS[0]


def _fits(rows: list[list[str]], order: str) -> bool:
    t, p = order.index("t"), order.index("p")
    whole = [row for row in rows if len(row) >= 4]
    times = [_decimal(row[t]) for row in whole]
    known = [time for time in times if time is not None]
    rising = all(before <= after for before, after in pairwise(known))
    return rising and all(row[p].lower() in _POLARITIES or _decimal(row[p]) in (0, 1, -1) for row in whole)


def _unit_of(rows: list[list[str]], column: int, notes: list[str]) -> str:
    texts = [row[column] for row in rows if len(row) > column]
    times = [time for text in texts if (time := _decimal(text)) is not None]
    only_zeros = not any(times) and any("." in text for text in texts)
    fractions = only_zeros or any(time != time.to_integral_value() for time in times)
    unit, note = unit_by_size(max((abs(float(time)) for time in times), default=0.0), fractions=fractions)
    if note:
        notes.append(note)
    return unit
