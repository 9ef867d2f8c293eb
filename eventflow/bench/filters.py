"""The denoisers on events in memory: against the peers that have them, and each on its own."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from eventflow.bench import inputs, peers
from eventflow.bench.model import OURS, AtLeast, Case, Contender, Limit, measured
from eventflow.bench.race import one_core, seconds_of
from eventflow.kernels import adaptive, blocks, crossings, denoise, mlp, pixel_filters, support

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from eventflow.bench.model import Row
    from eventflow.bench.suite import Bench
    from eventflow.events import Events

WINDOW_US: Final = 2_000
_LEAST_RATE: Final = 5.0
_MLPF_RATE: Final = 2.0
_ALONE_EVENTS: Final = 1_000_000


def rows(bench: Bench, scene: Any) -> Iterator[Row]:
    """Yield a row for every denoiser but those that `eventflow.bench.signal` measures itself."""
    for name, make in (("fast_decay", _fast_decay), ("knoise", _knoise), ("hot_pixel", _hot_pixel)):
        if bench.wants(f"signal.{name}"):
            yield bench.race(make(scene, bench.peers), on_one_core=True)
    for name, (what, start) in _alone().items():
        if bench.wants(f"signal.{name}"):
            yield _rate(bench, scene, f"signal.{name}", what, start)


def _rate(bench: Bench, scene: Any, name: str, what: str, start: Callable[[int, int], Any]) -> Row:
    """Return the row of a denoiser that no peer has."""
    bench.announce(what)
    packets, size = [], 0
    for packet in scene.packets:
        packets.append(packet)
        size += len(packet)
        if size >= _ALONE_EVENTS:
            break

    def run() -> int:
        step = start(packets[0].width, packets[0].height)
        return sum(len(step(packet)) for packet in packets)

    contender = Contender(OURS, run)
    clock = time.process_time if bench.cpu_time else time.perf_counter
    with one_core():
        run()
        rates = [size / seconds_of(contender, clock) / 1e6 for _ in range(5)]
    least = _MLPF_RATE if name.endswith("mlpf") else _LEAST_RATE
    return measured(name, what, "Mev/s", rates, Limit(least, "at least"), "no peer has this filter")


def _kept(run: Callable[[Events], Events], scene: Any) -> int:
    return sum(len(run(packet)) for packet in scene.packets)


def _with(case: Case, wanted: bool, name: str, run: Callable[[], Any]) -> Case:
    if wanted and peers.load(name) is not None:
        case.contenders.append(Contender(name, run))
    return case


def _dv(scene: Any, make: Callable[[Any, tuple[int, int]], Any]) -> int:
    library: Any = peers.load("dv-processing")
    noise = make(library.noise, (scene.events.width, scene.events.height))
    kept = 0
    for packet in scene.dv_packets:
        noise.accept(packet)
        kept += noise.generateEvents().size()
    return kept


def _same(theirs: int, ours: int) -> str:
    return "" if theirs == ours else f"keeps {theirs} events, not {ours}"


def _fast_decay(scene: Any, with_peers: bool) -> Case:
    def ours() -> int:
        memory = blocks.decay_memory(scene.events.width, scene.events.height)
        return _kept(lambda packet: blocks.fast_decay(packet, memory, 10_000), scene)

    case = Case("signal.fast_decay", "fast decay, 10 ms", scene.count, [Contender(OURS, ours)], _same)
    case.targets = [AtLeast(2, "dv-processing")]
    return _with(
        case, with_peers, "dv-processing", lambda: _dv(scene, lambda noise, size: noise.FastDecayNoiseFilter(size))
    )


def _knoise(scene: Any, with_peers: bool) -> Case:
    def ours() -> int:
        memory = crossings.crossing_memory(scene.events.width, scene.events.height)
        # dv's window is closed and counts the pixel itself
        return _kept(lambda packet: crossings.crossings(packet, memory, WINDOW_US + 1, own=True), scene)

    case = Case("signal.knoise", "KNoise, 2 ms", scene.count, [Contender(OURS, ours)], _same)
    case.targets = [AtLeast(2, "dv-processing")]
    window = timedelta(microseconds=WINDOW_US)
    return _with(
        case, with_peers, "dv-processing", lambda: _dv(scene, lambda noise, size: noise.KNoiseFilter(size, window))
    )


def _hot_pixel(scene: Any, with_peers: bool) -> Case:
    def ours() -> int:
        state = denoise.surface(scene.events.width, scene.events.height, radius=0)
        return _kept(lambda packet: pixel_filters.hot_pixel(packet, state, 200.0, 50), scene)

    def eventcv() -> int:
        return int(scene.eventcv.hot_pixel_filter().shape[0])

    case = Case("signal.hot_pixel", "hot pixels", scene.count, [Contender(OURS, ours)])
    case.targets = [AtLeast(1, "EventCV")]
    case.note = "EventCV counts the whole stream first and then drops pixels; ours decides as events come"
    return _with(case, with_peers, "EventCV", eventcv)


def _surfaced(radius: int, run: Callable[[Events, Any], Events]) -> Callable[[int, int], Any]:
    def start(width: int, height: int) -> Any:
        state = denoise.surface(width, height, radius=radius)
        return lambda packet: run(packet, state)

    return start


def _held(memory: Callable[[int, int], Any], run: Callable[[Events, Any], Events]) -> Callable[[int, int], Any]:
    def start(width: int, height: int) -> Any:
        state = memory(width, height)
        return lambda packet: run(packet, state)

    return start


def _alone() -> dict[str, tuple[str, Callable[[int, int], Any]]]:
    found = {
        "adaptive": ("adaptive", _held(adaptive.memory, adaptive.adaptive)),
        "age_polarity": (
            "age-polarity, 10 ms, radius 2",
            _surfaced(2, lambda packet, state: support.age_polarity(packet, state, 10_000, radius=2)),
        ),
        "multi_event": (
            "multi-event age-polarity, 10 ms",
            _held(
                lambda width, height: support.history(width, height, 1),
                lambda packet, state: support.multi_event_age_polarity(packet, state, 10_000),
            ),
        ),
        "time_surface_filter": (
            "time surface filter, 20 ms",
            _surfaced(1, lambda packet, state: support.time_surface_score(packet, state, 20_000)),
        ),
        "event_flow": ("event flow", _surfaced(1, lambda packet, state: support.plane_fit(packet, state, 10_000))),
        "y_noise": (
            "YNoise, 5 ms",
            _surfaced(1, lambda packet, state: denoise.stcf(packet, state, 5_000, k=2, own=True)),
        ),
        "double_window": (
            "double window, 36 + 36",
            _held(lambda *_: blocks.window_memory(36), blocks.double_window),
        ),
        "band": (
            "band, 10 to 100 Hz",
            _surfaced(0, lambda packet, state: pixel_filters.band(packet, state, 10.0, 100.0)),
        ),
        "anti_flicker": (
            "anti-flicker, 90 to 130 Hz",
            _held(
                pixel_filters.flicker_memory,
                lambda packet, state: pixel_filters.anti_flicker(packet, state, 90.0, 130.0),
            ),
        ),
    }
    root = inputs.samples()
    weights = None if root is None else root / "denoise" / "mlpf_98_20_1_tau100ms.h5"
    if weights is not None and weights.exists():
        network = mlp.read_mlp(weights)
        found["mlpf"] = ("MLPF", _surfaced(3, lambda packet, state: mlp.mlpf(packet, state, network, 100_000)))
    return found
