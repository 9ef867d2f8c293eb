"""The form of a graph file: which keys it has and what each holds. What the names mean is checked later."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, get_args

from eventflow.graph.graph import OnError
from eventflow.graph.node import did_you_mean
from eventflow.graph.policy import POLICY, Policy, policy_from_values
from eventflow.graph.yaml12 import MISSING, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventflow.graph.substitute import Substitution
    from eventflow.graph.yaml12 import Problems, Where

KEYS = ("eventflow", "name", "params", "include", "nodes", "flow", "place", "ports")
VERSION = 1
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_STEP = re.compile(r"[^\s.]+(\.[^\s.]+)?")


@dataclass(frozen=True)
class Ref:
    """A node, or a port of it, as a line of the file names it. `middle`: inside a chain, where it has two sides."""

    node: str
    port: str
    where: Where
    middle: bool = False


@dataclass(frozen=True)
class NodeEntry:
    """One entry under `nodes`, parameters substituted but not parsed; `use` is "" where the entry is no node."""

    name: str
    use: str
    use_where: Where
    on_error: OnError
    parameters: dict[str, Value]
    where: Where


@dataclass(frozen=True)
class Hop:
    """One `a -> b` with its policy."""

    source: Ref
    target: Ref
    policy: Policy


@dataclass(frozen=True)
class IncludeEntry:
    """One entry under `include`."""

    name: str
    graph: str
    params: dict[str, Value]
    where: Where


@dataclass
class Document:
    """One graph file, its form checked."""

    name: str = ""
    nodes: dict[str, NodeEntry] = field(default_factory=dict)
    includes: dict[str, IncludeEntry] = field(default_factory=dict)
    hops: list[Hop] = field(default_factory=list)
    place: list[tuple[str, list[Ref]]] = field(default_factory=list)
    inputs: dict[str, list[Ref]] = field(default_factory=dict)
    outputs: dict[str, Ref] = field(default_factory=dict)
    doubtful: set[str] = field(default_factory=set)
    """Nodes in lines that are wrong: whether they are connected cannot be said."""


def document_from_value(root: Value, substitution: Substitution, problems: Problems) -> Document:
    """Return what a graph file says; whatever is not as it should be is added to `problems`."""
    return _Reader(substitution, problems).read(root)


class _Reader:
    def __init__(self, substitution: Substitution, problems: Problems) -> None:
        self._replaced = substitution
        self._problems = problems

    def read(self, root: Value) -> Document:
        document = Document()
        entries = self._mapping(root, "a graph file")
        self._known_keys(entries, KEYS, "")
        self._version(entries.get("eventflow"), root.where)
        if "name" in entries:
            document.name = self._text(self._replaced(entries["name"]), "name") or ""
        for name, value in self._named(entries, "nodes"):
            document.nodes[name] = self._node(name, value)
        for name, value in self._named(entries, "include"):
            include = self._include(name, value)
            if name in document.nodes:
                self._problems.add(value.key_where, f"include {name!r}: a node has this name already")
            elif include is not None:
                document.includes[name] = include
        for item in self._list(entries.get("flow"), "flow"):
            document.hops += self._line(item, document.doubtful)
        for name, value in self._named(entries, "place"):
            document.place.append((name, self._members(name, value)))
        if "ports" in entries:
            self._ports(entries["ports"], document)
        return document

    def _version(self, value: Value | None, where: Where) -> None:
        if value is None:
            self._problems.add(where, "key 'eventflow' is missing; begin with `eventflow: 1`")
        elif value.content != VERSION or isinstance(value.content, bool):
            self._problems.add(value.where, f"eventflow: {value.bare()!r} is not a version known here; write {VERSION}")

    def _node(self, name: str, value: Value) -> NodeEntry:
        entries = self._mapping(value, f"node {name!r}", "{use: stcf, window: 5ms}")
        if "use" not in entries:
            if isinstance(value.content, dict):
                self._problems.add(value.where, f"node {name!r}: `use` is missing; it names the kind of node")
            return NodeEntry(name, "", value.where, "fail", {}, value.key_where)
        use = self._text(self._replaced(entries["use"]), f"node {name!r}: use")
        parameters = {key: self._replaced(each) for key, each in entries.items() if key not in ("use", "on_error")}
        on_error = self._choice(entries.get("on_error"), get_args(OnError), f"node {name!r}: on_error")
        return NodeEntry(name, use or "", entries["use"].where, on_error, parameters, value.key_where)

    def _include(self, name: str, value: Value) -> IncludeEntry | None:
        what = f"include {name!r}"
        if isinstance(value.content, str):
            return IncludeEntry(name, str(self._replaced(value).content), {}, value.where)
        entries = self._mapping(value, what, "{graph: clean.yaml, params: {window: 5ms}}")
        self._known_keys(entries, ("graph", "params"), f"{what}: ")
        if "graph" not in entries:
            if isinstance(value.content, dict):
                self._problems.add(value.where, f"{what}: `graph` is missing; it names the file")
            return None
        graph = self._text(self._replaced(entries["graph"]), f"{what}: graph")
        params = self._mapping(entries["params"], f"{what}: params") if "params" in entries else {}
        replaced = {key: self._replaced(each) for key, each in params.items()}
        return None if graph is None else IncludeEntry(name, graph, replaced, entries["graph"].where)

    def _line(self, item: Value, doubtful: set[str]) -> list[Hop]:
        """One entry of `flow`: a chain, or a chain with a policy."""
        policy = Policy()
        chain = item
        if isinstance(item.content, dict) and len(item.content) == 1:
            ((text, given),) = item.content.items()
            chain = Value(text, given.key_where, given.key_where, plain_style=True)
            entries = self._mapping(given, f"{text!r}", "{when_full: latest}")
            self._known_keys(entries, tuple(POLICY), f"{text!r}: ")
            policy = policy_from_values({key: self._replaced(each) for key, each in entries.items()}, self._problems)
        if not isinstance(chain.content, str):
            self._problems.add(
                item.where, f"flow: {item.kind} is no line; expected `a -> b` or `a -> b: {{when_full: latest}}`"
            )
            return []
        steps = list(self._steps(chain))
        if len(steps) < 2:
            self._problems.add(item.where, f"flow: {chain.content!r} joins nothing; expected `a -> b`")
            doubtful |= {step[0] for step in steps}
            return []
        last = len(steps) - 1
        refs = [Ref(*step, middle=0 < number < last) for number, step in enumerate(steps) if step[0]]
        if len(refs) < len(steps):
            doubtful |= {ref.node for ref in refs}
            return []
        return [Hop(begin, end, policy) for begin, end in pairwise(refs)]

    def _steps(self, chain: Value) -> Iterator[tuple[str, str, Where]]:
        """The names in a chain with their places; a name that is none is a problem and is given as ""."""
        offset = 0
        for part in chain.content.split("->"):
            step = part.strip()
            column = offset + len(part) - len(part.lstrip())
            where = chain.where.shifted(column) if chain.plain_style else chain.where
            offset += len(part) + 2
            if _STEP.fullmatch(step):
                node, _, port = step.partition(".")
                yield node, port, where
            else:
                text = (
                    f"flow: {step!r} is neither a node nor node.port" if step else "flow: a name is missing beside ->"
                )
                self._problems.add(where, text)
                yield "", "", where

    def _members(self, name: str, value: Value) -> list[Ref]:
        members = []
        for item in self._list(value, f"place {name!r}"):
            node = self._text(self._replaced(item), f"place {name!r}")
            if node is not None:
                members.append(Ref(node, "", item.where))
        return members

    def _ports(self, value: Value, document: Document) -> None:
        entries = self._mapping(value, "ports", "{in: clean.events, out: clean.events}")
        self._known_keys(entries, ("in", "out"), "ports: ")
        for side, given in entries.items():
            named = given.content if isinstance(given.content, dict) else {side: given}
            for name, each in named.items():
                several = each.content if isinstance(each.content, list) and side == "in" else [each]
                refs = [ref for item in several for ref in self._inner_port(f"ports: {side}", item)]
                if side == "in":
                    document.inputs[name] = refs
                elif side == "out" and refs:
                    document.outputs[name] = refs[0]

    def _inner_port(self, what: str, item: Value) -> list[Ref]:
        text = self._text(item, what)
        if text is None or not _STEP.fullmatch(text):
            if text is not None:
                self._problems.add(item.where, f"{what}: {text!r} is neither a node nor node.port")
            return []
        node, _, port = text.partition(".")
        return [Ref(node, port, item.where)]

    def _named(self, entries: dict[str, Value], key: str) -> Iterator[tuple[str, Value]]:
        """The entries of a mapping whose keys are names."""
        if key not in entries:
            return
        for name, value in self._mapping(entries[key], key).items():
            if _NAME.fullmatch(name):
                yield name, value
            else:
                rule = "letters, digits, _ and -, the first no digit"
                self._problems.add(value.key_where, f"{key}: {name!r} is no name; use {rule}")

    def _known_keys(self, entries: dict[str, Value], known: tuple[str, ...], what: str) -> None:
        for key, value in entries.items():
            if key not in known:
                self._problems.add(value.key_where, f"{what}unknown key {key!r}{did_you_mean(key, known)}")

    def _mapping(self, value: Value, what: str, example: str = "") -> dict[str, Value]:
        if isinstance(value.content, dict):
            return value.content
        if value.content is not None or what not in KEYS:
            hint = f", such as {example}" if example else ""
            self._problems.add(value.where, f"{what} is {value.kind}; expected a mapping{hint}")
        return {}

    def _list(self, value: Value | None, what: str) -> list[Value]:
        if value is None or value.content is None:
            return []
        if isinstance(value.content, list):
            return value.content
        self._problems.add(value.where, f"{what} is {value.kind}; expected a list")
        return []

    def _text(self, value: Value, what: str) -> str | None:
        if value.content is MISSING:
            return None
        if value.content is None and (value.raw == "null" or value.from_python):
            return "null"
        if isinstance(value.content, (str, int, float)) and not isinstance(value.content, bool):
            return str(value.content)
        self._problems.add(value.where, f"{what} is {value.kind}; expected a name")
        return None

    def _choice(self, value: Value | None, choices: tuple[Any, ...], what: str) -> Any:
        if value is None:
            return choices[0]
        chosen = self._replaced(value).bare()
        if chosen is MISSING:
            return choices[0]
        if chosen not in choices:
            self._problems.add(value.where, f"{what}: {chosen!r} is not allowed{did_you_mean(str(chosen), choices)}")
            return choices[0]
        return chosen
