"""List the nodes that a graph file may use, or explain one: its ports and parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventflow.cli.options import add_json, print_json

if TYPE_CHECKING:
    import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the verb takes."""
    parser.add_argument("name", metavar="NAME", nargs="?", help="explain this node")
    add_json(parser)


def main(options: argparse.Namespace) -> int:
    """Print the list or the explanation."""
    from eventflow.graph.describe import describe_node, describe_nodes, text_from_description

    if options.name is not None:
        described = describe_node(options.name)
        print_json(described) if options.json else print(text_from_description(described))
        return 0
    every = describe_nodes()
    if options.json:
        print_json(every)
        return 0
    width = max((len(each["name"]) for each in every), default=0)
    for each in every:
        print(f"{each['name']:{width}}  {each.get('summary') or each.get('error', '')}")
    return 0
