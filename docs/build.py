"""Build the documentation: what is known of nodes and formats from themselves, then HTML. A warning is an error."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from eventflow.graph.describe import describe_nodes

DOCS = Path(__file__).resolve().parent


def nodes_page() -> str:
    """Return the page of all nodes that eventflow brings."""
    stock = [each for each in describe_nodes() if each.get("class", "").startswith("eventflow_nodes.")]
    head = "# Nodes\n\nMade from the nodes' own declarations; `eventflow nodes NAME` prints the same.\n"
    return "\n".join([head, *(_section(each) for each in stock)])


def _section(node: dict[str, Any]) -> str:
    doc = node["doc"].partition("\nArgs:")[0].strip()
    lines = [f"## {node['name']}\n", doc, ""]
    for side in ("inputs", "outputs"):
        lines += [f"- {side[:-1]} `{port['name']}`: {_kinds(port)}" for port in node[side]]
    lines += ["", "| parameter | allowed | default | |", "| --- | --- | --- | --- |"] if node["parameters"] else []
    for each in node["parameters"]:
        default = "required" if each["required"] else f"`{each['default']}`"
        cells = (f"`{each['name']}`", each["allowed"], default, each["doc"])
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join([*lines, ""])


def _kinds(port: dict[str, Any]) -> str:
    kinds = "any message" if "Message" in port["types"] else " or ".join(port["types"])
    return kinds + (", may stay unconnected" if port.get("optional") else "")


def main() -> int:
    """Write the generated pages and run Sphinx."""
    from sphinx.cmd.build import main as build

    (DOCS / "generated").mkdir(exist_ok=True)
    target, page = DOCS / "generated" / "nodes.md", nodes_page()
    if not target.exists() or target.read_text() != page:
        target.write_text(page)
    return int(build(["-q", "-W", "--keep-going", "-b", "html", str(DOCS), str(DOCS / "_build" / "html")]))


if __name__ == "__main__":
    sys.exit(main())
