"""No false deadlock: when every task waits and an edge is full, the smallest full edge is enlarged (Parks 1995).

A graph can wait for itself: a join needs more of one input before it can take the other, and the node that feeds both
is waiting to put the other one. Nobody is at fault and nothing is lost; the edge was too small. Two looks without any
progress in between tell such a stall from a moment of quiet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eventflow.graph.graph import EdgeSpec, Graph


class StallDetector:
    """Looks at the states of all tasks of a run, again and again.

    Attributes:
        grown: how often each edge was enlarged, by its index.
    """

    def __init__(self, graph: Graph) -> None:
        self.grown: dict[int, int] = {}
        self._graph = graph
        self._seen: list[int] | None = None

    def look(self, tasks: list[dict[str, Any]]) -> int | None:
        """Return the index of the edge to enlarge, or None. `tasks` are those of `TaskGroup.snapshot`."""
        running = [task for task in tasks if task["state"] != "ended"]
        full: list[int] = sorted({task["blocked_on"] for task in running if task["state"] == "blocked"})
        steps = [task["steps"] for task in running if task["state"] == "blocked"]
        if not full or any(task["state"] in ("working", "pacing") for task in running):
            self._seen = None
            return None
        if self._seen != steps:
            self._seen = steps
            return None
        self._seen = None
        index: int = min(full, key=lambda each: (not self._into_join(each), self._size(each), each))
        self.grown[index] = self.grown.get(index, 0) + 1
        return index

    def _into_join(self, index: int) -> bool:
        return len(self._graph.edges_to(self._edge(index).target)) > 1

    def _size(self, index: int) -> int:
        return self._edge(index).packets << self.grown.get(index, 0)

    def _edge(self, index: int) -> EdgeSpec:
        return next(edge for edge in self._graph.edges if edge.index == index)

    def drawing(self, tasks: list[dict[str, Any]]) -> str:
        """Return the waiting edges, a line each."""
        lines = []
        for task in tasks:
            nodes = "+".join(task["nodes"])
            if task["state"] == "blocked":
                edge = self._edge(task["blocked_on"])
                lines.append(f"  {nodes}: waits to send on the full edge {edge.begin} -> {edge.end}")
            elif task["state"] == "waiting":
                lines.append(f"  {nodes}: waits for input")
        return "\n".join(lines)
