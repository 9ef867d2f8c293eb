"""Runs in processes of their own, watched for everything that a run must not leave behind."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from eventflow.graph import registry

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent))

from e2e_nodes import NODES  # noqa: E402
from plugins import write_dist_info  # noqa: E402


@dataclass
class Ended:
    """What a finished run left: exit code, output, summary."""

    code: int
    out: str
    err: str

    @property
    def summary(self) -> dict[str, Any]:
        summary: dict[str, Any] = json.loads(self.out)
        return summary


class Place:
    """A folder to run graphs in.

    Attributes:
        folder: the current folder of the runs.
        sockets: what XDG_RUNTIME_DIR is for them.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sockets = Path(tempfile.mkdtemp(prefix="run-"))  # the path of a socket has at most 107 bytes
        self.started: list[subprocess.Popen[str]] = []

    def start(self, nodes: dict[str, Any], flow: list[Any], **options: Any) -> subprocess.Popen[str]:
        """Start a run; the process is a group of its own."""
        graph = {"eventflow": 1, "name": "test", "nodes": nodes, "flow": flow}
        environment = os.environ | {"XDG_RUNTIME_DIR": str(self.sockets)}
        process = subprocess.Popen(
            [sys.executable, str(HERE / "run_graph.py")],
            cwd=self.folder,
            env=environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self.started.append(process)
        assert process.stdin is not None
        process.stdin.write(json.dumps({"graph": graph, "options": options}))
        process.stdin.close()
        process.stdin = None
        return process

    def end(self, process: subprocess.Popen[str], seconds: float = 50.0) -> Ended:
        """Wait for a run; it must end by itself."""
        out, err = process.communicate(timeout=seconds)
        return Ended(process.returncode, out, err)

    def run(self, nodes: dict[str, Any], flow: list[Any], **options: Any) -> Ended:
        """Run a graph to its end."""
        return self.end(self.start(nodes, flow, **options))

    def workers(self, process: subprocess.Popen[str]) -> list[int]:
        """The processes of a run apart from the first."""
        return [pid for pid in _group(process.pid) if pid != process.pid]

    def assert_clean(self, *, parts: bool = True) -> None:
        """Nothing is left: no process, no socket folder, no half-written file."""
        deadline = time.monotonic() + 5
        while any(_group(each.pid) for each in self.started) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert [_group(each.pid) for each in self.started] == [[] for _ in self.started], "processes were left behind"
        assert list(self.sockets.glob("eventflow-[!t]*")) == [], "a socket folder was left behind"
        if parts:
            assert list(self.folder.rglob("*.part")) == []

    def kill(self) -> None:
        """End whatever a failed test left."""
        for each in self.started:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(each.pid, signal.SIGKILL)
            each.communicate()


def _group(leader: int) -> list[int]:
    """Processes of a session that are alive, zombies left out."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if fields[0] != "Z" and int(fields[3]) == leader:
                    found.append(int(entry.name))
    return found


@pytest.fixture(scope="session", autouse=True)
def _test_nodes(tmp_path_factory: pytest.TempPathFactory):
    """The nodes of e2e_nodes are registered, here and in every process started from here."""
    folder = tmp_path_factory.mktemp("dist")
    write_dist_info(folder, "eventflow-e2e-tests", NODES)
    before = os.environ.get("PYTHONPATH")
    paths = [str(folder), str(HERE), *([before] if before else [])]
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)
    sys.path.insert(0, str(folder))
    registry._registered.cache_clear()
    yield
    sys.path.remove(str(folder))
    registry._registered.cache_clear()
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before


@pytest.fixture
def place(tmp_path: Path):
    """A folder to run graphs in; at the end of the test nothing may be left of them."""
    made = Place(tmp_path)
    yield made
    try:
        made.assert_clean(parts=False)
    finally:
        made.kill()
        shutil.rmtree(made.sockets, ignore_errors=True)
