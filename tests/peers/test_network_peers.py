"""Events over real sockets, to and from the programs that speak there: dv-processing and faery."""

from __future__ import annotations

import hashlib
import json
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eventflow as ef

_SIZE = (346, 260)


@pytest.fixture(scope="module")
def events() -> ef.Events:
    scene = ef.synth.render("crossing", seed=5)[:30_000]
    return ef.Events(scene.records, *_SIZE, ordered=True)


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Running:
    """A graph run by `eventflow run` in a process of its own, killed if it does not end."""

    def __init__(self, folder: Path, nodes: dict[str, Any], flow: list[str], *options: str) -> None:
        path = folder / "graph.yaml"
        path.write_text(json.dumps({"eventflow": 1, "name": "net", "nodes": nodes, "flow": flow}))
        command = [sys.executable, "-m", "eventflow", "run", str(path), "--summary", str(folder / "s.json"), *options]
        self._folder = folder
        self.process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)

    def summary(self) -> dict[str, Any]:
        try:
            _, err = self.process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        assert self.process.returncode == 0, err
        found: dict[str, Any] = json.loads((self._folder / "s.json").read_text())
        return found


def until(true: Any, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


# in a process of its own: dv-processing waits in C++ with Python's lock held, so no timeout would reach it
_DV_READER = """
import hashlib, os, sys, time
import dv_processing as dv
import numpy as np

where, wanted = sys.argv[1], int(sys.argv[2])
reader = None
while reader is None:
    try:
        host, _, port = where.rpartition(":")
        reader = dv.io.NetworkReader(where) if "/" in where else dv.io.NetworkReader(host, int(port))
    except Exception:
        time.sleep(0.05)
parts = []
while sum(map(len, parts)) < wanted:
    batch = reader.getNextEventBatch()
    if batch is not None and batch.size():
        parts.append(batch.numpy().copy())
found = np.concatenate(parts)
columns = [found[name].astype(np.int64) for name in ("timestamp", "x", "y", "polarity")]
print(hashlib.sha1(np.stack(columns).tobytes()).hexdigest(), *reader.getEventResolution(), flush=True)
os._exit(0)
"""


@pytest.mark.parametrize("compression", ["none", "lz4", "zstd"])
@pytest.mark.parametrize("unix", [False, True], ids=["tcp", "unix"])
def test_to_dv(events: ef.Events, tmp_path: Path, compression: str, unix: bool) -> None:
    pytest.importorskip("dv_processing")
    ef.write(events, tmp_path / "from.npz")
    address = str(tmp_path / "s") if unix else f"127.0.0.1:{free_port()}"
    nodes = {
        "in": {"use": "read", "path": str(tmp_path / "from.npz"), "packet_events": 2000},
        "out": {"use": "dv_serve", "address": address, "clients": 1, "compression": compression},
    }
    running = Running(tmp_path, nodes, ["in -> out"])
    reader = subprocess.Popen(
        [sys.executable, "-c", _DV_READER, address, str(len(events))], stdout=subprocess.PIPE, text=True
    )
    try:
        out, _ = reader.communicate(timeout=60)
        running.summary()
    finally:
        running.process.kill()
        reader.kill()
    columns = [np.asarray(column, np.int64) for column in (events.t, events.x, events.y, events.p)]
    assert out.split() == [hashlib.sha1(np.stack(columns).tobytes()).hexdigest(), *map(str, _SIZE)]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # faery leaves its socket open
@pytest.mark.parametrize("layout", ["t64_x16_y16_on8", "t32_x16_y15_on1"])
def test_from_faery(events: ef.Events, tmp_path: Path, layout: str) -> None:
    faery = pytest.importorskip("faery")
    port = free_port(socket.SOCK_DGRAM)
    nodes = {
        "in": {
            "use": "udp", "address": f"127.0.0.1:{port}", "layout": layout,
            "width": _SIZE[0], "height": _SIZE[1], "silence": "1s",
        },
        "keep": {"use": "write", "path": str(tmp_path / "got.npz")},
    }  # fmt: skip
    running = Running(tmp_path, nodes, ["in -> keep"])
    try:
        until(lambda: f":{port:04X} " in Path("/proc/net/udp").read_text())
        time.sleep(0.2)
        faery.events_stream_from_array(events.to_numpy(like="faery"), _SIZE).to_udp(("127.0.0.1", port), format=layout)
        summary = running.summary()
    finally:
        running.process.kill()
    assert ef.read(tmp_path / "got.npz").records.tobytes() == events.records.tobytes()
    assert summary["nodes"]["in"]["skipped"] == {}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # faery leaves its socket open
@pytest.mark.parametrize("layout", ["t64_x16_y16_on8", "t32_x16_y15_on1"])
def test_to_faery(events: ef.Events, tmp_path: Path, layout: str) -> None:
    faery = pytest.importorskip("faery")
    ef.write(events[:5_000], tmp_path / "from.npz")
    port = free_port(socket.SOCK_DGRAM)
    found: list[Any] = []

    def receive() -> None:
        for packet in faery.events_stream_from_udp(_SIZE, ("127.0.0.1", port), format=layout):
            found.append(packet.copy())
            if sum(map(len, found)) >= 5_000:
                return

    thread = threading.Thread(target=receive, daemon=True)
    thread.start()
    until(lambda: f":{port:04X} " in Path("/proc/net/udp").read_text())
    nodes = {
        "in": {"use": "read", "path": str(tmp_path / "from.npz")},
        "out": {"use": "udp_send", "address": f"127.0.0.1:{port}", "layout": layout},
    }
    Running(tmp_path, nodes, ["in -> out"]).summary()  # 50 datagrams, which the buffer of a slow receiver holds
    thread.join(10)
    got = np.concatenate(found)
    wanted = events[:5_000].to_numpy(like="faery")
    assert all(np.array_equal(got[name], wanted[name]) for name in wanted.dtype.names)


_TRIED = [
    ("dv-processing", True, "dv_network", "unix", "ZSTD_HIGH"),
    ("dv-processing", True, "dv_network", "tls", "LZ4"),
    ("dv-processing", False, "dv_serve", "tls", "LZ4_HIGH"),
    ("eventcv", True, "udp", "udp", "spif"),
    ("eventcv", False, "udp_send", "udp", "spif"),
    ("aestream", True, "udp", "udp", "spif"),
]


@pytest.mark.parametrize("row", _TRIED, ids=lambda row: f"{row[0]}-{row[2]}-{row[3]}")
def test_peers_that_run_in_processes_of_their_own(row: tuple[Any, ...]) -> None:
    """A few rows of the table that `python tools/network_peers.py` prints."""
    sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
    import network_peers

    if not network_peers.version_of(row[0]):
        pytest.skip(f"{row[0]} is not installed")
    sent, received, equal = network_peers.tried(network_peers.Row(*row))
    assert (received, equal) == (str(sent), "yes")
