"""Print the JSON schema of graph files, for editors; it covers every node that is installed here."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the verb takes."""
    parser.add_argument("-o", "--output", metavar="FILE", help="where to; else it is printed")
    parser.add_argument("--json", action="store_true", help="as always")


def main(options: argparse.Namespace) -> int:
    """Print the schema."""
    from eventflow.graph.schema import graph_schema, text_from_schema
    from eventflow.io.parts import PartFile, writing

    text = text_from_schema(graph_schema())
    if options.output is None:
        print(text, end="" if text.endswith("\n") else "\n")
        return 0
    with PartFile(options.output) as file, writing(file.path):
        file.part.write_text(text, encoding="utf-8")
    return 0
