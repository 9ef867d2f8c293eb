"""Converting on a Dask cluster: one task a recording, run again elsewhere where its worker dies."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final

from eventflow.errors import RecordingError, missing_extra
from eventflow.io.conversion.tasks import run_task

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from eventflow.io.conversion.tasks import Task

LOCAL: Final = "local"
_CONNECT_S: Final = 10


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
        largest_first = sorted(tasks, key=lambda each: (-each["size"], each["name"]))
        futures = {
            client.submit(run_task, task, pure=False, priority=rank): task
            for rank, task in zip(range(len(tasks), 0, -1), largest_first, strict=True)
        }
        try:
            for future in as_completed(list(futures), loop=client.loop):
                yield _outcome(future, futures[future])
        finally:
            client.cancel(list(futures))


def _outcome(future: Any, task: Task) -> dict[str, Any]:
    error = future.exception() if future.status == "error" else None
    if future.status == "finished":
        outcome: dict[str, Any] = future.result()
        return outcome
    why = f"{type(error).__name__}: {error}" if error is not None else f"the task was {future.status}"
    return {"source": task["name"], "failed": f"Dask gave it up: {why}"}
