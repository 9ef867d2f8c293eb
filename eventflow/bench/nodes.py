"""Nodes that only benchmarks need: a source that costs nothing, a clock that ticks, and one that reads it."""

from __future__ import annotations

import time
from collections.abc import Iterator  # noqa: TC003 - a node's annotations are read at run time
from typing import Annotated

import numpy as np

from eventflow.events import EVENT_DTYPE, Events
from eventflow.graph.node import Node, Source
from eventflow.graph.parameters import Range
from eventflow.messages import StreamInfo
from eventflow.units import Duration, ms


class BenchReplay(Source):
    """Play a cached stream from memory.

    Args:
        path: .npy file of records as V16.
        width: sensor width, px.
        height: sensor height, px.
        times: how often the stream is played, each time later.
    """

    path: str
    width: Annotated[int, Range(1)]
    height: Annotated[int, Range(1)]
    times: Annotated[int, Range(1)] = 1

    def start(self) -> StreamInfo:
        """Load the stream, so that the clock sees none of it."""
        records = np.load(self.path).view(EVENT_DTYPE)
        rounds = [records]
        span = int(records["t"][-1]) - int(records["t"][0]) + 1
        for number in range(1, self.times):
            later = records.copy()
            later["t"] += number * span
            rounds.append(later)
        self._rounds = [Events(each, self.width, self.height, ordered=True) for each in rounds]
        return StreamInfo(self.width, self.height)

    def run(self) -> Iterator[Events]:
        """Yield packets that share the stream's memory; report `wall_s` and `cpu_s` from first to last."""
        wall, cpu = time.perf_counter(), time.process_time()
        for events in self._rounds:
            for start in range(0, len(events), self.packet_events):
                yield events[start : start + self.packet_events]
        self.results.update(wall_s=time.perf_counter() - wall, cpu_s=time.process_time() - cpu)


class BenchScene(Source):
    """Play a rendered scene from memory again and again, each time later; its own rate is that of the scene.

    Args:
        path: .npy file of records as V16.
        width: sensor width, px.
        height: sensor height, px.
        seconds: how much of it, event time.
    """

    path: str
    width: Annotated[int, Range(1)]
    height: Annotated[int, Range(1)]
    seconds: float = 10.0

    def start(self) -> StreamInfo:
        """Map the scene into memory and touch every page of it, so that the clock sees no disk."""
        self._words = np.load(self.path, mmap_mode="r").view(np.int64).reshape(-1, 2)
        self._touched = int(self._words[:, 0].max())
        return StreamInfo(self.width, self.height, t_start=int(self._words[0, 0]))

    def run(self) -> Iterator[Events]:
        """Yield blocks of events until the time is over."""
        span = int(self._words[-1, 0]) - int(self._words[0, 0]) + 1
        left = round(self.seconds * 1e6)
        again = 0
        while left > 0:
            upto = int(np.searchsorted(self._words[:, 0], self._words[0, 0] + left))
            for start in range(0, upto, self.packet_events):
                block = self._words[start : min(start + self.packet_events, upto)].copy()
                block[:, 0] += again * span
                yield Events(block.reshape(-1).view(EVENT_DTYPE), self.width, self.height, ordered=True)
            again += 1
            left -= span


class BenchBrake(Node):
    """Pass events on, each packet after a pause: a node that is too slow for its stream.

    Args:
        pause: a packet.
    """

    rehearses = False
    pause: Duration = ms(10)

    def events(self, events: Events) -> Events:
        """Wait, then pass the packet on."""
        time.sleep(self.pause / 1e6)
        return events


class BenchTicker(Source):
    """Send one event after each pause; its time is the monotonic clock in ns, as if it were µs.

    Args:
        count: number of events.
        pause: between them.
    """

    live = True

    count: Annotated[int, Range(1)] = 500
    pause: Duration = ms(2)

    def start(self) -> StreamInfo:
        """Describe the sensor: one pixel."""
        return StreamInfo(1, 1)

    def run(self) -> Iterator[Events]:
        """Yield the ticks."""
        time.sleep(0.2)  # until both ends have settled
        for _ in range(self.count):
            time.sleep(self.pause / 1e6)
            record = np.zeros(1, EVENT_DTYPE)
            record["t"] = time.monotonic_ns()
            yield Events(record, 1, 1, ordered=True)


class BenchStopwatch(Node):
    """Report how long ago the events of a ticker were sent: `p50_us` and `p99_us`."""

    rehearses = False

    def start(self, events: StreamInfo) -> None:
        """Begin with no event."""
        self._ages: list[int] = []

    def events(self, events: Events) -> None:
        """Note the ages."""
        now = time.monotonic_ns()
        self._ages.extend(now - int(t) for t in events.t)

    def finish(self, t_end: int) -> None:
        """Report."""
        if self._ages:
            p50, p99 = np.percentile(self._ages, (50, 99)) / 1e3
            self.results.update(p50_us=float(p50), p99_us=float(p99))
