"""Events over real sockets, to and from the programs that speak there: dv-processing and faery."""

from __future__ import annotations

import json
import signal
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


def dv_stores(dv: Any, events: ef.Events, size: int) -> list[Any]:
    stores = []
    for start in range(0, len(events), size):
        part, store = events[start : start + size], dv.EventStore()
        for t, x, y, p in zip(part.t.tolist(), part.x.tolist(), part.y.tolist(), part.p.tolist(), strict=True):
            store.push_back(t, x, y, bool(p))
        stores.append(store)
    return stores


@pytest.mark.parametrize("compression", ["NONE", "LZ4", "LZ4_HIGH", "ZSTD", "ZSTD_HIGH"])
@pytest.mark.parametrize("unix", [False, True], ids=["tcp", "unix"])
def test_from_dv(events: ef.Events, tmp_path: Path, compression: str, unix: bool) -> None:
    dv = pytest.importorskip("dv_processing")
    stream = dv.io.Stream.EventStream(0, "events", "camera", _SIZE)
    stream.setCompression(getattr(dv.CompressionType, compression))
    path, port = tmp_path / "s", free_port()
    writers = [dv.io.NetworkWriter(str(path), stream) if unix else dv.io.NetworkWriter("127.0.0.1", port, stream)]
    address = str(path) if unix else f"127.0.0.1:{port}"
    nodes = {
        "in": {"use": "dv_network", "address": address, "patience": "0s"},
        "keep": {"use": "write", "path": str(tmp_path / "got.npz")},
    }
    running = Running(tmp_path, nodes, ["in.events -> keep"])
    try:
        until(lambda: writers[0].getClientCount() == 1)
        for store in dv_stores(dv, events, 2000):
            writers[0].writeEvents(store)
        until(lambda: writers[0].getQueuedPacketCount() == 0)
        with ef.attach(str(running.process.pid)) as handle:
            until(lambda: handle.summary()["events"] == len(events))
        # the writer's destructor waits for its clients for ever, so the client ends first
        running.process.send_signal(signal.SIGINT)
        summary = running.summary()
    finally:
        running.process.kill()
    assert ef.read(tmp_path / "got.npz").records.tobytes() == events.records.tobytes()
    assert summary["nodes"]["in"]["skipped"] == {}


@pytest.mark.parametrize("compression", ["none", "lz4", "zstd"])
@pytest.mark.parametrize("unix", [False, True], ids=["tcp", "unix"])
def test_to_dv(events: ef.Events, tmp_path: Path, compression: str, unix: bool) -> None:
    dv = pytest.importorskip("dv_processing")
    ef.write(events, tmp_path / "from.npz")
    path, port = tmp_path / "s", free_port()
    address = str(path) if unix else f"127.0.0.1:{port}"
    nodes = {
        "in": {"use": "read", "path": str(tmp_path / "from.npz"), "packet_events": 2000},
        "out": {"use": "dv_serve", "address": address, "clients": 1, "compression": compression},
    }
    running = Running(tmp_path, nodes, ["in -> out"])
    try:
        reader = None

        def connect() -> bool:
            nonlocal reader
            try:
                reader = dv.io.NetworkReader(str(path)) if unix else dv.io.NetworkReader("127.0.0.1", port)
            except Exception:
                return False
            return True

        until(connect)
        assert reader is not None
        assert tuple(reader.getEventResolution()) == _SIZE
        parts: list[Any] = []

        def read() -> bool:
            batch = reader.getNextEventBatch()
            if batch is not None and batch.size():
                parts.append(batch.numpy().copy())
            return sum(map(len, parts)) >= len(events)

        until(read)
        running.summary()
    finally:
        running.process.kill()
    found = np.concatenate(parts)
    assert np.array_equal(found["timestamp"], events.t)
    assert np.array_equal(found["x"], events.x)
    assert np.array_equal(found["y"], events.y)
    assert np.array_equal(found["polarity"], events.p)


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
    ef.write(events[:20_000], tmp_path / "from.npz")
    port = free_port(socket.SOCK_DGRAM)
    found: list[Any] = []

    def receive() -> None:
        for packet in faery.events_stream_from_udp(_SIZE, ("127.0.0.1", port), format=layout):
            found.append(packet.copy())
            if sum(map(len, found)) >= 20_000:
                return

    thread = threading.Thread(target=receive, daemon=True)
    thread.start()
    until(lambda: f":{port:04X} " in Path("/proc/net/udp").read_text())
    nodes = {
        "in": {"use": "read", "path": str(tmp_path / "from.npz")},
        "out": {"use": "udp_send", "address": f"127.0.0.1:{port}", "layout": layout},
    }
    Running(tmp_path, nodes, ["in -> out"], "--speed", "0.5").summary()
    thread.join(10)
    got = np.concatenate(found)
    wanted = events[:20_000].to_numpy(like="faery")
    assert all(np.array_equal(got[name], wanted[name]) for name in wanted.dtype.names)
