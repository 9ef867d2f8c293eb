"""What is asked of a conversion: everything that decides the bytes of a target, and nothing else."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, get_args

from eventflow.errors import ParameterError
from eventflow.io.order import Backwards
from eventflow.io.origin import Origin

Polarity = Literal["on", "off"]
_READING = ("start", "end", "origin", "backwards", "max_backstep", "width", "height", "format", "reader")


@dataclass(frozen=True)
class Settings:
    """How recordings are converted.

    Attributes:
        to: name of the format written; None goes by the target's suffix.
        start: begin with the first event at or after this time, µs, counted from `origin`.
        end: stop before the first event at or after this time, µs.
        roi: (x, y, width, height) of the part of the sensor that is kept and moved to 0,0, px.
        polarity: keep "on" or "off" events only.
        flip_x: mirror left and right, after the cut.
        flip_y: mirror top and bottom, after the cut.
        transpose: exchange x and y, after the mirrors.
        origin: which time becomes 0; see origin.py.
        backwards: what is done where time steps back; see order.py.
        max_backstep: the largest step back that `clamp` mends, µs.
        width: sensor width, px, where a recording does not say.
        height: sensor height, px.
        format: name of the format read, where the bytes do not say.
        reader: another library to read with; None: this one.
        reader_options: further options of the format read.
        writer_options: further options of the format written.
    """

    to: str | None = None
    start: int | None = None
    end: int | None = None
    roi: tuple[int, int, int, int] | None = None
    polarity: Polarity | None = None
    flip_x: bool = False
    flip_y: bool = False
    transpose: bool = False
    origin: Origin = "raw"
    backwards: Backwards = "keep"
    max_backstep: int = 10_000
    width: int | None = None
    height: int | None = None
    format: str | None = None
    reader: str | None = None
    reader_options: dict[str, Any] = field(default_factory=dict)
    writer_options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.roi is not None:
            object.__setattr__(self, "roi", tuple(self.roi))
            if len(self.roi) != 4 or min(self.roi[:2]) < 0 or min(self.roi[2:]) < 1:
                raise ParameterError(f"roi={self.roi}: x and y are at least 0, width and height at least 1")
        for name, kind in (("polarity", Polarity), ("origin", Origin), ("backwards", Backwards)):
            value = getattr(self, name)
            if value is not None and value not in get_args(kind):
                raise ParameterError(f"{name}={value!r} is not allowed; choose {', '.join(get_args(kind))}")
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise ParameterError(f"end={self.end} µs is not after start={self.start} µs: nothing lies between")

    @property
    def reading(self) -> dict[str, Any]:
        """The arguments of `open` for the source."""
        given = {name: getattr(self, name) for name in _READING if getattr(self, name) is not None}
        return given | self.reader_options

    @property
    def plain(self) -> dict[str, Any]:
        """Plain values of what differs from the default, from which `from_plain` makes the same again."""
        own = asdict(self)
        return {each.name: own[each.name] for each in fields(self) if getattr(self, each.name) != _default(each)}

    @property
    def digest(self) -> str:
        """A hash of all of it, 32 hexadecimal digits."""
        return digest_of(self.plain)


def digest_of(plain: dict[str, Any]) -> str:
    """Return a hash of plain values, 32 hexadecimal digits."""
    text = json.dumps(plain, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _default(each: Any) -> Any:
    return {} if each.name.endswith("_options") else each.default


def from_options(options: dict[str, Any]) -> Settings:
    """Return settings from keyword arguments; what is no setting is an option of the format read."""
    known = {each.name for each in fields(Settings)}
    own = {name: value for name, value in options.items() if name in known and value is not None}
    rest = {name: value for name, value in options.items() if name not in known and value is not None}
    return Settings(**own | {"reader_options": {**own.get("reader_options", {}), **rest}})
