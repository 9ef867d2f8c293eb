"""Feed damaged recordings to every reader, many at a time: `python tools/fuzz.py [FORMAT…] [--inputs N] [--seed S]`.

Each format runs in a process of its own, which a watchdog restarts after a crash or a hang. What goes wrong is kept in
the folder of --keep as a file, with what happened in its .txt. Figures are printed for each format; with --figures FILE
they are added to that file, and the sums of all runs that it holds are printed too (--inputs 0 prints no more than
those). The exit code is 1 where anything went wrong. Beside it belong one run with NUMBA_BOUNDSCHECK=1 (and
EVENTFLOW_CACHE elsewhere) and the coverage-guided one of tests/fuzz/guided.py.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import time
import traceback
import warnings
from collections import Counter
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
HANG_S = 1.0
_WATCHDOG_CPU_S = 60.0  # of CPU, since the machine may be busy, for the inputs between two reports
_WATCHDOG_S = 900.0
_MOST_FINDINGS = 20
_SUMS = ("inputs", "judged", "events", "bad")  # judged: compared with what a plain decoder finds
_TRAJECTORIES = ("tum", "nmea")
_MOST_MB = 1000.0  # of memory, over all inputs so far
_MEMORY_BYTES = 12 << 30  # of addresses: what lies about its size by more is caught


def main() -> int:
    """Run over the formats asked for."""
    options = _arguments()
    if options.worker:
        return _work(options)
    from eventflow.io import formats

    names = (
        [] if not options.inputs else options.formats or [*(row.name for row in formats() if row.reads), *_TRAJECTORIES]
    )
    print(f"{'format':12} {'inputs':>9} {'compared':>9} {'events':>12} {'per s':>7}", end="")
    print(f" {'slowest':>9} {'peak MB':>8}  outcomes", flush=True)
    bad = total = 0
    for name in names:
        found = _supervise(name, options)
        _note(options.figures, name, found)
        total += found["inputs"]
        bad += found["bad"]
        outcomes = ", ".join(f"{kind} {count}" for kind, count in found["outcomes"].items())
        print(f"{name:12} {found['inputs']:9} {found['judged']:9} {found['events']:12}", end="")
        print(f" {found['inputs'] / found['seconds']:7.0f} {found['slowest_ms']:6.0f} ms", end="")
        print(f" {found['peak_mb']:8.0f}  {outcomes}", flush=True)
    print(f"{total} inputs, {bad} findings" + (f" in {options.keep}" if bad else ""))
    if options.figures:
        _print_sums(options.figures)
    return 1 if bad else 0


def _note(path: str, name: str, found: dict[str, Any]) -> None:
    """Add a format's figures to a file, a line each."""
    if path:
        kind = "bounds checked" if os.environ.get("NUMBA_BOUNDSCHECK") == "1" else "guard bytes"
        kept = {key: found[key] for key in (*_SUMS, "slowest_ms", "peak_mb")}
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps({"format": name, "kind": kind} | kept) + "\n")


def _print_sums(path: str) -> None:
    """Print what all runs noted in a file come to, by format."""
    lines = [json.loads(line) for line in Path(path).read_text().splitlines()]
    kinds = ("guard bytes", "bounds checked")
    print(f"\nall runs of {path}\n{'format':12} " + " ".join(f"{kind:>15}" for kind in kinds), end="")
    print(f" {'compared':>10} {'events':>13} {'slowest':>9} {'peak MB':>8} {'findings':>9}")
    for name in [*dict.fromkeys(line["format"] for line in lines), "all"]:
        mine = [line for line in lines if name in ("all", line["format"])]
        counts = [sum(line["inputs"] for line in mine if line["kind"] == kind) for kind in kinds]
        slowest, peak = (max(line[key] for line in mine) for key in ("slowest_ms", "peak_mb"))
        judged, events, bad = (sum(line.get(key, 0) for line in mine) for key in _SUMS[1:])
        print(f"{name:12} " + " ".join(f"{count:15,}" for count in counts), end="")
        print(f" {judged:10,} {events:13,} {slowest:6.0f} ms {peak:8.0f} {bad:9}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0] if __doc__ else "")
    parser.add_argument("formats", nargs="*")
    parser.add_argument("--inputs", type=int, default=20_000, help="for each format")
    parser.add_argument("--seconds", type=float, default=1e9, help="for each format at most")
    parser.add_argument("--figures", default="", help="file that gets the figures of this run, and has those of others")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", default="fuzz-findings", help="folder for inputs that went wrong")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    return parser.parse_args()


def _supervise(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Run one format to its end, over crashes and hangs."""
    total = _nothing()
    outcomes: Counter[str] = Counter()
    place = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with TemporaryDirectory(dir=place) as folder:
        while total["inputs"] < options.inputs and total["bad"] < _MOST_FINDINGS:
            done = _one_process(name, options, folder, total["inputs"])
            for key in (*_SUMS, "seconds"):
                total[key] += done[key]
            for key in ("slowest_ms", "peak_mb"):
                total[key] = max(total[key], done[key])
            outcomes.update(done["outcomes"])
            if done["ended"]:
                break
    return total | {"outcomes": dict(outcomes.most_common())}


def _nothing() -> dict[str, Any]:
    return dict.fromkeys(_SUMS, 0) | {"seconds": 0.1, "slowest_ms": 0.0, "peak_mb": 0.0}


def _one_process(name: str, options: argparse.Namespace, folder: str, first: int) -> dict[str, Any]:
    report = Path(folder, "report.json")
    for left in Path(folder).iterdir():
        left.unlink()
    command = [sys.executable, __file__, name, "--worker", folder, "--seed", str(options.seed + first)]
    command += ["--inputs", str(options.inputs - first), "--seconds", str(options.seconds), "--keep", options.keep]
    process = subprocess.Popen(command)
    seen, since, spent = -1.0, time.monotonic(), 0.0
    while (code := process.poll()) is None:
        time.sleep(0.2)
        stamp = report.stat().st_mtime if report.exists() else 0.0
        if stamp != seen:
            seen, since, spent = stamp, time.monotonic(), _cpu_s(process.pid)
        if _cpu_s(process.pid) - spent > _WATCHDOG_CPU_S or time.monotonic() - since > _WATCHDOG_S:
            process.kill()
            process.wait()
            code = -signal.SIGALRM
            break
    done = _nothing() | {"outcomes": {}, "ended": False}
    done |= json.loads(report.read_text()) if report.exists() else {}
    current = next(Path(folder).glob("input.*"), None)
    if code:
        done["ended"] = current is None  # it cannot even begin
        what = "hang" if code == -signal.SIGALRM else f"exit code {code}"
        done["inputs"] += 1
        done["bad"] += 1
        done["outcomes"][what] = 1
        if current is not None:
            _keep(options.keep, name, current.read_bytes(), what)
    return done


def _cpu_s(pid: int) -> float:
    """Return how long a process has run, s of CPU; 0 where it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _work(options: argparse.Namespace) -> int:
    """Read damaged recordings in this process, one after the other."""
    warnings.simplefilter("error")
    sys.path[:0] = [str(ROOT / "tests" / folder) for folder in ("fuzz", "unit/io")]
    from dressing import dressed
    from mutation import Mutator
    from seeds import seeds_of

    name = options.formats[0]
    warnings.simplefilter("ignore")
    folder = Path(options.worker)
    check, seeds = _checked(name, folder)
    others = [*seeds, *(seed for each in ("evt3", "aedat4", "npz") for seed in seeds_of(each) if seed)]
    warnings.simplefilter("error")
    mutator = Mutator(options.seed)
    outcomes: Counter[str] = Counter()
    for number, seed in enumerate(seeds):
        check(dressed(name, seed), number)  # kernels are compiled here
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    begun, slowest, bad, ended = time.monotonic(), 0.0, 0, True
    most_mb = _MOST_MB
    number = 0
    for number in range(1, options.inputs + 1):
        choose = mutator.random.choice
        data = dressed(name, mutator.mutate(choose(seeds), choose(others)))
        then = time.process_time()  # the machine may be busy; what waits is met by the watchdog
        try:
            error = check(data, options.seed + number)
            outcomes["events" if error is None else error.__name__] += 1
        except Exception:
            outcomes["BAD"] += 1
            bad += 1
            _keep(options.keep, name, data, f"seed {options.seed + number}\n{traceback.format_exc()}")
        took = time.process_time() - then
        if took > HANG_S:
            took = _again(check, data, options.seed + number)  # a kernel may have been compiled
        if took > HANG_S:
            outcomes["SLOW"] += 1
            bad += 1
            _keep(options.keep, name, data, f"took {took:.2f} s, seed {options.seed + number}")
        if _peak_mb() > most_mb:
            outcomes["LARGE"] += 1
            bad += 1
            most_mb = 2 * _peak_mb()
            _keep(options.keep, name, data, f"took {_peak_mb():.0f} MB, seed {options.seed + number}")
        slowest = max(slowest, took)
        if number % 200 == 0 or bad >= _MOST_FINDINGS or time.monotonic() - begun > options.seconds:
            _report(folder, number, check, begun, slowest, bad, outcomes, ended=False)
            if bad >= _MOST_FINDINGS or time.monotonic() - begun > options.seconds:
                break
    _report(folder, number, check, begun, slowest, bad, outcomes, ended=ended)
    return 0


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def _checked(name: str, folder: Path) -> tuple[Any, list[bytes]]:
    """Return what checks an input of a format, and the recordings to begin with; the input stays after a crash."""
    from checking import Checker
    from seeds import seeds_of
    from trajectories import TrajectoryChecker, trajectories

    from eventflow.io.table import format_named

    if name in _TRAJECTORIES:
        return TrajectoryChecker(name, str(folder / "input.txt")), list(trajectories()[name])
    row = format_named(name)
    return Checker(row, str(folder / f"input{row.suffixes[0]}")), [seed for seed in seeds_of(name) if seed]


def _again(check: Any, data: bytes, seed: int) -> float:
    """Return how long an input takes a second time, s of CPU."""
    then = time.process_time()
    with contextlib.suppress(Exception):
        check(data, seed)
    return time.process_time() - then


def _report(
    folder: Path, inputs: int, check: Any, begun: float, slowest: float, bad: int, outcomes: Any, *, ended: bool
) -> None:
    found = {
        "inputs": inputs,
        "judged": check.judged,
        "events": check.events,
        "seconds": time.monotonic() - begun,
        "slowest_ms": slowest * 1e3,
        "peak_mb": _peak_mb(),
        "bad": bad,
        "outcomes": dict(outcomes),
        "ended": ended,
    }
    part = folder / "report.part"
    part.write_text(json.dumps(found))
    part.replace(folder / "report.json")


def _keep(folder: str, name: str, data: bytes, what: str) -> None:
    Path(folder).mkdir(parents=True, exist_ok=True)
    stem = Path(folder, f"{name}-{blake2b(data, digest_size=6).hexdigest()}")
    stem.write_bytes(data)
    stem.with_suffix(".txt").write_text(what)


if __name__ == "__main__":
    sys.exit(main())
