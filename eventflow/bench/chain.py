"""The chain recording -> background activity -> 10 ms slices -> voxel grids: ours as a graph, and the peers' best."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.bench import inputs, peers
from eventflow.bench.chain_graph import BINS, EVERY_US, WINDOW_US, chain_graph, run_chain
from eventflow.bench.model import FASTEST, OURS, AtLeast, Case, Contender
from eventflow.bench.race import one_core

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from eventflow.bench.model import Row
    from eventflow.bench.suite import Bench


def rows(bench: Bench) -> Iterator[Row]:
    """Yield the chain against the peers, on one core and with our threads, and our threads against one core."""
    names = ("chain.one_core", "chain.two_cores", "chain.threads", "chain.default")
    if not any(map(bench.wants, names)):
        return
    path = str(inputs.recording("small", bench.events, "aedat4", compression="lz4"))
    if bench.wants(names[0]):
        yield bench.race(_against_peers(bench, path, names[0], "one core", "fused"), on_one_core=True)
    if bench.wants(names[1]):
        yield bench.race(_against_peers(bench, path, names[1], "a thread a node", "threads"))
    if bench.wants(names[2]):
        yield bench.race(_threads(bench, path, names[2], "a thread a node", "threads"))
    if bench.wants(names[3]):
        yield bench.race(_threads(bench, path, names[3], "threads as the planner places them", None))


def _against_peers(bench: Bench, path: str, name: str, how: str, place: str) -> Case:
    graph = chain_graph(path)
    case = Case(
        name,
        f"AEDAT4 → background activity → 10 ms → 5 bins: {how}",
        bench.events,
        [Contender(OURS, lambda: run_chain(graph, place))],
        lambda theirs, ours: "" if theirs == ours else f"keeps {theirs} events, not {ours}",
        [AtLeast(4, FASTEST)],
    )
    if bench.peers:
        if peers.load("EventCV") is not None:
            case.contenders.append(Contender("EventCV", lambda: eventcv_chain(path)))
        if peers.load("dv-processing") is not None:
            case.contenders.append(Contender("dv-processing + numpy", lambda: dv_chain(path)))
    case.note = "EventCV filters the whole recording at once: with slices from its reader it forgets its state"
    return case


def _threads(bench: Bench, path: str, name: str, how: str, place: str | None) -> Case:
    graph = chain_graph(path)
    copies = _Copies(path)

    def on_one_core() -> int:
        with one_core():
            return run_chain(graph, "fused")

    contenders = [
        Contender(OURS, lambda: run_chain(graph, place)),
        Contender("fused on one core", on_one_core, peer=False),
        Contender("fused", lambda: run_chain(graph, "fused"), peer=False),
        Contender("two copies (ceiling)", copies.run, lambda seconds: seconds / 2, peer=False),
    ]
    case = Case(name, f"the same: {how}, against one core", bench.events, contenders)
    case.targets = [AtLeast(1.5, "fused on one core")]
    case.note = (
        "fused unpacks the recording ahead on the second core; two independent processes, each on a core of its own, "
        "are the most that two cores can give"
    )
    return case


class _Copies:
    """Two processes that run the fused chain at the same time, started once."""

    def __init__(self, path: str) -> None:
        self._command = [sys.executable, "-m", "eventflow.bench.copy", path]
        self._cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0, 1]
        self._processes: list[subprocess.Popen[str]] = []

    def run(self) -> float:
        """Return how long both take for one run each, s."""
        if not self._processes:
            pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
            self._processes = [
                subprocess.Popen([*self._command, str(self._cores[number % len(self._cores)])], **pipes)
                for number in range(2)
            ]
            self._await()
        begun = time.perf_counter()
        for process in self._processes:
            assert process.stdin is not None
            process.stdin.write("run\n")
            process.stdin.flush()
        self._await()
        return time.perf_counter() - begun

    def _await(self) -> None:
        for process in self._processes:
            assert process.stdout is not None
            if not process.stdout.readline():
                raise RuntimeError("a copy of the chain ended")

    def __del__(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()


def eventcv_chain(path: str) -> int:
    """Return how many events EventCV keeps on the way to its voxel grids; the fastest of the ways tried."""
    eventcv: Any = peers.load("EventCV")
    # its window is closed where dv's and ours are open
    events = eventcv.load(path).background_activity_filter(WINDOW_US - 1).numpy()
    for piece in _slices(events, events[:, 2].astype(np.int64)):
        stream = eventcv.from_numpy(piece, sensor_size=(346, 260), time_unit="us")
        stream.voxel(bins=BINS, window_us=EVERY_US).numpy()
    return len(events)


def dv_chain(path: str) -> int:
    """Return how many events dv-processing keeps on the way to voxel grids made with numpy.bincount."""
    dv: Any = peers.load("dv-processing")
    reader = dv.io.MonoCameraRecording(path)
    width, height = reader.getEventResolution()
    noise = dv.noise.BackgroundActivityNoiseFilter((width, height), timedelta(microseconds=WINDOW_US))
    slicer = dv.EventStreamSlicer()
    kept = 0

    def on_slice(store: Any) -> None:
        if store.size():
            numpy_voxel_grid(store.numpy(), width, height)

    slicer.doEveryTimeInterval(timedelta(microseconds=EVERY_US), on_slice)
    while (batch := reader.getNextEventBatch()) is not None:
        noise.accept(batch)
        clean = noise.generateEvents()
        kept += clean.size()
        slicer.accept(clean)
    return kept


def numpy_voxel_grid(events: NDArray[Any], width: int, height: int) -> NDArray[np.float32]:
    """Return the voxel grid of Zhu et al. 2019 as numpy does it fastest: two weighted bincounts."""
    t = events["timestamp"]
    tau = (t - t[0]) * ((BINS - 1) / max(int(t[-1] - t[0]), 1))
    early = tau.astype(np.int64)
    late = tau - early
    sign = events["polarity"] * 2.0 - 1
    cell = (early * height + events["y"]) * width + events["x"]
    plane = width * height
    grid = np.bincount(cell, sign * (1 - late), BINS * plane)
    grid += np.bincount(np.minimum(cell + plane, BINS * plane - 1), sign * late, BINS * plane)
    return grid.astype(np.float32).reshape(BINS, height, width)


def _slices(events: NDArray[Any], t: NDArray[np.int64]) -> Iterator[NDArray[Any]]:
    first, last = int(t[0]) // EVERY_US, int(t[-1]) // EVERY_US
    cuts = np.searchsorted(t, np.arange(first, last + 2) * EVERY_US)
    for begin, end in itertools.pairwise(cuts):
        if end > begin:
            yield events[begin:end]
