"""Nodes that do what real ones should not: sleep, print, raise, die."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Iterator
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np

from eventflow.events import EVENT_DTYPE, Events
from eventflow.graph.node import Node, Source
from eventflow.graph.parameters import Range
from eventflow.messages import Label, Message, Slice, StreamInfo
from eventflow.units import Duration

SIZE = (64, 48)


def ramp(first: int, count: int, step_us: int, seed: int) -> Events:
    """Events number first.. of a stream with an event every `step_us`."""
    numbers = np.arange(first, first + count)
    records = np.zeros(count, EVENT_DTYPE)
    records["t"] = numbers * step_us
    mixed = (numbers * 2654435761 + seed * 97) >> 7
    records["x"], records["y"], records["p"] = mixed % SIZE[0], mixed // SIZE[0] % SIZE[1], mixed & 1
    return Events(records, *SIZE, ordered=True)


class Ramp(Source):
    """Events at a constant rate.

    Args:
        events: how many.
        every: time between two events.
        chunk: events made at a time.
        seed: of the pixels.
        sleep: wall time between two chunks.
        fails: where it raises.
    """

    events: Annotated[int, Range(0)] = 200_000
    every: Annotated[Duration, Range(1)] = 10
    chunk: Annotated[int, Range(1)] = 5_000
    seed: int = 1
    sleep: Duration = 0
    fails: Literal["nowhere", "start", "run"] = "nowhere"

    def start(self) -> StreamInfo:
        if self.fails == "start":
            raise ValueError("the lens cap is on")
        return StreamInfo(*SIZE, t_start=0)

    def run(self) -> Iterator[Events]:
        for first in range(0, self.events, self.chunk):
            if self.fails == "run" and first >= self.events // 2:
                raise ValueError("the cable came off")
            time.sleep(self.sleep / 1e6)
            yield ramp(first, min(self.chunk, self.events - first), self.every, self.seed)


class Eyes(NamedTuple):
    """What a stereo camera gives."""

    left: Events | None = None
    right: Events | None = None


class Stereo(Source):
    """Two streams in one; now and then one of them is empty."""

    def start(self) -> StreamInfo:
        return StreamInfo(*SIZE)

    def run(self) -> Iterator[Eyes]:
        for first in range(0, 20_000, 1_000):
            left = ramp(first, 1_000, 10, 1)
            yield Eyes(left, left[:0] if first % 3_000 == 0 else ramp(first, 1_000, 10, 2))


class Pass(Node):
    """Hand events on, slowly if asked.

    Args:
        sleep: wall time for each packet.
        prints: whether it prints what it sees.
    """

    sleep: Duration = 0
    prints: bool = False

    def events(self, events: Events) -> Events:
        if self.prints:
            print("a node printed: µ", len(events))
            print("and on stderr", file=sys.stderr)
        time.sleep(self.sleep / 1e6)
        return events


class Breaks(Node):
    """Hand events on until a certain packet.

    Args:
        at: number of the packet, from 0.
        how: what happens then.
    """

    at: int = 10
    how: Literal["raise", "kill", "segfault", "exit"] = "raise"

    def __init__(self, **parameters: Any) -> None:
        super().__init__(**parameters)
        self._count = 0

    def events(self, events: Events) -> Events:
        self._count += 1
        if self._count == self.at + 1:
            if self.how == "raise":
                raise ValueError("packet of doom")
            if self.how == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            if self.how == "exit":
                os._exit(3)
            ctypes.string_at(0)
        return events


class HoldBack(Node):
    """Hand events on a second late: allowed, and announced."""

    holdback_us = 1_000_000

    def __init__(self, **parameters: Any) -> None:
        super().__init__(**parameters)
        self._held: list[Events] = []

    def events(self, events: Events) -> None:
        self._held.append(events)

    def on_watermark(self, t: int) -> list[Events]:
        ready = []
        while self._held and int(self._held[0].t[0]) < t - self.holdback_us:
            packet = self._held.pop(0)
            early = packet.between(-(1 << 62), t - self.holdback_us)
            ready.append(early)
            if len(early) < len(packet):
                self._held.insert(0, packet[len(early) :])
        return ready

    def finish(self, t_end: int) -> list[Events]:
        held, self._held = self._held, []
        return held


class Both(Node):
    """Put two streams into one."""

    def left(self, left: Events) -> Events:
        return left

    def right(self, right: Events) -> Events:
        return right


class Compare(Node):
    """At each slice: how many events it has and how many came by the other way."""

    def __init__(self, **parameters: Any) -> None:
        super().__init__(**parameters)
        self._count = 0

    def events(self, events: Events) -> None:
        self._count += len(events)

    def slice(self, slice: Slice) -> Label:
        return Label(slice.t1, len(slice), float(self._count))


class Clock(Node):
    """Write down when messages came, wall time less that of the first, µs."""

    def __init__(self, **parameters: Any) -> None:
        super().__init__(**parameters)
        self._rows: list[tuple[int, int, int, int]] = []

    def events(self, events: Events) -> None:
        self._rows.append((time.monotonic_ns() // 1000, int(events.t[0]), int(events.t[-1]), len(events)))

    def finish(self, t_end: int) -> None:
        self.results = {"rows": [list(row) for row in self._rows]}


class Save(Node):
    """Write every packet to a file as it comes.

    Args:
        path: where to.
    """

    path: str

    def start(self, message: StreamInfo) -> None:
        self._stream = self.create(self.path).part.open("wb", buffering=0)

    def message(self, message: Events | Message) -> None:
        from eventflow.io.parts import writing

        with writing(self.path):
            self._stream.write(message.records.tobytes() if isinstance(message, Events) else b"message")

    def close(self, *, complete: bool) -> None:
        if hasattr(self, "_stream"):
            self._stream.close()
        super().close(complete=complete)


NODES = {
    f"test_{cls.__name__.lower()}": f"e2e_nodes:{cls.__name__}"
    for cls in (Both, Breaks, Clock, Compare, HoldBack, Pass, Ramp, Save, Stereo)
}
