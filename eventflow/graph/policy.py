"""What an edge does when its reader is slower: the settings after a line of `flow`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from eventflow.errors import ParameterError
from eventflow.graph.graph import DEFAULT_BYTES, DEFAULT_PACKETS, DEFAULT_TIME_US, WhenFull, WhenLate
from eventflow.graph.parameters import Parameter, Range, parameter_from_annotation
from eventflow.graph.yaml12 import MISSING
from eventflow.units import Duration, Size

if TYPE_CHECKING:
    from eventflow.graph.yaml12 import Problems, Value

POLICY: dict[str, Parameter] = {
    "when_full": parameter_from_annotation(
        "when_full",
        WhenFull,
        "block",
        "when so many wait: the sender waits, the oldest is dropped, only the latest is kept, or the run ends",
    ),
    "packets": parameter_from_annotation(
        "packets", Annotated[int, Range(1, 1 << 20)], DEFAULT_PACKETS, "how many messages may wait"
    ),
    "bytes": parameter_from_annotation(
        "bytes", Annotated[Size, Range(1, 1 << 40)], DEFAULT_BYTES, "how many bytes may wait"
    ),
    "time": parameter_from_annotation(
        "time",
        Annotated[Duration, Range(1, 1 << 50)] | None,
        None,
        "how much event time may wait; without it 1s where messages may be dropped, else no limit",
    ),
    "budget": parameter_from_annotation(
        "budget",
        Annotated[Duration, Range(1, 1 << 50)] | None,
        None,
        "how old a message may be when it arrives here, in a live or paced run; each that is older is counted",
    ),
    "when_late": parameter_from_annotation(
        "when_late",
        WhenLate,
        "pass",
        "what happens to a message beyond the budget: it passes all the same, or is dropped",
    ),
}


@dataclass(frozen=True)
class Policy:
    """The policy of one edge, as EdgeSpec holds it."""

    when_full: WhenFull = "block"
    packets: int = DEFAULT_PACKETS
    bytes: int = DEFAULT_BYTES
    time_us: int | None = None
    budget_us: int | None = None
    when_late: WhenLate = "pass"


def policy_from_values(given: dict[str, Value], problems: Problems) -> Policy:
    """Return the policy that the values after a line of `flow` describe."""
    parsed: dict[str, Any] = {}
    for key, value in given.items():
        if key in POLICY and value.content is not MISSING:
            try:
                parsed[key] = parsed_value(POLICY[key], value)
            except ParameterError as error:
                problems.add(value.where, str(error))
    drops = parsed.get("when_full") in ("drop_oldest", "latest")
    budget_us = parsed.pop("budget", None)
    if budget_us is None and "when_late" in parsed:
        problems.add(given["when_late"].where, "when_late needs a budget: what is late without one?")
    time_us = parsed.pop("time", DEFAULT_TIME_US if drops else None)
    return Policy(**parsed, time_us=time_us, budget_us=budget_us)


def parsed_value(parameter: Parameter, value: Value) -> Any:
    """Return a parameter's value from a graph file, where a duration or a size must have its unit.

    Raises:
        ParameterError: the value is not allowed.
    """
    content = value.bare()
    if (
        parameter.unit
        and not value.from_python
        and isinstance(content, int)
        and content
        and not isinstance(content, bool)
    ):
        units = "us, ms or s" if parameter.unit == "duration" else "B, kB or MB"
        raise ParameterError(f"{parameter.name}: {content} has no unit; write {units} after it")
    return parameter.parse(content)
