"""The table of nodes and edges that is shown on a terminal while a graph runs."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from eventflow.cli.options import number

if TYPE_CHECKING:
    from types import TracebackType


class LiveTable:
    """Shows each snapshot of a run in place of the one before, on standard error; nothing is left of it at the end."""

    def __init__(self, name: str, *, to_stdout: bool = False) -> None:
        self._console = Console(stderr=not to_stdout, no_color=bool(os.environ.get("NO_COLOR")) or None)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._name = name
        self._before: tuple[float, dict[str, Any]] | None = None

    def __enter__(self) -> LiveTable:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def say(self, text: str) -> None:
        """Print a line that stays."""
        self._console.print(text, highlight=False)

    def compiling(self, text: str) -> None:
        """Show what is being compiled, as long as nothing else is to be seen."""
        if self._before is None:
            self._live.update(Text(text, style="dim"), refresh=True)

    def update(self, snapshot: dict[str, Any]) -> None:
        """Show a snapshot, which has the shape of a summary."""
        self._live.update(self._table(snapshot), refresh=True)

    def show(self, snapshot: dict[str, Any]) -> None:
        """Print a snapshot so that it stays."""
        self._console.print(self._table(snapshot))

    def remember(self, snapshot: dict[str, Any]) -> None:
        """Take a snapshot for the next one's rates to count from."""
        self._before = time.monotonic(), snapshot

    def _table(self, snapshot: dict[str, Any]) -> Group:
        now = time.monotonic()
        nodes = self._nodes(snapshot, now)
        parts = [f"{self._name}  {snapshot['wall_s']:.1f} s  {number(snapshot['events'])} events"]
        if latency := snapshot["latency_us"]:
            parts.append("latency " + ", ".join(f"{name} {value / 1e3:.2f} ms" for name, value in latency.items()))
        self.remember(snapshot)
        return Group(Text("  ".join(parts), style="bold"), nodes, _edges(snapshot))

    def _nodes(self, snapshot: dict[str, Any], now: float) -> Table:
        table = Table(box=None, pad_edge=False)
        for title in ("node", "events in", "events out", "messages out", "Mev/s", "busy", "left out"):
            table.add_column(title, justify="left" if title in ("node", "left out") else "right")
        for name, counts in snapshot["nodes"].items():
            events = max(counts["events_in"], counts["events_out"])
            rate, busy = self._rates(name, events, counts["busy_s"], now)
            left_out = ", ".join(f"{number(count)} {reason}" for reason, count in counts["skipped"].items())
            cells = [number(counts[each]) for each in ("events_in", "events_out", "messages_out")]
            table.add_row(name, *cells, rate, busy, left_out)
        return table

    def _rates(self, name: str, events: int, busy_s: float, now: float) -> tuple[str, str]:
        if self._before is None or name not in self._before[1]["nodes"]:
            return "", ""
        then, snapshot = self._before
        before = snapshot["nodes"][name]
        span = max(now - then, 1e-3)
        rate = (events - max(before["events_in"], before["events_out"])) / span / 1e6
        return f"{rate:.2f}", f"{min((busy_s - before['busy_s']) / span, 1):.0%}"


def _edges(snapshot: dict[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("edge", "messages", "waiting", "dropped", "most waiting", "age p99"):
        table.add_column(title, justify="left" if title == "edge" else "right")
    for edge in snapshot["edges"]:
        waiting = edge["messages_sent"] - edge["messages_received"] - edge["messages_dropped"]
        dropped = Text(number(edge["messages_dropped"]), style="red" if edge["messages_dropped"] else "")
        fill = number(edge["max_fill"])
        age = edge["latency_us"]
        late = Text("" if age is None else f"{age['p99'] / 1e3:.1f} ms", style="red" if edge["late"] else "")
        name = f"{edge['from']} -> {edge['to']}"
        table.add_row(name, number(edge["messages_received"]), number(waiting), dropped, fill, late)
    return table
