"""How much memory the chain takes on a recording far larger than that."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from eventflow import io
from eventflow.bench import inputs
from eventflow.bench.model import Limit, measured
from eventflow.errors import EventflowError
from eventflow.events import Events
from eventflow.io.table import format_named

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventflow.bench.model import Row
    from eventflow.bench.suite import Bench

_LARGE_EVENTS: Final = 250_000_000  # 2 GB of DAT, 8 bytes an event
_CODE: Final = """
import sys
from pathlib import Path
from eventflow.bench.chain_graph import chain_graph, run_chain
run_chain(chain_graph(sys.argv[1]), "threads")
# not getrusage: its peak is that of this process's parent, where that was the larger
status = Path("/proc/self/status").read_text().splitlines()
print(next(line.split()[1] for line in status if line.startswith("VmHWM:")))
"""


_FORMATS: Final = {
    "evt3": "sparse",
    "evt2": "sparse",
    "evt21": "sparse",
    "dat": "sparse",
    "aedat4": "small",
    "aedat3": "small",
    "es": "sparse",
    "csv": "sparse",
    "npz": "sparse",
    "hdf5": "sparse",
    "dsec": "sparse",
    "rosbag1": "small",
    "mcap": "small",
}
_MANY_EVENTS: Final = 40_000_000
_READ: Final = """
import sys
from pathlib import Path
from eventflow import io
size = {"width": 640, "height": 480} if sys.argv[1].endswith(("csv", "h5")) else {}
begun = io.open(sys.argv[1], start=None, **size)
for packet in begun:
    pass
late = int(packet.t[0])
begun.seek(late)
next(iter(begun))
status = Path("/proc/self/status").read_text().splitlines()
print(next(line.split()[1] for line in status if line.startswith("VmHWM:")))
"""


def rows(bench: Bench) -> Iterator[Row]:
    """Yield the resident memory of the chain, and of reading and seeking in a large file of every format."""
    yield from _chain(bench)
    for format, stream in _FORMATS.items():
        if bench.wants(f"memory.{format}"):
            yield _of_format(bench, format, stream)


def _of_format(bench: Bench, format: str, stream: str) -> Row:
    """Return the peak of a process that reads a recording packet by packet, then goes to its last packet."""
    count = _MANY_EVENTS if bench.large else 4 * bench.events
    name, what = f"memory.{format}", f"resident memory of reading {count / 1e6:.0f} M events of {format}"
    with TemporaryDirectory(dir=inputs.folder()) as place:
        path = Path(place, f"long{format_named(format).suffixes[0]}")
        bench.announce(what)
        try:
            io.write(_repeated(inputs.stream(stream, min(bench.events, count)), count), path, format=format)
            peak = _peak_megabytes(_READ, path)
        except (EventflowError, RuntimeError) as error:
            return bench.unmeasured(name, what, str(error))
        megabytes = path.stat().st_size / 1e6
    return measured(name, f"{what}, {megabytes:.0f} MB", "MB", [peak], Limit(400))


def _chain(bench: Bench) -> Iterator[Row]:
    """Yield the resident memory of the chain."""
    if not bench.wants("memory.chain"):
        return
    count = _LARGE_EVENTS if bench.large else 4 * bench.events
    with TemporaryDirectory(dir=inputs.folder()) as place:
        bench.announce(f"writing a recording of {count / 1e6:.0f} M events")
        path = io.write(_repeated(inputs.stream("sparse", min(bench.events, count)), count), f"{place}/long.dat")
        megabytes = path.stat().st_size / 1e6
        bench.announce("the chain over the recording")
        peak = _peak_megabytes(_CODE, path)
    note = "" if bench.large else "a recording of 2 GB: --large"
    what = f"resident memory of the chain over {megabytes:.0f} MB of DAT"
    yield measured("memory.chain", what, "MB", [peak], Limit(400), note)


def _repeated(events: Events, count: int) -> Iterator[Events]:
    """Yield `events` again and again, each time later, until there were `count`."""
    span = int(events.t[-1]) - int(events.t[0]) + 1
    for number in range(-(-count // len(events))):
        records = events.records[: count - number * len(events)].copy()
        records["t"] += number * span
        yield Events(records, events.width, events.height, ordered=True)


def _peak_megabytes(code: str, path: Path) -> float:
    """Return the largest resident memory of a process that runs some code over a recording, MB."""
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"it ended with exit code {done.returncode}: {done.stderr.strip()[-300:]}")
    return int(done.stdout.split()[-1]) * 1024 / 1e6
