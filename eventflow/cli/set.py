"""Change parameters of a running graph: `eventflow set RUN node.param=value`.

Only parameters that a node declares as live can change (`eventflow nodes NAME` marks them). RUN is the id of a run
or its process id; with one run it may be left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventflow.errors import ParameterError

if TYPE_CHECKING:
    import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the verb takes."""
    parser.add_argument("what", nargs="+", metavar="[RUN] NODE.PARAM=VALUE", help="the run, and what to change in it")


def main(options: argparse.Namespace) -> int:
    """Change the parameters."""
    from eventflow.runtime.steering import RunHandle

    changes = options.what[1:] if "=" not in options.what[0] else options.what
    run = options.what[0] if "=" not in options.what[0] else None
    if not changes or not all("=" in change for change in changes):
        raise ParameterError("expected NODE.PARAM=VALUE, such as clean.window=3ms")
    with RunHandle(run) as handle:
        for change in changes:
            name, _, value = change.partition("=")
            handle.set(name.strip(), value.strip())
            print(f"{handle.run}: {name.strip()} = {value.strip()}")
    return 0
