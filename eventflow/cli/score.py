"""Score results against a known truth: `eventflow score TASK …`. Each task explains itself with --help."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

TASKS = {
    "denoise": "eventflow.cli.score_denoise",
    "network": "eventflow.cli.score_network",
    "packets": "eventflow.cli.score_packets",
    "place": "eventflow.cli.score_place",
    "represent": "eventflow.cli.score_represent",
    "slice": "eventflow.cli.score_slices",
    "snn": "eventflow.cli.score_snn",
}
"""Module of each task, with `arguments(parser)` and `main(options) -> exit code`; imported when it is asked for."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the tasks and what each takes."""
    tasks = parser.add_subparsers(dest="task", metavar="TASK", required=True)
    for name, path in TASKS.items():
        module = import_module(path)
        about = (module.__doc__ or "").split("\n\n")[0]
        task = tasks.add_parser(name, help=about, description=module.__doc__, allow_abbrev=False)
        module.arguments(task)


def main(options: argparse.Namespace) -> int:
    """Do the task."""
    return int(import_module(TASKS[options.task]).main(options))
