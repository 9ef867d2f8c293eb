"""How fast a replay goes: at a speed, or by a profile of speeds with bursts and rests; with or without jitter.

A profile is a text file of two columns, wall time in seconds and the speed from then on:

    # wall_s speed
    0    1
    5    10
    5.2  1
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path

from eventflow.errors import ParameterError

_MIX = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1


@dataclass(frozen=True)
class Pace:
    """When what is due.

    Attributes:
        steps: (wall time, s; event time per wall time from then on) pairs, the first at 0.
        jitter_us: how much later than due a packet may be sent, µs; how much, its number decides.
    """

    steps: tuple[tuple[float, float], ...] = ((0.0, 1.0),)
    jitter_us: int = 0

    def __post_init__(self) -> None:
        reached = accumulate(
            ((after[0] - step[0]) * step[1] * 1e6 for step, after in pairwise(self.steps)), initial=0.0
        )
        object.__setattr__(self, "_reached_us", list(reached))

    def due_ns(self, event_us: float, number: int) -> float:
        """Return how long after the start packet `number`, whose event time is `event_us` after it, is due, ns."""
        reached: list[float] = self._reached_us  # type: ignore[attr-defined]
        at = max(bisect_right(reached, event_us) - 1, 0)
        while self.steps[at][1] == 0 and at + 1 < len(self.steps):
            at += 1
        begin_s, speed = self.steps[at]
        due = begin_s * 1e9 + (event_us - reached[at]) * 1e3 / speed
        return due + self._late_ns(number) if self.jitter_us else due

    def _late_ns(self, number: int) -> int:
        mixed = (number + 1) * _MIX & _MASK
        mixed = (mixed ^ mixed >> 32) * _MIX & _MASK
        return (mixed >> 32) * self.jitter_us * 1000 >> 32


def pace_from_text(text: str | float | None, jitter_us: int = 0) -> Pace | None:
    """Return the pace of "max" (None), of a number such as 1 or 0.1, or of a file with a profile.

    Raises:
        ParameterError: it is none of them, or a speed is negative, or jitter is asked for at speed max.
    """
    if text in (None, "max"):
        if jitter_us:
            raise ParameterError("--jitter needs --speed with a number or a profile: at speed max nothing is due")
        return None
    try:
        speed = float(text)
    except ValueError:
        return Pace(_profile(Path(str(text))), jitter_us)
    if not 0 < speed < float("inf"):
        raise ParameterError(f"--speed {text}: expected max, a number above 0 such as 1 or 0.1, or a file of speeds")
    return Pace(((0.0, speed),), jitter_us)


def _profile(path: Path) -> tuple[tuple[float, float], ...]:
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        raise ParameterError(
            f"--speed {path}: expected max, a number above 0 such as 1 or 0.1, or a file of lines 'WALL_S SPEED'"
        ) from None
    steps: list[tuple[float, float]] = []
    for number, line in enumerate(lines, 1):
        words = line.partition("#")[0].replace(",", " ").split()
        if not words:
            continue
        try:
            wall_s, speed = map(float, words)
        except ValueError:
            raise ParameterError(f"{path}:{number}: expected 'WALL_S SPEED', such as '5.0 10', not {line!r}") from None
        after = steps[-1][0] if steps else None
        if not 0 <= speed < float("inf") or (wall_s != 0 if after is None else wall_s <= after):
            raise ParameterError(
                f"{path}:{number}: {line!r}: wall times begin at 0 and rise, speeds are 0 (a rest) or more"
            )
        steps.append((wall_s, speed))
    if not steps or steps[-1][1] == 0:
        raise ParameterError(f"{path}: a profile ends with a speed above 0, or the replay would never end")
    return tuple(steps)
