"""What every representation asks of its window: it has a length that is not negative, and all events lie inside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventflow.errors import EventsError, ParameterError

if TYPE_CHECKING:
    from eventflow.events import Events

LONGEST_US = 1 << 50
"""Windows and time constants beyond 35 years are typing errors; below, their products with bins fit 64 bits."""


def check_window(t0: int, t1: int) -> None:
    """Raise ParameterError unless `t0` <= `t1` (µs) and the window is shorter than 2^50 µs."""
    if t1 < t0:
        raise ParameterError(f"the window ends at {t1} µs, before it starts at {t0} µs")
    if t1 - t0 >= LONGEST_US:
        raise ParameterError(f"the window {t0}..{t1} µs is longer than 2^50 µs")


def check_inside(events: Events, outside: int, t0: int | None, t1: int) -> None:
    """Raise EventsError about event number `outside`, which a loop found to be outside the window; below 0 is none."""
    if outside >= 0:
        t = int(events.records[outside]["t"])
        window = f"after {t1} µs" if t0 is None else f"outside the window {t0}..{t1} µs"
        raise EventsError(f"event {outside} has t={t}, {window}", outside)


def check_number(name: str, value: float, low: float, high: float | None = None) -> None:
    """Raise ParameterError unless `low` <= `value` <= `high`."""
    if not value >= low or (high is not None and value > high):
        expected = f"at least {low:g}" if high is None else f"{low:g} to {high:g}"
        raise ParameterError(f"{name} is {value}, expected {expected}")
