"""Slices whose ends come from outside: from frames, from triggers, from another stream of events."""

from __future__ import annotations

from eventflow.events import Events
from eventflow.kernels.slices import Slicer, require, require_order
from eventflow.messages import Slice


class CutSlicer(Slicer):
    """Cut where told: a slice holds the events from one cut, included, to the next, excluded.

    What comes before the first cut is a slice that begins with its first event and is marked incomplete, as is what
    comes after the last cut. Between two cuts there is always a slice, empty or not.
    """

    def __init__(self) -> None:
        self._pending: list[Events] = []
        self._t0: int | None = None
        self._index = 0
        self._last_t: int | None = None

    def push(self, events: Events) -> list[Slice]:
        """Take the next packet; no slice ends before it is cut.

        Raises:
            EventsError: time steps back, in the packet or from what came before.
        """
        if len(events):
            require_order(events, self._last_t)
            self._last_t = int(events.t[-1])
            self._pending.append(events)
        return []

    def cut(self, t: int, blank: Events) -> list[Slice]:
        """Cut before the first event at or after `t` (µs) and return the slice that ends there.

        Args:
            t: the instant, not before the one of the cut before; all events before it have been pushed.
            blank: an empty packet of the sensor, for slices without events.
        """
        pending = Events.concat(self._pending) if self._pending else blank
        border = int(pending.t.searchsorted(t))
        before, after = pending[:border], pending[border:]
        self._pending = [after] if len(after) else []
        t0, known = self._t0, self._t0 is not None
        self._t0 = t
        if t0 is None and not len(before):
            return []
        closed = Slice(before, int(before.t[0]) if t0 is None else t0, t, self._index, known)
        self._index += 1
        return [closed]

    def finish(self, t_end: int | None = None) -> list[Slice]:
        """Return what came after the last cut, if anything did. It ends at `t_end`, µs, if given."""
        if not self._pending:
            return []
        events = Events.concat(self._pending)
        t0 = int(events.t[0]) if self._t0 is None else self._t0
        t1 = int(events.t[-1]) if t_end is None else max(int(events.t[-1]), t_end)
        self._pending = []
        return [Slice(events, t0, t1, self._index, complete=False)]


class PairSlicer(Slicer):
    """The same windows of two streams, at the multiples of a period, as `TimeSlicer` cuts one.

    A window is given for both streams where either has events, and empty ones follow as long as they end within
    `max_gap` of the last event of either.

    Args:
        every: period, µs, at least 1.
        max_gap: how long after the last event empty slices go on, µs, at least 0.
        blanks: an empty packet of either sensor.

    Attributes:
        left_out: number of empty pairs left out of gaps.
    """

    def __init__(self, every: int, blanks: tuple[Events, Events], *, max_gap: int = 1_000_000) -> None:
        require("every", every, 1)
        require("max_gap", max_gap, 0)
        self.every, self.max_gap = every, max_gap
        self.left_out = 0
        self._blanks = blanks
        self._pending: list[list[Events]] = [[], []]
        self._index: int | None = None
        self._last_t = 0

    def push_side(self, side: int, events: Events) -> list[tuple[Slice, Slice]]:
        """Take the next packet of stream `side`, 0 or 1, and return the pairs that its events complete.

        Packets of both sides come in one order of time.

        Raises:
            EventsError: time steps back, in the packet or from what came before.
        """
        pairs: list[tuple[Slice, Slice]] = []
        if not len(events):
            return pairs
        t = events.t
        if self._index is None:
            self._last_t = int(t[0])
            self._index = self._last_t // self.every
        require_order(events, self._last_t)
        begin, last = 0, int(t[-1])
        while begin < len(events):
            first = int(t[begin])
            pairs += self.advance_pairs(first)
            self.left_out += first // self.every - self._index
            self._index = first // self.every
            window_end = (self._index + 1) * self.every
            end = len(events) if last < window_end else int(t.searchsorted(window_end))
            self._pending[side].append(events[begin:end])
            self._last_t = int(t[end - 1])
            begin = end
        return pairs

    def advance_pairs(self, t: int) -> list[tuple[Slice, Slice]]:
        """Return the pairs that are complete once no event before `t` (µs) can come."""
        pairs: list[tuple[Slice, Slice]] = []
        if self._index is None:
            return pairs
        while (end := (self._index + 1) * self.every) <= t and (
            any(self._pending) or end <= self._last_t + self.max_gap
        ):
            pairs.append(self._close(complete=True))
        return pairs

    def finish_pairs(self) -> list[tuple[Slice, Slice]]:
        """Return the pair the end of the streams cuts short, if it holds events."""
        return [self._close(complete=False)] if any(self._pending) else []

    def _close(self, *, complete: bool) -> tuple[Slice, Slice]:
        assert self._index is not None  # nothing is closed before the first event
        t0, number = self._index * self.every, self._index
        found = [
            Events.concat(pending) if pending else blank
            for pending, blank in zip(self._pending, self._blanks, strict=True)
        ]
        self._pending = [[], []]
        self._index += 1
        left, right = (Slice(events, t0, t0 + self.every, number, complete) for events in found)
        return left, right
