"""A node kind in plain values and in words: what `eventflow nodes NAME` shows, and the documentation of nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventflow.graph.node import Source
from eventflow.graph.registry import node_class, node_classes

if TYPE_CHECKING:
    from eventflow.graph.node import Node
    from eventflow.graph.parameters import Parameter
    from eventflow.graph.ports import Port


def describe_node(name: str) -> dict[str, Any]:
    """Return what a registered node is, takes, gives and can be told, as JSON holds it.

    Raises:
        ParameterError: no such node.
        NodeDeclarationError: its plugin cannot be loaded.
    """
    return _described(name, node_class(name))


def describe_nodes() -> list[dict[str, Any]]:
    """Return every registered node as `describe_node` does; a plugin that cannot be loaded is `{"name", "error"}`."""
    return [
        _described(name, cls) if isinstance(cls, type) else {"name": name, "error": str(cls)}
        for name, cls in node_classes()
    ]


def _described(name: str, cls: type[Node]) -> dict[str, Any]:
    declared = cls.declaration
    return {
        "name": name,
        "summary": declared.summary,
        "doc": declared.doc,
        "source": declared.is_source,
        "class": f"{cls.__module__}:{cls.__qualname__}",
        "inputs": [_port(port, cls) for port in declared.inputs.values()],
        "outputs": [_port(port, cls) for port in declared.outputs.values()],
        "parameters": [_parameter(parameter) for parameter in declared.parameters.values()],
    }


def _port(port: Port, cls: type[Node]) -> dict[str, Any]:
    described = {"name": port.name, "types": [kind.__name__ for kind in port.types], "doc": port.doc}
    return described | ({"optional": True} if port.name in cls.optional_inputs else {})


def _parameter(parameter: Parameter) -> dict[str, Any]:
    default = {} if parameter.required else {"default": parameter.text(parameter.default)}
    return {
        "name": parameter.name,
        "allowed": parameter.describe(),
        **default,
        "required": parameter.required,
        "live": parameter.live,
        "doc": parameter.doc,
    }


def text_from_description(described: dict[str, Any]) -> str:
    """Return a node's description as text: the head of its docstring, ports, parameters, an example line."""
    if "error" in described:
        return f"{described['name']}: {described['error']}"
    head = described["doc"].partition("\nArgs:")[0].rstrip()
    lines = [f"{described['name']}: {head}", ""]
    for side in ("inputs", "outputs"):
        for port in described[side]:
            kinds = "any message" if "Message" in port["types"] else " or ".join(port["types"])
            optional = ", may stay unconnected" if port.get("optional") else ""
            lines.append(f"  {side[:-1]} {port['name']}: {kinds}{optional}")
    common = Source.__annotations__ if described["source"] else {}
    own = [each for each in described["parameters"] if each["name"] not in common]
    for each in [*own, *(each for each in described["parameters"] if each["name"] in common)]:
        value = "required" if each["required"] else f"default {each['default']}"
        live = ", may change while running" if each["live"] else ""
        lines += [f"  {each['name']}: {each['allowed']} ({value}{live})"]
        if each["doc"]:
            lines.append(f"      {each['doc']}")
    required = "".join(f", {each['name']}: ..." for each in described["parameters"] if each["required"])
    lines += ["", f"  In a graph file: {described['name']}: {{use: {described['name']}{required}}}"]
    return "\n".join(lines)
