"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import time
from functools import lru_cache
from pathlib import Path

import numpy as np

import eventflow


def describe() -> dict[str, str | int | float]:
    """Return cores, CPU, versions and memory bandwidth."""
    import numba
    import zmq

    return {
        "cpu": cpu_name(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "memcpy_gb_per_s": round(memcpy_bytes_per_s() / 1e9, 1),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else 0.0,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "numpy": np.__version__,
        "numba": numba.__version__,
        "libzmq": zmq.zmq_version(),
        "eventflow": eventflow.__version__,
    }


def cpu_name() -> str:
    """Return the CPU's name, with the numbers that tell apart what hypervisors call alike."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    entries = dict(
        reversed([(key.strip(), value.strip()) for key, _, value in (line.partition(":") for line in lines)])
    )
    numbers = "/".join(entries.get(key, "?") for key in ("cpu family", "model", "stepping"))
    return f"{entries.get('model name', platform.machine())} ({numbers})"


@lru_cache(maxsize=1)
def memcpy_bytes_per_s() -> float:
    """Return how fast a large block is copied into memory already touched, bytes/s, best of seven."""
    source = np.ones(64 << 20, np.uint8)
    target = np.zeros_like(source)
    best = 0.0
    for _ in range(7):
        begun = time.perf_counter()
        np.copyto(target, source)
        best = max(best, source.nbytes / (time.perf_counter() - begun))
    return best


def floor_mev_per_s(bytes_read: int, events: int) -> float:
    """Return the rate at which memory alone allows `bytes_read` to be read and the events to be written, Mev/s."""
    return events / ((bytes_read + 16 * events) / 2 / memcpy_bytes_per_s()) / 1e6
