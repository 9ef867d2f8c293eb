"""Every shipped graph runs, loses nothing and leaves what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

import eventflow as ef
from eventflow.snn.digits import digit_network

GRAPHS = Path(__file__).parents[2] / "graphs"
SHORTER = {
    "digits": {"count": 2, "network": "untrained.safetensors"},
    "demo": {"camera.duration": "600ms"},
    "live": {"duration": "300ms"},
    "place-learn": {"places": 40},
    "place-recognise": {"places": 40},
}
BEFORE = {"place-recognise": "place-learn"}
FILES = {
    "convert": {"converted.npz"},
    "demo": {"demo.mp4", "demo-tracks.csv"},
    "digits": {"digits-labels.csv", "digits.mp4"},
    "denoise-and-track": {"clean.npz", "tracks.csv"},
    "live": {"live-tracks.csv", "live.aedat4"},
    "place-learn": {"route.h5"},
    "place-recognise": {"places.mcap", "route.h5"},
    "voxelize": {"voxels.npz"},
}


@pytest.mark.parametrize("name", sorted(path.stem for path in GRAPHS.glob("*.yaml")))
def test_a_shipped_graph_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    if name in BEFORE:
        ef.run(GRAPHS / f"{BEFORE[name]}.yaml", set=SHORTER[BEFORE[name]])
    if name == "digits":
        digit_network().save("untrained.safetensors")
    summary = ef.run(GRAPHS / f"{name}.yaml", set=SHORTER.get(name, {}))
    assert summary["lossless"]
    assert all(edge["messages_sent"] == edge["messages_received"] for edge in summary["edges"])
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES[name]
    if name == "demo":
        results = summary["results"]["track_error"]
        assert results["median_px"] < 3
        assert results["id_switches"] == 0
