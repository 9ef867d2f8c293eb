"""Converting on a Dask cluster: one task a recording, or several for a large one, run again where a worker dies."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from eventflow.errors import RecordingError, missing_extra
from eventflow.io.conversion import divided
from eventflow.io.conversion.tasks import run_task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from eventflow.io.conversion.tasks import Task

LOCAL: Final = "local"
PART_BYTES: Final = 64 << 20
"""About how much of a recording is a task of its own, where it can be divided; see divided.py."""

_CONNECT_S: Final = 10
_Outcome = dict[str, Any]


def run_on_dask(tasks: Sequence[Task], address: str, count: int | None = None) -> Iterator[dict[str, Any]]:
    """Yield what comes of each task as it is finished.

    Args:
        tasks: the workers of the cluster see the paths in them.
        address: of the scheduler, tcp://HOST:PORT; "local" starts a cluster on this host for the time being.
        count: number of local workers; None: one a core.

    Raises:
        MissingExtraError: Dask is not installed.
        RecordingError: no scheduler answers.
    """
    try:
        from distributed import Client, LocalCluster, as_completed
    except ImportError as error:
        raise missing_extra("dask[distributed]", "dask", "converting on a cluster") from error
    with ExitStack() as stack:
        if address == LOCAL:
            address = stack.enter_context(
                LocalCluster(n_workers=count, threads_per_worker=1, processes=True, dashboard_address=":0")
            )
        try:
            client = stack.enter_context(Client(address, timeout=_CONNECT_S, set_as_default=False))
        except OSError as error:
            raise RecordingError(f"no Dask scheduler answers at {address}; start one with `dask scheduler`") from error
        run = _Run(client, as_completed([], loop=client.loop))
        try:
            yield from run.outcomes(sorted(tasks, key=lambda each: (-each["size"], each["name"])))
        finally:
            run.cancel()


class _Run:
    """Tasks under way, and what is to be done when one is finished."""

    def __init__(self, client: Any, completed: Any) -> None:
        self._client, self._completed = client, completed
        self._then: dict[Any, Callable[[Any], _Outcome | None]] = {}

    def outcomes(self, tasks: Sequence[Task]) -> Iterator[_Outcome]:
        """Yield what comes of each task; the first ones are begun first."""
        for rank, task in zip(range(len(tasks), 0, -1), tasks, strict=True):
            if divided.worth_it(task, PART_BYTES):
                _Division(self, task, rank).begin()
            else:
                self.whole(task, rank)
        for future in self._completed:
            outcome = self._then.pop(future)(future)
            if outcome is not None:
                yield outcome

    def whole(self, task: Task, rank: int) -> None:
        """Convert a recording in one task."""
        self.submit(lambda future: _outcome(future, task), rank, run_task, task)

    def submit(self, then: Callable[[Any], _Outcome | None], rank: int, function: Any, *arguments: Any) -> None:
        """Run a function on a worker, and `then` here when it is finished."""
        future = self._client.submit(function, *arguments, pure=False, priority=rank)
        self._then[future] = then
        self._completed.add(future)

    def cancel(self) -> None:
        """Give up what is under way."""
        self._client.cancel(list(self._then))


class _Division:
    """One recording in parts; where anything is wrong with that, it is converted undivided."""

    def __init__(self, run: _Run, task: Task, rank: int) -> None:
        self._run, self._task, self._rank = run, task, rank
        self._plan: divided.Plan | None = None
        self._parts: dict[int, dict[str, Any]] = {}

    def begin(self) -> None:
        self._run.submit(self._planned, self._rank, divided.plan, self._task, PART_BYTES)

    def _planned(self, future: Any) -> None:
        self._plan = _result(future)
        if self._plan is None:
            self._run.whole(self._task, self._rank)
            return
        for number, window in enumerate(self._plan["windows"]):
            then = partial(self._part_made, number)
            self._run.submit(then, self._rank, divided.make_part, self._task, window)

    def _part_made(self, number: int, future: Any) -> None:
        assert self._plan is not None
        self._parts[number] = _result(future) or {"failed": "no part came of it"}
        if len(self._parts) < len(self._plan["windows"]):
            return
        parts = [self._parts[number] for number in range(len(self._parts))]
        if any("failed" in part for part in parts):
            self._undivided()
        else:
            task = divided.join_task(self._task, self._plan, parts)
            self._run.submit(self._joined, self._rank, run_task, task)

    def _joined(self, future: Any) -> _Outcome | None:
        outcome = _outcome(future, self._task)
        if "failed" in outcome:
            self._undivided()
            return None
        divided.remove_parts(list(self._parts.values()))
        return outcome

    def _undivided(self) -> None:
        divided.remove_parts(list(self._parts.values()))
        self._run.whole(self._task, self._rank)


def _result(future: Any) -> dict[str, Any] | None:
    result: dict[str, Any] | None = future.result() if future.status == "finished" else None
    return result


def _outcome(future: Any, task: Task) -> dict[str, Any]:
    error = future.exception() if future.status == "error" else None
    if future.status == "finished":
        outcome: dict[str, Any] = future.result()
        return outcome
    why = f"{type(error).__name__}: {error}" if error is not None else f"the task was {future.status}"
    return {"source": task["name"], "failed": f"Dask gave it up: {why}"}
