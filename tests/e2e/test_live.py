"""The shipped live graph with its simulated camera: watched, changed and recorded while it runs, then replayed."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import eventflow as ef

LIVE = Path(__file__).parents[2] / "graphs" / "live.yaml"
CAMERA = 'camera: {use: synth, scene: shapes, duration: "${duration}", noise: 2, seed: 1}'


def until(true: Any, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture
def sockets(monkeypatch: pytest.MonkeyPatch):
    folder = tempfile.mkdtemp(prefix="run-")
    monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
    yield
    shutil.rmtree(folder)


@pytest.mark.parametrize("where", [None, {"front": ["camera", "clean"], "back": ["tracks", "save"]}])
def test_the_recording_replays_to_what_was_seen_live(
    where: Any, sockets: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found: dict[str, Any] = {}
    options = {"place": where, "speed": 1, "steerable": True}
    running = threading.Thread(target=lambda: found.update(ef.run(LIVE, **options)), daemon=True)
    running.start()
    until(lambda: ef.runs() or not running.is_alive())
    with ef.attach() as handle:
        until(lambda: handle.summary()["events"] > 100_000)
        handle.set("watch.rate_above", 1)
        until(lambda: handle.summary()["nodes"]["alarms"]["messages_in"] > 0)
        handle.stop()
    running.join(60)
    assert found["lossless"]
    assert found["steering"][0] | {"wall_s": 0} == {
        "wall_s": 0, "do": "set", "node": "watch", "parameter": "rate_above", "value": 1.0
    }  # fmt: skip
    assert found["results"]["watch"]["rate_above"] == 1
    live = Path("out/live-tracks.csv").read_text().splitlines()
    recorded = ef.read("out/live.aedat4")
    assert len(recorded) == found["events"]

    text = LIVE.read_text()
    assert CAMERA in text
    Path("replay.yaml").write_text(text.replace(CAMERA, "camera: {use: read, path: out/live.aedat4}"))
    again = ef.run("replay.yaml", set={"folder": "again"})
    assert again["events"] == len(recorded)
    replayed = Path("again/live-tracks.csv").read_text().splitlines()
    assert _up_to(replayed, int(recorded.t[-1])) == _up_to(live, int(recorded.t[-1]))
    assert len(replayed) > 100


def _up_to(lines: list[str], t: int) -> list[str]:
    """The simulated camera knows of time after its last event, the recording does not."""
    return [lines[0], *(line for line in lines[1:] if int(line.partition(",")[0]) <= t)]
