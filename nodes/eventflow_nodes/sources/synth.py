"""A simulated event camera as a source."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, NamedTuple

from eventflow.events import Events
from eventflow.graph.node import Source
from eventflow.graph.parameters import Range
from eventflow.messages import Flow, Label, Place, Pose, StreamInfo, Tracks
from eventflow.synth.simulation import Simulation
from eventflow.units import Duration, ms

_ROUTE = ("away", "begin", "contrast", "jumps", "places", "repeated", "route", "sway", "unsteady")
_OPTIONAL = (*_ROUTE, "count", "digit", "size", "speed", "light", "offset", "lag")


class Scene(NamedTuple):
    """What a scene gives: events, and the kind of truth that it has."""

    events: Events | None = None
    truth: Tracks | None = None
    flow: Flow | None = None
    place: Place | None = None
    pose: Pose | None = None
    label: Label | None = None


class Synth(Source):
    """Simulate an event camera before a scene whose truth is known; seeded, the same bytes on every run.

    `eventflow synth` lists the scenes; the path of a video is one, too. Truth comes from port `truth` where the scene
    has objects, from `flow` for `pan`, from `place` for `drive` and `route` (whose poses come from `pose`) and from
    `label` for `digit`. Events carry labels: 1 signal, 2 noise.

    Args:
        scene: its name, or the path of a video.
        duration: how long; null: 2 s, or the whole video.
        width: sensor width in px; null: 346, or the video's.
        height: sensor height in px; null: 260, or the video's.
        seed: of everything left to chance.
        noise: shot noise of a dark pixel, events/s/px.
        leak: ON leak events/s/px.
        noise_spread: standard deviation of the pixels' noise rates, decades.
        threshold: change of ln intensity that makes an event.
        mismatch: standard deviation of the threshold over the pixels.
        refractory: time after an event in which a pixel is blind.
        bandwidth: cut-off of a fully lit pixel, Hz; 0: none.
        step: time between two images of the scene; null: 1 ms, or 2 ms where the whole image moves.
        truth_every: time between two messages of the truth.
        speed: how fast the scene moves, px/s; null: the scene's own.
        size: of the shapes, px; null: the scene's own.
        count: of the shapes; null: the scene's own.
        digit: the one that `digit` shows, -1 for any; null: any.
        lag: of the second shape in `crossing`; null: the scene's own.
        light: of a drive, 1 is full daylight; null: the scene's own.
        offset: of a drive to the side, px; null: the scene's own.
        route: number of the street of `drive` and `route`; null: 0.
        places: of `drive` and `route`; null: the scene's own.
        repeated: share of a `route` that looks like an earlier part of it; null: the scene's own.
        unsteady: how much faster and slower than its mean a `route` is driven, as a factor; null: steady.
        sway: how far a `route` is driven to the side, m; null: not at all.
        contrast: of a `route`, 1 is full; null: full.
        begin: where a `route` begins, m; null: at 0.
        away: share of a `route` that leads through other streets; null: none.
        jumps: how often the camera is carried elsewhere on a `route`; null: never.
    """

    scene: str = "crossing"
    duration: Annotated[Duration, Range(0)] | None = None
    width: Annotated[int, Range(1, 16384)] | None = None
    height: Annotated[int, Range(1, 16384)] | None = None
    seed: int = 0
    noise: Annotated[float, Range(0)] = 1.0
    leak: Annotated[float, Range(0)] = 0.1
    noise_spread: Annotated[float, Range(0)] = 0.0
    threshold: Annotated[float, Range(0.01)] = 0.2
    mismatch: Annotated[float, Range(0)] = 0.03
    refractory: Annotated[Duration, Range(0)] = 100
    bandwidth: Annotated[float, Range(0)] = 1000.0
    step: Annotated[Duration, Range(1)] | None = None
    truth_every: Annotated[Duration, Range(1)] = ms(5)
    speed: float | None = None
    size: Annotated[float, Range(0)] | None = None
    count: Annotated[int, Range(0)] | None = None
    digit: Annotated[int, Range(-1, 9)] | None = None
    lag: Annotated[Duration, Range(0)] | None = None
    light: Annotated[float, Range(0)] | None = None
    offset: float | None = None
    route: int | None = None
    places: Annotated[int, Range(1)] | None = None
    repeated: Annotated[float, Range(0, 0.5)] | None = None
    unsteady: Annotated[float, Range(1)] | None = None
    sway: Annotated[float, Range(0, 1)] | None = None
    contrast: Annotated[float, Range(0, 1)] | None = None
    begin: float | None = None
    away: Annotated[float, Range(0, 0.9)] | None = None
    jumps: Annotated[int, Range(0)] | None = None

    def start(self) -> StreamInfo:
        """Set the scene up."""
        given = {name: getattr(self, name) for name in _OPTIONAL if getattr(self, name) is not None}
        self._simulation = Simulation(
            self.scene,
            seed=self.seed,
            duration=self.duration,
            width=self.width,
            height=self.height,
            step=self.step,
            truth_every=self.truth_every,
            packet_events=self.packet_events,
            noise=self.noise,
            leak=self.leak,
            noise_spread=self.noise_spread,
            threshold_on=self.threshold,
            threshold_off=self.threshold,
            mismatch=self.mismatch,
            refractory=self.refractory,
            bandwidth=self.bandwidth,
            **given,
        )
        return self._simulation.info

    def run(self) -> Iterator[Scene]:
        """Yield events and truth in time order."""
        for events, truth in self._simulation:
            yield Scene(events, **_by_port(truth))


def _by_port(truth: Any) -> dict[str, Any]:
    ports = {Tracks: "truth", Flow: "flow", Place: "place", Pose: "pose", Label: "label"}
    if truth is None:
        return {}
    return {ports[type(each)]: each for each in (truth if isinstance(truth, tuple) else (truth,))}
