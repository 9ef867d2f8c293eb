"""Recordings and simulated scenes as a source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from eventflow.errors import RecordingError
from eventflow.events import EVENT_DTYPE, Events
from eventflow.graph.node import Source
from eventflow.graph.parameters import Range
from eventflow.messages import Reset, StreamInfo, first_time_of, time_of
from eventflow.units import Duration, ms

if TYPE_CHECKING:
    from eventflow.io import Jump

_SYNTH = "synth:"


class Read(Source):
    """Read a recording of any known format, or simulate a scene (`synth:crossing`).

    Args:
        path: the recording, `-` for standard input, or `synth:` and the name of a scene.
        begin: start with the first event at or after this time; null: at the beginning.
        end: stop before the first event at or after this time; null: at the end.
        backwards: what is done where time steps back: clamp to the largest time so far, drop the event, or fail.
        max_backstep: the largest step back that is clamped; a larger one is a discontinuity.
        on_jump: what a discontinuity is: an error that names the event, or a reset of every node below.
        origin: raw times as recorded, or zero: the first event is at 0.
        width: sensor width in px, for files that do not say.
        height: sensor height in px, for files that do not say.
        format: name of the format, where the file's bytes do not say.
        topic: which events, of a log or an MCAP file with several streams of them; null: the first.
        loop: how often the recording is played, each time 1 µs after the last event of the time before; 0: for ever.
    """

    path: str
    begin: Annotated[Duration, Range(0)] | None = None
    end: Annotated[Duration, Range(0)] | None = None
    backwards: Literal["clamp", "drop", "fail"] = "clamp"
    max_backstep: Annotated[Duration, Range(0)] = ms(10)
    on_jump: Literal["fail", "reset"] = "fail"
    origin: Literal["raw", "zero"] = "raw"
    width: Annotated[int, Range(1, 65535)] | None = None
    height: Annotated[int, Range(1, 65535)] | None = None
    format: str | None = None
    topic: str | None = None
    loop: Annotated[int, Range(0)] = 1
    _shift = 0

    def start(self) -> StreamInfo:
        """Open the recording; what its header says is known then."""
        if self.path.startswith(_SYNTH):
            return self._start_scene(self.path.removeprefix(_SYNTH))
        from eventflow import io

        self._recording = io.open(
            self.path,
            packet_events=self.packet_events,
            start=self.begin,
            end=self.end,
            backwards=self.backwards,
            max_backstep=self.max_backstep,
            on_jump=self.on_jump,
            origin=self.origin,
            width=self.width,
            height=self.height,
            format=self.format,
            topic=self.topic,
        )
        info = self._recording.info
        shift = (info.t_first or 0) if self.origin == "zero" else 0
        return StreamInfo(
            width=info.width,
            height=info.height,
            t_start=None if info.t_first is None else max(info.t_first - shift, self.begin or 0),
            t_end=None if info.t_last is None else info.t_last - shift,
            source=self.path,
            attributes={"format": info.format, "sensor": info.sensor},
        )

    def run(self) -> Iterator[Events | Reset]:
        """Yield the events in time order, and a Reset wherever time starts afresh."""
        again = 0
        while self.loop == 0 or again < self.loop:
            first = last = None
            for packet in self._packets():
                if isinstance(packet, Events):
                    first = first_time_of(packet) if first is None else first
                    last = time_of(packet)
                    yield _later(packet, self._shift) if self._shift else packet
                else:
                    yield Reset(f"time jumped from {packet.t_before} to {packet.t_after} µs at event {packet.index}")
                self._count()
            self._count()
            if first is None or last is None:
                return
            again += 1
            self._shift += last - first + 1

    def _packets(self) -> Iterator[Events | Jump]:
        return self._recording.items() if hasattr(self, "_recording") else self._scene_events()

    def seek(self, t: int) -> None:
        """Have the next `run()` begin with the first event at or after `t`, µs."""
        if not hasattr(self, "_recording"):
            raise RecordingError(f"{self.path}: a simulated scene cannot go to another time")
        self._recording.seek(t)

    def close(self, *, complete: bool) -> None:
        """Close the recording."""
        if hasattr(self, "_recording"):
            self._recording.close()
        super().close(complete=complete)

    def _count(self) -> None:
        if hasattr(self, "_recording"):
            self.skipped = Counter(self._recording.skipped)
            self.repaired = Counter(self._recording.repaired)

    def _start_scene(self, scene: str) -> StreamInfo:
        from eventflow.synth.simulation import Simulation

        if self.format is not None:
            raise RecordingError(f"{self.path}: a simulated scene has no format; leave out format={self.format!r}")
        self._scene = Simulation(scene, width=self.width, height=self.height, packet_events=self.packet_events)
        return self._scene.info

    def _scene_events(self) -> Iterator[Events]:
        for packet in self._scene.packets():
            part = packet
            if self.begin is not None and first_time_of(part) < self.begin:
                part = part.between(self.begin, 1 << 62)
            if self.end is not None:
                part = part.between(-(1 << 62), self.end)
            if len(part):
                yield part
            if len(part) < len(packet) and self.end is not None and first_time_of(packet) >= self.end:
                return


def _later(events: Events, shift_us: int) -> Events:
    records = events.records.view("V16").copy().view(EVENT_DTYPE)
    records["t"] += shift_us
    return Events(
        records, events.width, events.height, ordered=events.ordered, labels=events.labels, scores=events.scores
    )
