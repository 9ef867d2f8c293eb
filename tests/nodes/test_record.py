"""What a recorder leaves, also of a run that fails or is killed, and what it does where the disk is too slow."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

import eventflow as ef
from eventflow.errors import RecordingError
from eventflow.messages import Alarm, StreamInfo
from eventflow_nodes.sinks.record import Record


@pytest.fixture(scope="module")
def events() -> ef.Events:
    return ef.synth.render("crossing", seed=3)


def recorder(events: ef.Events, path: Path, *, live: bool = False, **options: object) -> Record:
    node = Record(path=str(path), **options)
    node.start(StreamInfo(events.width, events.height, live=live))
    return node


def feed(node: Record, events: ef.Events, size: int = 5000) -> None:
    for start in range(0, len(events), size):
        node.message(events[start : start + size])


@pytest.mark.parametrize("name", ["a.raw", "a.aedat4", "a.es", "a.dat", "a.npz", "a.mcap"])
def test_what_passes_is_recorded(events: ef.Events, tmp_path: Path, name: str) -> None:
    node = recorder(events, tmp_path / name)
    feed(node, events)
    node.finish(0)
    node.close(complete=True)
    assert node.outputs == [tmp_path / name]
    again = ef.read(tmp_path / name, origin="raw")
    assert np.array_equal(again.t - again.t[0], events.t - events.t[0])
    assert np.array_equal(again.x, events.x)


def test_files_turn_with_time(events: ef.Events, tmp_path: Path) -> None:
    """Each holds one stretch of event time, however the packets were cut."""
    node = recorder(events, tmp_path / "r.npz", rotate_time="500ms")
    feed(node, events, 77_777)
    node.finish(0)
    node.close(complete=True)
    assert len(node.outputs) > 2
    assert [path.name for path in node.outputs][:2] == ["r-0000.npz", "r-0001.npz"]
    parts = [ef.read(path) for path in node.outputs]
    assert all(int(part.t[0]) // 500_000 == int(part.t[-1]) // 500_000 for part in parts)
    assert np.array_equal(np.concatenate([part.t for part in parts]), events.t)


def test_files_turn_with_size(events: ef.Events, tmp_path: Path) -> None:
    node = recorder(events, tmp_path / "r.dat", rotate_size="500kB", live=True)
    feed(node, events)
    node.finish(0)
    node.close(complete=True)
    assert len(node.outputs) > 3
    assert sum(len(ef.read(path)) for path in node.outputs) == len(events)


def test_a_run_that_fails_keeps_its_recording(events: ef.Events, tmp_path: Path) -> None:
    node = recorder(events, tmp_path / "r.raw")
    feed(node, events[:50_000])
    node.close(complete=False)
    assert len(ef.read(tmp_path / "r.raw")) == 50_000


@pytest.mark.parametrize("name", ["r.raw", "r.mcap", "r.dat"])
def test_what_a_killed_program_leaves_is_readable(events: ef.Events, tmp_path: Path, name: str) -> None:
    """All packets but those of the last moments are in NAME.part, which is read like a recording."""
    node = recorder(events, tmp_path / name, live=True)
    feed(node, events)
    for _ in range(200):
        if not node._queue and node._held_bytes == 0:
            break
        threading.Event().wait(0.02)
    left = ef.read(tmp_path / f"{name}.part")
    assert len(left) > 0.9 * len(events)
    assert np.array_equal(left.x, events.x[: len(left)])
    node.close(complete=False)


def test_a_slow_disk_ends_the_run(events: ef.Events, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    node = recorder(events, tmp_path / "r.npz", waiting="200kB")
    gate = threading.Event()
    put = node._put
    monkeypatch.setattr(node, "_put", lambda message: (gate.wait(), put(message)))
    with pytest.raises(RecordingError, match=r"wait for the disk at t=\d+ µs, which is too slow"):
        feed(node, events)
    gate.set()
    node.close(complete=False)


def test_only_the_container_holds_every_kind(events: ef.Events, tmp_path: Path) -> None:
    alarm = Alarm(5, "rate_above", True, 2.0, 1.0, "everywhere")
    node = recorder(events, tmp_path / "a.mcap")
    node.message(alarm)
    node.finish(0)
    node.close(complete=True)
    with ef.open(tmp_path / "a.mcap") as recording:
        (found,) = list(recording.messages("alarm"))
    assert (found.t, found.name, found.raised, found.where) == (5, "rate_above", True, "everywhere")

    node = recorder(events, tmp_path / "a.raw")
    node.message(alarm)
    with pytest.raises(RecordingError, match="Alarm is not held by"):
        node.finish(0)
    node.close(complete=False)
