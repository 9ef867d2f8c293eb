"""The order of layers within a step, and the edges that reach back into the step before."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from eventflow.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Iterable

Edge: TypeAlias = "tuple[str, str]"


def feedback_edges(start: str, edges: Iterable[Edge], neurons: set[str]) -> frozenset[Edge]:
    """Return the edges that have to carry the previous step's output so that no cycle is left.

    A walk from `start`, depth first and in the order of the edges, meets a cycle where an edge leads back to a layer on
    the present path. Of that stretch of the path the edge that leaves the last neuron is taken.

    Raises:
        ParameterError: a cycle has no neuron.
    """
    targets: dict[str, list[str]] = {}
    for source, target in edges:
        targets.setdefault(source, []).append(target)
    found: set[Edge] = set()
    path: list[str] = [start]
    pending = [iter(targets.get(start, []))]
    done: set[str] = set()
    while pending:
        following = next(pending[-1], None)
        if following is None:
            done.add(path.pop())
            pending.pop()
        elif following in path:
            found.add(_leaving_neuron([*path[path.index(following) :], following], neurons))
        elif following not in done:
            path.append(following)
            pending.append(iter(targets.get(following, [])))
    return frozenset(found)


def _leaving_neuron(cycle: list[str], neurons: set[str]) -> Edge:
    for source, target in zip(cycle[-2::-1], cycle[:0:-1], strict=True):
        if source in neurons:
            return (source, target)
    raise ParameterError(f"the cycle {' -> '.join(cycle)} has no neuron, so nothing in it can wait for the next step")


def layer_order(start: str, layers: Iterable[str], edges: Iterable[Edge], feedback: frozenset[Edge]) -> tuple[str, ...]:
    """Return all layers, each after those it needs in the same step; of several that could be next, the first listed.

    Raises:
        ParameterError: layers that nothing leads to, or a cycle without a feedback edge.
    """
    edges = list(edges)
    reached = _reached(start, edges)
    if lost := [name for name in layers if name not in reached]:
        raise ParameterError(f"no path leads from {start!r} to {', '.join(map(repr, lost))}")
    needs = {name: {a for a, b in edges if b == name and (a, b) not in feedback} - {start} for name in layers}
    order: list[str] = []
    while needs:
        following = next((name for name, missing in needs.items() if not missing), None)
        if following is None:
            raise ParameterError(f"a cycle without a feedback edge among {', '.join(map(repr, needs))}")
        order.append(following)
        del needs[following]
        for missing in needs.values():
            missing.discard(following)
    return tuple(order)


def _reached(start: str, edges: list[Edge]) -> set[str]:
    reached, fresh = {start}, [start]
    while fresh:
        source = fresh.pop()
        ahead = {b for a, b in edges if a == source} - reached
        reached |= ahead
        fresh += ahead
    return reached
