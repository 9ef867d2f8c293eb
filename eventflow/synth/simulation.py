"""A scene before a sensor: events and truth in time order, a step at a time, in constant memory."""

from __future__ import annotations

import math
from dataclasses import fields
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from eventflow.errors import ParameterError
from eventflow.events import Events
from eventflow.messages import StreamInfo
from eventflow.synth.scenes import is_video, scene_class, scene_info
from eventflow.synth.sensor import Sensor, SensorModel, checked_geometry
from eventflow.units import ms, s

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventflow.synth.scenes import Scene

DEFAULT_STEP = ms(1)
DEFAULT_DURATION = s(2)
DEFAULT_SIZE = (346, 260)
_SENSOR_PARAMETERS = frozenset(field.name for field in fields(SensorModel))


class Simulation:
    """One scene and one sensor; iterate it once or many times, each from time 0.

    Args:
        scene: a name from `scenes()`, or the path of a video.
        seed: of everything left to chance.
        duration: µs; None: 2 s, or the whole video.
        width: sensor width, px; None: 346, or the video's.
        height: sensor height, px; None: 260, or the video's.
        step: time between two images, µs; None: 1 ms, or 2 ms where the whole image moves. Events within are
            interpolated.
        truth_every: time between two truth messages, µs; the first is at 0.
        packet_events: how many events a packet holds at most.
        parameters: of the sensor (`SensorModel`) and of the scene, by name.

    Raises:
        ParameterError: an unknown scene or parameter, or a value that is not allowed.
    """

    def __init__(
        self,
        scene: str,
        *,
        seed: int = 0,
        duration: int | None = None,
        width: int | None = None,
        height: int | None = None,
        step: int | None = None,
        truth_every: int = ms(1),
        packet_events: int = 65536,
        **parameters: Any,
    ) -> None:
        self.name = scene
        self._class = scene_class(scene)
        self._check_names(parameters)
        self._model = SensorModel(**{name: parameters[name] for name in parameters if name in _SENSOR_PARAMETERS})
        given = {name: parameters[name] for name in parameters if name not in _SENSOR_PARAMETERS}
        self._arguments = {"seed": seed, **given, **self._geometry(scene, width, height)}
        step = getattr(self._class, "STEP_US", DEFAULT_STEP) if step is None else step
        for name, value in (("step", step), ("truth_every", truth_every), ("packet_events", packet_events)):
            if not isinstance(value, int) or value < 1:
                raise ParameterError(f"{name} is {value!r}, expected a whole number of at least 1")
        self.seed, self.step, self.truth_every, self.packet_events = seed, step, truth_every, packet_events
        opened = self.make_scene()
        whole_video = getattr(opened, "duration", None)
        self.duration: int = duration if duration is not None else whole_video or DEFAULT_DURATION
        if self.duration < 0:
            raise ParameterError(f"duration is {duration} µs, expected at least 0")
        self.info = StreamInfo(
            width=opened.width, height=opened.height, t_start=0, t_end=self.duration, source=f"synth:{scene}"
        )

    @staticmethod
    def _geometry(scene: str, width: int | None, height: int | None) -> dict[str, Any]:
        if is_video(scene):
            return {"path": scene, "width": width, "height": height}
        size = checked_geometry(
            DEFAULT_SIZE[0] if width is None else width, DEFAULT_SIZE[1] if height is None else height
        )
        return {"width": size[0], "height": size[1]}

    def _check_names(self, parameters: dict[str, Any]) -> None:
        own = scene_info(self.name).parameters
        known = sorted({*own, *_SENSOR_PARAMETERS})
        listed = f"Its own: {', '.join(sorted(own)) or 'none'}; the sensor's: {', '.join(sorted(_SENSOR_PARAMETERS))}"
        for name in parameters:
            if name not in known:
                close = get_close_matches(name, known, n=1)
                hint = f" Did you mean {close[0]!r}?" if close else ""
                raise ParameterError(f"scene {self.name!r} has no parameter {name!r}.{hint} {listed}")
            _check_number(name, parameters[name], whole_number=isinstance(own.get(name), int))

    def make_scene(self) -> Scene:
        """Return the scene at time 0."""
        made: Scene = self._class(**self._arguments)
        return made

    def truth(self) -> Iterator[Any]:
        """Yield the truth messages alone, every `truth_every` from 0 to the end."""
        scene = self.make_scene()
        for t in range(0, self.duration + 1, self.truth_every):
            message = scene.truth(t)
            if message is not None:
                yield message

    def __iter__(self) -> Iterator[tuple[Events | None, Any]]:
        """Yield (events, truth), either of which may be None: the events before the truth's time, then the truth."""
        return self._run(with_truth=True)

    def packets(self) -> Iterator[Events]:
        """Yield packets of `packet_events` events, the last one shorter, and no truth."""
        return (events for events, _ in self._run(with_truth=False) if events is not None)

    def _run(self, *, with_truth: bool) -> Iterator[tuple[Events | None, Any]]:
        scene = self.make_scene()
        sensor = Sensor(self._model, scene.image, seed=self.seed, step_us=self.step)
        waiting = Events.empty(scene.width, scene.height)
        due = 0 if with_truth else self.duration + 1
        while True:
            while due <= min(sensor.t, self.duration):
                truth = scene.truth(due)
                if truth is not None:
                    waiting = Events.concat([waiting, sensor.take()])
                    before = waiting.between(0, due)
                    waiting = waiting[len(before) :]
                    yield from self._packets(before, truth)
                due += self.truth_every
            if sensor.t >= self.duration:
                break
            if len(waiting) + len(sensor) >= self.packet_events:
                waiting = Events.concat([waiting, sensor.take()])
                full = len(waiting) - len(waiting) % self.packet_events
                yield from self._packets(waiting[:full], None)
                waiting = waiting[full:]
            rects = scene.draw(sensor.t + self.step)
            sensor.advance(scene.image, rects)
        rest = Events.concat([waiting, sensor.take()]).between(0, self.duration)
        yield from self._packets(rest, None)

    def _packets(self, events: Events, truth: Any) -> Iterator[tuple[Events | None, Any]]:
        size = self.packet_events
        packets: list[Events | None] = [events[i : i + size] for i in range(0, len(events), size)]
        last = packets.pop() if packets else None
        yield from ((packet, None) for packet in packets)
        if last is not None or truth is not None:
            yield last, truth


def _check_number(name: str, value: Any, *, whole_number: bool) -> None:
    """Refuse what is no finite number: every parameter of a scene and of the sensor is one."""
    expected = int if whole_number else (int, float)
    if isinstance(value, bool) or not isinstance(value, expected) or not math.isfinite(value):
        raise ParameterError(f"{name} is {value!r}, expected a {'whole' if whole_number else 'finite'} number")
