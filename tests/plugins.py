"""Distributions made visible without pip: a `.dist-info` folder on sys.path is all that an entry point needs."""

from __future__ import annotations

import tomllib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from eventflow.graph import registry

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

EXAMPLE = Path(__file__).parent / "plugin_example"


def write_dist_info(folder: Path, name: str, nodes: dict[str, str]) -> None:
    """Write the metadata that pip would: a distribution `name` with these nodes ("name": "module:Class")."""
    info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\n")
    lines = [f"{node} = {target}" for node, target in nodes.items()]
    (info / "entry_points.txt").write_text("\n".join(["[eventflow.nodes]", *lines, ""]))


@contextmanager
def visible(monkeypatch: pytest.MonkeyPatch, *folders: Path) -> Iterator[None]:
    """Put folders on sys.path and let the registry look again, there and back."""
    with monkeypatch.context() as patch:
        for folder in folders:
            patch.syspath_prepend(folder)
        registry._registered.cache_clear()
        yield
    registry._registered.cache_clear()


def example_nodes() -> dict[str, str]:
    """The entry points of the example distribution, from its own pyproject."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    nodes: dict[str, str] = project["entry-points"]["eventflow.nodes"]
    return nodes
