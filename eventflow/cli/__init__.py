"""The command line: one thin module a verb, imported when its verb is typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says and return the exit code; `arguments` are those after the program's name."""
    from eventflow.cli.command import run_command

    return run_command(arguments)
