"""Put the figures of `eventflow bench --json` into docs/speed.md, all of them, and the headline rows into README.md.

eventflow bench io --peers --json > io.json            # one file a command, as many as there are
python tools/speed_page.py io.json signal.json …       # in the order of the page
python tools/speed_page.py --print io.json             # only print the tables
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README, PAGE = ROOT / "README.md", ROOT / "docs" / "speed.md"
BEGIN, END = "<!-- numbers -->", "<!-- end of numbers -->"
HEADLINES = (
    "EVT3, vectors: 64 k packets",
    "EVT2: 64 k packets",
    "AEDAT4, LZ4: 64 k packets",
    "CSV: 64 k packets",
    "background activity, 2 ms",
    "refractory period, 1 ms",
    "voxel grid, 5 bins, 0.3 s windows",
    "AEDAT4 → background activity → 10 ms → 5 bins: one core",
    "ipc hop between two processes, 16 k events a packet",
    "source → stcf → slices → sink, one process, 5 Mev/s: age p99",
    "UDP, 100 events a datagram, nothing lost over 10 s",
    "dv-processing's NetworkWriter over TCP, packets of 10 000 events, uncompressed",
    "N-MNIST CNN, a step of 1 ms, step()",
    "N-MNIST CNN, a step of 1 ms, fused",
    "10000 places of 49 values, belief filter",
    "eventflow --help",
)
INTRODUCTION = """# Speed

What `eventflow bench` printed, row by row, targets that were missed included. Each table names the command that prints
it again. Figures are medians; in brackets ours over theirs, pair by pair, in one run on one machine: only such ratios
are worth anything. "Whole file" gives one array, in memory that the turn before let go of, as an allocator's is;
"packets" are 64 k events each, in memory of their own unless a peer reuses its buffer. A target is what this project
asks of itself; a peer marked wrong gave other events than the recording holds.
"""


def main() -> None:
    """Write or print the figures."""
    arguments = sys.argv[1:]
    runs = [json.loads(Path(name).read_text()) for name in arguments if name != "--print"]
    tables = "\n".join(f"## `{run['command']}`\n\n{table(run, run['rows'])}" for run in runs)
    if "--print" in arguments:
        print(tables)
        return
    PAGE.write_text(f"{INTRODUCTION}\n{tables}")
    before, _, rest = README.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    README.write_text(f"{before}{BEGIN}\n{headlines(runs)}{END}{after}")


def headlines(runs: list[dict]) -> str:
    """Return the rows that a reader of the README sees, from whichever run has them."""
    rows = {row["what"]: row for run in runs for row in run["rows"]}
    found = [rows[what] for what in HEADLINES if what in rows]
    return f"On {_machine(runs[0])}:\n\n{_lines(found)}"


def table(run: dict, rows: list[dict]) -> str:
    """Return rows as a Markdown table, with what was measured on and how many targets are met."""
    verdicts = [verdict["met"] for row in rows for verdict in row["verdicts"]]
    peers = ", ".join(f"{name} {version}" for name, version in run["peers"].items())
    facts = (
        f"On {_machine(run)}{f', beside {peers}' if peers else ''}. {sum(verdicts)} of {len(verdicts)} targets are met."
    )
    notes = dict.fromkeys(f"- {row['what']}: {row['note']}" for row in rows if row["note"])
    return f"{facts}\n\n{_lines(rows)}" + ("\n" + "\n".join(notes) + "\n" if notes else "")


def _machine(run: dict) -> str:
    machine = run["machine"]
    return (
        f"{machine['cores']} cores ({', '.join(str(machine[name]) for name in ('cpu', 'python') if name in machine)})"
    )


def _lines(rows: list[dict]) -> str:
    head = ["| what | eventflow | others | target |", "|---|---|---|---|"]
    return "\n".join(head + [_line(row) for row in rows if row["ours"]]) + "\n"


def _line(row: dict) -> str:
    others = "; ".join(_other(name, other) for name, other in row["others"].items())
    verdicts = "; ".join(f"{verdict['target']}: {'met' if verdict['met'] else 'missed'}" for verdict in row["verdicts"])
    return f"| {row['what']} | {_number(row['ours']['median'])} {row['unit']} | {others} | {verdicts} |"


def _other(name: str, other: dict) -> str:
    if other["wrong"]:
        return f"{name} wrong"
    return f"{name} {_number(other['median'])}" + (f" ({other['ratio']:.2f}x)" if other["ratio"] else "")


def _number(value: float) -> str:
    """Return a figure with three digits."""
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


if __name__ == "__main__":
    main()
