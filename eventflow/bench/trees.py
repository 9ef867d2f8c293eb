"""Trees of recordings converted: one process, two, beside two copies at once, and beside what another library does."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from eventflow import io
from eventflow.bench import inputs, peers
from eventflow.bench.model import OURS, AtLeast, Case, Contender

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from eventflow.bench.model import Row
    from eventflow.bench.suite import Bench

_RECORDINGS: Final = 8
_TWO_COPIES: Final = "two copies"
_ONE_JOB: Final = "one job"
_COPY: Final = """
import json, sys
from eventflow import io
io.convert(sys.argv[1], sys.argv[2], jobs=1, **json.loads(sys.argv[3]))
"""
_TO_DAT: Final = {"to": "dat"}
# a tree of a minute that leaves no tens of GB behind: a target that is slow to pack
_TO_PACKED: Final = {"to": "aedat4", "writer_options": {"compression": "zstd"}}
_FOUR: Final = 4  # times the events: two processes take as long to start as one does to convert less
_A_MINUTE: Final = 20


def rows(bench: Bench) -> Iterator[Row]:
    """Yield trees of EVT3 to DAT with one job and with two; with --large also one that takes a minute."""
    jobs = {"io.tree.one_job": 1, "io.tree.two_jobs": 2}
    large = "io.tree.a_minute"
    if not any(map(bench.wants, [*jobs, large])):
        return
    with TemporaryDirectory(dir=inputs.folder()) as place:
        for name, count in jobs.items():
            if bench.wants(name):
                what = f"{_RECORDINGS} recordings of EVT3 to DAT, {count} job{'s' if count > 1 else ''}"
                case = _case(bench, name, what, Path(place), count, bench.events * (_FOUR if count > 1 else 1))
                yield bench.race(case, on_one_core=count == 1)
        what = f"{_RECORDINGS} recordings of EVT3 to AEDAT 4 (zstd), 2 jobs"
        if bench.wants(large) and bench.large:
            case = _case(bench, large, what, Path(place), 2, bench.events * _A_MINUTE, _TO_PACKED)
            case.rounds = 1
            yield bench.race(case, on_one_core=False)
        elif bench.wants(large):
            yield bench.unmeasured(large, what, "takes minutes: --large")


def _tree(folder: Path, events: int) -> Path:
    """Make two folders of recordings, two halves of a tree."""
    recording = inputs.recording("sparse", events, "evt3")
    for number in range(_RECORDINGS):
        target = folder / ("left", "right")[number % 2] / f"{number}.raw"
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(recording, target)
    return folder


def _case(
    bench: Bench, name: str, what: str, place: Path, jobs: int, events: int, options: dict[str, Any] = _TO_DAT
) -> Case:
    tree = _tree(place / name, events)
    contenders = [Contender(OURS, _into(place / "ours", lambda out: io.convert(tree, out, jobs=jobs, **options)))]
    targets = []
    if jobs == 2:
        one = _into(place / "one", lambda out: io.convert(tree, out, jobs=1, **options))
        contenders.append(Contender(_ONE_JOB, one, peer=False))
        copies = _into(place / "copies", lambda out: _copies(tree, out, options))
        contenders.append(Contender(_TWO_COPIES, copies, peer=False))
        targets.append(AtLeast(0.9, _TWO_COPIES))
    if bench.peers and peers.load("faery") is not None:
        theirs = _into(place / "faery", lambda out: _faery(tree, out, packed=options is _TO_PACKED))
        contenders.append(Contender("faery", theirs))
        targets.append(AtLeast(jobs, "faery"))
    return Case(name, what, events * _RECORDINGS, contenders, _different, targets)


def _into(folder: Path, convert: Callable[[Path], object]) -> Callable[[], Path]:
    def run() -> Path:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        convert(folder)
        return folder

    return run


def _copies(tree: Path, out: Path, options: dict[str, Any]) -> None:
    """Convert both halves at once, in processes that know nothing of each other: what two cores can do."""
    halves = [(str(tree / half), str(out / half)) for half in ("left", "right")]
    given = json.dumps(options)
    commands = [[sys.executable, "-c", _COPY, *half, given] for half in halves]
    running = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for command in commands]
    if any([each.wait() for each in running]):
        raise RuntimeError("a copy failed")


def _faery(tree: Path, out: Path, *, packed: bool) -> None:
    library: Any = peers.load("faery")
    for source in sorted(tree.rglob("*.raw")):
        target = out / source.relative_to(tree).with_suffix(".aedat4" if packed else ".dat")
        target.parent.mkdir(parents=True, exist_ok=True)
        stream = library.events_stream_from_file(source)
        if packed:
            stream.to_file(target, compression=("zstd", 3))
        else:
            stream.to_file(target, version="dat2")


def _different(theirs: Path, ours: Path) -> str:
    """Return why a converted tree is not ours, "" where it holds the same events."""
    for source in sorted((*ours.rglob("*.dat"), *ours.rglob("*.aedat4"))):
        mine, other = (io.read(each) for each in (source, theirs / source.relative_to(ours)))
        if len(mine) != len(other) or (mine.x != other.x).any() or (mine.p != other.p).any():
            return f"{source.name} holds other events"
    return ""
