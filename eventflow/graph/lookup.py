"""Where a graph's name leads: a path, ./graphs, the installed graphs, or those beside a clone of the project."""

from __future__ import annotations

import sysconfig
from difflib import get_close_matches
from pathlib import Path

from eventflow.errors import GraphError

SUFFIX = ".yaml"


def graph_folders() -> list[Path]:
    """Return the folders in which a name is looked up, in that order."""
    schemes = (sysconfig.get_default_scheme(), sysconfig.get_preferred_scheme("user"))
    installed = [Path(sysconfig.get_path("data", scheme)) / "share" / "eventflow" / "graphs" for scheme in schemes]
    beside = Path(__file__).resolve().parents[2] / "graphs"
    return [Path("graphs"), *installed, beside]


def graph_names() -> dict[str, Path]:
    """Return every graph that can be run by its name; the first found of one name counts."""
    found: dict[str, Path] = {}
    for folder in graph_folders():
        for path in sorted(folder.glob(f"*{SUFFIX}")):
            found.setdefault(path.stem, path)
    return dict(sorted(found.items()))


def graph_path(name: str | Path) -> Path:
    """Return the file behind a path or a name such as `demo`.

    Raises:
        GraphError: there is none; the message says where it was looked for and what is near.
    """
    given = Path(name)
    if given.is_file():
        return given
    if given.is_dir():
        raise GraphError([f"{name}: is a folder; expected a graph file"])
    if len(given.parts) == 1:
        for folder in graph_folders():
            for file in (folder / given, folder / f"{given}{SUFFIX}"):
                if file.is_file():
                    return file
    names = graph_names()
    near = get_close_matches(given.stem, names, 1)
    hint = f". Did you mean {near[0]!r}?" if near else f"; known by name: {', '.join(names) or 'none'}"
    raise GraphError([f"{name}: no such graph file, neither here nor among the graphs known by name{hint}"])
