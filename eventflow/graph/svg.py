"""A graph as SVG, drawn here without any other tool; readable on light and dark ground."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING

from eventflow.graph.captions import parameter_lines, policy_text
from eventflow.graph.check import edge_types
from eventflow.graph.layout import layered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventflow.graph.graph import EdgeSpec, Graph, NodeSpec
    from eventflow.graph.layout import Box, Layout

_MARGIN = 40
_LINE = 16
_HEAD = 42
_CHARACTER = 6.7
_TITLE_CHARACTER = 8.4
_PORT_ROW = 18

_LIGHT = {
    "ink": "#1b2733", "faint": "#5d6b79", "paper": "#ffffff", "card": "#f6f8fa", "line": "#8c98a4",
    "source": "#0b7285", "sink": "#7048a8", "lossy": "#c2410c",
}  # fmt: skip
_DARK = {
    "ink": "#e6edf3", "faint": "#9aa7b4", "paper": "#0d1117", "card": "#161b22", "line": "#6e7b88",
    "source": "#4cc3d9", "sink": "#b794f4", "lossy": "#f59e5b",
}  # fmt: skip
# plain colours in plain rules: many viewers know neither CSS variables nor media queries, and show the light drawing
_COLOURS = """
  .ground {{ fill: {paper}; }}
  text {{ fill: {faint}; }}
  .title {{ fill: {ink}; }}
  .card {{ fill: {card}; stroke: {line}; }}
  .source {{ stroke: {source}; stroke-width: 2; }}
  .sink {{ stroke: {sink}; stroke-width: 2; }}
  .port {{ fill: {paper}; stroke: {line}; stroke-width: 1.5; }}
  .edge {{ fill: none; stroke: {line}; stroke-width: 1.6; }}
  .head {{ fill: {line}; }}
  .label {{ stroke: {paper}; stroke-width: 4px; paint-order: stroke; }}
  .lossy {{ stroke: {lossy}; stroke-dasharray: 6 4; }}
  .lossy-head, .lossy-text {{ fill: {lossy}; }}
"""
_STYLE = f"""
  text {{ font-family: ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace; font-size: 11px; }}
  .title {{ font-size: 14px; font-weight: 600; }}
  .use {{ font-style: italic; }}
  .place {{ fill-opacity: 0.08; stroke-opacity: 0.7; stroke-dasharray: 2 3; }}
  {_COLOURS.format(**_LIGHT)}
  @media (prefers-color-scheme: dark) {{ {_COLOURS.format(**_DARK)} }}
"""
_HUES = ["#2f9e44", "#1971c2", "#e8590c", "#9c36b5", "#b8860b", "#c2255c"]


@dataclass
class _Card:
    """One node of the drawing: its words and its size, px."""

    spec: NodeSpec
    lines: list[str]
    inputs: list[str]
    outputs: list[str]

    @property
    def size(self) -> tuple[float, float]:
        texts = max([_CHARACTER * len(line) for line in (self.spec.use, *self.lines)])
        title = _TITLE_CHARACTER * len(self.spec.name)
        rows = max(len(self.inputs), len(self.outputs)) if self.named else 0
        ports = _CHARACTER * (max(map(len, self.inputs), default=0) + max(map(len, self.outputs), default=0) + 4)
        width = max(title, texts, ports if self.named else 0.0, 70.0) + 28
        return width, _HEAD + _LINE * len(self.lines) + _PORT_ROW * rows + (8 if self.lines or rows else 2)

    @property
    def named(self) -> bool:
        """Whether the ports need their names: one a side explains itself."""
        return len(self.inputs) > 1 or len(self.outputs) > 1

    def port_height(self, name: str, *, output: bool) -> float:
        """How far below the card's top a port lies."""
        _, height = self.size
        if not self.named:
            return height / 2
        names = self.outputs if output else self.inputs
        return height - 8 - _PORT_ROW * (len(names) - names.index(name)) + _PORT_ROW / 2


def draw_svg(graph: Graph) -> str:
    """Return the graph as an SVG document: nodes with the parameters that were set, ports, policies and places."""
    cards = {name: _card(graph, spec) for name, spec in graph.nodes.items()}
    pairs = [(edge.source, edge.target) for edge in graph.edges]
    layout = layered({name: card.size for name, card in cards.items()}, pairs, graph.topological())
    width, height = layout.width + 2 * _MARGIN, layout.height + 2 * _MARGIN + 12
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img" aria-label="{_text(graph.name)}">',
        f"<title>{_text(graph.name)}</title>",
        f"<style>{_STYLE}</style>",
        f'<rect class="ground" width="{width:.0f}" height="{height:.0f}"/>',
        f'<g transform="translate({_MARGIN} {_MARGIN + 6})">',
        *_places(graph, layout),
        *_edges(graph, cards, layout),
        *(part for name, card in cards.items() for part in _node(card, layout.boxes[name])),
        "</g>",
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _card(graph: Graph, spec: NodeSpec) -> _Card:
    outputs = [port for port in spec.outputs if any(edge.source_port == port for edge in graph.edges_from(spec.name))]
    return _Card(spec, parameter_lines(spec), list(spec.inputs), outputs or list(spec.outputs)[:1])


def _node(card: _Card, box: Box) -> Iterator[str]:
    x, y, width, height = box
    spec = card.spec
    kind = " source" if spec.is_source else " sink" if not spec.outputs else ""
    summary = spec.node_class.declaration.summary
    yield f'<g transform="translate({x:.1f} {y:.1f})"><title>{_text(summary)}</title>'
    yield f'<rect class="card{kind}" width="{width:.1f}" height="{height:.1f}" rx="7"/>'
    yield f'<text class="title" x="14" y="20">{_text(spec.name)}</text>'
    yield f'<text class="use" x="14" y="35">{_text(spec.use)}</text>'
    for number, line in enumerate(card.lines):
        yield f'<text x="14" y="{_HEAD + 10 + number * _LINE}">{_text(line)}</text>'
    for output, names in ((False, card.inputs), (True, card.outputs)):
        for name in names:
            at = card.port_height(name, output=output)
            yield f'<circle class="port" cx="{width if output else 0:.1f}" cy="{at:.1f}" r="4"/>'
            if card.named:
                anchor = f'x="{width - 10:.1f}" text-anchor="end"' if output else 'x="10"'
                yield f'<text {anchor} y="{at + 4:.1f}">{_text(name)}</text>'
    yield "</g>"


def _edges(graph: Graph, cards: dict[str, _Card], layout: Layout) -> Iterator[str]:
    types = edge_types(graph)
    labels: list[str] = []  # over all edges
    for edge, passing in zip(graph.edges, layout.passing, strict=True):
        source, target = layout.boxes[edge.source], layout.boxes[edge.target]
        begin = (source[0] + source[2] + 4, source[1] + cards[edge.source].port_height(edge.source_port, output=True))
        end = (target[0] - 11, target[1] + cards[edge.target].port_height(edge.target_port, output=False))
        points = [begin, *passing, end]
        lossy = "" if edge.lossless else " lossy"
        title = f"{edge.begin} -> {edge.end}: {types[edge].kinds}, {policy_text(edge) or edge.when_full}"
        yield f'<path class="edge{lossy}" d="{_curve(points)}"><title>{_text(title)}</title></path>'
        x, y = end
        yield f'<path class="{"head" if edge.lossless else "lossy-head"}" d="M{x:.1f} {y - 4:.1f}l7 4l-7 4z"/>'
        labels += _label(edge, points)
    yield from labels


def _label(edge: EdgeSpec, points: list[tuple[float, float]]) -> Iterator[str]:
    """The policy: on one line where the edge passes straight below other nodes, else stacked in the gap."""
    words = [word for word in policy_text(edge).split(", ") if word]
    colour = "label" if edge.lossless else "label lossy-text"
    straight = [(x0, y0, x1) for (x0, y0), (x1, _) in pairwise(points[1:-1])]
    if words and straight:
        x0, y, x1 = max(straight, key=lambda each: each[2] - each[0])
        words = [", ".join(words)]
    else:
        (x0, y0), (x1, y1) = points[0], points[-1]
        y = (y0 + y1) / 2
    for number, word in enumerate(reversed(words)):
        at = f'x="{(x0 + x1) / 2:.1f}" y="{y - 6 - 12 * number:.1f}"'
        yield f'<text class="{colour}" text-anchor="middle" {at}>{_text(word)}</text>'


def _curve(points: list[tuple[float, float]]) -> str:
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (x0, y0), (x1, y1) in pairwise(points):
        bend = (x1 - x0) / 2
        path += f"C{x0 + bend:.1f} {y0:.1f} {x1 - bend:.1f} {y1:.1f} {x1:.1f} {y1:.1f}"
    return path


def _places(graph: Graph, layout: Layout) -> Iterator[str]:
    """A box around the nodes of a place; one box a node where a common one would hold others too."""
    for number, (place, nodes) in enumerate(graph.place.items()):
        hue = _HUES[number % len(_HUES)]
        boxes = [layout.boxes[node] for node in nodes]
        others = [box for name, box in layout.boxes.items() if name not in nodes]
        around = _around(boxes)
        groups = [around] if not any(_meet(around, other) for other in others) else [_around([box]) for box in boxes]
        for x, y, width, height in groups:
            yield f'<rect class="place" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="10"'
            yield f' fill="{hue}" stroke="{hue}"/>'
            yield f'<text x="{x + 8:.1f}" y="{y - 4:.1f}" style="fill: {hue}">{_text(place)}</text>'


def _around(boxes: list[Box], margin: float = 11.0) -> Box:
    left, top = min(box[0] for box in boxes) - margin, min(box[1] for box in boxes) - margin
    right = max(box[0] + box[2] for box in boxes) + margin
    bottom = max(box[1] + box[3] for box in boxes) + margin
    return left, top, right - left, bottom - top


def _meet(a: Box, b: Box) -> bool:
    return a[0] < b[0] + b[2] and b[0] < a[0] + a[2] and a[1] < b[1] + b[3] and b[1] < a[1] + a[3]


def _text(text: str) -> str:
    return escape("".join(sign for sign in text if sign.isprintable()), quote=True)
