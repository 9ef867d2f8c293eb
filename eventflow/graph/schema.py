"""The JSON Schema of graph files, generated from the registry: what editors complete and underline."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, get_args

from eventflow.graph.document import VERSION
from eventflow.graph.graph import OnError
from eventflow.graph.policy import POLICY
from eventflow.graph.registry import node_classes

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventflow.graph.node import Node

_NAME = "^[A-Za-z_][A-Za-z0-9_-]*$"
_STEP = r"[^\s.]+(\.[^\s.]+)?"
_LINE = rf"^{_STEP}(\s*->\s*{_STEP})+$"
_SCALARS = ["string", "number", "boolean", "null"]


def graph_schema(keep: Callable[[type[Node]], bool] = lambda _: True) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a graph file over all registered nodes for which `keep` is true."""
    classes = {name: cls for name, cls in node_classes() if isinstance(cls, type) and keep(cls)}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "eventflow graph",
        "type": "object",
        "required": ["eventflow", "nodes"],
        "additionalProperties": False,
        "properties": _properties(),
        "$defs": {
            "node": _node(classes),
            "policy": _policy(),
            "include": _include(),
            **{f"use-{name}": _parameters(name, cls) for name, cls in classes.items()},
        },
    }


def text_from_schema(schema: dict[str, Any]) -> str:
    """Return a schema as it lies in a file."""
    return json.dumps(schema, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def is_stock(cls: type[Node]) -> bool:
    """Whether a node class comes with eventflow: those the shipped schema knows."""
    return cls.__module__.startswith("eventflow_nodes.")


def _properties() -> dict[str, Any]:
    line = {"type": "string", "pattern": _LINE, "description": "a -> b.port -> c"}
    with_policy = {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
        "patternProperties": {_LINE: {"$ref": "#/$defs/policy"}},
    }
    param = {"type": [*_SCALARS, "array"], "description": "the default; empty: it must be given"}
    port = {"type": "string", "pattern": f"^{_STEP}$"}
    ports_in = {"anyOf": [port, {"type": "array", "items": port}]}
    return {
        "eventflow": {"const": VERSION, "description": "version of the format"},
        "name": {"type": "string", "description": "for people and for summaries"},
        "params": _named(param, "values that --set NAME=value replaces; used as ${NAME}"),
        "include": _named({"$ref": "#/$defs/include"}, "other graphs, used like nodes by their open ports"),
        "nodes": _named({"$ref": "#/$defs/node"}, "every node by its name"),
        "flow": {
            "type": ["array", "null"],
            "items": {"anyOf": [line, with_policy]},
            "description": "what is connected: `- a -> b.port -> c`, `- a -> b: {when_full: latest}`",
        },
        "place": _named(
            {"type": "array", "items": {"type": "string"}}, "process name -> nodes; absent: the planner decides"
        ),
        "ports": {
            "type": "object",
            "additionalProperties": False,
            "description": "the open ports, for graphs that include this one",
            "properties": {
                "in": {"anyOf": [ports_in, _named(ports_in, "inputs by name")]},
                "out": {"anyOf": [port, _named(port, "outputs by name")]},
            },
        },
    }


def _named(entry: dict[str, Any], description: str) -> dict[str, Any]:
    return {
        "type": ["object", "null"],
        "propertyNames": {"pattern": _NAME},
        "additionalProperties": entry,
        "description": description,
    }


def _node(classes: dict[str, type[Node]]) -> dict[str, Any]:
    """A node is what its `use` says; a kind that is not known here, from a plugin, may have any parameters."""
    # YAML reads `use: null` as nothing at all, and the node of that name is meant
    summaries: list[dict[str, Any]] = [{"const": None}] if "null" in classes else []
    summaries += [{"const": name, "description": cls.declaration.summary} for name, cls in classes.items()]
    return {
        "type": "object",
        "required": ["use"],
        "properties": {
            "use": {"anyOf": [*summaries, {"type": "string"}], "description": "the kind of node"},
            "on_error": {
                "enum": list(get_args(OnError)),
                "default": "fail",
                "description": "when it raises: end the run, skip the message, or start the node anew",
            },
        },
        "allOf": [
            {
                "if": {
                    "properties": {"use": {"enum": [name, None]} if name == "null" else {"const": name}},
                    "required": ["use"],
                },
                "then": {"$ref": f"#/$defs/use-{name}"},
            }
            for name in classes
        ],
    }


def _parameters(name: str, cls: type[Node]) -> dict[str, Any]:
    declared = cls.declaration.parameters
    schema: dict[str, Any] = {
        "title": name,
        "description": cls.declaration.summary,
        "additionalProperties": False,
        "properties": {
            "use": True,
            "on_error": True,
            **{key: parameter.schema() for key, parameter in declared.items()},
        },
    }
    required = [key for key, parameter in declared.items() if parameter.required]
    return schema | ({"required": required} if required else {})


def _policy() -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {name: parameter.schema() for name, parameter in POLICY.items()},
    }


def _include() -> dict[str, Any]:
    long = {
        "type": "object",
        "required": ["graph"],
        "additionalProperties": False,
        "properties": {
            "graph": {"type": "string", "description": "a graph file, relative to this one"},
            "params": _named({"type": [*_SCALARS, "array"]}, "values of its params"),
        },
    }
    return {"anyOf": [{"type": "string"}, long]}
