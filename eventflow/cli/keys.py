"""Make a pair of keys for encrypted streams: NAME.key for everybody, NAME.key_secret for its owner alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the verb takes."""
    parser.add_argument("name", metavar="NAME", help="of the files, a folder before it if wanted")


def main(options: argparse.Namespace) -> int:
    """Write the files."""
    from eventflow.runtime.curve import make_keys

    path = Path(options.name)
    public, secret = make_keys(path.parent, path.name)
    print(f"{public}: give it to those who connect, as server_key=")
    print(f"{secret}: keep it; the node that publishes has it as key=")
    return 0
