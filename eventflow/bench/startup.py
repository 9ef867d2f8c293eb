"""From the command line to the first answer."""

from __future__ import annotations

import subprocess
import sys
import time
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from eventflow.bench.model import Limit, measured

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventflow.bench.model import Row
    from eventflow.bench.suite import Bench

_HELP: Final = "import sys; sys.argv = ['eventflow', '--help']; from eventflow.cli import main; sys.exit(main())"
_DEMO: Final = """
import sys, time
from eventflow.graph.file import load_graph
from eventflow.runtime import running
seen = []
def look(summary):
    if not seen and summary["nodes"].get("camera", {}).get("events_out"):
        seen.append(time.time())
running.run(load_graph("demo", folder=sys.argv[1]), on_progress=look)
print(*seen)
"""


def rows(bench: Bench) -> Iterator[Row]:
    """Yield the time of `--help` and of the demo's first events."""
    if bench.wants("startup.help"):
        bench.announce("eventflow --help")
        took = [_seconds([sys.executable, "-c", _HELP]) for _ in range(7)]
        floor = min(_seconds([sys.executable, "-c", "pass"]) for _ in range(5))
        note = f"Python alone takes {floor:.3f} s"
        yield measured("startup.help", "eventflow --help", "s", took, Limit(0.3), note)
    if bench.wants("startup.demo"):
        bench.announce("first events of the demo")
        with TemporaryDirectory() as place:
            _first_events(place)
            took = [_first_events(place) for _ in range(3)]
        note = "seen by on_progress, which looks a few times a second; the kernels were compiled before"
        yield measured("startup.demo", "first events of `run demo`, warm", "s", took, Limit(2), note)


def _seconds(command: list[str]) -> float:
    begun = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begun


def _first_events(folder: str) -> float:
    begun = time.time()
    done = subprocess.run([sys.executable, "-c", _DEMO, folder], capture_output=True, text=True, check=False)
    if done.returncode or not done.stdout.strip():
        raise RuntimeError(done.stderr.strip().rpartition("\n")[2] or "the demo showed no events while it ran")
    return float(done.stdout.split()[0]) - begun
