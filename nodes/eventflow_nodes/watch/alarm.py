"""Alarms."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Annotated, Any, Final

from eventflow.errors import EventsError
from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.graph.parameters import Live, Range
from eventflow.kernels.watching import Period
from eventflow.messages import Alarm, StreamInfo
from eventflow.units import Duration, s

_LOG: Final = logging.getLogger("eventflow.alarm")
_NEVER: Final = -(1 << 62)
_Limit = Annotated[float, Range(0), Live()] | None


class AlarmNode(Node):
    """Raise an alarm where the stream leaves its limits, and clear it where it comes back.

    The stream is looked at in periods, at the multiples of `every` in event time. Each change is a message, a line in
    the log `eventflow.alarm`, and a count in the summary's results. Drops and ages are of all edges of this process
    since the last look; they depend on the machine and not on the events alone, so a graph that asks for them gives
    reproducible alarms only where nothing drops and nothing is late.

    Args:
        every: length of a period.
        rate_above: events a second.
        rate_below: events a second: a covered lens, an unplugged camera that still sends time.
        pixel_above: events a second of one pixel: a hot pixel.
        flicker_above: which share (0 to 1) of the rate's variation may lie between 80 and 140 Hz.
        dropped_above: which share (0 to 1) of messages may be dropped.
        age_above: how old messages may be where they arrive; live or paced runs only.
    """

    every: Annotated[Duration, Range(1000)] = s(1)
    rate_above: _Limit = None
    rate_below: _Limit = None
    pixel_above: _Limit = None
    flicker_above: _Limit = None
    dropped_above: _Limit = None
    age_above: Annotated[Duration, Range(1), Live()] | None = None

    def start(self, events: StreamInfo) -> None:
        """Begin with no alarm raised."""
        self._period = Period(events.width, events.height, self.every)
        self._begin = _NEVER
        self._raised: dict[str, bool] = {}
        self._before: dict[str, Any] = {"sent": 0, "dropped": 0, "ages": {}}

    def events(self, events: Events) -> Iterator[Alarm]:
        """Count a packet; yield what the periods that end in it changed."""
        if not events.ordered:
            raise EventsError(
                "an alarm needs events in time order; open the recording with backwards='clamp' or 'drop'"
            )
        while len(events):
            first = int(events.t[0])
            yield from self.on_watermark(first)
            if self._begin == _NEVER:
                self._begin = first // self.every * self.every
            end = int(events.t.searchsorted(self._begin + self.every))
            self._period.add(events[:end], self._begin)
            events = events[end:]

    def on_watermark(self, t: int) -> Iterator[Alarm]:
        """Look at every period that ends at `t` or before."""
        while self._begin != _NEVER and t >= self._begin + self.every:
            self._begin += self.every
            yield from self._look(self._begin)
            self._period.clear()

    def _look(self, t: int) -> Iterator[Alarm]:
        period = self._period
        if self.rate_above is not None:
            yield from self._judge(t, "rate_above", period.rate(), self.rate_above, above=True)
        if self.rate_below is not None:
            yield from self._judge(t, "rate_below", period.rate(), self.rate_below, above=False)
        if self.pixel_above is not None:
            rate, x, y = period.hottest()
            yield from self._judge(t, "pixel_above", rate, self.pixel_above, above=True, where=f"pixel {x}, {y}")
        if self.flicker_above is not None:
            yield from self._judge(t, "flicker_above", period.flicker(), self.flicker_above, above=True)
        if self.services is not None and (self.dropped_above is not None or self.age_above is not None):
            yield from self._look_at_edges(t, self.services.traffic(self._before))

    def _look_at_edges(self, t: int, traffic: dict[str, Any]) -> Iterator[Alarm]:
        sent, dropped = (traffic[name] - self._before[name] for name in ("sent", "dropped"))
        self._before = traffic
        if self.dropped_above is not None:
            share = dropped / sent if sent else 0.0
            yield from self._judge(t, "dropped_above", share, self.dropped_above, above=True)
        if self.age_above is not None:
            yield from self._judge(t, "age_above", traffic["age_p99_us"], self.age_above, above=True)

    def _judge(self, t: int, name: str, value: float, limit: float, *, above: bool, where: str = "") -> Iterator[Alarm]:
        raised = value > limit if above else value < limit
        if raised == self._raised.get(name, False):
            return
        self._raised[name] = raised
        self.results[name] = self.results.get(name, 0) + int(raised)
        level = logging.WARNING if raised else logging.INFO
        word = "raised" if raised else "cleared"
        _LOG.log(level, "%s %s at t=%d µs: %g, limit %g %s", name, word, t, value, limit, where)
        yield Alarm(t, name, raised, float(value), float(limit), where)
