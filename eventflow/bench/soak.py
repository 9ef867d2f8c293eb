"""A long run at 10 Mev/s: its latency and its memory over time, printed and plotted."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from eventflow.bench import machine
from eventflow.bench.live import PROMISED_MEV, path_graph, path_place
from eventflow.bench.plugin import run_apart
from eventflow.errors import missing_extra

if TYPE_CHECKING:
    from collections.abc import Sequence

_PICTURE: Final = Path("soak.png")
_LINES: Final = 20


def soak(seconds: float, *, as_json: bool) -> int:
    """Run source -> stcf -> slices -> sink in two processes for so long; print its course and draw `soak.png`.

    Returns:
        0; 1 where anything was lost.
    """
    if find_spec("matplotlib") is None:  # before ten minutes have gone by
        raise missing_extra("matplotlib", "plot", "bench --soak")
    graph = path_graph(PROMISED_MEV, seconds, above_end="slices")
    summary = run_apart(graph, path_place("two_processes", "slices"), speed=1)
    samples = summary["samples"]
    if as_json:
        print(json.dumps({"machine": machine.describe(), "summary": summary}, indent=1))
    else:
        _print(summary, samples)
    _draw(samples)
    print(f"{_PICTURE} shows it", file=sys.stderr)
    return 0 if summary["lossless"] else 1


def _print(summary: dict[str, Any], samples: list[dict[str, Any]]) -> None:
    print(" · ".join(f"{name} {value}" for name, value in machine.describe().items()))
    print(f"{'wall s':>8} {'p50 µs':>9} {'p99 µs':>9} {'max µs':>9} {'memory MB':>10} {'events':>14}")
    for group in _groups(samples):
        seen = [each for each in group if each["p50_us"] is not None]
        if seen:
            p50 = sorted(each["p50_us"] for each in seen)[len(seen) // 2]
            p99, longest, memory = (max(each[key] for each in seen) for key in ("p99_us", "max_us", "memory_bytes"))
            last = group[-1]
            print(
                f"{last['wall_s']:8.0f} {p50:9.0f} {p99:9.0f} {longest:9.0f} {memory / 1e6:10.1f} {last['events']:14,}"
            )
    ages = ", ".join(f"{name} {value:.0f} µs" for name, value in summary["latency_us"].items())
    clean = summary["nodes"]["clean"]
    kept = clean["events_out"] / max(clean["events_in"], 1)
    print(
        f"{summary['events']:,} events, {summary['events'] / summary['wall_s'] / 1e6:.2f} Mev/s; stcf kept {kept:.1%}"
    )
    print(f"ages: {ages}; lossless: {summary['lossless']}")


def _groups(samples: list[dict[str, Any]]) -> Sequence[list[dict[str, Any]]]:
    """Samples in at most so many groups, one a line: the median of p50, the largest of everything else."""
    size = max(1, -(-len(samples) // _LINES))
    return [samples[start : start + size] for start in range(0, len(samples), size)]


def _draw(samples: list[dict[str, Any]]) -> None:
    from matplotlib.figure import Figure

    seen = [each for each in samples if each["p50_us"] is not None]
    wall = [each["wall_s"] for each in seen]
    figure = Figure(figsize=(9, 6), layout="constrained")
    ages, memory = figure.subplots(2, 1, sharex=True)
    for key, label in (("max_us", "max"), ("p99_us", "p99"), ("p50_us", "p50")):
        ages.semilogy(wall, [each[key] / 1e3 for each in seen], label=label, linewidth=1)
    ages.axhline(3, color="grey", linestyle=":", label="packet + 2 ms")
    ages.set_ylabel("age of outputs, ms, each second")
    ages.margins(y=0.25)
    ages.legend(loc="upper left", ncols=4)
    memory.plot(wall, [each["memory_bytes"] / 1e6 for each in seen], linewidth=1)
    memory.set_ylim(0, 1.2 * max(each["memory_bytes"] for each in seen) / 1e6)
    memory.set_ylabel("memory of both processes, MB")
    memory.set_xlabel("s")
    figure.suptitle(f"source → stcf → slices → sink, two processes, {PROMISED_MEV} Mev/s")
    figure.savefig(_PICTURE, dpi=120)
