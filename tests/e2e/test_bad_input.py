"""Whatever goes wrong ends in a located message and the right exit code, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

TWO = {"one": ["camera"], "two": ["middle", "end", "save"]}
PLACES: list[Any] = ["fused", "threads", TWO]
SINK = {"use": "null", "hash": True}


def chain(node: dict[str, Any], **source: Any) -> tuple[dict[str, Any], list[str]]:
    """camera -> node -> end, and the node's output saved."""
    nodes = {
        "camera": {"use": "test_ramp", **source},
        "middle": node,
        "end": SINK,
        "save": {"use": "test_save", "path": "out/saved.bin"},
    }
    return nodes, ["camera -> middle -> end", "middle -> save"]


@pytest.mark.parametrize("where", PLACES)
def test_a_node_that_raises_on_packet_1000(place: Any, where: Any) -> None:
    ended = place.run(*chain({"use": "test_breaks", "at": 1000}, events=200_000), place=where, packet_events=100)
    assert ended.code == 1, ended.err
    first = ended.err.splitlines()[0]
    assert first == "node 'middle', edge camera.events -> middle.events, message 1000: ValueError: packet of doom"
    (folder,) = (place.folder / "runs").iterdir()
    assert str(folder) in ended.err
    assert "packet of doom" in (folder / "middle-events-1000.txt").read_text()
    assert "Traceback" in (folder / "middle-events-1000.txt").read_text()
    kept = np.load(folder / "middle-events-1000.npz")
    assert list(kept["t"][:2]) == [1_000_000, 1_000_010]
    assert not (place.folder / "out" / "saved.bin").exists()
    assert ended.summary["nodes"]["middle"]["errors"] == 1
    place.assert_clean()


@pytest.mark.parametrize("where", ["fused", TWO])
@pytest.mark.parametrize("policy", ["skip", "restart"])
def test_on_error(place: Any, where: Any, policy: str) -> None:
    node = {"use": "test_breaks", "at": 10, "on_error": policy}
    ended = place.run(*chain(node, events=30_000), place=where, packet_events=1_000)
    assert ended.code == 0, ended.err
    entry = ended.summary["nodes"]["middle"]
    broken = 1 if policy == "skip" else 2  # a new node breaks again after ten more
    assert entry["errors"] == broken
    assert entry["skipped"] == {"error": broken}
    assert entry["events_out"] == 30_000 - broken * 1_000
    assert ended.summary["outputs"]["end"]["reproducible"] is False
    place.assert_clean()


@pytest.mark.parametrize(("how", "said"), [("kill", "signal 9"), ("segfault", "signal 11"), ("exit", "exit code 3")])
def test_a_worker_that_dies(place: Any, how: str, said: str) -> None:
    ended = place.run(*chain({"use": "test_breaks", "at": 50, "how": how}), place=TWO, packet_events=100)
    assert ended.code == 1, ended.err
    assert f"worker 'two' ended with {said}" in ended.err
    assert "node 'middle', edge camera.events -> middle.events" in ended.err
    if how == "segfault":
        (log,) = (place.folder / "runs").rglob("*.log")
        assert "Segmentation fault" in log.read_text()
    assert not (place.folder / "out" / "saved.bin").exists()
    place.assert_clean()


def test_a_worker_killed_from_outside(place: Any) -> None:
    process = place.start(*chain({"use": "test_pass", "sleep": "5ms"}), place=TWO, packet_events=100)
    wait_for(lambda: (place.folder / "out" / "saved.bin.part").exists())
    os.kill(max(place.workers(process)), signal.SIGKILL)
    ended = place.end(process)
    assert ended.code == 1
    assert "ended with signal 9" in ended.err
    place.assert_clean()


def wait_for(condition: Any, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def is_flowing(place: Any) -> bool:
    part = place.folder / "out" / "saved.bin.part"
    return part.exists() and part.stat().st_size > 0


@pytest.mark.parametrize("where", PLACES)
def test_ctrl_c_once_drains(place: Any, where: Any) -> None:
    """The sources end, what is under way is finished, outputs are kept."""
    process = place.start(
        *chain({"use": "test_pass", "sleep": "2ms"}, events=1_000_000), place=where, packet_events=100
    )
    wait_for(lambda: is_flowing(place))
    os.killpg(process.pid, signal.SIGINT)  # the terminal signals the whole group
    ended = place.end(process)
    assert ended.code == 130, ended.err
    summary = ended.summary
    assert summary["interrupted"] is True
    saved = place.folder / "out" / "saved.bin"
    assert saved.stat().st_size == 16 * summary["events"] > 0
    assert summary["events"] < 1_000_000
    assert all(edge["messages_sent"] == edge["messages_received"] for edge in summary["edges"])
    assert "Traceback" not in ended.err
    place.assert_clean()


@pytest.mark.parametrize("where", PLACES)
def test_ctrl_c_twice_gives_up(place: Any, where: Any) -> None:
    process = place.start(*chain({"use": "test_pass", "sleep": "2s"}), place=where, packet_events=100)
    wait_for(lambda: is_flowing(place))
    os.killpg(process.pid, signal.SIGINT)
    time.sleep(0.3)
    os.killpg(process.pid, signal.SIGINT)
    ended = place.end(process, 15)
    assert ended.code == 130, ended.err
    assert "Traceback" not in ended.err
    assert not (place.folder / "out" / "saved.bin").exists()
    place.assert_clean()


@pytest.mark.parametrize("where", PLACES)
def test_ctrl_c_at_any_time(place: Any, where: Any) -> None:
    """While importing, starting, running or ending: 130, or 0 if it was done, and nothing left."""
    rng = np.random.default_rng(5)
    delays = rng.uniform(0.25, 4.5 if where == TWO else 2.2, 10 if where == TWO else 5)
    for delay in delays:
        process = place.start(*chain({"use": "test_pass"}, events=100_000), place=where, packet_events=500)
        time.sleep(delay)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
        ended = place.end(process, 20)
        # -SIGINT and 1: Python was starting or ending, and the run was not there yet or over
        assert ended.code in (130, 0, -signal.SIGINT, 1), (delay, ended.err)
        if ended.code == 1:
            assert "KeyboardInterrupt" in ended.err, (delay, ended.err)
        place.assert_clean()


def test_workers_do_not_outlive_their_parent(place: Any) -> None:
    process = place.start(*chain({"use": "test_pass", "sleep": "10ms"}), place=TWO, packet_events=100)
    wait_for(lambda: is_flowing(place))
    assert len(place.workers(process)) == 2
    process.kill()
    process.wait()
    wait_for(lambda: not place.workers(process), 5)
    process.communicate()
    for left in place.sockets.glob("eventflow-*"):  # nobody was there to remove it
        subprocess.run(["rm", "-r", str(left)], check=True)


@pytest.mark.parametrize("where", PLACES)
def test_a_full_disk(place: Any, where: Any) -> None:
    disk = place.folder / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], check=False).returncode:
        pytest.skip("this test mounts a small file system, which is not allowed here")
    try:
        nodes, flow = chain({"use": "test_pass"}, events=500_000)
        nodes["save"]["path"] = str(disk / "saved.bin")
        ended = place.run(nodes, flow, place=where)
        assert ended.code == 1, ended.err
        assert "node 'save', edge middle.events -> save.message" in ended.err
        assert f"{disk / 'saved.bin'}: the disk is full" in ended.err
        assert list(disk.iterdir()) == []
        place.assert_clean()
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("where", ["fused", TWO])
def test_an_output_where_nothing_can_be_written(place: Any, where: Any) -> None:
    (place.folder / "file").write_text("not a folder")
    nodes, flow = chain({"use": "test_pass"})
    nodes["save"]["path"] = "file/saved.bin"
    ended = place.run(nodes, flow, place=where)
    assert ended.code == 1
    assert "node 'save', in start()" in ended.err
    assert "parent file is not a directory" in ended.err
    place.assert_clean()


@pytest.mark.parametrize("where", ["fused", "threads", {"one": ["camera", "late"], "two": ["both"]}])
def test_the_memory_limit_draws_the_waiting_edges(place: Any, where: Any) -> None:
    nodes = {
        "camera": {"use": "test_ramp", "events": 2_000_000},
        "late": {"use": "test_holdback"},
        "both": {"use": "test_both"},
        "end": SINK,
    }
    flow = ["camera -> late -> both.left", "camera -> both.right", "both -> end"]
    ended = place.run(nodes, flow, place=where, memory_bytes=400_000)
    assert ended.code == 1, ended.err
    assert "queues and join buffers hold" in ended.err
    assert "more than --memory 0.4 MB" in ended.err
    if where == "threads":
        assert "waits" in ended.err
    place.assert_clean()


@pytest.mark.parametrize("where", ["fused", TWO])
@pytest.mark.parametrize(("fails", "said"), [("start", "the lens cap is on"), ("run", "the cable came off")])
def test_a_source_that_raises(place: Any, where: Any, fails: str, said: str) -> None:
    ended = place.run(*chain({"use": "test_pass"}, fails=fails), place=where)
    assert ended.code == 1
    assert ended.err.startswith(f"node 'camera', in {fails}(): ValueError: {said}")
    place.assert_clean()


@pytest.mark.parametrize("where", PLACES)
def test_no_events_at_all(place: Any, where: Any) -> None:
    ended = place.run(*chain({"use": "test_pass"}, events=0), place=where)
    assert ended.code == 0, ended.err
    assert ended.summary["events"] == 0
    assert (place.folder / "out" / "saved.bin").read_bytes() == b""
    place.assert_clean()


def test_a_node_may_print(place: Any) -> None:
    for where in PLACES:
        ended = place.run(*chain({"use": "test_pass", "prints": True}, events=20_000), place=where)
        assert ended.code == 0
        assert "a node printed: µ 5000" in ended.err.splitlines() + ended.out.splitlines()
        assert json.loads(ended.out.splitlines()[-1])["events"] == 20_000
    place.assert_clean()


def test_the_run_folder_is_made_only_for_failures(place: Any) -> None:
    assert place.run(*chain({"use": "test_pass"}), place="fused").code == 0
    assert not (place.folder / "runs").exists()
    assert Path(place.folder / "out" / "saved.bin").stat().st_size == 200_000 * 16
