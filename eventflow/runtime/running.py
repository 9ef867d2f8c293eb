"""`ef.run`: a graph, from file to summary."""

from __future__ import annotations

import dataclasses
import os
import sys
import time
from typing import TYPE_CHECKING, Any

from eventflow.errors import MemoryLimitError, RunError
from eventflow.graph.graph import Graph
from eventflow.runtime.control import DEFAULT_MEMORY_BYTES
from eventflow.runtime.memory import keep_freed_memory
from eventflow.runtime.options import RunOptions
from eventflow.runtime.outcome import Outcome
from eventflow.runtime.pace import pace_from_text
from eventflow.runtime.plan import make_plan
from eventflow.runtime.summary import lost

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

SWITCH_INTERVAL_S = 1e-4
"""With Python's 5 ms, a kernel that comes back beside one busy thread waits 5 ms for the GIL; so 0.2 ms."""


def run(
    graph: Graph | str | Path,
    set: Mapping[str, Any] | None = None,
    place: str | Path | dict[str, list[str]] | None = None,
    speed: str | float | None = "max",
    *,
    packet_events: int | None = None,
    for_us: int | None = None,
    memory_bytes: int = DEFAULT_MEMORY_BYTES,
    hash_outputs: bool = False,
    runs_folder: str | Path = "runs",
    on_progress: Callable[[dict[str, Any]], None] | None = None,
    on_notice: Callable[[str], None] | None = None,
    jitter_us: int = 0,
    steerable: bool = False,
) -> dict[str, Any]:
    """Run a graph to its end and return its summary.

    Args:
        graph: a Graph, or the path or name of a graph file.
        set: parameters of the graph (`name`) and of its nodes (`node.param`).
        place: fused, threads, processes, auto, a file or map that places nodes; None: what the graph file says.
        speed: "max", event time per wall time, or a file of wall times (s) and speeds.
        packet_events: the largest packet of every source, events; None: each source's own.
        for_us: how much event time to process, µs; of live sources, how much wall time.
        memory_bytes: what queues and join buffers may hold together.
        hash_outputs: whether the summary holds the blake2b of the files written.
        runs_folder: where a failure leaves its traceback and the message it failed on.
        on_progress: called a few times a second with the summary as it stands.
        on_notice: called with what a user should know while waiting: "compiling kernels.denoise.…".
        jitter_us: how much later than due a packet may be sent, µs; how much, its number decides.
        steerable: whether `attach` (and `eventflow top`) may look at the run and take a hand in it.

    Raises:
        GraphError: the graph is wrong; nothing ran and nothing was written.
        RunError: the run failed, or lost what the graph does not allow. `error.summary` is the summary.
        KeyboardInterrupt: a second Ctrl-C gave the run up.
    """
    checked = _prepared(graph, set or {}, packet_events)
    plan = make_plan(checked, place)
    run_id = time.strftime("%Y%m%d-%H%M%S-") + str(os.getpid())
    folder = os.path.join(os.path.abspath(runs_folder), run_id)
    options = RunOptions(pace_from_text(speed, jitter_us), for_us, memory_bytes, folder, run_id if steerable else "")
    live = any(spec.node_class.live for spec in checked.nodes.values())
    outcome = Outcome(checked, plan, paced=options.pace is not None or live)
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    keep_freed_memory()
    try:
        if len(plan.workers) == 1:
            from eventflow.kernels.jit import announce_compilation
            from eventflow.runtime.local import run_here

            if on_notice is not None:
                announce_compilation(on_notice)
            run_here(checked, plan, options, outcome, on_progress)
        else:
            from eventflow.runtime.supervisor import Supervisor

            Supervisor(checked, plan, options, outcome, on_progress, on_notice).run()
    finally:
        sys.setswitchinterval(before)
    return _judged(checked, outcome, hash_outputs)


def _prepared(graph: Graph | str | Path, values: Mapping[str, Any], packet_events: int | None) -> Graph:
    from eventflow.graph.file import load_graph

    if not isinstance(graph, Graph):
        graph = load_graph(graph, set=dict(values))
    if packet_events is None:
        return graph
    nodes = {
        name: dataclasses.replace(spec, parameters=_with_packet_events(spec, packet_events)) if spec.is_source else spec
        for name, spec in graph.nodes.items()
    }
    return dataclasses.replace(graph, nodes=nodes)


def _with_packet_events(spec: Any, packet_events: int) -> dict[str, Any]:
    declared = spec.node_class.declaration.parameters["packet_events"]
    parameters: dict[str, Any] = spec.parameters | {"packet_events": declared.parse(packet_events)}
    return parameters


def _judged(graph: Graph, outcome: Outcome, hash_outputs: bool) -> dict[str, Any]:
    summary = outcome.summary(hash_files=hash_outputs and outcome.failure is None)
    failure = outcome.failure
    if failure is None and (lines := lost(graph, summary)):
        failure = RunError("the run lost what the graph does not allow:\n" + "\n".join(lines))
    if failure is None:
        return summary
    if isinstance(failure, MemoryLimitError) and outcome.stall:
        failure.args = (f"{failure}\n{outcome.stall}",)
    failure.summary = summary  # type: ignore[attr-defined]
    raise failure
