"""Draw a graph, as SVG or as Mermaid text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventflow.cli.options import add_set

if TYPE_CHECKING:
    import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the verb takes."""
    parser.add_argument("graph", metavar="GRAPH", help="a graph file, or a name such as demo")
    parser.add_argument("-o", "--output", metavar="FILE", help="where to: .svg, or .mmd for Mermaid; else printed")
    parser.add_argument("--mermaid", action="store_true", help="Mermaid text instead of SVG")
    add_set(parser)


def main(options: argparse.Namespace) -> int:
    """Draw the graph."""
    from eventflow.graph.file import load_graph
    from eventflow.graph.mermaid import draw_mermaid
    from eventflow.graph.svg import draw_svg
    from eventflow.io.parts import PartFile, writing

    graph = load_graph(options.graph, set=options.set)
    as_text = options.mermaid or (options.output or "").endswith((".mmd", ".md"))
    drawing = draw_mermaid(graph) if as_text else draw_svg(graph)
    if options.output is None:
        print(drawing)
        return 0
    with PartFile(options.output) as file, writing(file.path):
        file.part.write_text(drawing, encoding="utf-8")
    return 0
