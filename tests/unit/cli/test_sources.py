"""What is typed behind `record` and `view` becomes the right node, and both verbs work."""

from __future__ import annotations

from pathlib import Path

import pytest

import eventflow as ef
from eventflow.cli import main
from eventflow.cli.sources import is_live, source_node
from eventflow.errors import ParameterError


@pytest.mark.parametrize(
    ("text", "node", "live"),
    [
        ("flight.raw", {"use": "read", "path": "flight.raw"}, False),
        ("-", {"use": "read", "path": "-"}, False),
        ("synth:crossing", {"use": "read", "path": "synth:crossing"}, False),
        ("camera", {"use": "camera"}, True),
        ("camera:00051234", {"use": "camera", "serial": "00051234"}, True),
        ("webcam:1", {"use": "webcam", "device": "1"}, True),
        ("tap:clean", {"use": "subscribe", "url": "clean"}, True),
        ("tcp://10.0.0.2:5560", {"use": "subscribe", "url": "tcp://10.0.0.2:5560"}, True),
        ("dv://127.0.0.1:7777", {"use": "dv_network", "address": "127.0.0.1:7777"}, True),
        ("udp://0.0.0.0:3333", {"use": "udp", "address": "0.0.0.0:3333"}, True),
    ],
)
def test_a_source_is_its_node(text, node, live):
    assert source_node(text, []) == (node, "events")
    assert is_live(node) is live


def test_settings_are_those_of_the_node():
    assert source_node("camera", ["biases=diff_on=5,fo=2"])[0] == {"use": "camera", "biases": "diff_on=5,fo=2"}
    with pytest.raises(ParameterError, match="expected NAME=VALUE"):
        source_node("camera", ["biases"])


def test_a_scene_is_recorded_and_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    out = tmp_path / "scene.es"
    small = ["--set", "width=32", "--set", "height=24"]
    assert main(["record", "synth:moving", str(out), "--for", "100ms", *small]) == 0
    recorded = ef.read(out)
    assert len(recorded)
    assert recorded.t[-1] - recorded.t[0] <= 100_000
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert main(["view", str(out)]) == 2
    assert "export" in capsys.readouterr().err
    pytest.importorskip("pygame")
    monkeypatch.setenv("DISPLAY", ":99")
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    assert main(["view", str(out), "--speed", "max"]) == 0
