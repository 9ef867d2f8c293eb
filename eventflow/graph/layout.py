"""Where nodes and edges of a drawing lie: layers from left to right, few crossings, long edges led between the nodes.

The classical steps of Sugiyama et al. 1981: a layer for every node (longest path), places kept free for edges that
pass a layer, an order within each layer by the mean of the neighbours, then heights moved towards the neighbours'.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Box = tuple[float, float, float, float]

GAP_X = 86.0
GAP_Y = 26.0
_PASSING_HEIGHT = 10.0
_ORDER_SWEEPS = 8
_HEIGHT_SWEEPS = 12


@dataclass(eq=False)
class Cell:
    """A place in a layer: a node, or room for an edge that passes. Sizes and places in px."""

    name: str
    width: float
    height: float
    layer: int
    x: float = 0.0
    y: float = 0.0
    before: list[Cell] = field(default_factory=list)
    after: list[Cell] = field(default_factory=list)

    @property
    def middle(self) -> float:
        """The height of its centre."""
        return self.y + self.height / 2


@dataclass
class Layout:
    """The places of all nodes, and for every edge the points it passes between its ends."""

    boxes: dict[str, Box]
    passing: list[list[tuple[float, float]]]
    width: float
    height: float


def layered(sizes: Mapping[str, tuple[float, float]], edges: Sequence[tuple[str, str]], order: Iterable[str]) -> Layout:
    """Return the layout of nodes of the given sizes.

    Args:
        sizes: width and height of every node, px.
        edges: pairs of node names; they contain no cycle.
        order: the node names, every node after those that feed it.
    """
    feeding: dict[str, list[str]] = {name: [] for name in sizes}
    readers: dict[str, list[str]] = {name: [] for name in sizes}
    for begin, end in edges:
        feeding[end].append(begin)
        readers[begin].append(end)
    layer: dict[str, int] = {}
    for name in order:
        layer[name] = max((layer[begin] + 1 for begin in feeding[name]), default=0)
    for name in sizes:
        # a source goes as far right as its readers let it, so that its edges are short
        if readers[name] and not feeding[name]:
            layer[name] = min(layer[end] for end in readers[name]) - 1
    cells = {name: Cell(name, *sizes[name], layer[name]) for name in sizes}
    chains = [_chain(cells[begin], cells[end]) for begin, end in edges]
    layers: list[list[Cell]] = [[] for _ in range(max(layer.values(), default=-1) + 1)]
    for cell in dict.fromkeys([*cells.values(), *(cell for chain in chains for cell in chain)]):
        layers[cell.layer].append(cell)
    _order(layers)
    _place(layers)
    boxes = {name: (cell.x, cell.y, cell.width, cell.height) for name, cell in cells.items()}
    passing = [
        [point for cell in chain[1:-1] for point in ((cell.x, cell.middle), (cell.x + cell.width, cell.middle))]
        for chain in chains
    ]
    everything = [cell for column in layers for cell in column]
    width = max((cell.x + cell.width for cell in everything), default=0.0)
    height = max((cell.y + cell.height for cell in everything), default=0.0)
    return Layout(boxes, passing, width, height)


def _chain(begin: Cell, end: Cell) -> list[Cell]:
    between = [Cell("", 0.0, _PASSING_HEIGHT, layer) for layer in range(begin.layer + 1, end.layer)]
    chain = [begin, *between, end]
    for first, second in pairwise(chain):
        first.after.append(second)
        second.before.append(first)
    return chain


def _order(layers: list[list[Cell]]) -> None:
    """Order every layer so that few edges cross; the best of several sweeps is kept."""
    best, fewest = [list(column) for column in layers], _crossings(layers)
    places = {id(cell): float(number) for column in layers for number, cell in enumerate(column)}
    for sweep in range(_ORDER_SWEEPS):
        forward = sweep % 2 == 0
        for column in layers if forward else layers[::-1]:
            wishes = {id(cell): _mean_place(cell, places, forward=forward) for cell in column}
            column.sort(key=lambda cell, wishes=wishes: wishes[id(cell)])  # type: ignore[misc]
            places |= {id(cell): float(number) for number, cell in enumerate(column)}
        if (crossings := _crossings(layers)) < fewest:
            best, fewest = [list(column) for column in layers], crossings
    for column, found in zip(layers, best, strict=True):
        column[:] = found


def _mean_place(cell: Cell, places: dict[int, float], *, forward: bool) -> float:
    near = cell.before if forward else cell.after
    return sum(places[id(each)] for each in near) / len(near) if near else places[id(cell)]


def _crossings(layers: list[list[Cell]]) -> int:
    count = 0
    for left, right in pairwise(layers):
        places = {id(cell): number for number, cell in enumerate(right)}
        ends = [(number, places[id(after)]) for number, cell in enumerate(left) for after in cell.after]
        count += sum((a < c and b > d) or (a > c and b < d) for i, (a, b) in enumerate(ends) for c, d in ends[i + 1 :])
    return count


def _place(layers: list[list[Cell]]) -> None:
    x = 0.0
    for column in layers:
        wide = max(cell.width for cell in column)
        y = 0.0
        for cell in column:
            # a passing edge crosses the whole layer, so that its bends lie in the gaps
            cell.x = x + (0 if not cell.name else (wide - cell.width) / 2)
            cell.width = cell.width if cell.name else wide
            cell.y = y
            y += cell.height + GAP_Y
        x += wide + GAP_X
    for sweep in range(_HEIGHT_SWEEPS):
        for column in layers if sweep % 2 == 0 else layers[::-1]:
            _settle(column, [_wish(cell) for cell in column])
    top = min((cell.y for column in layers for cell in column), default=0.0)
    for column in layers:
        for cell in column:
            cell.y -= top


def _wish(cell: Cell) -> float:
    near = [*cell.before, *cell.after]
    return sum(each.middle for each in near) / len(near) - cell.height / 2 if near else cell.y


def _settle(column: list[Cell], wishes: list[float]) -> None:
    """Move cells as near to their wishes as their order and gaps allow: overlapping neighbours move as one block."""
    blocks: list[tuple[float, list[Cell], list[float]]] = []
    for cell, wish in zip(column, wishes, strict=True):
        block = (wish, [cell], [wish])
        while blocks and blocks[-1][0] + _tall(blocks[-1][1]) + GAP_Y > block[0]:
            _, cells, wanted = blocks.pop()
            offset = _tall(cells) + GAP_Y
            # the block's top that is nearest, in the mean, to what all its cells wish
            merged = [*wanted, *(each - offset for each in block[2])]
            block = (sum(merged) / len(merged), [*cells, *block[1]], merged)
        blocks.append(block)
    for top, cells, _ in blocks:
        y = top
        for cell in cells:
            cell.y = y
            y += cell.height + GAP_Y


def _tall(cells: list[Cell]) -> float:
    return sum(cell.height for cell in cells) + GAP_Y * (len(cells) - 1)
