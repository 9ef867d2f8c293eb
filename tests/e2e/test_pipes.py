"""Two runs joined by a pipe: what the first writes to its standard output the second reads from its standard input."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import eventflow as ef
from eventflow.io.standard import STREAMED


def graph(folder: Path, name: str, nodes: dict, flow: list[str]) -> str:
    path = folder / f"{name}.yaml"
    path.write_text(json.dumps({"eventflow": 1, "name": name, "nodes": nodes, "flow": flow}))
    return str(path)


def run(path: str, *options: str, **streams) -> subprocess.Popen:
    command = [sys.executable, "-m", "eventflow", "run", path, *options]
    return subprocess.Popen(command, cwd=Path(path).parent, stderr=subprocess.PIPE, text=False, **streams)


@pytest.fixture
def first(tmp_path):
    nodes = {
        "camera": {"use": "synth", "scene": "crossing", "duration": "60ms"},
        "kept": {"use": "write", "path": "sent.npz"},
        "out": {"use": "write", "path": "-"},
    }
    return graph(tmp_path, "first", nodes, ["camera.events -> kept", "camera.events -> out"])


def test_the_second_run_has_the_events_of_the_first(tmp_path, first):
    nodes = {"in": {"use": "read", "path": "-"}, "kept": {"use": "write", "path": "got.npz"}}
    second = graph(tmp_path, "second", nodes, ["in -> kept"])
    one = run(first, stdout=subprocess.PIPE)
    two = run(second, stdin=one.stdout, stdout=subprocess.PIPE)
    one.stdout.close()
    said = two.communicate(timeout=60)
    error = one.stderr.read().decode()
    one.stderr.close()
    assert (one.wait(20), two.returncode) == (0, 0), (error, said)
    assert "first: " in error  # the report, which must not be among the bytes
    sent, got = ef.read(tmp_path / "sent.npz"), ef.read(tmp_path / "got.npz")
    assert got.records.tobytes() == sent.records.tobytes()
    assert (got.width, got.height) == (346, 260)


def test_a_reader_that_leaves_is_an_error_of_one_line(tmp_path, first):
    nodes = {"camera": {"use": "synth", "duration": "2s"}, "out": {"use": "write", "path": "-"}}
    one = run(graph(tmp_path, "long", nodes, ["camera.events -> out"]), stdout=subprocess.PIPE)
    one.stdout.read(100)
    one.stdout.close()
    error = one.stderr.read().decode()
    one.stderr.close()
    assert one.wait(20) == 1
    assert "the program that read it has gone" in error
    assert "Traceback" not in error.replace("The traceback", "")


@pytest.mark.parametrize("name", ["npz", "aedat4", "hdf5", "none"])
def test_formats_that_go_back_to_their_start_are_refused(tmp_path, name):
    nodes = {"camera": {"use": "synth", "duration": "5ms"}, "out": {"use": "write", "path": "-", "format": name}}
    with pytest.raises(ef.errors.EventflowError, match=f"as {name}, which goes back.*{STREAMED[0]}"):
        ef.run(graph(tmp_path, "wrong", nodes, ["camera.events -> out"]), place="fused")
