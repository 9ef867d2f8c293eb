"""Filters and representations on events in memory."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from eventflow.bench import filters, inputs, peer_events, peers, threads
from eventflow.bench.model import OURS, AtLeast, Case, Contender
from eventflow.kernels import denoise, representations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from eventflow.bench.model import Row
    from eventflow.bench.suite import Bench
    from eventflow.events import Events

WINDOW_US: Final = 2_000
_PERIOD_US: Final = 1_000
_TAU_US: Final = 30_000
_BINS: Final = 5
_PACKET_EVENTS: Final = 65536
_WINDOW_EVENTS: Final = 300_000


def rows(bench: Bench) -> Iterator[Row]:
    """Yield a row for every filter and representation."""
    makers = {
        "background_activity": _background_activity,
        "refractory": _refractory,
        "stcf": _stcf,
        "voxel_grid": _voxel_grid,
        "time_surface": _time_surface,
        "time_surface_slices": _time_surface_slices,
        "count_frame": _count_frame,
    }
    scene = _Scene(bench.events)
    for name, make in makers.items():
        if bench.wants(f"signal.{name}"):
            yield bench.race(make(scene, bench.peers), on_one_core=True)
    yield from filters.rows(bench, scene)
    yield from threads.rows(bench, scene)


class _Scene:
    """The stream of a 346x260 sensor, in every container that a contender wants."""

    def __init__(self, count: int) -> None:
        self.count = count

    @cached_property
    def events(self) -> Events:
        return inputs.stream("small", self.count)

    @cached_property
    def packets(self) -> list[Events]:
        return [self.events[start : start + _PACKET_EVENTS] for start in range(0, self.count, _PACKET_EVENTS)]

    @cached_property
    def windows(self) -> list[Events]:
        """Pieces of 0.3 s, which is what one frame of a slow scene is made of."""
        return [self.events[start : start + _WINDOW_EVENTS] for start in range(0, self.count, _WINDOW_EVENTS)]

    @cached_property
    def slices(self) -> list[Events]:
        """Pieces of 10 ms."""
        return [self.events[start : start + 10_000] for start in range(0, self.count, 10_000)]

    @cached_property
    def dv_packets(self) -> list[Any]:
        return peer_events.dv_packets(self.events, _PACKET_EVENTS)

    @cached_property
    def dv_slices(self) -> list[Any]:
        return peer_events.dv_packets(self.events, 10_000)

    @cached_property
    def eventcv(self) -> Any:
        return peer_events.eventcv_stream(self.events)

    @cached_property
    def eventcv_windows(self) -> list[Any]:
        return [peer_events.eventcv_stream(window) for window in self.windows]

    @cached_property
    def tonic_windows(self) -> list[Any]:
        return [peer_events.tonic_array(window) for window in self.windows]


def _with(case: Case, bench_peers: bool, **runs: Callable[[], Any]) -> Case:
    """Add the contenders whose library is here."""
    for key, run in runs.items():
        name = {"dv": "dv-processing", "eventcv": "EventCV"}.get(key, key)
        if bench_peers and peers.load(name) is not None:
            case.contenders.append(Contender(name, run))
    return case


def _same_count(theirs: int, ours: int) -> str:
    return "" if theirs == ours else f"keeps {theirs} events, not {ours}"


def _background_activity(scene: _Scene, with_peers: bool) -> Case:
    def ours() -> int:
        state = denoise.surface(scene.events.width, scene.events.height)
        return sum(len(denoise.background_activity(packet, state, WINDOW_US)) for packet in scene.packets)

    def eventcv() -> int:
        # its window is closed where dv's and ours are open
        return int(scene.eventcv.background_activity_filter(WINDOW_US - 1).shape[0])

    case = Case("signal.background_activity", "background activity, 2 ms", scene.count, [Contender(OURS, ours)])
    case.check = _same_count
    case.targets = [AtLeast(2, "dv-processing"), AtLeast(2, "EventCV")]
    case.note = "packets of 64 k events; EventCV keeps its state within one call only, so it gets the stream in one"
    return _with(case, with_peers, dv=lambda: _dv_background_activity(scene), eventcv=eventcv)


def _dv_background_activity(scene: _Scene) -> int:
    library: Any = peers.load("dv-processing")
    size = (scene.events.width, scene.events.height)
    noise = library.noise.BackgroundActivityNoiseFilter(size, timedelta(microseconds=WINDOW_US))
    kept = 0
    for packet in scene.dv_packets:
        noise.accept(packet)
        kept += noise.generateEvents().size()
    return kept


def _refractory(scene: _Scene, with_peers: bool) -> Case:
    def ours() -> int:
        state = denoise.surface(scene.events.width, scene.events.height)
        return sum(len(denoise.refractory(packet, state, _PERIOD_US)) for packet in scene.packets)

    def eventcv() -> int:
        return int(scene.eventcv.refractory_filter(_PERIOD_US).shape[0])

    case = Case("signal.refractory", "refractory period, 1 ms", scene.count, [Contender(OURS, ours)], _same_count)
    case.targets = [AtLeast(2, "EventCV")]
    return _with(case, with_peers, eventcv=eventcv)


def _stcf(scene: _Scene, with_peers: bool) -> Case:
    def ours() -> int:
        state = denoise.surface(scene.events.width, scene.events.height)
        return sum(len(denoise.stcf(packet, state, WINDOW_US)) for packet in scene.packets)

    case = Case("signal.stcf", "STCF, k 2, 2 ms", scene.count, [Contender(OURS, ours)])
    case.targets = [AtLeast(1, "dv-processing")]
    case.note = "no peer has this filter; dv-processing runs its background activity filter here"
    return _with(case, with_peers, dv=lambda: _dv_background_activity(scene))


def _voxel_grid(scene: _Scene, with_peers: bool) -> Case:
    def ours() -> int:
        for window in scene.windows:
            representations.voxel_grid(window, int(window.t[0]), int(window.t[-1]), _BINS)
        return scene.count

    def eventcv() -> None:
        for window, theirs in zip(scene.windows, scene.eventcv_windows, strict=True):
            theirs.voxel(bins=_BINS, window_us=int(window.t[-1] - window.t[0])).numpy()

    def tonic() -> None:
        library: Any = peers.load("tonic")
        for window in scene.tonic_windows:
            library.functional.to_voxel_grid_numpy(window, (346, 260, 2), _BINS)

    case = Case("signal.voxel_grid", "voxel grid, 5 bins, 0.3 s windows", scene.count, [Contender(OURS, ours)])
    case.targets = [AtLeast(1.5, "EventCV"), AtLeast(5, "tonic")]
    case.note = "each in its own convention of bins: the values are not compared"
    return _with(case, with_peers, eventcv=eventcv, tonic=tonic)


def _time_surface(scene: _Scene, with_peers: bool) -> Case:
    def ours() -> None:
        state = representations.time_map(scene.events.width, scene.events.height)
        for packet in scene.packets:
            representations.time_surface(packet, int(packet.t[-1]), _TAU_US, state=state)

    def dv() -> None:
        library: Any = peers.load("dv-processing")
        surface = library.TimeSurface((scene.events.width, scene.events.height))
        for packet in scene.dv_packets:
            surface.accept(packet)
            surface.generateFrame()

    def eventcv() -> None:
        scene.eventcv.tsurf(tau_us=_TAU_US).numpy()

    what = "time surface, one an 64 k packet"
    case = Case("signal.time_surface", what, scene.count, [Contender(OURS, ours)])
    case.targets = [AtLeast(1, "dv-processing")]
    case.note = (
        "dv-processing keeps one surface of both polarities and gives 8-bit ages, ours one for each and the decay; "
        "EventCV has no state and makes one surface of the whole stream"
    )
    return _with(case, with_peers, dv=dv, eventcv=eventcv)


def _time_surface_slices(scene: _Scene, with_peers: bool) -> Case:
    def ours() -> None:
        state = representations.time_map(scene.events.width, scene.events.height)
        for piece in scene.slices:
            representations.time_surface(piece, int(piece.t[-1]), _TAU_US, state=state)

    def dv() -> None:
        library: Any = peers.load("dv-processing")
        surface = library.TimeSurface((scene.events.width, scene.events.height))
        for piece in scene.dv_slices:
            surface.accept(piece)
            surface.generateFrame()

    what = "time surface, one every 10 ms"
    case = Case("signal.time_surface_slices", what, scene.count, [Contender(OURS, ours)])
    case.targets = [AtLeast(1, "dv-processing")]
    return _with(case, with_peers, dv=dv)


def _count_frame(scene: _Scene, with_peers: bool) -> Case:
    def ours() -> None:
        for window in scene.windows:
            representations.count_frame(window)

    def eventcv() -> None:
        for window in scene.eventcv_windows:
            window.count().numpy()

    case = Case("signal.count_frame", "count frame, 0.3 s windows", scene.count, [Contender(OURS, ours)])
    case.targets = [AtLeast(1, "EventCV")]
    case.note = (
        "EventCV counts both polarities in one plane, ours each in its own, twice the memory; of our time, summing the "
        "records takes 0.45, and counting into one plane 0.8"
    )
    return _with(case, with_peers, eventcv=eventcv)
