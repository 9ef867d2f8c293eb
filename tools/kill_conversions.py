"""Kill conversions of a tree and resume them: `python tools/kill_conversions.py [--kills N] [--recordings N]`.

A tree of recordings is converted once undisturbed. Then the same conversion is killed (kill -9) at random moments, with
one process and with two, and resumed; then one on Dask has a worker killed. Every tree in the end has to have the bytes
of the undisturbed one, the manifest included. Each kill is printed, with what was finished by then; the exit code is 1
where a tree differs.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import eventflow as ef
from eventflow.events import EVENT_DTYPE, Events
from eventflow.io.conversion.sources import JOURNAL, PARTS

_EVENTS = 1_500_000


def main() -> int:
    """Kill and resume; 1 where a tree differs."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0] if __doc__ else "")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--recordings", type=int, default=24)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    with TemporaryDirectory() as place:
        root = Path(place)
        for number in range(options.recordings):
            ef.write(_events(number), root / "src" / f"c{number % 3}" / f"{number}.raw")
        begun = time.monotonic()
        subprocess.run(_command(root, root / "whole"), stdout=subprocess.DEVNULL, check=True)
        whole_s = time.monotonic() - begun
        expected = _hash_of(root / "whole")
        print(f"undisturbed: {options.recordings} recordings in {whole_s:.1f} s, tree {expected}", flush=True)
        wrong = _killed_and_resumed(root, options.kills, random.Random(options.seed), expected, 0.1 * whole_s)
        wrong += _worker_killed(root, expected)
    return 1 if wrong else 0


def _events(seed: int) -> Events:
    rng = np.random.default_rng(seed)
    records = np.zeros(_EVENTS, EVENT_DTYPE)
    records["t"] = np.cumsum(rng.integers(0, 4, _EVENTS))
    records["x"], records["y"] = rng.integers(0, 640, _EVENTS), rng.integers(0, 480, _EVENTS)
    records["p"] = rng.integers(0, 2, _EVENTS)
    return Events(records, 640, 480)


def _hash_of(folder: Path) -> str:
    """Return a hash of all names and bytes below a folder."""
    digest = blake2b(digest_size=8)
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        digest.update(f"{path.relative_to(folder)}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _killed_and_resumed(root: Path, kills: int, moments: random.Random, expected: str, most_s: float) -> int:
    target, wrong, killed = root / "killed", 0, 0
    command = _command(root, target)
    while killed < kills:
        jobs = 1 + killed % 2
        process = subprocess.Popen([*command, "--jobs", str(jobs)], stdout=subprocess.DEVNULL)
        _wait_for_work(process, target)
        after_s = moments.uniform(0, most_s)
        time.sleep(after_s)
        process.send_signal(signal.SIGKILL)
        if process.wait() == 0:  # it was done before; from the start, for kills are of unfinished work
            wrong += _told("finished between two kills", _hash_of(target), expected)
            shutil.rmtree(target)
            continue
        killed += 1
        parts = _unfinished(target)
        done = len(list(target.glob("c*/*.csv")))
        print(
            f"kill -9 number {killed}: --jobs {jobs}, {after_s:.2f} s into the work: {done} targets, {parts} unfinished"
        )
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return wrong + _told("resumed", _hash_of(target), expected)


def _command(root: Path, target: Path) -> list[str]:
    return [sys.executable, "-m", "eventflow", "convert", str(root / "src"), str(target), "--to", "csv", "--resume"]


def _wait_for_work(process: subprocess.Popen[bytes], target: Path) -> None:
    """Wait until the work begins: the journal is written anew, and the first target is being made."""
    journal = target / JOURNAL
    before = journal.stat().st_mtime_ns if journal.exists() else 0
    while process.poll() is None and not (journal.exists() and journal.stat().st_mtime_ns != before):
        time.sleep(0.002)
    while process.poll() is None and not _unfinished(target):
        time.sleep(0.002)


def _unfinished(target: Path) -> int:
    try:
        return sum(each.is_file() for each in (target / PARTS).rglob("*"))
    except FileNotFoundError:  # it went while it was listed
        return 0


def _worker_killed(root: Path, expected: str) -> int:
    try:
        from distributed import LocalCluster
    except ImportError:
        print("a Dask worker killed: not tried; pip install 'eventflow-dvs[dask]'")
        return 0
    wrong = 0
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster:
        for turn in (1, 4):
            killed: list[int] = []

            def kill_one(state: dict[str, int], turn: int = turn, killed: list[int] = killed) -> None:
                if state["finished"] == turn and not killed:
                    killed.append(next(iter(cluster.workers.values())).process.pid)
                    os.kill(killed[0], signal.SIGKILL)

            target = root / f"dask{turn}"
            ef.convert(root / "src", target, to="csv", dask=cluster.scheduler_address, on_progress=kill_one)
            what = f"a Dask worker killed (-9, process {killed[0] if killed else 'none'}) after {turn} recordings"
            wrong += _told(what, _hash_of(target), expected) or not killed
    return wrong


def _told(what: str, found: str, expected: str) -> int:
    print(f"{what}: tree {found}, {'equal' if found == expected else 'DIFFERENT'}", flush=True)
    return int(found != expected)


if __name__ == "__main__":
    sys.exit(main())
