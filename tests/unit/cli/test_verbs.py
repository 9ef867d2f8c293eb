"""The verbs that make files, from simulation to picture."""

from __future__ import annotations

import json

import numpy as np
import pytest

import eventflow as ef
from eventflow.cli import main
from eventflow.cli.report import damage


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    path = tmp_path_factory.mktemp("synth") / "crossing.csv"
    given = ["--duration", "100ms", "--width", "64", "--height", "48", "--truth", str(path.with_name("truth.csv"))]
    assert main(["synth", "crossing", str(path), *given]) == 0
    return path


def test_synth_writes_events_and_truth(recording):
    assert len(ef.read(recording, width=64, height=48)) > 100
    assert recording.with_name("truth.csv").read_text().startswith("t,id,x,y,vx,vy,w,h,mass\n")


def test_synth_without_a_scene_lists_them(capsys):
    assert main(["synth", "--json"]) == 0
    assert "crossing" in {each["name"] for each in json.loads(capsys.readouterr().out)}
    assert main(["synth", "crossing"]) == 2
    assert main(["synth", "crosing", "x.csv"]) != 0


def test_info_says_what_is_in_a_recording(recording, capsys):
    assert main(["info", str(recording), "--json", "--width", "64", "--height", "48"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["events"] == len(ef.read(recording, width=64, height=48))
    assert main(["info", str(recording), "--width", "64", "--height", "48"]) == 0
    assert "64 x 48 px" in capsys.readouterr().out
    assert main(["info", "nothing.raw"]) == 1
    assert "no such file" in capsys.readouterr().err


def test_convert_keeps_a_region_and_a_time(recording, tmp_path, capsys):
    target = tmp_path / "part.npz"
    window = ["--roi", "10,5,30,20", "--start", "20ms", "--end", "60ms", "--width", "64", "--height", "48"]
    assert main(["convert", str(recording), str(target), *window]) == 0
    whole, part = ef.read(recording, width=64, height=48).between(20_000, 60_000), ef.read(target)
    inside = (whole.x >= 10) & (whole.x < 40) & (whole.y >= 5) & (whole.y < 25)
    assert (part.width, part.height) == (30, 20)
    assert np.array_equal(part.t, whole.t[inside])
    assert np.array_equal(part.x, whole.x[inside] - 10)


def test_convert_to_an_unknown_suffix_is_a_wrong_command(recording, tmp_path, capsys):
    assert main(["convert", str(recording), str(tmp_path / "x.docx")]) == 2
    assert list(tmp_path.iterdir()) == []


def test_export_makes_a_picture(recording, tmp_path):
    target = tmp_path / "x.gif"
    assert main(["export", str(recording), str(target), "--width", "64", "--height", "48", "--speed", "0.5"]) == 0
    assert target.read_bytes().startswith(b"GIF89a")


def test_run_reports_and_writes_a_summary(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "g.yaml").write_text(
        "eventflow: 1\nname: small\nnodes:\n  a: {use: synth, duration: 50ms, width: 32, height: 24}\n"
        "  b: {use: null, hash: true}\nflow:\n  - a.events -> b\n"
    )
    assert main(["run", "g.yaml", "--set", "a.seed=3", "--summary", "s.json", "--for", "40ms"]) == 0
    summary = json.loads((tmp_path / "s.json").read_text())
    assert summary["outputs"]["b"]["path"] is None
    assert len(summary["outputs"]["b"]["blake2b"]) == 64
    shown = capsys.readouterr().out
    assert shown.startswith("small: ")
    assert "nothing lost" in shown


def test_damage_is_told_by_source_and_reason():
    graph = ef.load_graph("demo")
    nodes = {"camera": {"skipped": {"truncated_bytes": 3}}, "video": {"skipped": {"pictures_in_gaps": 2}}}
    assert damage(graph, {"nodes": nodes}) == [
        "camera: part of the recording is damaged and was left out: 3 truncated_bytes"
    ]
