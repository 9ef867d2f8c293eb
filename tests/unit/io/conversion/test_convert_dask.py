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
