"""What a large recording holds, estimated from windows all over it: seconds instead of minutes.

Rates and shares are those of the windows. Where the format's clock turns over, how often it did between two windows is
taken from the rate of bytes in them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from eventflow.io.decoder import Batch
from eventflow.io.tally import FIRST, HIGHEST, LAST, LOWEST, Tally

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventflow.io.decoder import Decoder

WINDOWS = 32
WINDOW_BYTES = 1 << 20
HEAD_BYTES = 64 << 20
"""How much is decoded from the beginning where a format cannot be entered anywhere else."""

HEAD_EVENTS = 16 << 20
"""Likewise in events, where the decoder does not say how many bytes it decoded."""

_BATCH_EVENTS: Final = 1 << 14
_NOT_HERE: Final = ("before_time", "before_address")  # what every window but the first begins with


@dataclass
class Sample:
    """What was seen in windows of a recording, and what all of it holds if it is like them.

    Attributes:
        seen: of the events in the windows.
        skipped: in the windows, by reason.
        noted: likewise.
        decoded_bytes: of the windows.
        unplaced: events in the windows whose time or row was said before the window began.
        events: in all, estimated.
        t_first: of the first event, µs.
        t_last: of the last event, µs; None where it was not reached.
        duration_us: latest minus earliest time, estimated.
        ended: whether the one window was all of it, which `seen` then is.
        by_table: whether `events`, `t_last` and `duration_us` are what the file says itself.
    """

    seen: Tally = field(default_factory=Tally)
    skipped: dict[str, int] = field(default_factory=dict)
    noted: dict[str, int] = field(default_factory=dict)
    decoded_bytes: int = 0
    unplaced: int = 0
    events: int | None = None
    t_first: int | None = None
    t_last: int | None = None
    duration_us: int | None = None
    ended: bool = False
    by_table: bool = False


@dataclass
class _Window:
    tally: Tally
    begin: int
    end: int
    ended: bool

    @property
    def span_us(self) -> int:
        return (self.tally.time(HIGHEST) or 0) - (self.tally.time(LOWEST) or 0)


def sample(fresh: Callable[[], Decoder], *, events: int | None, t_last: int | None) -> Sample:
    """Return what windows of a file say of all of it.

    Args:
        fresh: opens a decoder of the file; the last one is closed then.
        events: number of events, where the file says it.
        t_last: time of the last event, where the file says it.
    """
    decoder = fresh()
    size, header = decoder.source.size, decoder.decoded_bytes
    assert size is not None
    found, windows = Sample(), []
    last = max(size - WINDOW_BYTES, header)
    if fresh().start_near(last):
        for k in range(WINDOWS):
            decoder = fresh()
            decoder.start_near(header + (last - header) * k // (WINDOWS - 1))
            windows.append(_window(decoder, WINDOW_BYTES, found, first=k == 0))
    else:
        decoder = fresh()
        windows.append(_window(decoder, HEAD_BYTES, found, first=True))
        found.ended, found.seen = windows[0].ended, windows[0].tally
    _conclude(found, windows, decoder.clock_us, size - header, events)
    if found.ended:
        return found
    if events is not None and t_last is not None and found.t_first is not None:
        _by_table(fresh, found, events, t_last, enter=len(windows) == 1)
    return found


def _by_table(fresh: Callable[[], Decoder], found: Sample, events: int, t_last: int, *, enter: bool) -> None:
    """Note what the file says itself, and look at it in some places where bytes do not lead to them."""
    t_first = found.t_first or 0
    found.by_table, found.events, found.t_last, found.duration_us = True, events, t_last, t_last - t_first
    if enter and found.seen.events < events:
        for k in range(1, WINDOWS):
            decoder = fresh()
            decoder.approach(t_first + (t_last - t_first) * k // WINDOWS)
            window = _window(decoder, 1, found, first=False)
            found.decoded_bytes += window.end - window.begin


def _window(decoder: Decoder, count: int, found: Sample, *, first: bool) -> _Window:
    """Decode `count` bytes and note what is in them."""
    tally, batch = Tally(), Batch(_BATCH_EVENTS, decoder.columns)
    begin = decoder.decoded_bytes
    stop = -1
    while decoder.decoded_bytes - begin < count and tally.events < HEAD_EVENTS and (stop := decoder.fill(batch, 0)):
        tally.take(batch.records, 0, stop)
    found.seen.add(tally)
    for mine, theirs in ((found.skipped, decoder.skipped), (found.noted, decoder.noted)):
        for reason, number in theirs.items():
            if first or reason not in _NOT_HERE:
                mine[reason] = mine.get(reason, 0) + number
            else:
                found.unplaced += number
    return _Window(tally, begin, decoder.decoded_bytes, ended=stop == 0)


def _conclude(
    found: Sample, windows: list[_Window], clock_us: int | None, total_bytes: int, events: int | None
) -> None:
    found.decoded_bytes = sum(window.end - window.begin for window in windows)
    full = [window for window in windows if window.tally.events]
    if not full:
        return
    found.t_first = full[0].tally.time(FIRST)
    whole = total_bytes / found.decoded_bytes if found.decoded_bytes else (events or 0) / found.seen.events
    found.events = round((found.seen.events + found.unplaced) * whole)
    rate = sum(window.span_us for window in full) / max(sum(window.end - window.begin for window in full), 1)
    if len(windows) == 1:
        found.duration_us = round(full[0].span_us * whole)
        return
    start = t = full[0].tally.time(LOWEST) or 0
    at = full[0].begin
    for window in full[1:]:
        expected = t + _us_between(windows, at, window.begin, rate)
        t, at = _unwound(window.tally.time(LOWEST) or 0, expected, clock_us), window.begin
    found.duration_us = max(t + full[-1].span_us - start, 0)
    last = full[-1].tally
    found.t_last = t + (last.time(LAST) or 0) - (last.time(LOWEST) or 0)


def _us_between(windows: list[_Window], begin: int, end: int, rate: float) -> float:
    """Return how long the bytes from `begin` to `end` take, as those of the windows at both ends do."""
    near = [window for window in windows if window.begin in (begin, end) and window.end > window.begin]
    rates = [window.span_us / (window.end - window.begin) for window in near] or [rate]
    return (end - begin) * sum(rates) / len(rates)


def _unwound(t: int, expected: float, clock_us: int | None) -> int:
    """Return a time with the turns of the clock that bring it closest to what is expected."""
    return t if clock_us is None else t + round((expected - t) / clock_us) * clock_us
