"""Cutting a stream into slices, by time or by count, over any number of packets.

A slicer is fed packets and gives back the slices they complete; it copies events only where a slice spans packets.
`state` and `restore` carry what is pending, so that a stream can be resumed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from eventflow.errors import EventsError, ParameterError
from eventflow.events import Events
from eventflow.messages import Slice


class Slicer:
    """What all slicers share: their state is their attributes, lists of packets and plain values.

    Attributes:
        left_out: number of empty slices left out of gaps.
    """

    left_out = 0

    def push(self, events: Events) -> list[Slice]:
        """Take the next packet and return the slices that its events complete.

        Raises:
            EventsError: time steps back, in the packet or from what came before.
        """
        raise TypeError(f"{type(self).__name__} does not take events")

    def advance(self, t: int) -> list[Slice]:
        """Return the slices that are complete once no event before `t` (µs) can come."""
        return []

    def finish(self, t_end: int | None = None) -> list[Slice]:
        """Return the slices the end of the stream, at `t_end` (µs), cuts short, if they hold events."""
        return []

    def state(self) -> dict[str, Any]:
        """Return everything that later slices depend on."""
        return {name: _copied(value) for name, value in vars(self).items()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state that `state` returned."""
        for name, value in state.items():
            setattr(self, name, _copied(value))


class TimeSlicer(Slicer):
    """Cut at the multiples of a period, counted from event time 0.

    Slice number k holds the events with k * every <= t < (k + 1) * every. The first is that of the first event. Empty
    slices follow as long as they end within `max_gap` of the last event; those beyond, up to the slice of the next
    event, are left out and counted.

    Args:
        every: period, µs, at least 1.
        max_gap: how long after the last event empty slices go on, µs, at least 0.

    Attributes:
        left_out: number of empty slices left out of gaps.
    """

    def __init__(self, every: int, *, max_gap: int = 1_000_000) -> None:
        require("every", every, 1)
        require("max_gap", max_gap, 0)
        self.every, self.max_gap = every, max_gap
        self.left_out = 0
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
        count = len(events)
        if not count:
            return slices
        t = events.t
        begin, first, last = 0, t.item(0), t.item(-1)
        self._begin(events, first)
        while True:
            slices += self.advance(first)
            self._enter(first // self.every)
            window_end = (self._index + 1) * self.every
            if last < window_end:
                break
            end = int(t.searchsorted(window_end))
            self._pending.append(events[begin:end])
            self._last_t = t.item(end - 1)
            begin, first = end, t.item(end)
        self._pending.append(events[begin:] if begin else events)
        self._last_t = last
        return slices

    def advance(self, t: int) -> list[Slice]:
        """Return the slices that are complete once no event before `t` (µs) can come."""
        slices: list[Slice] = []
        if self._blank is None:
            return slices
        while (end := (self._index + 1) * self.every) <= t and (self._pending or end <= self._last_t + self.max_gap):
            slices.append(self._close(complete=True))
        return slices

    def finish(self, t_end: int | None = None) -> list[Slice]:
        """Return the slice the end of the stream cuts short, if it holds events; its window is whole."""
        return [self._close(complete=False)] if self._pending else []

    def _begin(self, events: Events, first: int) -> None:
        if self._blank is None:
            self._blank = Events.empty(events.width, events.height)
            self._index, self._last_t = first // self.every, first
        latest = max(self._last_t, self._index * self.every)
        if first < latest or not events.ordered:
            require_order(events, latest)

    def _enter(self, index: int) -> None:
        self.left_out += index - self._index
        self._index = index

    def _close(self, *, complete: bool) -> Slice:
        assert self._blank is not None  # nothing is closed before the first event
        events = Events.concat(self._pending) if self._pending else self._blank
        closed = Slice(events, self._index * self.every, (self._index + 1) * self.every, self._index, complete)
        self._pending = []
        self._index += 1
        return closed


class CountSlicer(Slicer):
    """Windows of `count` events, one every `every` events.

    Slice number k holds the events number k * every to k * every + count - 1, and begins and ends at the times of the
    first and last of them.

    Args:
        count: events of a window, at least 1.
        every: events from the first of one window to the first of the next, at least 1; None: `count`.

    Attributes:
        between: number of events that were in no window.
    """

    def __init__(self, count: int, every: int | None = None) -> None:
        require("count", count, 1)
        require("every", count if every is None else every, 1)
        self.count, self.every = count, count if every is None else every
        self.between = 0
        self._pending: list[Events] = []
        self._index = 0
        self._missing = count
        self._skip = 0
        self._last_t: int | None = None

    def push(self, events: Events) -> list[Slice]:
        """Take the next packet and return the slices that its events complete.

        Raises:
            EventsError: time steps back, in the packet or from what came before.
        """
        slices: list[Slice] = []
        if not len(events):
            return slices
        require_order(events, self._last_t)
        self._last_t = int(events.t[-1])
        while len(events):
            if self._skip:
                skipped = min(self._skip, len(events))
                self._skip -= skipped
                self.between += skipped
                events = events[skipped:]
                continue
            part = events[: self._missing]
            self._pending.append(part)
            self._missing -= len(part)
            events = events[len(part) :]
            while not self._missing:
                slices.append(self._close(None, complete=True))
        return slices

    def finish(self, t_end: int | None = None) -> list[Slice]:
        """Return the slice the end of the stream cuts short, if it holds events. It ends at `t_end`, µs, if given."""
        return [self._close(t_end, complete=False)] if self._pending else []

    def _close(self, t_end: int | None, *, complete: bool) -> Slice:
        events = Events.concat(self._pending)
        t0, t1 = int(events.t[0]), int(events.t[-1])
        closed = Slice(events, t0, t1 if t_end is None else max(t1, t_end), self._index, complete)
        self._index += 1
        rest = events[self.every :]
        self._pending = [rest] if len(rest) else []
        self._missing = self.count - len(rest)
        self._skip = max(self.every - len(events), 0)
        return closed


def _copied(value: Any) -> Any:
    if isinstance(value, list):
        return [_copied(entry) for entry in value]
    return value.copy() if isinstance(value, np.ndarray) else value


def require(name: str, value: float, least: float) -> None:
    """Raise ParameterError unless `value` >= `least`."""
    if value < least:
        raise ParameterError(f"{name} is {value}, expected at least {least}")


def require_order(events: Events, latest: int | None) -> None:
    """Raise EventsError unless the events are in time order and none is before `latest` (µs)."""
    t = events.t
    latest = int(t[0]) if latest is None else latest
    if events.ordered and int(t[0]) >= latest:
        return
    index = 0 if int(t[0]) < latest else int((t[1:] < t[:-1]).argmax()) + 1
    before = latest if index == 0 else int(t[index - 1])
    raise EventsError(
        f"event {index} of the packet has t={int(t[index])} after {before}: slices need events in time order; "
        "open the recording with backwards='clamp' or 'drop'",
        index,
    )
