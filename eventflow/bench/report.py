"""Printing what was measured: a table a benchmark, or one JSON object."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from eventflow.bench import machine, peers
from eventflow.bench.model import OURS

if TYPE_CHECKING:
    from eventflow.bench.model import Reading, Row


class TableReport:
    """Tables for people."""

    def __init__(self) -> None:
        self._console = Console(width=None if sys.stdout.isatty() else 160)
        self._status = Console(stderr=True).status("") if sys.stderr.isatty() else None
        self._rows: list[Row] = []
        self._title = ""
        self._counts = [0, 0]

    def begin(self, with_peers: bool) -> None:
        """Print what the figures are measured on, and which peers are not here."""
        facts = machine.describe()
        self._console.print(" · ".join(f"{name} {value}" for name, value in facts.items()), highlight=False)
        if with_peers:
            found = peers.versions()
            self._console.print("peers: " + ", ".join(f"{k} {v}" for k, v in found.items()), highlight=False)
            for name, command in peers.missing().items():
                self._console.print(f"{name} is not installed: {command}", style="yellow", markup=False)

    def announce(self, text: str) -> None:
        """Say what is being measured now."""
        if self._status is not None:
            self._status.start()
            self._status.update(text)

    def group(self, name: str, title: str) -> None:
        """Begin a benchmark."""
        self._title, self._rows = f"{name}: {title}", []

    def row(self, row: Row) -> None:
        """Take a row."""
        self._rows.append(row)

    def end_group(self) -> None:
        """Print the benchmark's table."""
        if self._status is not None:
            self._status.stop()
        if not self._rows:
            return
        table = Table(title=self._title, title_justify="left", title_style="bold", expand=False)
        for heading in ("what", OURS, "others, median (ratio)", "target", "met", "unit"):
            table.add_column(heading, justify="right" if heading == OURS else "left", overflow="fold")
        for row in self._rows:
            self._count(row)
            table.add_row(*_cells(row))
        self._console.print(table)
        for note in dict.fromkeys(f"{row.what}: {row.note}" for row in self._rows if row.note):
            self._console.print("  " + note, highlight=False, markup=False)

    def end(self) -> None:
        """Print how many targets are met."""
        met, all_targets = self._counts
        self._console.print(f"{met} of {all_targets} targets met", highlight=False)

    def _count(self, row: Row) -> None:
        self._counts[0] += sum(met for _, met in row.verdicts)
        self._counts[1] += len(row.verdicts)


class JsonReport:
    """One JSON object on standard output."""

    def __init__(self) -> None:
        self._found: dict[str, Any] = {}
        self._rows: list[Row] = []

    def begin(self, with_peers: bool) -> None:
        """Note what the figures are measured on."""
        self._found["command"] = " ".join(["eventflow", *(word for word in sys.argv[1:] if word != "--json")])
        self._found["machine"] = machine.describe()
        self._found["peers"] = peers.versions() if with_peers else {}
        self._found["missing"] = peers.missing() if with_peers else {}

    def announce(self, text: str) -> None:
        """Say nothing: the output is for programs."""

    def group(self, name: str, title: str) -> None:
        """Begin a benchmark."""

    def row(self, row: Row) -> None:
        """Take a row."""
        self._rows.append(row)

    def end_group(self) -> None:
        """End a benchmark."""

    def end(self) -> None:
        """Print it all."""
        self._found["rows"] = [
            asdict(row) | {"verdicts": [{"target": text, "met": met} for text, met in row.verdicts]}
            for row in self._rows
        ]
        print(json.dumps(self._found, indent=1))


def _cells(row: Row) -> list[Text | str]:
    ours = "-" if row.ours is None else f"{row.ours.median:.4g}\n(best {row.ours.best:.4g})"
    others = [_other(name, reading) for name, reading in row.others.items()]
    if row.floor is not None:
        others.append(f"memory floor {row.floor:.4g}")
    verdicts = "\n".join(text for text, _ in row.verdicts)
    met = Text("\n").join(Text("yes", "green") if met else Text("NO", "red") for _, met in row.verdicts)
    return [row.what, ours, "\n".join(others), verdicts, met, row.unit]


def _other(name: str, reading: Reading) -> str:
    text = f"{name} {reading.median:.4g} ({reading.ratio:.2f}x)" if reading.ratio else f"{name} {reading.median:.4g}"
    return f"({text}) wrong: {reading.wrong}" if reading.wrong else text
