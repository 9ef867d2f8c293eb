"""The words in a drawing of a graph, shared by every form of drawing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventflow.graph.graph import DEFAULT_BYTES, DEFAULT_PACKETS, DEFAULT_TIME_US
from eventflow.units import text_from_duration, text_from_size

if TYPE_CHECKING:
    from eventflow.graph.graph import EdgeSpec, NodeSpec

_LONGEST = 34


def parameter_lines(spec: NodeSpec) -> list[str]:
    """Return `name: value` of every parameter that is not at its default, long values cut in the middle."""
    lines = []
    for name, parameter in spec.node_class.declaration.parameters.items():
        if parameter.required or spec.parameters[name] != parameter.default:
            lines.append(f"{name}: {_short(parameter.text(spec.parameters[name]))}")
    if spec.on_error != "fail":
        lines.append(f"on_error: {spec.on_error}")
    return lines


def policy_text(edge: EdgeSpec) -> str:
    """Return an edge's policy where it is not the default, else ""."""
    words = [] if edge.when_full == "block" else [edge.when_full.replace("_", " ")]
    if edge.packets != DEFAULT_PACKETS:
        words.append(f"{edge.packets} packets")
    if edge.bytes != DEFAULT_BYTES:
        words.append(text_from_size(edge.bytes))
    usual = None if edge.lossless else DEFAULT_TIME_US
    if edge.time_us != usual:
        words.append("no time limit" if edge.time_us is None else text_from_duration(edge.time_us))
    if edge.budget_us is not None:
        late = ", drop late" if edge.when_late == "drop" else ""
        words.append(f"budget {text_from_duration(edge.budget_us)}{late}")
    return ", ".join(words)


def _short(text: str) -> str:
    if len(text) <= _LONGEST:
        return text
    keep = (_LONGEST - 1) // 2
    return f"{text[:keep]}…{text[-keep:]}"
