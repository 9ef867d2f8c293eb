"""A graph as Mermaid text, which GitHub and many editors draw."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventflow.graph.captions import parameter_lines, policy_text

if TYPE_CHECKING:
    from eventflow.graph.graph import EdgeSpec, Graph


def draw_mermaid(graph: Graph) -> str:
    """Return the graph as a Mermaid flowchart: nodes with their settings, places as subgraphs, edge policies."""
    ids = {name: f"n{number}" for number, name in enumerate(graph.nodes)}
    placed = {node: place for place, nodes in graph.place.items() for node in nodes}
    lines = ["---", f"title: {_quoted(graph.name)}", "---", "flowchart LR"]
    for number, (place, nodes) in enumerate(graph.place.items()):
        lines.append(f"  subgraph p{number}[{_quoted(place)}]")
        lines += [f"    {_node(graph, ids, node)}" for node in nodes]
        lines.append("  end")
    lines += [f"  {_node(graph, ids, name)}" for name in graph.nodes if name not in placed]
    for edge in graph.edges:
        arrow = "-->" if edge.lossless else "-.->"
        label = _label(graph, edge)
        lines.append(f"  {ids[edge.source]} {arrow}{f'|{_quoted(label)}|' if label else ''} {ids[edge.target]}")
    return "\n".join(lines) + "\n"


def _node(graph: Graph, ids: dict[str, str], name: str) -> str:
    spec = graph.nodes[name]
    text = "\n".join([name, spec.use, *parameter_lines(spec)])
    left, right = ("([", "])") if spec.is_source else ("[", "]")
    return f"{ids[name]}{left}{_quoted(text)}{right}"


def _label(graph: Graph, edge: EdgeSpec) -> str:
    source, target = graph.nodes[edge.source], graph.nodes[edge.target]
    begin = edge.source_port if len(source.outputs) > 1 else ""
    end = edge.target_port if len(target.inputs) > 1 else ""
    ports = begin if begin == end else " to ".join(part for part in (begin, end) if part)
    return ", ".join(part for part in (ports, policy_text(edge)) if part)


def _quoted(text: str) -> str:
    for sign, entity in (("&", "#amp;"), ('"', "#quot;"), ("<", "#lt;"), (">", "#gt;"), ("\n", "<br/>")):
        text = text.replace(sign, entity)
    return f'"{text}"'
