"""A source at work: its stream is cut into packets, paced by a clock, and sent on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.events import Events
from eventflow.messages import Message, Reset, Watermark, first_time_of, time_of
from eventflow.runtime.runner import NEVER, Runner

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from eventflow.graph.node import Source


_WATERMARK_EVERY = 8


class SourceRunner(Runner):
    """One source of a running graph. `due_in` and `step` are called by the task's loop."""

    node: Source
    alone = False
    """Whether every node of the run is in this source's task."""

    def run_alone(self) -> None:
        """Send everything, as fast as it goes, until somebody takes a hand in the run."""
        while not (self.ended or self.control.steered):
            self.control.check()
            self.step()

    def start(self, infos: dict[str, Any]) -> None:
        """Start the node and announce its outputs."""
        super().start(infos)
        self._items: Generator[Any, None, None] = self._cut(iter(self.node.run()))
        self._next: Any = None
        self._first_t: int | None = None
        self._anchor: tuple[int, int] | None = None  # a monotonic time (ns) and the event time (µs) that is due then
        self._reached: dict[str, int] = dict.fromkeys(self.outlets, NEVER)
        self._emitted = 0
        self._due_ns: float | None = None  # when the oldest event of the next packet was due
        self._sought: int | None = None
        self.steps_allowed = 0
        # where no edge is bounded and nobody waits for the clock, every packet's watermark would be told for nothing
        self._tell_every = _WATERMARK_EVERY if self.alone and not self.control.paced and not self.node.live else 1
        if not self.node.live:
            self._fetch()  # the first packet is decoded, and its kernels loaded, before the clock starts

    @property
    def t_start(self) -> int | None:
        """The time of the first event, where the source knows it."""
        known = [info.t_start for info in self.infos.values() if info.t_start is not None]
        return min(known, default=None)

    def due_in(self) -> float:
        """Return the seconds until the whole next item is due: 0 if it is, or if the run keeps to no clock."""
        if self._sought is not None:
            return 0.0
        if self._next is None:
            self._fetch()
        control = self.control
        if control.pace is None or self._next is None or isinstance(self._next, Reset) or control.paused:
            return 0.0
        if self._anchor is None:
            anchor_t = control.anchor_t if control.anchor_t is not None else _first_time(self._next)
            self._anchor = (control.anchor_ns, anchor_t)
        anchor_ns, anchor_t = self._anchor
        anchor_ns += control.paused_ns
        self._due_ns = anchor_ns + control.pace.due_ns(_first_time(self._next) - anchor_t, self._emitted)
        whole_ns = anchor_ns + control.pace.due_ns(_last_time(self._next) - anchor_t, self._emitted)
        return max(0.0, (whole_ns - time.monotonic_ns()) / 1e9)

    @property
    def held_back(self) -> bool:
        """Whether a pause keeps the next packet back."""
        control = self.control
        return control.paused and self.steps_allowed == 0 and self._sought is None and not control.draining.is_set()

    def allow(self, packets: int) -> None:
        """Let some packets go in spite of a pause."""
        self.steps_allowed += packets

    def seek(self, t: int) -> None:
        """Go on with the next event at or after `t` (µs); every node below starts anew."""
        self._sought = t

    def step(self) -> None:
        """Send the next item, or end."""
        if self._sought is not None:
            self._go_to(self._sought)
        elif self.steps_allowed:
            self.steps_allowed -= 1
        if self._next is None:
            self._fetch()
        item, self._next = self._next, None
        if item is None or self.control.draining.is_set():
            self._finish()
            return
        if self._first_t is None and not isinstance(item, (Reset, Watermark)):
            self._first_t = _first_time(item)
        limit = self.control.for_us
        if limit is not None and self.node.live:
            if time.monotonic_ns() - self.control.anchor_ns > limit * 1000:
                self._finish()
                return
        elif limit is not None and self._first_t is not None:
            item = _before(item, self._first_t + limit)
            if item is None:
                self._finish()
                return
        # a packet is as old as its oldest event, and a source that is late itself makes it older
        now_ns = time.monotonic_ns()
        due_ns, self._due_ns = self._due_ns, None  # a packet let go in spite of a pause was due at no time
        self._emit(item, now_ns if due_ns is None else min(int(due_ns), now_ns))

    def _go_to(self, t: int) -> None:
        self._sought = None
        self._items.close()
        self.node.seek(t)
        self._items = self._cut(iter(self.node.run()))
        self._next = Reset(f"the replay went to {t} µs")

    def _fetch(self) -> None:
        begun = time.perf_counter_ns()
        try:
            self._next = next(self._items, None)
        except Exception as error:
            self._failed("run", self.counts.messages_out, None, error)
            self._next = None
        finally:
            self.counts.busy_ns += time.perf_counter_ns() - begun

    def _emit(self, item: Any, ingest_ns: int) -> None:
        if isinstance(item, Reset):
            self._fetch()
            self._reached = dict.fromkeys(self._reached, NEVER)
            self._last_out = dict.fromkeys(self._last_out, NEVER)
            self._first_t = None
            self.t_end = NEVER
            now_ns = time.monotonic_ns() - self.control.paused_ns
            self._anchor = None if self._next is None else (now_ns, _first_time(self._next))
            for outlet in self.all_outlets:
                outlet.reset(item.reason)
        elif isinstance(item, Watermark):
            for port in self._reached:
                self._reach(port, item.t)
            self._tell_watermarks(ingest_ns)
        elif isinstance(item, (Events, Message)):
            self._send(self._only_port, item, ingest_ns)
            if self._only_port is not None:
                self._reach(self._only_port, time_of(item))
        else:
            for port, value in zip(item._fields, item, strict=True):
                if value is not None:
                    self._send(port, value, ingest_ns)
            for port, value in zip(item._fields, item, strict=True):
                if value is not None:
                    self._reach(port, time_of(value))
        self.watermark = min(self._reached.values())
        self._emitted += 1
        if self._emitted % self._tell_every == 0:
            self._tell_watermarks(ingest_ns)

    def _reach(self, port: str, t: int) -> None:
        if t > self._reached[port]:
            self._reached[port] = t
            self.t_end = max(self.t_end, t)

    def _tell_watermarks(self, ingest_ns: int) -> None:
        for port, t in self._reached.items():
            if t > NEVER:
                for outlet in self.outlets[port]:
                    outlet.advance(t, ingest_ns)

    def _finish(self) -> None:
        self._items.close()
        self.ended = True
        for outlet in self.all_outlets:
            outlet.end(self.t_end)

    def _cut(self, items: Iterator[Any]) -> Generator[Any, None, None]:
        """Cut event packets by `packet_events`, and by `packet_time` where time passes at the sink's speed."""
        count = self.node.packet_events
        span = self.node.packet_time if self.control.paced else 0
        for item in items:
            if isinstance(item, Events):
                yield from cut(item, count, span)
            elif isinstance(item, tuple):
                yield from self._cut_fields(item, count, span)
            else:
                yield item

    def _cut_fields(self, item: Any, count: int, span: int) -> Iterator[Any]:
        """Cut the Events fields of a NamedTuple, parts in order of time; the other fields go with the last part."""
        fields = zip(item._fields, item, strict=True)
        packets = [(name, value) for name, value in fields if isinstance(value, Events)]
        parts = [(first_time_of(part), name, part) for name, value in packets for part in cut(value, count, span)]
        parts.sort(key=lambda each: each[0])
        nothing = type(item)(**dict.fromkeys(item._fields))
        for _, name, part in parts[:-1]:
            yield nothing._replace(**{name: part})
        last = item._replace(**{name: None for name, _ in packets} | {name: part for _, name, part in parts[-1:]})
        if last != nothing:
            yield last


def cut(events: Events, count: int, span_us: int) -> Iterator[Events]:
    """Yield the packet in parts of at most `count` events; none crosses a multiple of `span_us` (0: any may)."""
    if not len(events):
        return
    if len(events) <= count and not span_us:
        yield events
        return
    borders = list(range(0, len(events), count))
    if span_us:
        first, last = first_time_of(events) // span_us, time_of(events) // span_us
        if first != last:
            t = np.ascontiguousarray(events.records["t"])
            few = last - first <= len(events)
            instants = np.arange(first + 1, last + 1) if few else np.unique(t // span_us)[1:]
            borders = sorted({*borders, *np.searchsorted(t, instants * span_us).tolist()})
    for begin, end in zip(borders, [*borders[1:], len(events)], strict=True):
        yield events if end - begin == len(events) else events[begin:end]


def _parts(item: Any) -> list[Any]:
    if isinstance(item, Reset):
        return []
    return [value for value in item if value is not None] if isinstance(item, tuple) else [item]


def _first_time(item: Any) -> int:
    return min((first_time_of(value) for value in _parts(item)), default=0)


def _last_time(item: Any) -> int:
    return max((time_of(value) for value in _parts(item)), default=0)


def _before(item: Any, t: int) -> Any:
    """Return what of an item lies before t, or None."""
    if isinstance(item, Reset):
        return item
    if isinstance(item, Events):
        part = item.between(first_time_of(item), t)
        return part if len(part) else None
    if isinstance(item, tuple):
        kept: list[Any] = [None if value is None else _before(value, t) for value in item]
        make: Any = type(item)
        return make(*kept) if any(value is not None for value in kept) else None
    return item if item.t < t else None
