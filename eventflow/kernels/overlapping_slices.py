"""Slices by time that overlap: a window of one length, moved on by another."""

from __future__ import annotations

from eventflow.events import Events
from eventflow.kernels.slices import Slicer, require, require_order
from eventflow.messages import Slice


class WindowSlicer(Slicer):
    """Windows of `span`, one every `every`, counted from event time 0.

    Slice number k holds the events with k * every <= t < k * every + span. The first is that which began last before
    the first event, or with it; where that has ended, the next. Empty slices follow as long as they end within
    `max_gap` of the last event; those beyond, up to the first that holds the next event, are left out and counted.
    With `span` less than `every`, events between windows are in none and are counted.

    Args:
        span: length of a window, µs, at least 1.
        every: from the beginning of one window to that of the next, µs, at least 1.
        max_gap: how long after the last event empty slices go on, µs, at least 0.

    Attributes:
        left_out: number of empty slices left out of gaps.
        between: number of events that were in no window.
    """

    def __init__(self, span: int, every: int, *, max_gap: int = 1_000_000) -> None:
        require("span", span, 1)
        require("every", every, 1)
        require("max_gap", max_gap, 0)
        self.span, self.every, self.max_gap = span, every, max_gap
        self.left_out = self.between = 0
        self._pending: list[Events] = []
        self._blank: Events | None = None
        self._index = 0
        self._last_t = 0

    def push(self, events: Events) -> list[Slice]:
        """Take the next packet and return the slices that its events complete.

        Raises:
            EventsError: time steps back, in the packet or from what came before.
        """
        slices: list[Slice] = []
        if not len(events):
            return slices
        if self._blank is None:
            self._blank = Events.empty(events.width, events.height)
            self._last_t = int(events.t[0])
            self._index = max(self._last_t // self.every, (self._last_t - self.span) // self.every + 1)
        require_order(events, self._last_t)
        t = events.t
        begin, last = 0, int(t[-1])
        while begin < len(events):
            first = int(t[begin])
            slices += self.advance(first)
            self._skip_gap(first)
            window_end = self._index * self.every + self.span
            end = len(events) if last < window_end else int(t.searchsorted(window_end))
            # events before the window are left behind by `every` greater than `span`
            inside = int(t.searchsorted(self._index * self.every)) if first < self._index * self.every else begin
            inside = min(max(inside, begin), end)
            self.between += inside - begin
            if end > inside:
                self._pending.append(events[inside:end])
            self._last_t = int(t[end - 1])
            begin = end
        return slices

    def advance(self, t: int) -> list[Slice]:
        """Return the slices that are complete once no event before `t` (µs) can come."""
        slices: list[Slice] = []
        if self._blank is None:
            return slices
        while (end := self._index * self.every + self.span) <= t and (
            self._pending or end <= self._last_t + self.max_gap
        ):
            slices.append(self._close(complete=True))
        return slices

    def finish(self, t_end: int | None = None) -> list[Slice]:
        """Return the slices the end of the stream cuts short, if they hold events; their windows are whole."""
        slices = []
        while self._pending:
            slices.append(self._close(complete=False))
        return slices

    def _skip_gap(self, t: int) -> None:
        if self._pending:
            return
        holding = (t - self.span) // self.every + 1
        if holding > self._index:
            self.left_out += holding - self._index
            self._index = holding

    def _close(self, *, complete: bool) -> Slice:
        assert self._blank is not None  # nothing is closed before the first event
        t0 = self._index * self.every
        events = Events.concat(self._pending) if self._pending else self._blank
        closed = Slice(events, t0, t0 + self.span, self._index, complete)
        self._index += 1
        rest = events.between(t0 + self.every, t0 + self.every + self.span)
        self._pending = [rest] if len(rest) else []
        return closed
