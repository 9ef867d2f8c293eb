"""Trees of small recordings, and how two trees are compared: what the tests of conversions share."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

import eventflow
import eventflow.io as io
from eventflow.events import EVENT_DTYPE, Events

ROOT = Path(eventflow.__file__).resolve().parents[1]
_MAIN = "import sys; from eventflow.cli import main; sys.exit(main(sys.argv[1:]))"


def random_events(count, *, seed=0, width=64, height=48, first=1000):
    """Events in time order, from a seed."""
    random = np.random.default_rng(seed)
    records = np.zeros(count, EVENT_DTYPE)
    records["t"] = first + np.cumsum(random.integers(0, 20, count))
    records["x"] = random.integers(0, width, count)
    records["y"] = random.integers(0, height, count)
    records["p"] = random.integers(0, 2, count)
    return Events(records, width, height)


def make_tree(folder, *, count=6, events=2000, formats=("raw", "dat", "es", "aedat4", "npz")):
    """A tree of recordings of several formats and sizes, with things in it that are no recordings."""
    for number in range(count):
        suffix = formats[number % len(formats)]
        path = folder / f"class{number % 2}" / f"r{number}.{suffix}"
        io.write(random_events(events * (1 + number % 3), seed=number), path)
    (folder / "readme.md").write_text("What this is.\n")
    (folder / "labels.csv").write_text("class,startTime_usec,endTime_usec\n1,10,20\n")
    return folder


def contents(folder):
    """Every file of a tree with its bytes."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def environment():
    """The environment of a process that is to see this package."""
    paths = [str(ROOT), str(ROOT / "nodes"), os.environ.get("PYTHONPATH", "")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths)}


def start(*arguments, **options):
    """`eventflow …` as a process of its own."""
    command = [sys.executable, "-c", _MAIN, *map(str, arguments)]
    return subprocess.Popen(command, env=environment(), **options)
