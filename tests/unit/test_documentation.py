"""What the documentation shows is run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from eventflow.graph.file import load_graph

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def _blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.M | re.S)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_examples_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "example"}
    for block in _blocks(page, "python"):
        exec(compile(block, str(page), "exec", dont_inherit=True), names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_graph_examples_are_sound(page, tmp_path):
    for block in _blocks(page, "yaml"):
        if "eventflow: 1" in block:
            file = tmp_path / "example.yaml"
            file.write_text(block)
            assert load_graph(file).nodes
