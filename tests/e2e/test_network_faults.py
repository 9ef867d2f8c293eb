"""Network sources under fault: garbage, silence, clocks that jump, connections that break, a program that is killed."""

from __future__ import annotations

import contextlib
import os
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
from eventflow.errors import EventflowError, RunError
from eventflow.graph.file import graph_from_dict
from eventflow.net.dv import Server

WIDTH, HEIGHT = 346, 260


@pytest.fixture(scope="module")
def events() -> ef.Events:
    return ef.synth.render("crossing", seed=4)[:20_000]


def until(true: Any, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Run:
    """A run in a thread; its first node is `camera`, its last `kept.npz`."""

    def __init__(self, folder: Path, camera: dict[str, Any], **options: Any) -> None:
        self.path = folder / "kept.npz"
        nodes = {"camera": camera, "save": {"use": "write", "path": str(self.path)}}
        port = ".events" if camera["use"] == "dv_network" else ""
        graph = graph_from_dict({"nodes": nodes, "flow": [f"camera{port} -> save"]})
        self.summary: dict[str, Any] = {}
        self.error: BaseException | None = None

        def go() -> None:
            try:
                self.summary.update(ef.run(graph, runs_folder=folder / "runs", **options))
            except RunError as error:
                self.error = error

        self.thread = threading.Thread(target=go, daemon=True)
        self.thread.start()

    def end(self) -> dict[str, Any]:
        self.thread.join(60)
        assert not self.thread.is_alive()
        if self.error is not None:
            raise self.error
        return self.summary


class Sender:
    """Sends events as datagrams of 13 bytes an event to a port that somebody listens at."""

    def __init__(self) -> None:
        self.port = free_port(socket.SOCK_DGRAM)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.camera = {
            "use": "udp", "address": f"127.0.0.1:{self.port}", "width": WIDTH, "height": HEIGHT, "silence": "400ms",
        }  # fmt: skip

    def ready(self) -> None:
        until(lambda: f":{self.port:04X} " in Path("/proc/net/udp").read_text())
        self.socket.connect(("127.0.0.1", self.port))

    def send(self, events: ef.Events) -> None:
        packed = np.zeros(len(events), [("t", "<u8"), ("x", "<u2"), ("y", "<u2"), ("p", "u1")])
        for name in packed.dtype.names or ():
            packed[name] = events.records[name]
        for start in range(0, len(packed), 100):
            self.socket.send(packed[start : start + 100].tobytes())
            if start % 2000 == 0:
                time.sleep(0.001)


@pytest.fixture
def sender():
    made = Sender()
    yield made
    made.socket.close()


def test_garbage_among_datagrams_is_counted_and_the_rest_arrives(
    events: ef.Events, sender: Sender, tmp_path: Path
) -> None:
    run = Run(tmp_path, sender.camera)
    sender.ready()
    sender.send(events[:5_000])
    sender.socket.send(b"\xff" * 13 * 7)  # a time beyond all times
    sender.socket.send(b"")
    sender.socket.send(b"abcde")  # less than an event
    sender.socket.send(bytes(5_000))  # more than a row holds
    sender.socket.send(b"".join([int(events.t[4_999]).to_bytes(8, "little"), b"\xff\xff\xff\xff\x01"]))  # no such pixel
    sender.send(events[5_000:])
    summary = run.end()
    skipped = summary["nodes"]["camera"]["skipped"]
    assert skipped == {"damaged datagrams": 2, "odd bytes": 5, "outside": 1}
    assert ef.read(run.path).records.tobytes() == events.records.tobytes()


def test_a_clock_that_jumps_resets_what_is_below(events: ef.Events, sender: Sender, tmp_path: Path) -> None:
    """An hour ahead is a gap, an hour back a new stream; every event arrives."""
    run = Run(tmp_path, sender.camera)
    sender.ready()
    later = events.records.view("V16").copy().view(events.records.dtype)
    later["t"] += 3_600_000_000
    sender.send(events[:1_000])
    sender.send(ef.Events(later[1_000:2_000], WIDTH, HEIGHT))
    sender.send(events[2_000:3_000])
    summary = run.end()
    assert summary["events"] == 3_000
    assert summary["lossless"]
    assert len(ef.read(run.path, backwards="keep")) == 3_000


def test_silence_in_the_middle_is_no_end(events: ef.Events, sender: Sender, tmp_path: Path) -> None:
    run = Run(tmp_path, sender.camera | {"silence": "3s"})
    sender.ready()
    sender.send(events[:1_000])
    time.sleep(1.0)
    sender.send(events[1_000:2_000])
    assert run.end()["events"] == 2_000


def test_for_is_wall_time_where_time_passes_by_itself(sender: Sender, tmp_path: Path) -> None:
    """Nobody ever sends; the run ends all the same."""
    del sender.camera["silence"]
    summary = Run(tmp_path, sender.camera, for_us=500_000).end()
    assert summary["events"] == 0
    assert 0.4 < summary["wall_s"] < 30


def test_a_cable_pulled_and_put_back_is_a_counted_gap(events: ef.Events, tmp_path: Path) -> None:
    port = free_port(socket.SOCK_STREAM)
    camera = {"use": "dv_network", "address": f"127.0.0.1:{port}", "patience": "4s"}
    run = Run(tmp_path, camera)
    for begin in (0, 1_000, 2_000):
        server = Server(("127.0.0.1", port), kind="Events", width=WIDTH, height=HEIGHT)
        until(lambda server=server: server.clients == 1)
        server.send(events[begin : begin + 1_000])
        server.close()
    summary = run.end()
    assert summary["events"] == 3_000
    assert summary["nodes"]["camera"]["skipped"] == {"gaps": 2}
    assert ef.read(run.path).records.tobytes() == events[:3_000].records.tobytes()


@pytest.mark.parametrize(
    "words", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n" * 40, b"\x00" * 500], ids=["silent", "http", "zeros"]
)
def test_a_peer_that_is_no_server_of_dv_is_named(words: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eventflow.net.dv._HEADER_TIMEOUT_S", 0.5)
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        answering = threading.Thread(target=_answer, args=(listener, words, ended))
        answering.start()
        try:
            address = f"127.0.0.1:{listener.getsockname()[1]}"
            run = Run(tmp_path, {"use": "dv_network", "address": address, "patience": "0ms"})
            with pytest.raises(RunError, match="not a server of dv-processing"):
                run.end()
        finally:
            ended.set()
            answering.join()


def _answer(listener: socket.socket, words: bytes, ended: threading.Event) -> None:
    listener.settimeout(0.05)
    with contextlib.ExitStack() as peers:
        while not ended.is_set():
            with contextlib.suppress(TimeoutError):
                peer, _ = listener.accept()
                peers.enter_context(peer)
                if words:
                    peer.sendall(words)


def _count(path: Path) -> int:
    with contextlib.suppress(EventflowError):  # it may not have its header yet
        return len(ef.read(path))
    return 0


def test_what_a_killed_run_recorded_is_there_up_to_the_last_packet(
    events: ef.Events, sender: Sender, tmp_path: Path
) -> None:
    """The program is killed while it waits for more; all that came is in NAME.part."""
    graph = f"""
eventflow: 1
name: killed
nodes:
  camera: {{use: udp, address: "127.0.0.1:{sender.port}", width: {WIDTH}, height: {HEIGHT}}}
  keep: {{use: record, path: kept.raw}}
  end: {{use: "null"}}
flow: [camera -> keep, camera -> end]
"""
    (tmp_path / "g.yaml").write_text(graph)
    command = [sys.executable, "-m", "eventflow", "run", "g.yaml"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        sender.ready()
        sender.send(events)
        part = tmp_path / "kept.raw.part"
        until(lambda: _count(part) == len(events))
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    left = ef.read(tmp_path / "kept.raw.part")
    assert np.array_equal(left.t - left.t[0], events.t - events.t[0])
    assert np.array_equal(left.x, events.x)
