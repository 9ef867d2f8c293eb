"""All tasks of one process: built from the plan, run in threads, observed, closed."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import zmq

from eventflow.runtime.counters import EdgeCounts, LatencyHistogram
from eventflow.runtime.link import LinkInlet, LinkOutlet, LinkReceiver
from eventflow.runtime.publish import Publishers
from eventflow.runtime.queues import QueueEdge
from eventflow.runtime.runner import Runner
from eventflow.runtime.source import SourceRunner
from eventflow.runtime.task import Task

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventflow.graph.graph import EdgeSpec, Graph
    from eventflow.runtime.control import RunControl
    from eventflow.runtime.plan import Plan


class TaskGroup:
    """The part of a graph that one process runs.

    Args:
        graph: the whole graph.
        plan: where everything runs.
        worker: the name of this process in the plan.
        control: what all threads of this process look at.
        folder: returns the run's folder, made when it is first needed.
        sockets: the folder of the ipc sockets between processes.
        token: what a peer must know.
    """

    def __init__(
        self,
        graph: Graph,
        plan: Plan,
        worker: str,
        control: RunControl,
        *,
        folder: Callable[[], str],
        sockets: str = "",
        token: str = "",
        on_started: Callable[[], None] | None = None,
    ) -> None:
        self.control = control
        self.failure: BaseException | None = None
        self.states_at_failure: list[dict[str, Any]] = []
        self.edges: dict[int, EdgeCounts] = {}
        self.tasks: list[Task] = []
        self.runners: dict[str, Runner] = {}
        self._graph = graph
        self._sockets = sockets
        self._token = token
        self._on_started = on_started
        self._starting = threading.Lock()
        self._publishers = Publishers(self.edges, graph.text)
        self._task_of: dict[str, tuple[str, int]] = {}
        self._worker_numbers = {each.name: number for number, each in enumerate(plan.workers)}
        for each in plan.workers:
            for index, names in enumerate(each.tasks):
                self._task_of |= dict.fromkeys(names, (each.name, index))
        self._worker = worker
        own = next(each for each in plan.workers if each.name == worker)
        for names in own.tasks:
            task = Task(names, control)
            task.on_started = self._task_started
            self.tasks.append(task)
            for name in names:
                self._add_runner(task, name, folder)
        for edge in self._edges_by_rank():
            self._connect(edge)
        if len(plan.workers) == len(own.tasks) == len(self.tasks[0].sources) == 1:
            self.tasks[0].sources[0].alone = True

    def _add_runner(self, task: Task, name: str, folder: Callable[[], str]) -> None:
        spec = self._graph.nodes[name]
        runner = (SourceRunner if spec.is_source else Runner)(spec, self.control, folder)
        runner.node.services = self._publishers
        task.runners.append(runner)
        if isinstance(runner, SourceRunner):
            task.sources.append(runner)
        self.runners[name] = runner

    def _edges_by_rank(self) -> list[EdgeSpec]:
        """Edges in order of the file: two outlets of a port are served in that order under every placement."""
        here = [
            edge for edge in self._graph.edges if self._worker in (self._place(edge.source), self._place(edge.target))
        ]
        return sorted(here, key=lambda edge: edge.index)

    def _place(self, node: str) -> str:
        return self._task_of[node][0]

    def _connect(self, edge: EdgeSpec) -> None:
        counts = self.edges[edge.index] = EdgeCounts()
        begin, end = self._task_of[edge.source], self._task_of[edge.target]
        address = f"ipc://{self._sockets}/{self._worker_numbers[end[0]]}-{end[1]}"
        inlet = None
        if end[0] == self._worker:
            rank = self._graph.edges_to(edge.target).index(edge)
            inlet = self.runners[edge.target].add_inlet(edge, rank, counts)
        if begin == end and inlet is not None:
            self.runners[edge.source].add_outlet(inlet)
        elif begin[0] == end[0] and inlet is not None:
            sender, receiver = self.tasks[begin[1]], self.tasks[end[1]]
            queue = QueueEdge(edge, inlet, counts, receiver, self.control)
            queue.sender = sender
            receiver.arrivals.append(queue)
            self.runners[edge.source].add_outlet(queue)
        elif inlet is not None:
            receiver = self.tasks[end[1]]
            if receiver.receiver is None:
                receiver.receiver = LinkReceiver(address, self._token)
            arriving = LinkInlet(edge, inlet, receiver.receiver, self.control)
            receiver.receiver.inlets[edge.index] = arriving
            receiver.arrivals.append(arriving)
        else:
            sender = self.tasks[begin[1]]
            outlet = LinkOutlet(edge, counts, sender, self.control, address, self._token)
            sender.link_outlets.append(outlet)
            self.runners[edge.source].add_outlet(outlet)

    # Running.

    def run(self, *, watch: Callable[[], None] | None = None, period_s: float = 0.1) -> None:
        """Run every task to its end. `watch` is called every `period_s` by a thread of its own.

        A single task, and one that draws a window, runs in the calling thread. The first failure is kept in `failure`.
        """
        context = zmq.Context()
        watching = threading.Event()
        observer = threading.Thread(target=self._watch, args=(watch, watching, period_s), name="watch", daemon=True)
        if watch is not None:
            observer.start()
        try:
            here = next((task for task in self.tasks if task.main_thread), None)
            if here is None and len(self.tasks) == 1:
                here = self.tasks[0]
            threads = [
                threading.Thread(target=task.run, args=(context, self.fail), name="+".join(task.names), daemon=True)
                for task in self.tasks
                if task is not here
            ]
            for thread in threads:
                thread.start()
            if here is not None:
                here.run(context, self.fail)
            for thread in threads:
                thread.join()
        finally:
            self._publishers.close()
            watching.set()
            if watch is not None:
                observer.join()
            context.term()

    @staticmethod
    def _watch(watch: Callable[[], None] | None, ended: threading.Event, period_s: float) -> None:
        while watch is not None and not ended.wait(period_s):
            watch()

    def fail(self, error: BaseException) -> None:
        """Take the first error of any task; every other task is told to stop."""
        if self.failure is None:
            self.failure = error
            self.states_at_failure = [self.task_state(task) for task in self.tasks]
        self.control.abort()

    def close(self, *, complete: bool) -> None:
        """Let every node release what it holds; files are kept only if `complete`."""
        for runner in self.runners.values():
            try:
                runner.node.close(complete=complete)
            except Exception as error:
                complete = False
                if self.failure is None:
                    self.failure = error

    def _task_started(self) -> None:
        with self._starting:
            if self._on_started is not None and all(task.started for task in self.tasks):
                on_started, self._on_started = self._on_started, None
                on_started()

    @property
    def t_start(self) -> int | None:
        """The first event time that a source of this process knows of."""
        known = [runner.t_start for runner in self.runners.values() if isinstance(runner, SourceRunner)]
        return min((t for t in known if t is not None), default=None)

    # Observing.

    def snapshot(self) -> dict[str, Any]:
        """Return all counters, as plain values."""
        latency = LatencyHistogram()
        nodes = {}
        for name, runner in self.runners.items():
            nodes[name] = runner.counts.plain() | {
                "skipped": dict(runner.node.skipped),
                "repaired": dict(runner.node.repaired),
                "t": runner.watermark,
            }
            latency.merge(runner.latency.counts, runner.latency.max_ns)
        return {
            "nodes": nodes,
            "edges": {index: counts.plain() for index, counts in self.edges.items()},
            "latency": [latency.counts, latency.max_ns],
            "tasks": [self.task_state(task) for task in self.tasks],
            "held_bytes": self.control.held_bytes,
        }

    @staticmethod
    def task_state(task: Task) -> dict[str, Any]:
        """Return what a task is doing, as plain values."""
        blocked = task.blocked_on
        quiet = "pacing" if task.pacing else "waiting" if task.idle else "working"
        state = "ended" if task.ended else "blocked" if blocked is not None else quiet
        return {
            "nodes": task.names,
            "state": state,
            "steps": task.steps,
            "blocked_on": None if blocked is None else blocked.edge.index,
        }

    def report(self) -> dict[str, Any]:
        """Return what the nodes leave behind: files, content hashes, results. Called after `close`."""
        outputs, hashes, results = {}, {}, {}
        for name, runner in self.runners.items():
            if runner.node.outputs:
                outputs[name] = [str(path) for path in runner.node.outputs]
            if runner.node.content_hash is not None:
                hashes[name] = runner.node.content_hash
            if runner.node.results:
                results[name] = runner.node.results
        return {"outputs": outputs, "hashes": hashes, "results": results}

    # Steering.

    def steer(self, order: dict[str, Any]) -> None:
        """Do what somebody who steers the run asked for; `steering.checked_order` looked at it."""
        kind = order["do"]
        self.control.steered = True
        if kind == "pause":
            self.control.pause()
        elif kind == "resume":
            self.control.resume()
        elif kind == "step":
            self._order_sources(lambda source: source.allow(order["packets"]))
        elif kind == "seek":
            self._order_sources(lambda source: source.seek(order["t"]))
        elif kind == "set" and order["node"] in self.runners:
            runner = self.runners[order["node"]]
            task = next(task for task in self.tasks if runner in task.runners)
            task.orders.append(lambda: setattr(runner.node, order["parameter"], order["value"]))
        elif kind == "stop":
            self.control.drain()
        self.control.wake()

    def _order_sources(self, what: Callable[[SourceRunner], None]) -> None:
        """Have something done to each source by its own thread, between two of its packets."""
        for task in self.tasks:
            for source in task.sources:
                task.orders.append(partial(what, source))

    def grow(self, edge_index: int) -> None:
        """Double the limits of an edge that ends in this process."""
        for task in self.tasks:
            for arrival in task.arrivals:
                if arrival.edge.index == edge_index:
                    arrival.grow()
