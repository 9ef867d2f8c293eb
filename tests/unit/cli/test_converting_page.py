"""The commands of docs/converting.md, run one after the other as they stand there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from eventflow.cli import main

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "converting.md").read_text()


def _blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.M | re.S)


def test_every_command_works(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prep.yaml").write_text(next(block for block in _blocks("yaml") if "eventflow: 1" in block))
    for block in _blocks("python"):
        exec(compile(block, "converting.md", "exec", dont_inherit=True), {"__name__": "example"})
    (tmp_path / "data" / "a.raw").unlink()
    for path in (tmp_path / "out").iterdir():
        path.unlink()
    commands = [line for block in _blocks("sh") for line in block.splitlines() if line]
    assert len(commands) > 10
    for command in commands:
        name, *arguments = shlex.split(command)
        assert name == "eventflow"
        assert main(arguments) == 0, command
    assert (tmp_path / "prepared" / "train" / "fast" / "0.npz").is_file()
    assert (tmp_path / "picked" / "left" / "a.dat").is_file()
