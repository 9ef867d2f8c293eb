"""A run in this process alone: fused, or a thread a task."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from eventflow.runtime.group import TaskGroup
from eventflow.runtime.interrupt import Interrupts
from eventflow.runtime.stall import StallDetector
from eventflow.runtime.steering import steering

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventflow.graph.graph import Graph
    from eventflow.runtime.options import RunOptions
    from eventflow.runtime.outcome import Outcome
    from eventflow.runtime.plan import Plan

_LOOK_S = 0.1


def run_here(
    graph: Graph,
    plan: Plan,
    options: RunOptions,
    outcome: Outcome,
    on_progress: Callable[[dict[str, Any]], None] | None,
) -> None:
    """Run a plan of one worker; what came of it is put into `outcome`."""
    (worker,) = plan.workers
    control = options.control()
    detector = StallDetector(graph)
    begun = time.monotonic()

    def start() -> None:
        nonlocal begun
        begun = time.monotonic()
        control.start(time.monotonic_ns(), group.t_start)

    group = TaskGroup(graph, plan, worker.name, control, folder=lambda: options.folder, on_started=start)
    outcome.pids = {worker.name: os.getpid()}

    def watch() -> None:
        tasks = [group.task_state(task) for task in group.tasks]
        grow = detector.look(tasks) if len(tasks) > 1 and not control.paused else None
        if grow is not None:
            group.grow(grow)
        if on_progress is not None:
            on_progress(summary())

    def summary() -> dict[str, Any]:
        outcome.snapshots = {worker.name: group.snapshot()}
        outcome.wall_s = time.monotonic() - begun
        return outcome.summary()

    # closing included: an interrupt while files get their final names must not leave half of them
    with Interrupts(drain=control.drain, abort=control.abort) as interrupts:
        with steering(graph, options.run_id, apply=group.steer, summary=summary, log=outcome.steering):
            group.run(watch=watch if on_progress is not None or len(group.tasks) > 1 else None, period_s=_LOOK_S)
        outcome.wall_s = time.monotonic() - begun
        outcome.interrupted = interrupts.count > 0
        aborted = group.failure is not None or interrupts.count > 1
        outcome.failure = group.failure or (KeyboardInterrupt() if aborted else None)
        group.close(complete=not aborted)
    outcome.failure = outcome.failure or group.failure
    outcome.snapshots = {worker.name: group.snapshot()}
    outcome.reports = {worker.name: group.report()}
    outcome.grown = detector.grown
    outcome.stall = detector.drawing(group.states_at_failure)
