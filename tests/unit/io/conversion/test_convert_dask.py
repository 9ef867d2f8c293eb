"""A tree converted on a Dask cluster: the same bytes, whatever happens to its workers."""

from __future__ import annotations

import os
import signal
import time

import pytest
from trees import contents, make_tree

import eventflow as ef
import eventflow.io as io
from eventflow.errors import RecordingError
from eventflow.io.conversion import distributed

dask = pytest.importorskip("distributed", reason="the extra `dask` is not installed")
pytestmark = pytest.mark.filterwarnings("default")  # Dask's own


@pytest.fixture
def cluster():
    with dask.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0") as running:
        yield running


def test_a_cluster_makes_the_same_bytes(cluster, tmp_path):
    source = make_tree(tmp_path / "src")
    ef.convert(source, tmp_path / "whole", to="npz")
    report = ef.convert(source, tmp_path / "dst", to="npz", dask=cluster.scheduler_address)
    assert report["failed"] == []
    assert contents(tmp_path / "dst") == contents(tmp_path / "whole")
    assert ef.convert(source, tmp_path / "dst", to="npz", dask=cluster.scheduler_address, resume=True)["resumed"] == 6


def test_tasks_of_a_killed_worker_run_again(cluster, tmp_path):
    from trees import random_events

    source = tmp_path / "src"
    for number in range(6):
        io.write(random_events(400_000, seed=number), source / f"{number}.raw")
    ef.convert(source, tmp_path / "whole", to="csv")
    killed = []

    def kill_one(state):
        if state["finished"] == 1 and not killed:
            killed.append(next(iter(cluster.workers.values())).process.pid)
            os.kill(killed[0], signal.SIGKILL)

    report = ef.convert(source, tmp_path / "dst", to="csv", dask=cluster.scheduler_address, on_progress=kill_one)
    assert killed
    assert report["failed"] == []
    assert contents(tmp_path / "dst") == contents(tmp_path / "whole")


def test_a_local_cluster_is_started_and_ended(tmp_path):
    source = make_tree(tmp_path / "src", count=2)
    report = ef.convert(source, tmp_path / "dst", to="npz", dask="local", jobs=2)
    assert len(report["recordings"]) == 2
    assert report["failed"] == []


def test_a_scheduler_that_does_not_answer(tmp_path, monkeypatch):
    monkeypatch.setattr(distributed, "_CONNECT_S", 0.5)
    source = make_tree(tmp_path / "src", count=1)
    began = time.monotonic()
    with pytest.raises(RecordingError, match="no Dask scheduler answers at"):
        ef.convert(source, tmp_path / "dst", to="npz", dask="tcp://127.0.0.1:9")
    assert time.monotonic() - began < 30


def large(folder, events=1_200_000):
    """Recordings with marks in them, one damaged, one whose times step back, one whose clock turns over."""
    import numpy as np
    from trees import random_events

    made = random_events(events)
    io.write(made, folder / "plain.dat")
    io.write(made, folder / "words.raw")
    back = made.records.copy()
    back["t"][::1000] -= 30
    back["t"] += (1 << 32) - int(back["t"][events // 2])
    back["t"] = np.maximum(back["t"], 0)
    damaged = io.write(type(made)(back, 64, 48), folder / "damaged.dat")
    data = bytearray(damaged.read_bytes())
    at = len(data) - 8 * (events // 3)
    for place in range(at, at + 8 * 50, 8):
        data[place + 4 : place + 8] = b"\xff" * 4
    damaged.write_bytes(data[:-3])
    data[at : at + 8 * 50] = b"\xff" * 400
    (folder / "impossible.dat").write_bytes(data)
    return folder


SETTINGS = [
    {"to": "csv"},
    {"to": "dat", "origin": "zero", "roi": (3, 4, 40, 30), "flip_x": True, "polarity": "on"},
    {"to": "csv", "writer_options": {"header": False, "unit": "s", "separator": " "}, "backwards": "clamp"},
    {"to": "dat", "verify": True},
]


@pytest.mark.parametrize("asked", SETTINGS)
def test_a_divided_recording_has_the_bytes_of_the_undivided(cluster, tmp_path, monkeypatch, asked):
    source = large(tmp_path / "src")
    asked = asked | {"max_backstep": 1 << 40}
    whole = ef.convert(source, tmp_path / "whole", **asked)
    assert len(whole["failed"]) == (asked["to"] == "dat")  # times that DAT does not hold
    monkeypatch.setattr(distributed, "PART_BYTES", 3 << 20)
    joins = []
    monkeypatch.setattr(distributed.divided, "remove_parts", lambda parts: joins.append(parts))
    report = ef.convert(source, tmp_path / "dst", dask=cluster.scheduler_address, **asked)
    assert [each["why"].replace("dst", "whole") for each in report["failed"]] == [e["why"] for e in whole["failed"]]
    assert contents(tmp_path / "dst") == contents(tmp_path / "whole")
    assert report["others"] == []
    assert any(len(parts) >= 2 and not any("failed" in part for part in parts) for parts in joins)


def test_a_divided_recording_survives_a_killed_worker(cluster, tmp_path, monkeypatch):
    source = large(tmp_path / "src", 3_000_000)
    ef.convert(source, tmp_path / "whole", to="csv")
    monkeypatch.setattr(distributed, "PART_BYTES", 5 << 20)
    killed, made = [], distributed._Division._part_made

    def kill_one(self, number, future):
        if not killed:
            killed.append(next(iter(cluster.workers.values())).process.pid)
            os.kill(killed[0], signal.SIGKILL)
        return made(self, number, future)

    monkeypatch.setattr(distributed._Division, "_part_made", kill_one)
    report = ef.convert(source, tmp_path / "dst", to="csv", dask=cluster.scheduler_address)
    assert killed
    assert report["failed"] == []
    assert contents(tmp_path / "dst") == contents(tmp_path / "whole")
