"""Put the figures of `eventflow bench --peers --json` into README.md, between its two marks.

eventflow bench --peers --json > bench.json && python tools/readme_numbers.py bench.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

README = Path(__file__).resolve().parents[1] / "README.md"
BEGIN, END = "<!-- numbers -->", "<!-- end of numbers -->"


def main() -> None:
    """Write the README."""
    measured = json.loads(Path(sys.argv[1]).read_text())
    text = README.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    README.write_text(f"{before}{BEGIN}\n{table(measured)}{END}{after}")


def table(measured: dict) -> str:
    """Return the figures as a Markdown table."""
    machine = measured["machine"]
    facts = ", ".join(str(machine[name]) for name in ("cpu", "python") if name in machine)
    rows = measured["rows"]
    met = [verdict["met"] for row in rows for verdict in row["verdicts"]]
    lines = [
        "`eventflow bench --peers decode signal chain runtime`, then `eventflow bench memory startup`,"
        f"on {machine['cores']} cores ({facts}): median rates and, in brackets, ours over theirs, pair by pair.",
        f"{sum(met)} of {len(met)} targets are met.",
        "",
        "| what | eventflow | others | target |",
        "|---|---|---|---|",
    ]
    lines += [line(row) for row in rows if row["ours"]]
    return "\n".join(lines) + "\n"


def line(row: dict) -> str:
    """Return a row of it."""
    others = "; ".join(
        f"{name} wrong" if other["wrong"] else f"{name} {number(other['median'])} ({other['ratio'] or 0:.2f}x)"
        for name, other in row["others"].items()
    )
    verdicts = "; ".join(f"{verdict['target']}: {'met' if verdict['met'] else 'missed'}" for verdict in row["verdicts"])
    return f"| {row['what']} | {number(row['ours']['median'])} {row['unit']} | {others} | {verdicts} |"


def number(value: float) -> str:
    """Return a figure with three digits."""
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


if __name__ == "__main__":
    main()
