"""What the names in a graph mean: classes, parameters, ports, types. Every problem is found, not only the first."""

from __future__ import annotations

from copy import copy
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from eventflow.errors import NodeDeclarationError, ParameterError
from eventflow.graph.flatten import port_named
from eventflow.graph.graph import EdgeSpec, Graph, NodeSpec
from eventflow.graph.node import did_you_mean
from eventflow.graph.policy import parsed_value
from eventflow.graph.registry import node_class, node_classes
from eventflow.graph.yaml12 import MISSING

if TYPE_CHECKING:
    from eventflow.graph.document import NodeEntry, Ref
    from eventflow.graph.flatten import Flat
    from eventflow.graph.node import Node
    from eventflow.graph.ports import Port
    from eventflow.graph.yaml12 import Problems, Where


def checked_graph(flat: Flat, where: Where, problems: Problems) -> Graph:
    """Return the graph; it is sound if no problem was added."""
    if not flat.nodes:
        problems.add(where, "the graph has no nodes")
    classes = {name: cls for name, entry in flat.nodes.items() if (cls := _class(entry, problems)) is not None}
    nodes = {
        name: NodeSpec(name, entry.use, cls, _parameters(entry, cls, problems), entry.on_error, str(entry.where))
        for name, entry in flat.nodes.items()
        if (cls := classes.get(name)) is not None
    }
    places: list[Where] = []
    edges = _edges(flat, nodes, places, problems)
    graph = Graph(flat.name, nodes, edges, flat.place)
    _check_ends(graph, flat, problems)
    if not _check_cycle(graph, places, problems):
        _check_types(graph, places, problems)
    return graph


def _class(entry: NodeEntry, problems: Problems) -> type[Node] | None:
    if not entry.use:
        return None
    try:
        return node_class(entry.use)
    except (ParameterError, NodeDeclarationError) as error:
        problems.add(entry.use_where, f"node {entry.name!r}: {error}")
        return None


def _parameters(entry: NodeEntry, cls: type[Node], problems: Problems) -> dict[str, Any]:
    declared = cls.declaration.parameters
    label = f"node {entry.name!r}"
    for name, value in entry.parameters.items():
        if name not in declared:
            problems.add(
                value.key_where, f"{label}: {entry.use} has no parameter {name!r}{did_you_mean(name, declared)}"
            )
    parsed: dict[str, Any] = {}
    for name, parameter in declared.items():
        if name not in entry.parameters:
            parsed[name] = copy(parameter.default)
            if parameter.required:
                text = f"{label}: {entry.use} needs the parameter {name!r}: {parameter.describe()}"
                problems.add(entry.where, text)
        elif entry.parameters[name].content is not MISSING:
            try:
                parsed[name] = parsed_value(parameter, entry.parameters[name])
            except ParameterError as error:
                problems.add(entry.parameters[name].where, f"{label}: {error}")
    return parsed


def _edges(flat: Flat, nodes: dict[str, NodeSpec], places: list[Where], problems: Problems) -> list[EdgeSpec]:
    edges: list[EdgeSpec] = []
    seen: dict[tuple[str, str], Where] = {}
    for hop in flat.hops:
        source, target = nodes.get(hop.source.node), nodes.get(hop.target.node)
        begin = None if source is None else _port(source, hop.source, "output", problems)
        end = None if target is None else _port(target, hop.target, "input", problems)
        if source is None or target is None or begin is None or end is None:
            flat.doubtful |= {hop.source.node, hop.target.node}
            continue
        policy = asdict(hop.policy)
        edge = EdgeSpec(len(edges), source.name, begin, target.name, end, **policy, where=str(hop.source.where))
        if (edge.begin, edge.end) in seen:
            first = seen[edge.begin, edge.end]
            problems.add(hop.source.where, f"edge {edge.begin} -> {edge.end} comes twice; first at {first}")
            continue
        seen[edge.begin, edge.end] = hop.source.where
        places.append(hop.target.where)
        edges.append(edge)
    return edges


def _port(spec: NodeSpec, ref: Ref, side: str, problems: Problems) -> str | None:
    own, other = (spec.outputs, spec.inputs) if side == "output" else (spec.inputs, spec.outputs)
    return port_named(f"node {spec.name!r}", ref, own, other, side, problems)


def _check_ends(graph: Graph, flat: Flat, problems: Problems) -> None:
    """Every input is fed, every source feeds something."""
    open_ports = {(ref.node, ref.port) for ref in flat.open_inputs}
    for name, spec in graph.nodes.items():
        if name in flat.doubtful:
            continue
        where = flat.nodes[name].where
        fed = {edge.target_port for edge in graph.edges_to(name)}
        for port in spec.inputs.values():
            if port.name in fed or port.name in spec.node_class.optional_inputs:
                continue
            text = f"node {name!r}: nothing feeds its input {port.name!r} ({port.kinds}); "
            if (name, port.name) in open_ports or (name, "") in open_ports:
                text += "it is an open port: this graph is to be included by another"
            else:
                text += f"add `- NODE -> {name if len(spec.inputs) == 1 else f'{name}.{port.name}'}` to flow"
            problems.add(where, text)
        if spec.is_source and not graph.edges_from(name):
            problems.add(where, f"node {name!r}: nothing reads this source; add `- {name} -> NODE` to flow")


def _check_cycle(graph: Graph, places: list[Where], problems: Problems) -> bool:
    """Note one cycle, drawn; return whether there is one."""
    left = set(graph.nodes) - set(graph.topological())
    # a node behind a cycle is left over too; going back along the edges always ends in the cycle itself
    if not left:
        return False
    feeding = {edge.target: edge for edge in reversed(graph.edges) if edge.source in left and edge.target in left}
    name, path = next(iter(name for name in graph.nodes if name in feeding)), []
    while name not in path:
        path.append(name)
        name = feeding[name].source
    loop = path[path.index(name) :][::-1]
    first = min(range(len(loop)), key=lambda number: list(graph.nodes).index(loop[number]))
    loop = loop[first:] + loop[:first]
    drawn = " -> ".join([*loop, loop[0]])
    problems.add(places[feeding[loop[0]].index], f"the graph runs in a circle: {drawn}; messages flow one way only")
    return True


def _check_types(graph: Graph, places: list[Where], problems: Problems) -> None:
    for edge, gives in edge_types(graph).items():
        takes = graph.nodes[edge.target].inputs[edge.target_port]
        if not takes.takes(gives):
            problems.add(
                places[edge.index],
                f"{edge.begin} gives {gives.kinds}, but {edge.end} takes {takes.kinds}{_between(gives, takes)}",
            )


def edge_types(graph: Graph) -> dict[EdgeSpec, Port]:
    """Return what travels on every edge: a node that passes any message on gives what it is given."""
    arriving: dict[str, list[Port]] = {name: [] for name in graph.nodes}
    found: dict[EdgeSpec, Port] = {}
    for name in graph.topological():
        spec = graph.nodes[name]
        for edge in graph.edges_from(name):
            gives = spec.outputs[edge.source_port]
            if gives.any and arriving[name]:
                kinds = tuple(dict.fromkeys(kind for port in arriving[name] for kind in port.types))
                gives = type(gives)(gives.name, kinds, gives.doc)
            found[edge] = gives
            if graph.nodes[edge.target].inputs[edge.target_port].any:
                arriving[edge.target].append(gives)
    return {edge: found[edge] for edge in graph.edges if edge in found}


def _between(gives: Port, takes: Port) -> str:
    """Which nodes would fit between two ports that do not fit each other."""
    fitting = []
    for name, cls in node_classes():
        if isinstance(cls, type):
            inputs, outputs = cls.declaration.inputs.values(), cls.declaration.outputs.values()
            enters = len(inputs) == 1 and all(port.takes(gives) and not port.any for port in inputs)
            if enters and len(outputs) == 1 and all(takes.takes(port) and not port.any for port in outputs):
                fitting.append(name)
    return f"; between them fits {' or '.join(fitting)}" if fitting else ""
