"""The benchmark's own nodes as a plugin that only its child processes see.

They are no part of what a user may put into a graph, but a graph that spans processes finds its nodes by entry point.
So a folder with a distribution that declares them goes on the path of the processes that measure, and nowhere else.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

_ENTRY_POINTS = """[eventflow.nodes]
bench_brake = eventflow.bench.nodes:BenchBrake
bench_replay = eventflow.bench.nodes:BenchReplay
bench_scene = eventflow.bench.nodes:BenchScene
bench_stopwatch = eventflow.bench.nodes:BenchStopwatch
bench_ticker = eventflow.bench.nodes:BenchTicker
"""


def run_apart(graph: dict[str, Any], place: str | dict[str, list[str]] | None, **options: Any) -> dict[str, Any]:
    """Run a graph of benchmark nodes in a new process and return its summary, with `samples` of its course.

    Args:
        graph: a mapping with the keys of a graph file.
        place: fused, threads or processes, a map of processes, or None.
        options: of `eventflow.run`.

    Raises:
        RuntimeError: it failed; the text is what it said.
    """
    with TemporaryDirectory() as place_for_plugin:
        folder = Path(place_for_plugin) / "eventflow_bench-0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: eventflow-bench\nVersion: 0\n")
        (folder / "entry_points.txt").write_text(_ENTRY_POINTS)
        path = os.pathsep.join([place_for_plugin, *filter(None, [os.environ.get("PYTHONPATH")])])
        done = subprocess.run(
            [sys.executable, "-m", "eventflow.bench.plugin"],
            input=json.dumps({"graph": graph, "place": place, "options": options}),
            env=os.environ | {"PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise RuntimeError(done.stderr.strip().rpartition("\n")[2])
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary


def _main() -> None:
    from eventflow.bench.course import Course
    from eventflow.graph.file import graph_from_dict
    from eventflow.runtime.running import run

    given = json.load(sys.stdin)
    course = Course()
    summary = run(graph_from_dict(given["graph"]), place=given["place"], on_progress=course, **given["options"])
    json.dump(summary | {"samples": course.samples}, sys.stdout)


if __name__ == "__main__":
    _main()
