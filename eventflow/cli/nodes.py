"""List the nodes that a graph file may use, or explain one: its ports and parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventflow.cli.options import add_json, print_json

if TYPE_CHECKING:
    import argparse

    from eventflow.cameras.model import Found


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the verb takes."""
    parser.add_argument("name", metavar="NAME", nargs="?", help="explain this node")
    add_json(parser)


def connected() -> dict[str, list[str]]:
    """Return the cameras that each driver sees, a line each, or why it sees none."""
    from eventflow.cameras.finding import DRIVERS, found_by

    lines = {}
    for driver in DRIVERS:
        devices, problem = found_by(driver)
        lines[driver] = [_line(each) for each in devices] or [problem or "no camera is connected"]
    return lines


def _line(found: Found) -> str:
    serial = f", serial {found.serial}" if found.serial else ""
    return f"{found.name}{serial}, {found.connection}" + (f"; PROBLEM: {found.problem}" if found.problem else "")


def main(options: argparse.Namespace) -> int:
    """Print the list or the explanation."""
    from eventflow.graph.describe import describe_node, describe_nodes, text_from_description

    if options.name is not None:
        described = describe_node(options.name)
        cameras = connected() if options.name == "camera" else {}
        if options.json:
            print_json(described | ({"connected": cameras} if cameras else {}))
            return 0
        print(text_from_description(described))
        for driver, lines in cameras.items():
            print("".join(f"\n  {driver}: {line}" for line in lines), end="")
        print(end="\n" if cameras else "")
        return 0
    every = describe_nodes()
    if options.json:
        print_json(every)
        return 0
    width = max((len(each["name"]) for each in every), default=0)
    for each in every:
        print(f"{each['name']:{width}}  {each.get('summary') or each.get('error', '')}")
    return 0
