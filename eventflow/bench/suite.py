"""The list of benchmarks, and one run over some of them."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from eventflow.bench.model import Row
from eventflow.bench.race import one_core, race

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventflow.bench.model import Case

BENCHMARKS: Final = {
    "io": "recordings to events and back, by format, and trees of them",
    "signal": "filters and representations",
    "represent": "every representation, on slices",
    "chain": "recording, filter, slices and voxel grids, as a graph",
    "runtime": "what a graph costs over its kernels, and a hop between processes",
    "place": "places recognised a second, and how time and memory grow with the map",
    "memory": "a long recording through the chain, and read and sought in, by format",
    "live": "ages of a paced graph's outputs, overload, and what the network sources take",
    "snn": "spiking networks: a step, many steps, a stream",
    "startup": "from the command line to the first answer",
}


@dataclass
class Bench:
    """What a benchmark is told, and how it measures.

    Attributes:
        names: what was asked for; empty is everything.
        peers: whether the other libraries run too.
        events: size of the inputs, events.
        seconds: how long a comparison goes on.
        large: whether the 2 GB recording is used.
        cpu_time: whether work on one core is charged by CPU time: on a machine that others use, wall time says little.
    """

    names: list[str]
    peers: bool
    events: int
    seconds: float
    large: bool
    cpu_time: bool
    announce: Callable[[str], None] = field(default=lambda text: None)

    def wants(self, name: str) -> bool:
        """Return whether the row `name`, or anything under it, was asked for."""
        return not self.names or any(_within(name, asked) or _within(asked, name) for asked in self.names)

    def race(self, case: Case, *, on_one_core: bool = False) -> Row:
        """Measure a case, with all threads on one core where that is the claim."""
        self.announce(case.what)
        if not on_one_core:
            return race(case, self.seconds)
        with one_core():
            return race(case, self.seconds, clock=time.process_time if self.cpu_time else time.perf_counter)

    def unmeasured(self, name: str, what: str, why: str) -> Row:
        """Return the row of something that could not be measured."""
        return Row(name, what, "", None, note=why)


def _within(name: str, asked: str) -> bool:
    """Return whether a dotted name begins with what was asked for, or it does after its first part, or a part does."""
    inside = name.partition(".")[2].startswith(asked)
    return name.startswith(asked) or inside or ("." not in asked and any(p.startswith(asked) for p in name.split(".")))


def run(names: list[str], *, peers: bool, json: bool, events: int, seconds: float, large: bool, cpu_time: bool) -> int:
    """Run the benchmarks called for and print what they found."""
    from eventflow.bench import report

    output: Any = report.JsonReport() if json else report.TableReport()
    bench = Bench(names, peers, events, seconds, large, cpu_time, output.announce)
    output.begin(peers)
    found = 0
    for name in _modules(names):
        output.group(name, BENCHMARKS[name])
        for row in import_module(f"eventflow.bench.{name}").rows(bench):
            output.row(row)
            found += 1
        output.end_group()
    output.end()
    if not found:
        known = ", ".join(BENCHMARKS)
        print(f"nothing to measure is named {' '.join(names)}; there are {known} and their rows", file=sys.stderr)
    return 0 if found else 2


def _modules(names: list[str]) -> list[str]:
    """Return the benchmarks to visit: those named, or all where a name may be of a row inside one."""
    heads = {name.split(".")[0] for name in names}
    return (
        list(BENCHMARKS) if heads - BENCHMARKS.keys() or not names else [name for name in BENCHMARKS if name in heads]
    )
