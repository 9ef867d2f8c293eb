"""Converting with several processes: each takes the largest recording that is left, and a crash costs one recording."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
from collections import deque
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import eventflow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from eventflow.io.conversion.tasks import Task

Outcome = dict[str, Any]
_warm: list[_Worker] = []


@contextmanager
def warm(count: int) -> Iterator[None]:
    """Start processes that tasks inside the block find ready: they import while this one looks what there is to do."""
    try:
        _warm.extend(_Worker() for _ in range(count))
        yield
    finally:
        while _warm:
            _warm.pop().kill()


def run_here(tasks: Sequence[Task], on_progress: Callable[[str, float], None] | None = None) -> Iterator[Outcome]:
    """Yield what comes of each task, done one after the other in this process."""
    from eventflow.io.conversion.tasks import run_task

    for task in tasks:
        name = task["name"]
        yield run_task(task, None if on_progress is None else partial(on_progress, name))


def run_jobs(
    tasks: Sequence[Task], count: int, on_progress: Callable[[str, float], None] | None = None
) -> Iterator[Outcome]:
    """Yield what comes of each task as it is finished, done by `count` processes.

    Closing the iterator ends the processes at once.
    """
    waiting = deque(sorted(tasks, key=lambda each: (-each["size"], each["name"])))
    workers: list[_Worker] = []
    with selectors.DefaultSelector() as selector:
        try:
            for _ in range(min(count, len(waiting))):
                _start(workers, waiting, selector)
            while workers:
                for key, _ in selector.select():
                    yield from _heard(key.data, workers, waiting, selector, on_progress)
        finally:
            for worker in workers:
                worker.kill()


def _heard(
    worker: _Worker,
    workers: list[_Worker],
    waiting: deque[Task],
    selector: selectors.BaseSelector,
    on_progress: Callable[[str, float], None] | None,
) -> Iterator[Outcome]:
    answers = worker.answers()
    for answer in answers or ():
        if "progress" not in answer:
            yield answer
            worker.task = None
        elif on_progress is not None and worker.task is not None:
            on_progress(worker.task["name"], answer["progress"])
    if answers is None or (worker.task is None and not waiting):
        selector.unregister(worker.output)
        workers.remove(worker)
        how = worker.end()
        if worker.task is not None:
            yield {"source": worker.task["name"], "failed": f"the process that converted it ended {how}"}
        if waiting:
            _start(workers, waiting, selector)
    elif worker.task is None:
        worker.give(waiting.popleft())


def _start(workers: list[_Worker], waiting: deque[Task], selector: selectors.BaseSelector) -> None:
    worker = _warm.pop() if _warm else _Worker()
    workers.append(worker)
    selector.register(worker.output, selectors.EVENT_READ, worker)
    worker.give(waiting.popleft())


class _Worker:
    """One process and the task it has."""

    def __init__(self) -> None:
        root = str(Path(eventflow.__file__).resolve().parents[1])
        paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "eventflow.io.conversion.worker", str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._input, self.output = self._process.stdin, self._process.stdout
        self.task: Task | None = None
        self._heard = b""

    def give(self, task: Task) -> None:
        self.task = task
        with suppress(BrokenPipeError):  # it has died, and its output ends: that is where it is noticed
            self._input.write(json.dumps(task).encode() + b"\n")
            self._input.flush()

    def answers(self) -> list[dict[str, Any]] | None:
        """Return the answers that came, or None where there will be no more."""
        data = os.read(self.output.fileno(), 1 << 16)
        if not data:
            return None
        *lines, self._heard = (self._heard + data).split(b"\n")
        return [json.loads(line) for line in lines]

    def end(self) -> str:
        """Wait for the process to end and say how it did."""
        self._close()
        code = self._process.wait()
        return f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"

    def kill(self) -> None:
        self._process.kill()
        self._close()
        self._process.wait()

    def _close(self) -> None:
        for pipe in (self._input, self.output):
            with suppress(BrokenPipeError):
                pipe.close()
