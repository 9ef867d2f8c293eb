"""The supervisor: starts the workers, lets them go together, watches them, and makes one end of the run for all.

A run has five steps: every worker says hello and gets the whole graph; streams are announced along the edges until each
says it is ready; all go at one instant; all are done, or one fails; all close, and only if none failed are files kept.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import zmq

from eventflow import errors
from eventflow.io.parts import parts_in_journal, remove_part
from eventflow.runtime.control import memory_limit_error
from eventflow.runtime.interrupt import Interrupts
from eventflow.runtime.sockets import socket_base
from eventflow.runtime.stall import StallDetector
from eventflow.runtime.steering import steering
from eventflow.runtime.worker import TOKEN_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventflow.graph.graph import Graph
    from eventflow.runtime.options import RunOptions
    from eventflow.runtime.outcome import Outcome
    from eventflow.runtime.plan import Plan

_STARTUP_S = 180.0
_SILENCE_S = 60.0
_CLOSING_S = 20.0
_GO_DELAY_NS = 5_000_000
_PROGRESS_S = 0.25
_FOLDER_PREFIX = "eventflow-run-"
_LOOK_S = 0.15


class _Worker:
    """What the supervisor knows of one process."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.process = process
        self.log = log
        self.step = "starting"  # greeted, ready, done, failed, closed
        self.heard = time.monotonic()
        self.t_start: int | None = None
        self.snapshot: dict[str, Any] | None = None


class Supervisor:
    """Runs a plan of several workers; what came of it is put into `outcome`."""

    def __init__(
        self,
        graph: Graph,
        plan: Plan,
        options: RunOptions,
        outcome: Outcome,
        on_progress: Callable[[dict[str, Any]], None] | None,
        on_notice: Callable[[str], None] | None,
    ) -> None:
        self._graph = graph
        self._plan = plan
        self._options = options
        self._outcome = outcome
        self._on_progress = on_progress
        self._on_notice = on_notice
        self._token = secrets.token_hex(16)
        self._workers: dict[str, _Worker] = {}
        self._detector = StallDetector(graph)
        self._begun = time.monotonic()
        self._interrupts = Interrupts(drain=lambda: None, abort=lambda: None)
        self._drained = self._paused = False
        self._orders_to_pass: deque[dict[str, Any]] = deque()
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = self._context.socket(zmq.ROUTER)

    def run(self) -> None:
        """Run to the end; nothing is left behind, whatever happens."""
        base = socket_base()
        # outermost: an interrupt while the folder is made or removed must not leave it behind
        with self._interrupts:
            _sweep(base)
            self._folder = Path(tempfile.mkdtemp(prefix=f"{_FOLDER_PREFIX}{os.getpid()}-", dir=base))
            try:
                self._socket.setsockopt(zmq.LINGER, 500)
                self._socket.setsockopt(zmq.ROUTER_MANDATORY, 0)
                self._socket.bind(f"ipc://{self._folder}/control")
                self._start_workers()
                hooks = {"apply": self._orders_to_pass.append, "summary": self._summary}
                with steering(self._graph, self._options.run_id, log=self._outcome.steering, **hooks):
                    self._supervise()
                self._close_workers()
            finally:
                self._end_processes()
                self._socket.close()
                self._context.term()
                shutil.rmtree(self._folder, ignore_errors=True)

    # Starting.

    def _start_workers(self) -> None:
        environment = os.environ | {TOKEN_VARIABLE: self._token, "PYTHONUNBUFFERED": "1"}
        for number, plan in enumerate(self._plan.workers):
            log = self._folder / f"{number}.log"
            command = [sys.executable, "-m", "eventflow.runtime.worker", f"ipc://{self._folder}/control", plan.name]
            with log.open("wb") as stream:
                # a group of its own: Ctrl-C must not reach a worker that is not up yet and cannot ignore it
                process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, env=environment, process_group=0
                )
            self._workers[plan.name] = _Worker(plan.name, process, log)
            self._outcome.pids[plan.name] = process.pid

    def _orders(self) -> bytes:
        return msgspec.msgpack.encode(
            {
                "graph": self._graph.plain(),
                "plan": [{"name": each.name, "tasks": each.tasks} for each in self._plan.workers],
                "options": self._options.plain(),
                "sockets": str(self._folder),
                "token": self._token,
            }
        )

    # Watching.

    def _supervise(self) -> None:
        """Go on until every worker is done or one has failed."""
        next_look = next_progress = time.monotonic()
        gone = False
        while not self._all("done") and self._outcome.failure is None:
            self._listen(0.05)
            while self._orders_to_pass:
                self._pass_on(self._orders_to_pass.popleft())
            self._mourn()
            now = time.monotonic()
            if not gone and self._all("ready"):
                gone = True
                self._begun = now
                starts = [worker.t_start for worker in self._workers.values() if worker.t_start is not None]
                self._tell(kind="go", anchor_ns=time.monotonic_ns() + _GO_DELAY_NS, anchor_t=min(starts, default=None))
            if self._interrupts.count == 1 and not self._drained:
                self._drained = True
                self._tell(kind="drain")
            elif self._interrupts.count > 1:
                self._fail(KeyboardInterrupt())
            if now >= next_look:
                next_look = now + _LOOK_S
                self._look()
            if now >= next_progress and self._on_progress is not None:
                next_progress = now + _PROGRESS_S
                self._on_progress(self._summary())
        self._outcome.wall_s = time.monotonic() - self._begun
        self._outcome.interrupted = self._interrupts.count > 0

    def _pass_on(self, order: dict[str, Any]) -> None:
        """Have every worker do what somebody who steers the run asked for."""
        if order["do"] in ("pause", "resume"):
            self._paused = order["do"] == "pause"
        self._tell(kind="steer", order=order)

    def _summary(self) -> dict[str, Any]:
        """Return the summary as it stands, for any thread."""
        self._gather()
        self._outcome.wall_s = time.monotonic() - self._begun
        return self._outcome.summary()

    def _listen(self, seconds: float) -> None:
        if not self._socket.poll(int(seconds * 1000)):
            return
        with contextlib.suppress(zmq.Again):
            while True:
                identity, frame = [*self._socket.recv_multipart(zmq.NOBLOCK), b""][:2]
                try:
                    said = msgspec.msgpack.decode(frame)
                except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                    continue
                if isinstance(said, dict):
                    self._hear(identity.decode(errors="replace"), said)

    def _hear(self, name: str, said: dict[str, Any]) -> None:
        worker = self._workers.get(name)
        if worker is None or (worker.step == "starting" and said.get("token") != self._token):
            return
        worker.heard = time.monotonic()
        kind = said.get("kind")
        if said.get("snapshot") is not None:
            worker.snapshot = said["snapshot"]
        if kind == "hello":
            worker.step = "greeted"
            self._socket.send_multipart([name.encode(), self._orders()])
        elif kind == "ready":
            worker.step, worker.t_start = "ready", said["t_start"]
        elif kind == "notice":
            if self._on_notice is not None:
                self._on_notice(said["text"])
        elif kind == "failed":
            worker.step = "failed"
            self._fail(error_from_plain(said["error"]))
        elif kind == "done":
            worker.step = "done"
        elif kind == "closed":
            worker.step = "closed"
            if said["report"] is not None:
                self._outcome.reports[name] = said["report"]
            if said["error"] is not None:
                self._fail(error_from_plain(said["error"]))

    def _mourn(self) -> None:
        """Notice processes that ended or fell silent."""
        for worker in self._workers.values():
            code = worker.process.poll()
            silent_s = time.monotonic() - worker.heard
            if code is not None and worker.step not in ("closed",):
                how = f"signal {-code}" if code < 0 else f"exit code {code}"
                self._fail(errors.WorkerDiedError(f"worker {worker.name!r} ended with {how}{self._last_words(worker)}"))
            elif silent_s > (_STARTUP_S if worker.step in ("starting", "greeted") else _SILENCE_S):
                self._fail(errors.WorkerDiedError(f"worker {worker.name!r} fell silent {silent_s:.0f} s ago"))

    def _last_words(self, worker: _Worker) -> str:
        """Where it was, and where its output lies."""
        lines = ""
        nodes = next(plan for plan in self._plan.workers if plan.name == worker.name).tasks
        for edge in self._graph.edges:
            if worker.snapshot is not None and any(edge.target in task for task in nodes):
                counts = worker.snapshot["edges"].get(edge.index)
                if counts is not None:
                    seq = counts["messages_received"]
                    lines += f"\n  node {edge.target!r}, edge {edge.begin} -> {edge.end}: about message {seq}"
        if worker.log.exists() and worker.log.stat().st_size:
            kept = Path(self._options.folder)
            kept.mkdir(parents=True, exist_ok=True)
            target = kept / f"worker-{worker.name.replace('/', '.')}.log"
            shutil.copyfile(worker.log, target)
            lines += f"\n  what it printed last is in {target}"
        return lines

    def _look(self) -> None:
        tasks = [task for worker in self._workers.values() if worker.snapshot for task in worker.snapshot["tasks"]]
        self._outcome.stall = self._detector.drawing(tasks)
        held = sum(worker.snapshot["held_bytes"] for worker in self._workers.values() if worker.snapshot)
        if held > self._options.memory_bytes:
            self._fail(memory_limit_error(held, self._options.memory_bytes))
        grow = None if self._paused else self._detector.look(tasks)
        if grow is not None:
            target = next(edge.target for edge in self._graph.edges if edge.index == grow)
            self._send(self._plan.worker_of(target), {"kind": "grow", "edge": grow})

    # Ending.

    def _close_workers(self) -> None:
        complete = self._outcome.failure is None
        self._tell(kind="close", complete=complete)
        deadline = time.monotonic() + (_STARTUP_S if complete else _CLOSING_S)
        while not self._all("closed") and time.monotonic() < deadline:
            self._listen(0.05)
            if complete:
                self._mourn()
            elif all(worker.step == "closed" or worker.process.poll() is not None for worker in self._workers.values()):
                break
        if complete and not self._all("closed"):
            self._fail(errors.WorkerDiedError("a worker did not finish its files"))
        self._outcome.grown = self._detector.grown
        self._gather()

    def _end_processes(self) -> None:
        for worker in self._workers.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                worker.process.wait(5.0 if worker.step == "closed" else 0.2)
            if worker.process.poll() is None:
                worker.process.kill()
                worker.process.wait()
            if worker.step != "closed":
                for part in parts_in_journal(self._folder / f"{worker.process.pid}.parts"):
                    remove_part(part)
            self._repeat(worker)

    def _repeat(self, worker: _Worker) -> None:
        """Print what the nodes of a worker printed."""
        with contextlib.suppress(OSError):
            text = worker.log.read_text(errors="replace")
            if text and self._outcome.failure is None:
                sys.stderr.write(text)

    def _gather(self) -> None:
        for worker in self._workers.values():
            if worker.snapshot is not None:
                self._outcome.snapshots[worker.name] = worker.snapshot
        self._outcome.grown = self._detector.grown

    def _fail(self, error: BaseException) -> None:
        if self._outcome.failure is None:
            self._outcome.failure = error

    def _all(self, step: str) -> bool:
        return all(worker.step == step for worker in self._workers.values())

    def _tell(self, **order: Any) -> None:
        for name in self._workers:
            self._send(name, order)

    def _send(self, name: str, order: dict[str, Any]) -> None:
        self._socket.send_multipart([name.encode(), msgspec.msgpack.encode(order)])


def _sweep(base: Path) -> None:
    """Remove the socket folders of this user's supervisors that were killed before they could."""
    for folder in base.glob(f"{_FOLDER_PREFIX}*-*"):
        pid = folder.name.removeprefix(_FOLDER_PREFIX).partition("-")[0]
        with contextlib.suppress(OSError):
            if pid.isdigit() and folder.stat().st_uid == os.getuid() and not _is_running(int(pid)):
                shutil.rmtree(folder, ignore_errors=True)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def error_from_plain(plain: dict[str, Any]) -> BaseException:
    """Return the error that `plain_from_error` described."""
    if "failed" in plain:
        return errors.NodeFailedError(*plain["failed"])
    kind = getattr(errors, plain["type"], None)
    if isinstance(kind, type) and issubclass(kind, errors.RunError):
        return kind(plain["text"])
    failure = errors.RunError(plain["text"])
    failure.traceback = plain.get("traceback", "")  # type: ignore[attr-defined]
    return failure
