"""Show what runs: nodes and edges of a running graph, again and again until it ends or Ctrl-C.

RUN is the id of a run or its process id; with one run it may be left out.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from eventflow.cli.options import add_json, print_json

if TYPE_CHECKING:
    import argparse

    from eventflow.runtime.steering import RunHandle

_REFRESH_S = 0.5


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the verb takes."""
    parser.add_argument("run", nargs="?", metavar="RUN", help="a run's id or process id")
    parser.add_argument("--once", action="store_true", help="print one table and end")
    parser.add_argument("--list", action="store_true", help="print the ids of all runs and end")
    add_json(parser)


def main(options: argparse.Namespace) -> int:
    """Show the run."""
    from eventflow.runtime.steering import RunHandle, runs

    if options.list:
        print_json(runs()) if options.json else print("\n".join(runs()) or "nothing runs")
        return 0
    with RunHandle(options.run) as handle:
        if options.json:
            print_json(handle.summary())
        elif options.once or not sys.stdout.isatty():
            _print_once(handle)
        else:
            _watch(handle)
    return 0


def _print_once(handle: RunHandle) -> None:
    from eventflow.cli.live import LiveTable

    table = LiveTable(handle.ask(do="summary")["graph"], to_stdout=True)
    table.remember(handle.summary())
    time.sleep(_REFRESH_S)
    table.show(handle.summary())


def _watch(handle: RunHandle) -> None:
    from eventflow.cli.live import LiveTable
    from eventflow.errors import LinkError

    with LiveTable(handle.ask(do="summary")["graph"], to_stdout=True) as table:
        while True:
            try:
                table.update(handle.summary())
                time.sleep(_REFRESH_S)
            except (KeyboardInterrupt, LinkError):
                return
