"""Node names: which class stands behind `use: stcf`. Classes are found by the entry-point group `eventflow.nodes`.

Names are known without importing anything; a class is imported when it is asked for. One broken plugin breaks only
itself: its error is kept and raised when its own name is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

from eventflow.errors import GraphError, NodeDeclarationError, ParameterError
from eventflow.graph.node import Node, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

GROUP = "eventflow.nodes"


@dataclass(frozen=True)
class _Registered:
    name: str
    points: tuple[EntryPoint, ...]

    @property
    def distributions(self) -> list[str]:
        return sorted({point.dist.name if point.dist else "?" for point in self.points})


@lru_cache(maxsize=1)
def _registered() -> dict[str, _Registered]:
    found: dict[str, dict[str, EntryPoint]] = {}
    for point in entry_points(group=GROUP):
        # an editable install can list one distribution twice; the same target is the same node
        found.setdefault(point.name, {})[point.value] = point
    return {name: _Registered(name, tuple(points.values())) for name, points in sorted(found.items())}


def names() -> list[str]:
    """Return every registered node name, sorted; nothing is imported."""
    return list(_registered())


def node_class(name: str) -> type[Node]:
    """Return the class behind a node name.

    Raises:
        ParameterError: no such name; the message says what is near.
        NodeDeclarationError: two distributions claim the name, or the plugin cannot be imported.
    """
    entry = _registered().get(name)
    if entry is None:
        raise ParameterError(f"unknown node {name!r}" + did_you_mean(name, _registered()))
    if len(entry.points) > 1:
        raise NodeDeclarationError(
            f"node {name!r} is claimed by {' and '.join(entry.distributions)} "
            f"({', '.join(point.value for point in entry.points)}); uninstall one of them"
        )
    (point,) = entry.points
    try:
        loaded = point.load()
    except Exception as error:
        where = f"{entry.distributions[0]} ({point.value})"
        raise NodeDeclarationError(
            f"node {name!r} of {where} cannot be loaded: {type(error).__name__}: {error}"
        ) from error
    if not (isinstance(loaded, type) and issubclass(loaded, Node)):
        raise NodeDeclarationError(f"node {name!r}: {point.value} is no Node class")
    return loaded


def node_classes() -> Iterator[tuple[str, type[Node] | GraphError]]:
    """Yield every name with its class, or with the error of a plugin that cannot be loaded."""
    for name in names():
        try:
            yield name, node_class(name)
        except NodeDeclarationError as error:
            yield name, GraphError([str(error)])
