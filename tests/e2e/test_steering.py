"""A hand in a running graph: what a pause, a step, a seek, a changed parameter do, in one process and in several."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import eventflow as ef
from eventflow.errors import ParameterError

GRAPH = """
eventflow: 1
name: steered
nodes:
  camera: {use: read, path: recording.npz, loop: 0, packet_events: 200}
  clean:  {use: background_activity, window: 5ms}
  end:    {use: "null"}
flow: [camera -> clean -> end]
"""


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest):
    """A paced run in a thread, and a handle on it."""
    monkeypatch.chdir(tmp_path)
    sockets = tempfile.mkdtemp(prefix="run-")
    monkeypatch.setenv("XDG_RUNTIME_DIR", sockets)
    ef.write(ef.synth.render("crossing", seed=1), "recording.npz")
    Path("g.yaml").write_text(GRAPH)
    found: dict[str, Any] = {}

    def go() -> None:
        found.update(ef.run("g.yaml", speed="0.5", place=request.param, steerable=True))

    thread = threading.Thread(target=go, daemon=True)
    thread.start()
    try:
        until(lambda: ef.runs() or not thread.is_alive(), 60)
        with ef.attach() as handle:
            until(lambda: handle.summary()["events"] > 0, 60)
            yield handle, found, thread
    finally:
        if thread.is_alive():
            with ef.attach() as handle:
                handle.stop()
            thread.join(30)
        shutil.rmtree(sockets)


def until(true: Any, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("running", ["fused", "threads", {"a": ["camera"], "b": ["clean", "end"]}], indirect=True)
def test_pause_step_set_seek_stop(running: Any) -> None:
    handle, found, thread = running
    handle.pause()
    time.sleep(0.3)
    before = handle.summary()["events"]
    time.sleep(0.3)
    assert handle.summary()["events"] == before
    handle.step(3)
    until(lambda: 0 < handle.summary()["events"] - before <= 600)
    handle.set("clean.window", "1ms")
    handle.resume()
    until(lambda: handle.summary()["events"] > before + 2000)
    handle.seek("100ms")
    until(lambda: handle.summary()["events"] > before + 4000)
    with pytest.raises(ParameterError, match="no node 'cleen'"):
        handle.set("cleen.window", "1ms")
    with pytest.raises(ParameterError, match="cannot change while the graph runs"):
        handle.set("camera.path", "other")
    with pytest.raises(ParameterError, match="window"):
        handle.set("clean.window", "quick")
    handle.stop()
    thread.join(40)
    assert [each["do"] for each in found["steering"]] == ["pause", "step", "set", "resume", "seek", "stop"]
    assert found["lossless"]
    assert not any(each["reproducible"] for each in found["outputs"].values())
    assert ef.runs() == []


def test_nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(prefix="run-") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        with pytest.raises(ParameterError, match="nothing runs"):
            ef.attach()
