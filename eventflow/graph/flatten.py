"""Includes opened: one list of nodes and hops, the nodes of an included graph named `front/clean`.

An included graph offers `ports: {in: clean.events, out: clean.events}`; the including one uses them like those of a
node: `camera -> front.in`, `front.out -> look`, or `camera -> front -> look` where there is one each.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from eventflow.errors import GraphError
from eventflow.graph.document import Document, Hop, IncludeEntry, NodeEntry, Ref, document_from_value
from eventflow.graph.node import did_you_mean
from eventflow.graph.substitute import Substitution
from eventflow.graph.yaml12 import MISSING, Value, value_from_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from eventflow.graph.yaml12 import Problems

MAX_INCLUDE_DEPTH = 8
MAX_NODES = 2_000


@dataclass
class Gates:
    """The open ports of an included graph: names of inner ports, made full."""

    inputs: dict[str, list[Ref]] = field(default_factory=dict)
    outputs: dict[str, Ref] = field(default_factory=dict)


@dataclass
class Flat:
    """A graph with its includes opened."""

    name: str = ""
    nodes: dict[str, NodeEntry] = field(default_factory=dict)
    hops: list[Hop] = field(default_factory=list)
    place: dict[str, list[str]] = field(default_factory=dict)
    open_inputs: list[Ref] = field(default_factory=list)
    doubtful: set[str] = field(default_factory=set)


@dataclass
class Overrides:
    """What `--set` and callers in Python give: by owner ("" for params, else a node or an include) and name."""

    given: dict[tuple[str, str], Value] = field(default_factory=dict)
    known: dict[str, list[str]] = field(default_factory=dict)

    def taken(self, owner: str, declared: dict[str, Value]) -> dict[str, Value]:
        """Return an owner's params with those given put in."""
        self.known[owner] = list(declared)
        return {name: self.given.get((owner, name), value) for name, value in declared.items()}

    def check(self, nodes: dict[str, NodeEntry], problems: Problems) -> None:
        """Note every override that meets nothing. A node's own parameters are checked with the node."""
        for (owner, name), value in self.given.items():
            if owner in nodes or name in self.known.get(owner, ()):
                continue
            if owner in self.known:
                of = f" of include {owner!r}" if owner else ""
                hint = did_you_mean(name, self.known[owner])
                if not owner and name in nodes:
                    hint = f"; a node's parameter is set as {name}.PARAM=value"
                problems.add(value.where, f"unknown param {name!r}{of}{hint}")
            else:
                problems.add(
                    value.where, f"unknown node {owner!r}{did_you_mean(owner, [*nodes, *filter(None, self.known)])}"
                )


class Flattener:
    """Opens a graph file and what it includes."""

    def __init__(self, overrides: Overrides, problems: Problems) -> None:
        self._overrides = overrides
        self._problems = problems
        self.flat = Flat()

    def open(self, root: Value, folder: Path, files: tuple[Path, ...]) -> Flat:
        """Return the graph with all its includes opened; `files` are those being opened, for the sake of cycles."""
        document, gates = self._open(root, folder, files, "", {})
        self.flat.name = document.name
        self.flat.open_inputs = [ref for refs in gates.inputs.values() for ref in refs]
        self._overrides.check(self.flat.nodes, self._problems)
        self._place(document)
        return self.flat

    def _open(
        self, root: Value, folder: Path, files: tuple[Path, ...], prefix: str, given: dict[str, Value]
    ) -> tuple[Document, Gates]:
        params = self._params(root, prefix, given)
        document = document_from_value(root, Substitution(params, self._problems), self._problems)
        inner: dict[str, Gates] = {}
        for entry in document.includes.values():
            inner[entry.name] = self._include(entry, folder, files, prefix + entry.name)
        for node in document.nodes.values():
            full = prefix + node.name
            own = {key[1]: value for key, value in self._overrides.given.items() if key[0] == full}
            self.flat.nodes[full] = replace(node, name=full, parameters=node.parameters | own)
        if len(self.flat.nodes) > MAX_NODES:
            raise GraphError([f"{root.where}: more than {MAX_NODES} nodes"])
        scope = _Scope(prefix, document, inner, self._problems)
        for hop in document.hops:
            sources, targets = scope.outputs(hop.source), scope.inputs(hop.target)
            self.flat.hops += [Hop(source, target, hop.policy) for source in sources for target in targets]
            if not sources or not targets:
                self.flat.doubtful |= {ref.node for ref in (*sources, *targets)}
        self.flat.doubtful |= {prefix + name for name in document.doubtful}
        gates = Gates(
            {name: [full for ref in refs for full in scope.inputs(ref)] for name, refs in document.inputs.items()},
            {name: full for name, ref in document.outputs.items() for full in scope.outputs(ref)},
        )
        return document, gates

    def _params(self, root: Value, prefix: str, given: dict[str, Value]) -> dict[str, Value]:
        declared: dict[str, Value] = {}
        if isinstance(root.content, dict) and "params" in root.content:
            value = root.content["params"]
            if isinstance(value.content, dict):
                declared = value.content
            elif value.content is not None:
                self._problems.add(value.where, f"params is {value.kind}; expected a mapping such as {{window: 5ms}}")
        owner = prefix.rstrip("/")
        for name, value in given.items():
            if name not in declared:
                self._problems.add(
                    value.key_where, f"include {owner!r}: unknown param {name!r}{did_you_mean(name, declared)}"
                )
        known = {name: given.get(name, value) for name, value in declared.items()}
        params = self._overrides.taken(owner, known)
        for name, value in params.items():
            if value.content is None and value is declared[name]:
                self._problems.add(value.key_where, _missing(name, owner))
                params[name] = replace(value, content=MISSING)
            elif isinstance(value.content, dict):
                self._problems.add(value.where, f"param {name!r} is a mapping; expected a single value or a list")
        return params

    def _include(self, entry: IncludeEntry, folder: Path, files: tuple[Path, ...], name: str) -> Gates:
        path = folder / entry.graph
        chain = [*files, path.resolve()]
        if path.resolve() in files:
            drawn = " -> ".join(file.name for file in chain[files.index(path.resolve()) :])
            self._problems.add(entry.where, f"include {name!r}: the files include each other: {drawn}")
            return Gates()
        if len(files) > MAX_INCLUDE_DEPTH:
            self._problems.add(entry.where, f"include {name!r}: includes nested more than {MAX_INCLUDE_DEPTH} deep")
            return Gates()
        try:
            root = read_yaml(path, self._problems)
        except OSError as error:
            self._problems.add(entry.where, f"include {name!r}: {path}: {error.strerror}")
            return Gates()
        _, gates = self._open(root, path.parent, tuple(chain), f"{name}/", entry.params)
        return gates

    def _place(self, document: Document) -> None:
        seen: dict[str, str] = {}
        for place, members in document.place:
            names: list[str] = []
            for ref in members:
                found = placed_nodes(ref.node, self.flat.nodes)
                if not found:
                    hint = did_you_mean(ref.node, [*self.flat.nodes, *document.includes])
                    self._problems.add(ref.where, f"place {place!r}: unknown node {ref.node!r}{hint}")
                for name in found:
                    if name in seen:
                        self._problems.add(
                            ref.where, f"place {place!r}: node {name!r} is already in place {seen[name]!r}"
                        )
                    seen.setdefault(name, place)
                names += found
            self.flat.place[place] = names


class _Scope:
    """The names that one file may use, made full."""

    def __init__(self, prefix: str, document: Document, inner: dict[str, Gates], problems: Problems) -> None:
        self._prefix = prefix
        self._nodes = document.nodes
        self._inner = inner
        self._problems = problems

    def outputs(self, ref: Ref) -> list[Ref]:
        gates = self._inner.get(ref.node)
        if gates is None:
            return self._node(ref)
        name = port_named(_include(ref), ref, gates.outputs, gates.inputs, "output", self._problems)
        return [] if name is None else [replace(gates.outputs[name], where=ref.where)]

    def inputs(self, ref: Ref) -> list[Ref]:
        gates = self._inner.get(ref.node)
        if gates is None:
            return self._node(ref)
        name = port_named(_include(ref), ref, gates.inputs, gates.outputs, "input", self._problems)
        return [] if name is None else [replace(each, where=ref.where) for each in gates.inputs[name]]

    def _node(self, ref: Ref) -> list[Ref]:
        if ref.node in self._nodes:
            return [replace(ref, node=self._prefix + ref.node)]
        hint = did_you_mean(ref.node, [*self._nodes, *self._inner])
        self._problems.add(ref.where, f"unknown node {ref.node!r}{hint}")
        return []


def _include(ref: Ref) -> str:
    return f"include {ref.node!r}"


def port_named(
    what: str, ref: Ref, own: Iterable[str], other: Iterable[str], side: str, problems: Problems
) -> str | None:
    """Return the port of one side that a Ref means: the one it names, else the only one; None is a problem noted.

    Inside a chain `a -> b.port -> c` the port may belong to either side of b; the other side is then its only one.
    """
    own, other = list(own), list(other)
    if ref.port in own:
        return ref.port
    if ref.middle and ref.port and ref.port not in other:
        problems.add(ref.where, f"{what} has no port {ref.port!r}{did_you_mean(ref.port, {*own, *other})}")
        return None
    if ref.port and not (ref.middle and ref.port in other):
        hint = f"; {ref.port!r} is an {'input' if side == 'output' else 'output'}" if ref.port in other else ""
        problems.add(ref.where, f"{what} has no {side} {ref.port!r}" + (hint or did_you_mean(ref.port, own)))
        return None
    if len(own) == 1:
        return own[0]
    if own:
        problems.add(ref.where, f"{what} has the {side}s {', '.join(own)}; write {ref.node}.{own[0]}")
    else:
        problems.add(ref.where, f"{what} has no {side}")
    return None


def placed_nodes(name: str, nodes: Iterable[str]) -> list[str]:
    """Return the nodes that a name under `place` means: itself, or all of an include."""
    return [node for node in nodes if node == name or node.startswith(f"{name}/")]


def read_yaml(path: Path, problems: Problems) -> Value:
    """Return the content of a YAML file."""
    return value_from_yaml(path.read_bytes(), str(path), problems)


def _missing(name: str, include: str) -> str:
    if include:
        return f"include {include!r}: param {name!r} has no value; give it under `params`"
    return f"param {name!r} has no value; give it with --set {name}=VALUE"
