"""Look at this installation and machine: versions, extras, kernels' cache, display, processors, memory, disk."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eventflow.cli.nodes import connected
from eventflow.cli.options import add_json, number, print_json

if TYPE_CHECKING:
    import argparse

_DISTRIBUTION = "eventflow-dvs"
_EXTRAS = ("readers", "ros", "mcap", "view", "snn", "camera")
_TIGHT_DISK_BYTES = 1_000_000_000


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the verb takes."""
    add_json(parser)


def main(options: argparse.Namespace) -> int:
    """Look, and exit with 1 if something would keep eventflow from working."""
    found = {
        "eventflow": _installed(_DISTRIBUTION) or "not installed as a distribution",
        "python": f"{platform.python_version()} ({sys.executable})",
        "machine": f"{platform.system()} {platform.machine()}, {_cores()} cores for this process",
        "dependencies": {name: _installed(name) for name in _required("")},
        "extras": {extra: {name: _installed(name) for name in _required(extra)} for extra in _EXTRAS},
        "links": _links(),
        "nodes": _nodes(),
        "kernel_cache": _cache(),
        "display": _display(),
        "disk": _disk(),
        "cameras": connected(),
        "sockets": os.environ.get("XDG_RUNTIME_DIR") or os.environ.get("TMPDIR") or "/tmp",
        "samples": _samples(),
    }
    problems = _problems(found)
    if options.json:
        print_json(found | {"problems": problems})
    else:
        _print(found, problems)
    return 1 if problems else 0


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _required(extra: str) -> list[str]:
    """Names of the distributions that eventflow, or one of its extras, needs."""
    try:
        lines = requires(_DISTRIBUTION) or []
    except PackageNotFoundError:
        return []
    mark = f"extra == '{extra}'"
    chosen = [line for line in lines if (mark in line.replace('"', "'") if extra else "extra ==" not in line)]
    stops = "<>=!~;[ "
    return [line[: min((line.index(stop) for stop in stops if stop in line), default=len(line))] for line in chosen]


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _links() -> str:
    try:
        import zmq
    except ImportError as error:
        return f"missing: {error}"
    has = [name for name in ("ipc", "curve") if zmq.has(name)]
    return f"libzmq {zmq.zmq_version()} with {' and '.join(has) or 'neither ipc nor curve'}"


def _nodes() -> dict[str, Any]:
    from eventflow.graph.describe import describe_nodes

    every = describe_nodes()
    return {"count": len(every), "broken": {each["name"]: each["error"] for each in every if "error" in each}}


def _cache() -> dict[str, Any]:
    from eventflow.kernels.jit import cache_folder

    folder = cache_folder()
    writable = next((os.access(each, os.W_OK) for each in (folder, *folder.parents) if each.exists()), False)
    kernels = sum(1 for _ in folder.rglob("*.nbc")) if folder.exists() else 0
    return {"folder": str(folder), "kernels": kernels, "writable": writable}


def _display() -> str:
    from eventflow.views.window import display_missing

    return display_missing() or "there is one"


def _disk() -> dict[str, Any]:
    return {"folder": str(Path.cwd()), "free_bytes": shutil.disk_usage(Path.cwd()).free}


def _samples() -> str:
    folder = Path(os.environ.get("EVENTFLOW_SAMPLES") or Path(__file__).resolve().parents[3] / "shared" / "samples")
    return str(folder) if folder.is_dir() else "none; tests that read recordings look for EVENTFLOW_SAMPLES"


def _problems(found: dict[str, Any]) -> list[str]:
    problems = [
        f"{name} is missing: pip install {name}" for name, have in found["dependencies"].items() if have is None
    ]
    problems += [f"node {name}: {error}" for name, error in found["nodes"]["broken"].items()]
    if not found["nodes"]["count"]:
        problems.append("no nodes are registered: install with pip, in a clone with `pip install -e .`")
    if not found["kernel_cache"]["writable"]:
        problems.append("every process compiles its kernels: set EVENTFLOW_CACHE to a folder that can be written")
    if found["disk"]["free_bytes"] < _TIGHT_DISK_BYTES:
        problems.append(f"{found['disk']['folder']} has only {number(found['disk']['free_bytes'])} bytes free")
    return problems


def _print(found: dict[str, Any], problems: list[str]) -> None:
    lines = {name: found[name] for name in ("eventflow", "python", "machine", "links", "display", "sockets", "samples")}
    for name, value in lines.items():
        print(f"{name:14}{value}")
    print(f"{'nodes':14}{found['nodes']['count']}")
    cache = found["kernel_cache"]
    print(f"{'kernel cache':14}{cache['folder']}, {cache['kernels']} compiled")
    print(f"{'disk':14}{number(found['disk']['free_bytes'])} bytes free in {found['disk']['folder']}")
    for driver, cameras in found["cameras"].items():
        for each in cameras:
            print(f"{'camera':14}{driver}: {each}")
    packages = {"dependencies": found["dependencies"]} | {f"[{name}]": value for name, value in found["extras"].items()}
    for title, versions in packages.items():
        print(f"{title:14}" + ", ".join(f"{name} {have or '(not installed)'}" for name, have in versions.items()))
    print("\n".join(f"problem: {each}" for each in problems) or "all is well")
