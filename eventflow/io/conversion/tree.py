"""A tree of recordings: what is there, what is finished, the rest converted, and the manifest written."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from eventflow.errors import ParameterError, RecordingError
from eventflow.io.conversion import jobs
from eventflow.io.conversion.manifest import Manifest
from eventflow.io.conversion.sources import PARTS, find, target_names
from eventflow.io.conversion.tasks import Work
from eventflow.io.parts import writing
from eventflow.io.table import format_named

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from eventflow.io.conversion.settings import Settings
    from eventflow.io.conversion.tasks import Task

_LOCK_S: Final = 5.0


def convert_tree(
    sources: Sequence[str | os.PathLike[str]],
    folder: str | os.PathLike[str],
    settings: Settings,
    *,
    jobs: int = 1,
    dask: str | None = None,
    resume: bool = False,
    verify: bool = False,
    on_progress: Callable[[dict[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Convert all recordings that the sources name into a folder and return a report.

    Args:
        sources: files, patterns, folders.
        folder: the target; the sources' structure is kept in it, and it gets a manifest.
        settings: how; `to` is needed.
        jobs: number of processes; with `dask="local"` of its workers.
        dask: address of a Dask scheduler, or "local".
        resume: leave what an earlier run finished as it is, where it is still whole and the source still the same.
        verify: read every target back and compare.
        on_progress: called with `done`, `total` (bytes of sources), `finished`, `recordings`.

    Returns:
        `folder`, `manifest`, `recordings` (records of the manifest), `resumed` (how many were finished before),
        `events`, `failed` and `others` (`source` and `why` each), `verified` (what the format changed, by source).

    Raises:
        ParameterError: no format to write, or names that clash.
        RecordingError: a source is not there, the folder cannot be written, or another conversion is writing into it.
    """
    if settings.to is None:
        raise ParameterError("converting several recordings needs the format to write: pass to= (--to)")
    row = format_named(settings.to)
    if not row.writes:
        raise RecordingError(f"{row.title} can be read but not written")
    target = Path(folder)
    search = find(sources, target=target, settings=settings)
    names = target_names(search.recordings, row.suffixes[0])
    works = [Work(each, names[each.name], settings.plain) for each in search.recordings]
    refuse_own_source(sources, target)
    report = run_tree(
        works, target, settings.plain,
        jobs=jobs, dask=dask, resume=resume, verify=verify, on_progress=on_progress,
    )  # fmt: skip
    return report | {"others": search.others}


def refuse_own_source(sources: Sequence[str | os.PathLike[str]], target: Path) -> None:
    """Refuse a target that is one of its sources."""
    if any(target.resolve() == Path(source).resolve() for source in sources):
        raise ParameterError(f"{target}: the target is the source; name another folder")


def run_tree(
    works: Sequence[Work],
    target: Path,
    options: dict[str, Any],
    *,
    jobs: int = 1,
    dask: str | None = None,
    resume: bool = False,
    verify: bool = False,
    on_progress: Callable[[dict[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Make targets of recordings in a folder, whose manifest holds `options`; see `convert_tree`."""
    if jobs < 1:
        raise ParameterError(f"jobs={jobs}: at least one process converts")
    with writing(target):
        target.mkdir(parents=True, exist_ok=True)
    with _alone_in(target):
        shutil.rmtree(target / PARTS, ignore_errors=True)
        manifest = Manifest(target, options)
        finished = manifest.finished(works) if resume else {}
        manifest.begin(finished)
        tasks = [each.task(target, verify=verify) for each in works if each.found.name not in finished]
        report = _Report(tasks, sum(each.found.size for each in works), len(works), on_progress)
        try:
            for outcome in _outcomes(tasks, jobs, dask, report):
                if "record" in outcome:
                    manifest.add(outcome["record"])
                report.take(outcome)
        finally:
            shutil.rmtree(target / PARTS, ignore_errors=True)
        path = manifest.finish()
    records = [manifest.records[name] for name in sorted(manifest.records)]
    return {
        "folder": str(target),
        "manifest": str(path),
        "recordings": records,
        "resumed": len(finished),
        "events": sum(each["events"] for each in records),
        "failed": sorted(report.failed, key=lambda each: each["source"]),
        "verified": dict(sorted(report.verified.items())),
    }


def _outcomes(tasks: list[Task], count: int, dask: str | None, report: _Report) -> Iterator[dict[str, Any]]:
    if dask is not None:
        from eventflow.io.conversion.distributed import run_on_dask

        return run_on_dask(tasks, dask, count if count > 1 else None)
    if count > 1 and len(tasks) > 1:
        return jobs.run_jobs(tasks, count, report.progress)
    return jobs.run_here(tasks, report.progress)


class _Report:
    """What came of the tasks, and how far they are."""

    def __init__(
        self, tasks: list[Task], total: int, recordings: int, on_progress: Callable[[dict[str, Any]], None] | None
    ) -> None:
        self._sizes = {task["name"]: task["size"] for task in tasks}
        self._under_way: dict[str, float] = {}
        self._total, self._recordings = total, recordings
        self._done = total - sum(self._sizes.values())
        self._finished = recordings - len(tasks)
        self._on_progress = on_progress
        self.failed: list[dict[str, str]] = []
        self.verified: dict[str, list[str]] = {}

    def progress(self, name: str, share: float) -> None:
        self._under_way[name] = share
        self._tell()

    def take(self, outcome: dict[str, Any]) -> None:
        name = outcome["source"]
        self._under_way.pop(name, None)
        self._done += self._sizes[name]
        self._finished += 1
        if "failed" in outcome:
            self.failed.append({"source": name, "why": outcome["failed"]})
        elif outcome["verified"] is not None:
            self.verified[name] = outcome["verified"]
        self._tell()

    def _tell(self) -> None:
        if self._on_progress is not None:
            partly = sum(self._sizes[name] * share for name, share in self._under_way.items())
            state = {"done": self._done + partly, "total": self._total}
            self._on_progress(state | {"finished": self._finished, "recordings": self._recordings})


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Hold the folder against other conversions; the system lets go of it when this process ends, however it ends."""
    with writing(folder):
        handle = os.open(folder, os.O_RDONLY)
    try:
        deadline = time.monotonic() + _LOCK_S
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise RecordingError(f"{folder}: another conversion is writing into it") from None
                time.sleep(0.1)
            except OSError:  # a file system without locks
                break
        yield
    finally:
        os.close(handle)
