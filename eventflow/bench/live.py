"""A live graph: how old its outputs are, what it does under overload, and how fast it listens to the network.

A scene that was simulated at the stated rate is paced by the clock. The age of an output is counted from the moment at
which the oldest event of the packet that completed it was due, so that stalls of the source count as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from eventflow.bench import live_network
from eventflow.bench.model import Limit, Reading, Row, measured
from eventflow.bench.plugin import run_apart
from eventflow.bench.scenes import RATES, scene_source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventflow.bench.suite import Bench

_PACKET_US: Final = 1_000
_SLACK_US: Final = 2_000  # what the whole path may take beyond the packet, 99 % of the time
PROMISED_MEV: Final = 10
_LEAST_S: Final = 12.0  # of an overload: memory fills for some seconds before it stands still
_OVERLOAD: Final = 10
_WAITING: Final = 32
_CLEAN: Final = {"use": "stcf", "window": "5ms", "k": 2}
_SLICES: Final = {"use": "slice_time", "every": f"{_PACKET_US}us"}
_END: Final = {"use": "null"}
_PLACES: Final = ("two_processes", "one_process")


def rows(bench: Bench) -> Iterator[Row]:
    """Yield latency by rate and placement, with and without a tracker, overload, and the network."""
    for place in _PLACES:
        for mev in RATES:
            if bench.wants(name := f"live.slices.{place}.{mev:02d}"):
                yield _path(bench, name, "slices", place, mev)
        for mev in (rate for rate in RATES if rate <= PROMISED_MEV):
            if bench.wants(name := f"live.tracker.{place}.{mev:02d}"):
                yield _path(bench, name, "tracks", place, mev)
    if bench.wants("live.tracker.unfiltered"):
        yield _unfiltered(bench)
    if bench.wants("live.overload"):
        yield from _overload(bench)
    yield from live_network.rows(bench)


def path_graph(mev: int, seconds: float, *, above_end: str) -> dict[str, Any]:
    """Return source -> stcf -> slices (or tracker) -> sink."""
    nodes = {
        "camera": scene_source(mev, seconds),
        "clean": _CLEAN,
        "slices": _SLICES,
        "tracks": {"use": "cluster_tracker"},
        "end": _END,
    }
    kept = ("camera", "clean", above_end, "end")
    return {"nodes": {name: nodes[name] for name in kept}, "flow": [" -> ".join(kept)]}


def path_place(place: str, above_end: str) -> Any:
    """Return the placement of a path: in two processes the second begins with what follows the filter."""
    if place == "one_process":
        return None
    return {"front": ["camera", "clean"], "back": [above_end, "end"]}


def _path(bench: Bench, name: str, above_end: str, place: str, mev: int) -> Row:
    what = f"source → stcf → {above_end} → sink, {place.replace('_', ' ')}, {mev} Mev/s: age p99"
    bench.announce(what)
    graph = path_graph(mev, bench.seconds, above_end=above_end)
    summary = run_apart(graph, path_place(place, above_end), speed=1)
    target = Limit(_PACKET_US + _SLACK_US) if mev == PROMISED_MEV and above_end == "slices" else None
    return latency_row(name, what, summary, target)


def latency_row(name: str, what: str, summary: dict[str, Any], target: Limit | None) -> Row:
    """Return the row of a paced run's ages; a run that lost or dropped anything says so."""
    ages = summary["latency_us"]
    row = measured(name, what, "µs", [ages["p99"]], target, _facts(summary))
    row.others = {each: Reading(ages[each], ages[each], peer=False) for each in ("p50", "max")}
    row.verdicts.append(("lossless", summary["lossless"]))
    return row


def _facts(summary: dict[str, Any]) -> str:
    seen = summary["nodes"].get("clean", summary["nodes"]["camera"])
    into = max(seen["events_in"], seen["events_out"])
    facts = [f"{summary['events'] / summary['wall_s'] / 1e6:.2f} Mev/s sent"]
    if "clean" in summary["nodes"]:
        facts.append(f"stcf kept {seen['events_out'] / max(into, 1):.1%}")
    busy = ", ".join(f"{name} {each['busy_s'] / summary['wall_s']:.0%}" for name, each in summary["nodes"].items())
    return "; ".join([*facts, f"busy: {busy}"])


def _unfiltered(bench: Bench) -> Row:
    what = f"source → tracker → sink, two processes, {PROMISED_MEV} Mev/s into the tracker: age p99"
    bench.announce(what)
    nodes = {"camera": scene_source(PROMISED_MEV, bench.seconds), "tracks": {"use": "cluster_tracker"}, "end": _END}
    place: Any = {"front": ["camera"], "back": ["tracks", "end"]}
    summary = run_apart({"nodes": nodes, "flow": ["camera -> tracks -> end"]}, place, speed=1)
    return latency_row("live.tracker.unfiltered", what, summary, None)


def _overload(bench: Bench) -> Iterator[Row]:
    what = f"{_OVERLOAD}x overload, drop_oldest with {_WAITING} packets, {PROMISED_MEV} Mev/s"
    bench.announce(what)
    pause_us = _OVERLOAD * _PACKET_US
    nodes = {
        "camera": scene_source(PROMISED_MEV, max(bench.seconds, _LEAST_S)),
        "slow": {"use": "bench_brake", "pause": f"{pause_us}us"},
        "end": _END,
    }
    flow = [{"camera -> slow": {"when_full": "drop_oldest", "packets": _WAITING}}, "slow -> end"]
    for place, placed in (("one process", None), ("two processes", {"front": ["camera"], "back": ["slow", "end"]})):
        summary = run_apart({"nodes": nodes, "flow": flow}, placed, speed=1)
        edge = summary["edges"][0]
        exact = edge["events_sent"] == edge["events_received"] + edge["events_dropped"] == summary["events"]
        windows = 1 if place == "one process" else 2  # packets under way to the other process, and packets that wait
        limit = Limit(1.25 * (windows * _WAITING + 4) * (pause_us + _PACKET_US))  # sleeps end late
        name = f"live.overload.{place.replace(' ', '_')}"
        row = measured(name, f"{what}, {place}: oldest", "µs", [summary["latency_us"]["max"]], limit)
        row.verdicts.append((f"sent {edge['messages_sent']} = received + dropped {edge['messages_dropped']}", exact))
        row.verdicts.append(_flat(summary))
        yield row


def _flat(summary: dict[str, Any]) -> tuple[str, bool]:
    """Judge whether memory stands still: the last third of the run against the middle one."""
    used = [each["memory_bytes"] / 1e6 for each in summary["samples"]]
    third = len(used) // 3
    middle, last = max(used[third : 2 * third], default=0.0), max(used[2 * third :], default=0.0)
    return f"memory {middle:.0f} MB, then {last:.0f} MB", last <= middle * 1.05 + 5
