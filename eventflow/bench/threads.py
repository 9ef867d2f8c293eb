"""The filters in two threads, beside one thread and beside what two copies of one thread reach at the same time."""

from __future__ import annotations

import statistics
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from eventflow import io
from eventflow.bench import inputs
from eventflow.bench.model import Reading, Row
from eventflow.kernels import denoise, support
from eventflow.kernels.second_thread import both

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from eventflow.bench.suite import Bench
    from eventflow.events import Events

_PACKET_EVENTS: Final = 1 << 18
_LEAST_EVENTS: Final = 1_000_000
_ROUNDS: Final = 9
_SHARE: Final = 0.85
_RADIUS: Final = 2
_FILTERS: Final[dict[str, tuple[str, Callable[[Events, Any], Events]]]] = {
    "background_activity": ("background activity, 2 ms", lambda e, state: denoise.background_activity(e, state, 2_000)),
    "stcf": ("STCF, k 2, 2 ms", lambda e, state: denoise.stcf(e, state, 2_000)),
    "age_polarity": (
        "age-polarity, 10 ms, radius 2",
        lambda e, state: support.age_polarity(e, state, 10_000, radius=_RADIUS),
    ),
}


def rows(bench: Bench, scene: Any) -> Iterator[Row]:
    """Yield a row for each filter and stream."""
    for stream, make in {"noise": lambda: scene.events, "demo01": _recording}.items():
        for name, (what, keep) in _FILTERS.items():
            row = f"signal.two_threads_{name}_{stream}"
            if not bench.wants(row):
                continue
            what = f"{what}, two threads, {stream}"
            events = make()
            if events is None:
                yield bench.unmeasured(row, what, "the folder of sample recordings is not here")
            else:
                bench.announce(what)
                yield _row(bench, row, what, events, keep)


def _recording() -> Events | None:
    root = inputs.samples()
    path = None if root is None else root / "aedat" / "davis346_demo01.aedat4"
    return None if path is None or not path.exists() else io.read(path, backwards="clamp")


def _row(bench: Bench, name: str, what: str, events: Events, keep: Callable[[Events, Any], Events]) -> Row:
    packets = [events[begin : begin + _PACKET_EVENTS] for begin in range(0, len(events), _PACKET_EVENTS)]
    times = -(-_LEAST_EVENTS // len(events))

    def run(threads: int) -> None:
        for _ in range(times):
            state = denoise.surface(events.width, events.height, radius=_RADIUS, threads=threads)
            for packet in packets:
                keep(packet, state)

    ways = {"one": lambda: run(1), "two": lambda: run(2), "copies": lambda: both(lambda: run(1), lambda: run(1))}
    clock = _longer_thread if bench.cpu_time else _wall
    took: dict[str, list[float]] = {way: [] for way in ways}
    for turn in range(_ROUNDS + 1):
        for way, work in ways.items():
            seconds = clock(work)
            if turn:  # the first is for compilation
                took[way].append(seconds)
    mega = times * len(events) / 1e6
    ceilings = [2 * one / both_ for one, both_ in zip(took["one"], took["copies"], strict=True)]
    gains = [one / two for one, two in zip(took["one"], took["two"], strict=True)]
    share = statistics.median(gain / ceiling for gain, ceiling in zip(gains, ceilings, strict=True))
    sentence = f"{share:.2f} of the ceiling of two copies (≥ {_SHARE})"
    others = {
        "one thread": _reading(mega, took["one"], statistics.median(gains)),
        "two copies, together": _reading(
            2 * mega, took["copies"], statistics.median(gains) / statistics.median(ceilings)
        ),
    }
    ours = _reading(mega, took["two"], None)
    note = "packets of 256 k events; with --cpu-time, by the thread that works longer"
    return Row(name, what, "Mev/s", ours, others, [(sentence, share >= _SHARE)], note=note)


def _reading(mega: float, took: list[float], ratio: float | None) -> Reading:
    return Reading(mega / min(took), mega / statistics.median(took), ratio, peer=False)


def _wall(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _longer_thread(work: Callable[[], object]) -> float:
    """Return the CPU time of this thread or of the second, whichever worked longer, s."""
    both(int, int)
    second = next(thread for thread in threading.enumerate() if thread.name == "eventflow-second")
    clock = time.pthread_getcpuclockid(second.ident or 0)
    begun = time.thread_time(), time.clock_gettime(clock)
    work()
    return max(time.thread_time() - begun[0], time.clock_gettime(clock) - begun[1])
