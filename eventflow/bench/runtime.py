"""What a graph costs: over a plain loop of the same kernels, and for a hop between two processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from eventflow.bench import inputs
from eventflow.bench.bare_hop import bare_latency_us
from eventflow.bench.chain_graph import BINS, EVERY_US, WINDOW_US
from eventflow.bench.model import OURS, AtLeast, Case, Contender, Limit, measured
from eventflow.bench.nodes import BenchReplay
from eventflow.bench.plugin import run_apart
from eventflow.graph.file import graph_from_dict
from eventflow.graph.graph import Graph, NodeSpec
from eventflow.graph.node import parsed_parameters
from eventflow.kernels import denoise, representations
from eventflow.kernels.slices import TimeSlicer
from eventflow.messages import Grid
from eventflow.runtime.running import run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventflow.bench.model import Row
    from eventflow.bench.suite import Bench
    from eventflow.events import Events

_OVERHEAD: Final = {4096: 0.10, 16384: 0.05}


def rows(bench: Bench) -> Iterator[Row]:
    """Yield overhead, throughput of a hop, and its idle latency."""
    for packet_events, allowed in _OVERHEAD.items():
        name = f"runtime.overhead_{packet_events // 1024}k"
        if bench.wants(name):
            yield bench.race(_overhead(bench, name, packet_events, allowed), on_one_core=True)
    if bench.wants("runtime.ipc_hop"):
        yield _hop(bench)
    if bench.wants("runtime.ipc_latency"):
        yield from _latency(bench)


def _overhead(bench: Bench, name: str, packet_events: int, allowed: float) -> Case:
    count = bench.events // 2
    events = inputs.stream("small", count)
    graph = _graph(str(inputs.stream_path("small", count)), events, packet_events)

    clock = "cpu_s" if bench.cpu_time else "wall_s"

    def as_graph() -> float:
        return float(run(graph, place="fused")["results"]["source"][clock])

    packets = [events[start : start + packet_events] for start in range(0, count, packet_events)]
    loop = Contender("plain loop", lambda: plain_loop(packets), peer=False)
    what = f"fused graph against a loop of its kernels, {packet_events} events a packet"
    case = Case(name, what, count, [Contender(OURS, as_graph, lambda seconds: seconds), loop])
    case.targets = [AtLeast(round(1 / (1 + allowed), 3), "plain loop")]
    case.note = f"an overhead of {allowed:.0%} is a ratio of {1 / (1 + allowed):.3f}; timed from the first packet on"
    return case


def _graph(path: str, events: Events, packet_events: int) -> Graph:
    """Return the chain with a source in memory, whose class no plugin has to register in this one process."""
    nodes: dict[str, Any] = {
        "source": {"use": "synth"},
        "clean": {"use": "background_activity", "window": f"{WINDOW_US}us"},
        "slices": {"use": "slice_time", "every": f"{EVERY_US}us"},
        "voxels": {"use": "voxel_grid", "bins": BINS},
        "end": {"use": "null"},
    }
    graph = graph_from_dict({"nodes": nodes, "flow": ["source.events -> clean -> slices -> voxels -> end"]})
    given = {"path": path, "width": events.width, "height": events.height, "packet_events": packet_events}
    graph.nodes["source"] = NodeSpec("source", "bench_replay", BenchReplay, parsed_parameters(BenchReplay, given))
    return graph


def plain_loop(packets: list[Events]) -> int:
    """Return the number of grids that the chain's kernels make of packets, called as a script would."""
    state = denoise.surface(packets[0].width, packets[0].height)
    slicer = TimeSlicer(EVERY_US)
    grids = 0
    for packet in packets:
        clean = denoise.background_activity(packet, state, WINDOW_US)
        for piece in slicer.push(clean):
            data = representations.voxel_grid(piece.events, piece.t0, piece.t1, BINS)
            grids += len(Grid(data, piece.t0, piece.t1, ("0", "1", "2", "3", "4")).channels)
    return grids // BINS


def _hop(bench: Bench) -> Row:
    bench.announce("ipc hop, 16 k events a packet")
    count = min(bench.events, 2_000_000)
    source = {
        "use": "bench_replay",
        "path": str(inputs.stream_path("small", count)),
        "width": 346,
        "height": 260,
        "times": 10,
    }
    graph = {"nodes": {"source": source, "end": {"use": "null"}}, "flow": ["source -> end"]}
    rates = []
    for _ in range(3):
        summary = run_apart(graph, "processes", packet_events=16384)
        rates.append(summary["events"] / summary["wall_s"] / 1e6)
    what = "ipc hop between two processes, 16 k events a packet"
    return measured("runtime.ipc_hop", what, "Mev/s", rates, Limit(100, "at least"), "source and sink cost nothing")


def _latency(bench: Bench) -> Iterator[Row]:
    bench.announce("idle latency of an ipc hop")
    nodes = {"ticker": {"use": "bench_ticker"}, "watch": {"use": "bench_stopwatch"}}
    found = []
    for _ in range(3):
        summary = run_apart({"nodes": nodes, "flow": ["ticker -> watch"]}, "processes")
        found.append(summary["results"]["watch"])
    what = "idle ipc hop, one event every 2 ms"
    p50, p99 = ([each[key] for each in found] for key in ("p50_us", "p99_us"))
    yield measured("runtime.ipc_latency", f"{what}: p50", "µs", p50, Limit(100))
    yield measured("runtime.ipc_latency", f"{what}: p99", "µs", p99)
    bare = [bare_latency_us()[0] for _ in range(3)]
    yield measured("runtime.ipc_latency", "bare pyzmq between two processes, the same pauses: p50", "µs", bare)
