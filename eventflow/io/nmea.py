"""NMEA 0183 sentences GGA and RMC: checked, read and written."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import reduce
from typing import TYPE_CHECKING, Final

from eventflow.messages import Fix

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SENTENCE: Final = re.compile(r"[$!]([A-Z]{2}[A-Z0-9]{3},[^*$]*)(?:\*([0-9A-Fa-f]{2}))?\s*$")
_CLOCK: Final = re.compile(r"(\d\d)(\d\d)(\d\d)(?:\.(\d{1,6})\d*)?")
_DATE: Final = re.compile(r"(\d\d)(\d\d)(\d\d)")
_DAY_US: Final = 86_400_000_000
_HALF_DAY_US: Final = _DAY_US // 2
_CENTURY: Final = 80  # years below are of this one


def fixes_of(lines: Iterable[str], counts: dict[str, int]) -> Iterator[Fix]:
    """Yield a position for each moment; what is left out is counted: `checksum`, `malformed`, `no_fix`.

    A sentence without a checksum is believed. A clock that falls by more than half a day has passed midnight. Moments
    before the first date are of the same days.
    """
    early: list[Fix] = []
    midnight_us, clock_us, dated = 0, -1, False
    for moment in _moments(lines, counts):
        if moment.clock_us < clock_us - _HALF_DAY_US:
            midnight_us += _DAY_US
        clock_us = moment.clock_us
        if moment.day_us is not None:
            if not dated:
                yield from (replace(fix, t=fix.t + moment.day_us - midnight_us) for fix in early)
                early.clear()
            midnight_us, dated = moment.day_us, True
        fix = Fix(midnight_us + clock_us, *moment.place, altitude=moment.altitude)
        if dated:
            yield fix
        else:
            early.append(fix)
    yield from early


@dataclass
class _Moment:
    clock_us: int
    place: tuple[float, float]
    altitude: float
    day_us: int | None

    def add(self, other: _Moment) -> None:
        self.altitude = other.altitude if math.isnan(self.altitude) else self.altitude
        self.day_us = other.day_us if self.day_us is None else self.day_us


def _moments(lines: Iterable[str], counts: dict[str, int]) -> Iterator[_Moment]:
    waiting: _Moment | None = None
    for line in lines:
        fields = _fields(line, counts)
        moment = None if fields is None else _moment(fields, counts)
        if moment is None:
            continue
        if waiting is not None and waiting.clock_us == moment.clock_us:
            waiting.add(moment)
            continue
        if waiting is not None:
            yield waiting
        waiting = moment
    if waiting is not None:
        yield waiting


def _moment(fields: list[str], counts: dict[str, int]) -> _Moment | None:
    kind = fields[0][2:]
    if kind not in ("GGA", "RMC"):
        return None
    is_rmc = kind == "RMC"
    if len(fields) < 10:
        _count(counts, "malformed")
        return None
    if not _has_fix(fields, is_rmc=is_rmc):
        _count(counts, "no_fix")
        return None
    clock_us = _clock_us(fields[1])
    place = _place(fields[3:7] if is_rmc else fields[2:6])
    day_us = _date_us(fields[9]) if is_rmc else None
    if clock_us is None or place is None or (is_rmc and day_us is None and fields[9]):
        _count(counts, "malformed")
        return None
    return _Moment(clock_us, place, math.nan if is_rmc else _number(fields[9]), day_us)


def sentences_of(fix: Fix) -> tuple[str, str]:
    """Return the sentences RMC and GGA of a position, whose time is µs since 1970, with checksums."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=fix.t)
    clock = f"{moment:%H%M%S}.{moment.microsecond:06d}"
    place = f"{_degrees(fix.latitude, 2)},{'S' if fix.latitude < 0 else 'N'},"
    place += f"{_degrees(fix.longitude, 3)},{'W' if fix.longitude < 0 else 'E'}"
    altitude = "" if math.isnan(fix.altitude) else f"{fix.altitude:.3f}"
    bodies = (
        f"GPRMC,{clock},A,{place},,,{moment:%d%m%y},,,A",
        f"GPGGA,{clock},{place},1,,,{altitude},M,,M,,",
    )
    return tuple(f"${body}*{checksum(body):02X}" for body in bodies)  # type: ignore[return-value]


def checksum(body: str) -> int:
    """Return the exclusive or of the characters between $ and *."""
    return reduce(lambda sum_, character: sum_ ^ (ord(character) & 0xFF), body, 0)


def _fields(line: str, counts: dict[str, int]) -> list[str] | None:
    start = line.find("$")
    if start < 0:
        if line.strip():
            _count(counts, "malformed")
        return None
    match = _SENTENCE.match(line[start:])
    if match is None:
        _count(counts, "malformed")
        return None
    if match[2] is not None and int(match[2], 16) != checksum(match[1]):
        _count(counts, "checksum")
        return None
    return match[1].split(",")


def _has_fix(fields: list[str], *, is_rmc: bool) -> bool:
    return fields[2] == "A" if is_rmc else fields[6] not in ("", "0")


def _clock_us(text: str) -> int | None:
    match = _CLOCK.fullmatch(text)
    if match is None or int(match[1]) > 23 or int(match[2]) > 59 or int(match[3]) > 60:
        return None
    seconds = int(match[1]) * 3600 + int(match[2]) * 60 + int(match[3])
    return seconds * 1_000_000 + int((match[4] or "").ljust(6, "0"))


def _date_us(text: str) -> int | None:
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    year = int(match[3])
    try:
        day = date(year + (2000 if year < _CENTURY else 1900), int(match[2]), int(match[1]))
    except ValueError:
        return None
    return (day - date(1970, 1, 1)).days * _DAY_US


def _place(fields: list[str]) -> tuple[float, float] | None:
    latitude, longitude = _angle(fields[0], fields[1], "NS", 90), _angle(fields[2], fields[3], "EW", 180)
    return None if latitude is None or longitude is None else (latitude, longitude)


def _angle(text: str, side: str, sides: str, most: int) -> float | None:
    match = re.fullmatch(r"(\d{1,3})(\d\d(?:\.\d*)?)", text)
    if match is None or side not in sides or not side:
        return None
    degrees = int(match[1]) + float(match[2]) / 60
    if degrees > most or float(match[2]) >= 60:
        return None
    return -degrees if side == sides[1] else degrees


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def _degrees(angle: float, digits: int) -> str:
    millionths = round(abs(angle) * 60 * 1_000_000)  # of a minute: 2 mm
    degrees, rest = divmod(millionths, 60_000_000)
    return f"{degrees:0{digits}d}{rest // 1_000_000:02d}.{rest % 1_000_000:06d}"


def _count(counts: dict[str, int], reason: str) -> None:
    counts[reason] = counts.get(reason, 0) + 1
