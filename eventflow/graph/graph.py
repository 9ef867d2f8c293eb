"""A checked graph: nodes with parsed parameters, edges with their policies, and where the file places them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from eventflow.graph.node import parsed_parameters
from eventflow.graph.registry import node_class

if TYPE_CHECKING:
    from eventflow.graph.node import Node
    from eventflow.graph.ports import Port

WhenFull = Literal["block", "drop_oldest", "latest", "fail"]
WhenLate = Literal["pass", "drop"]
OnError = Literal["fail", "skip", "restart"]

DEFAULT_PACKETS = 32
DEFAULT_BYTES = 16_000_000
DEFAULT_TIME_US = 1_000_000


@dataclass(frozen=True)
class NodeSpec:
    """One node of a graph.

    Attributes:
        name: its name in the graph.
        use: the registered name of its class.
        node_class: the class.
        parameters: every parameter, parsed.
        on_error: what happens when it raises: the run fails, the message is skipped, or the node starts anew.
        where: `file:line:column` for messages.
    """

    name: str
    use: str
    node_class: type[Node]
    parameters: dict[str, Any]
    on_error: OnError = "fail"
    where: str = ""

    @property
    def is_source(self) -> bool:
        """Whether the node has no inputs."""
        return self.node_class.declaration.is_source

    @property
    def inputs(self) -> dict[str, Port]:
        """The declared input ports."""
        return self.node_class.declaration.inputs

    @property
    def outputs(self) -> dict[str, Port]:
        """The declared output ports."""
        return self.node_class.declaration.outputs

    def make(self) -> Node:
        """Return a new node of this kind."""
        return self.node_class(**self.parameters)


@dataclass(frozen=True)
class EdgeSpec:
    """One edge: messages of `source.source_port` go to `target.target_port`.

    Attributes:
        index: its number in order of the file; a tie in event time is broken by it.
        when_full: what happens when `packets`, `bytes` or `time_us` are waiting.
        time_us: the span of event time that may wait, µs; None is no limit. A blocking edge has none unless told.
        budget_us: how old a message may be when it arrives, µs, in a live or paced run; None is no limit.
        when_late: what happens to a message that is older: it passes and is counted, or is dropped.
        where: `file:line:column` for messages.
    """

    index: int
    source: str
    source_port: str
    target: str
    target_port: str
    when_full: WhenFull = "block"
    packets: int = DEFAULT_PACKETS
    bytes: int = DEFAULT_BYTES
    time_us: int | None = None
    budget_us: int | None = None
    when_late: WhenLate = "pass"
    where: str = ""

    @property
    def lossless(self) -> bool:
        """Whether the edge never drops."""
        return self.when_full in ("block", "fail") and self.when_late == "pass"

    @property
    def begin(self) -> str:
        """`node.port` where the edge begins."""
        return f"{self.source}.{self.source_port}"

    @property
    def end(self) -> str:
        """`node.port` where the edge ends."""
        return f"{self.target}.{self.target_port}"


@dataclass(frozen=True)
class Graph:
    """A checked graph. Make one with `load_graph`, or from specs in Python.

    Attributes:
        name: for people and for summaries.
        nodes: by name, in order of the file.
        edges: in order of the file.
        place: process name -> node names, as the file says; empty: the planner decides.
        path: the file it came from, "" if none.
        text: the file's text, kept with recordings.
    """

    name: str
    nodes: dict[str, NodeSpec]
    edges: list[EdgeSpec]
    place: dict[str, list[str]] = field(default_factory=dict)
    path: str = ""
    text: str = ""

    def edges_from(self, node: str) -> list[EdgeSpec]:
        """Return the edges that begin at a node, in order of the file."""
        return [edge for edge in self.edges if edge.source == node]

    def edges_to(self, node: str) -> list[EdgeSpec]:
        """Return the edges that end at a node: by port in order of declaration, then in order of the file."""
        order = list(self.nodes[node].inputs)
        return sorted(
            (edge for edge in self.edges if edge.target == node), key=lambda e: (order.index(e.target_port), e.index)
        )

    def topological(self) -> list[str]:
        """Return the node names so that every node comes after those that feed it, else in order of the file."""
        waiting = {name: sum(edge.target == name for edge in self.edges) for name in self.nodes}
        ready = [name for name, count in waiting.items() if count == 0]
        order: list[str] = []
        while ready:
            name = ready.pop(0)
            order.append(name)
            for edge in self.edges_from(name):
                waiting[edge.target] -= 1
                if waiting[edge.target] == 0:
                    ready.append(edge.target)
        return order

    def reproducible_nodes(self) -> set[str]:
        """Return the nodes whose outputs are byte-identical however the graph is placed.

        Every source above is a recording or a seeded synth (not live), every edge above is lossless and nothing above
        skips or restarts.
        """
        good: set[str] = set()
        for name in self.topological():
            spec = self.nodes[name]
            above = self.edges_to(name)
            calm = spec.on_error == "fail" and not spec.node_class.live
            if calm and all(edge.lossless and edge.source in good for edge in above):
                good.add(name)
        return good

    def plain(self) -> dict[str, Any]:
        """Return the graph as JSON holds it; `graph_from_plain` reads it back."""
        nodes = {
            name: {
                "use": spec.use,
                "on_error": spec.on_error,
                "where": spec.where,
                "parameters": {
                    key: spec.node_class.declaration.parameters[key].plain(value)
                    for key, value in spec.parameters.items()
                },
            }
            for name, spec in self.nodes.items()
        }
        edges = [{key: getattr(edge, key) for key in EdgeSpec.__dataclass_fields__} for edge in self.edges]
        return {
            "name": self.name,
            "nodes": nodes,
            "edges": edges,
            "place": self.place,
            "path": self.path,
            "text": self.text,
        }


def graph_from_plain(plain: dict[str, Any]) -> Graph:
    """Return the graph that `Graph.plain` described."""
    nodes = {}
    for name, entry in plain["nodes"].items():
        cls = node_class(entry["use"])
        parameters = parsed_parameters(cls, entry["parameters"])
        nodes[name] = NodeSpec(name, entry["use"], cls, parameters, entry["on_error"], entry["where"])
    edges = [EdgeSpec(**edge) for edge in plain["edges"]]
    return Graph(plain["name"], nodes, edges, plain["place"], plain["path"], plain["text"])
