"""How a camera is set up: biases, region, and the filters on the chip; and Prophesee's `.bias` files."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal

from eventflow.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

Sync = Literal["standalone", "master", "slave"]
Trail = Literal["off", "trail", "stc_cut_trail"]
_BIAS_LINE = re.compile(r"\s*(-?\d+|0x[0-9a-fA-F]+)\s*%\s*(\w+)")


@dataclass(frozen=True)
class Settings:
    """What is asked of a camera; a default leaves the device as its driver opens it.

    Attributes:
        biases: by name.
        roi: x, y, width, height, px; None: all pixels.
        rate_limit: events/s beyond which the chip throws events away; None: no limit.
        anti_flicker: band in Hz whose flicker the chip removes; None: none.
        trail: the chip's filter of bursts.
        trail_threshold: what is one burst, µs.
        noise_filter: correlation time of the chip's background activity filter, µs; None: as it is; 0: off.
        trigger_in: whether edges on the trigger input become messages.
        trigger_out: period of the pulses on the trigger output, µs; None: none.
        sync: whose clock the device keeps to.
    """

    biases: Mapping[str, int] = field(default_factory=dict)
    roi: tuple[int, int, int, int] | None = None
    rate_limit: float | None = None
    anti_flicker: tuple[float, float] | None = None
    trail: Trail = "off"
    trail_threshold: int = 10_000
    noise_filter: int | None = None
    trigger_in: bool = False
    trigger_out: int | None = None
    sync: Sync = "standalone"

    def asked(self) -> set[str]:
        """Return the names of what differs from the default."""
        plain = Settings()
        return {each.name for each in fields(self) if getattr(self, each.name) != getattr(plain, each.name)}


def check_supported(settings: Settings, supports: Collection[str], device: str) -> None:
    """Refuse settings that a device does not have.

    Raises:
        ParameterError: naming them, and those that there are.
    """
    missing = settings.asked() - set(supports) - {"trail_threshold"}
    if missing:
        raise ParameterError(
            f"{device} with this driver has no {', '.join(sorted(missing))}; it has {', '.join(sorted(supports))}"
        )


def check_roi(roi: tuple[int, int, int, int], width: int, height: int) -> None:
    """Refuse a region outside the sensor.

    Raises:
        ParameterError: it is.
    """
    x, y, w, h = roi
    if not (0 <= x < x + w <= width and 0 <= y < y + h <= height):
        raise ParameterError(f"roi={list(roi)} (x, y, width, height) is not within the {width}x{height} sensor")


def checked_biases(biases: Mapping[str, int], bounds: Mapping[str, tuple[int, int]], device: str) -> dict[str, int]:
    """Return biases under the device's own names; the prefix `bias_` of Prophesee's files may be left out or there.

    Raises:
        ParameterError: a name that the device does not have, or a value out of its bounds.
    """
    found = {}
    for name, value in biases.items():
        known = next((each for each in (name, f"bias_{name}", name.removeprefix("bias_")) if each in bounds), None)
        if known is None:
            near = get_close_matches(name, bounds, 1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise ParameterError(f"{device} has no bias {name!r}.{hint} It has {', '.join(sorted(bounds))}")
        low, high = bounds[known]
        if not low <= value <= high:
            raise ParameterError(f"bias {known}={value} is out of the range of {device}: {low} to {high}")
        found[known] = value
    return found


def biases_from_texts(texts: Iterable[str]) -> dict[str, int]:
    """Return biases written as "name=value".

    Raises:
        ParameterError: a text is none.
    """
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        try:
            if not (equals and name.strip()):
                raise ValueError
            found[name.strip()] = int(value.strip(), 0)
        except ValueError:
            raise ParameterError(f"biases: {text!r} is no bias; expected NAME=NUMBER such as diff_on=20") from None
    return found


def biases_from_file(path: Path) -> dict[str, int]:
    """Return what a Prophesee `.bias` file holds: lines `VALUE % NAME`, further columns and lines from `%` on ignored.

    Raises:
        ParameterError: there is no such file, or a line is neither.
    """
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise ParameterError(f"{path}: cannot be read: {error.strerror or error}") from None
    found = {}
    for number, line in enumerate(lines, 1):
        match = _BIAS_LINE.match(line)
        if match is not None:
            found[match[2]] = int(match[1], 0)
        elif line.strip() and not line.lstrip().startswith("%"):
            raise ParameterError(f"{path}:{number}: {line.strip()!r} is no bias; expected `20 % bias_diff_on`")
    if not found:
        raise ParameterError(f"{path}: holds no bias; expected lines such as `20 % bias_diff_on`")
    return found


def settings_from(values: Mapping[str, Any], bias_file: Path | None, texts: Iterable[str]) -> Settings:
    """Return settings from a node's parameters; single biases count more than those of the file.

    Raises:
        ParameterError: a list that has not as many numbers as it should.
    """
    biases = {} if bias_file is None else biases_from_file(bias_file)
    given = dict(values)
    for name, count, words in (("roi", 4, "x, y, width, height"), ("anti_flicker", 2, "low and high Hz")):
        numbers = given.pop(name, [])
        if numbers and len(numbers) != count:
            raise ParameterError(f"{name}={list(numbers)}: expected {count} numbers: {words}")
        given[name] = tuple(numbers) or None
    return Settings(biases=biases | biases_from_texts(texts), **given)
