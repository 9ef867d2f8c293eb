"""The node contract.

A node is a class with typed parameters and typed methods; everything else is derived:

- an annotated class attribute is a parameter (`window: Duration = ms(5)`); no default means it must be given;
- a public method whose first argument is a message is an input port of that name; helpers begin with `_`;
- its return type names the output port: `-> Events` is port "events"; a NamedTuple's fields name several. A method may
  return a message, None, or an iterable of messages;
- `start(self, events: StreamInfo)`, arguments named like the input ports, sees the geometry before the first packet and
  returns the output's StreamInfo (None: the same as the first input's; a dict by port where they differ);
- `on_watermark(t)` may make output earlier, never different: it returns exactly what the next event at or after t would
  have forced out first. `finish(t_end)` returns what is left; the engine calls `on_watermark(t_end)` before it;
- outputs never have a time before the watermark the node has seen, less `holdback_us`.

State lives in `_` attributes and advances only at events or at instants fixed in event time, so that the result does
not depend on how the stream was cut. Inputs are read-only. Random numbers come from a generator seeded by a parameter.

A class that breaks the contract fails when it is made, with the remedy.
"""

from __future__ import annotations

import copy
import inspect
import typing
from collections import Counter
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Protocol, runtime_checkable

import numpy as np

from eventflow.errors import NodeDeclarationError, ParameterError
from eventflow.events import Events
from eventflow.graph.parameters import REQUIRED, Parameter, Range, parameter_from_annotation
from eventflow.graph.ports import Port, input_port, output_ports
from eventflow.messages import Message, StreamInfo, Watermark
from eventflow.units import Duration, ms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from eventflow.io.parts import PartFile

_ENGINE_METHODS = frozenset({"close", "create", "finish", "on_watermark", "restore", "run", "seek", "start", "state"})
_PLAIN = (bool, int, float, str, bytes, type(None), np.ndarray, np.generic, Events)


class Services(Protocol):
    """What the engine offers to a node that asks for it.

    Attributes:
        graph_text: the text of the graph's file, for whoever keeps it with what is recorded; "" if there is none.
    """

    graph_text: str

    def publisher(self, name: str, info: StreamInfo, **options: Any) -> Any:
        """Return a function that publishes a message under `name`, or at an address."""

    def subscription(self, url: str, **options: Any) -> Any:
        """Return the messages that another run publishes under a name or at an address."""

    def traffic(self, before: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what passed over all edges of this process so far: `sent`, `dropped`, and `age_p99_us` since `before`.

        Args:
            before: what an earlier call returned; None: the ages of the whole run.
        """


@runtime_checkable
class Resumable(Protocol):
    """What a node may keep beside plain values: the memory of a kernel that can give and take its own state."""

    def state(self) -> dict[str, Any]:
        """Return a copy of everything that later results depend on, as plain values."""

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state that `state` returned."""


@dataclass(frozen=True)
class Declaration:
    """Everything a node class declares."""

    parameters: dict[str, Parameter]
    inputs: dict[str, Port]
    outputs: dict[str, Port]
    is_source: bool
    summary: str
    doc: str


class Node:
    """Base of every node; see the module's text for the contract.

    Attributes:
        outputs: the files this node finished.
        results: what a scoring node reports, plain values by name.
        content_hash: hash of everything received, where the node computes one.
        skipped: messages or events left out on purpose, by reason.
        repaired: events mended, by reason.
        services: what the engine offers, set before `start`.
    """

    declaration: ClassVar[Declaration]
    holdback_us: ClassVar[int] = 0
    """How far (µs) an output's time may lie before the watermark the node has seen."""
    optional_inputs: ClassVar[frozenset[str]] = frozenset()
    """Input ports that a graph may leave unconnected; `start` then gets no StreamInfo for them."""
    heavy: ClassVar[bool] = False
    """Whether a thread of its own pays where the planner decides."""
    live: ClassVar[bool] = False
    """Whether time passes by itself: a camera, a socket. A live source gets a thread of its own."""
    rehearses: ClassVar[bool] = True
    """Whether a second instance may be tried on two events before the run, so that kernels are compiled by then."""
    main_thread: ClassVar[bool] = False
    """Whether the node draws a window, which must be done in the main thread of its process."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if cls.__module__ != __name__:
            cls.declaration = _declare(cls)

    def __init__(self, **parameters: Any) -> None:
        for name, value in parsed_parameters(type(self), parameters).items():
            setattr(self, name, value)
        self.outputs: list[Path] = []
        self.results: dict[str, Any] = {}
        self.skipped: Counter[str] = Counter()
        self.repaired: Counter[str] = Counter()
        self.content_hash: str | None = None
        self.services: Services | None = None
        self._parts: list[PartFile] = []

    if TYPE_CHECKING:
        start: Callable[..., Any]  # every node types its own arguments, one a port
    else:

        def start(self, **ports: StreamInfo) -> StreamInfo | dict[str, StreamInfo] | None:
            """Prepare for streams of the given kind; return the output's."""

    def on_watermark(self, t: int) -> Any:
        """Return what the next event at or after `t` (µs) would force out first."""

    def finish(self, t_end: int) -> Any:
        """Return what is left at the end of all inputs; `t_end` (µs) is the last time they reached."""

    def close(self, *, complete: bool) -> None:
        """Release what the node holds, at the very end or after a failure: files are kept only if `complete`."""
        for part in self._parts:
            if complete:
                part.keep()
                self.outputs.append(part.path)
            else:
                part.discard()
        self._parts.clear()

    def create(self, path: Path | str) -> PartFile:
        """Return a new NAME.part beside `path`; `close` renames or removes it."""
        from eventflow.io.parts import PartFile

        part = PartFile(path)
        self._parts.append(part)
        return part

    def state(self) -> dict[str, Any]:
        """Return a copy of everything that later output depends on."""
        own = {name: value for name, value in vars(self).items() if name.startswith("_") and name != "_parts"}
        plain = {name: copy.deepcopy(value) for name, value in own.items() if _is_plain(value)}
        return plain | {name: value.state() for name, value in own.items() if isinstance(value, Resumable)}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state that `state` returned."""
        for name, value in state.items():
            own = getattr(self, name, None)
            if isinstance(own, Resumable):
                own.restore(value)
            else:
                setattr(self, name, copy.deepcopy(value))


class Source(Node):
    """A node without inputs: `start() -> StreamInfo`, then `run()` yields messages and Watermarks in time order.

    With several output ports `run` yields NamedTuples. The engine cuts Events into packets.

    Args:
        packet_events: the most events in a packet.
        packet_time: the most event time in a packet, where the stream is paced or live.
    """

    packet_events: Annotated[int, Range(1, 1 << 24)] = 16384
    packet_time: Duration = ms(1)

    def start(self) -> StreamInfo | dict[str, StreamInfo]:
        """Return what is known of the stream before its first message."""
        raise NodeDeclarationError(f"source {type(self).__name__} has no start()")

    def run(self) -> Iterator[Any]:
        """Yield messages in time order, and Watermarks where time passes without any."""
        raise NodeDeclarationError(f"source {type(self).__name__} has no run()")

    def seek(self, t: int) -> None:
        """Have the next `run()` begin with the first event at or after `t` (µs), where the source can."""
        raise ParameterError(f"source {type(self).__name__} cannot go to another time")


def parsed_parameters(node_class: type[Node], given: dict[str, Any]) -> dict[str, Any]:
    """Return every parameter of a node class, the given ones checked, the others at their defaults.

    Raises:
        ParameterError: an unknown name, a missing one, or a value that is not allowed.
    """
    declared = node_class.declaration.parameters
    for name in given:
        if name not in declared:
            raise ParameterError(f"{node_class.__name__} has no parameter {name!r}" + did_you_mean(name, declared))
    values = {}
    for name, parameter in declared.items():
        if name in given:
            values[name] = parameter.parse(given[name])
        elif parameter.required:
            raise ParameterError(f"{node_class.__name__} needs the parameter {name!r}: {parameter.describe()}")
        else:
            values[name] = copy.copy(parameter.default)
    return values


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ". Did you mean 'x'?" where a known name is near, else the list of known names."""
    names = sorted(known)
    near = get_close_matches(name, names, 1)
    if near:
        return f". Did you mean {near[0]!r}?"
    return f"; known: {', '.join(names)}" if names else "; there are none"


def _declare(cls: type[Node]) -> Declaration:
    is_source = issubclass(cls, Source)
    doc = inspect.cleandoc(cls.__doc__ or "")
    inputs: dict[str, Port] = {}
    outputs: dict[str, Port] = {}
    for name, method in _public_methods(cls).items():
        owner = f"{cls.__name__}.{name}"
        hints = _hints(method, owner)
        if name in _ENGINE_METHODS:
            if name == "run" or (name in ("finish", "on_watermark") and hints.get("return") not in (None, Any)):
                outputs |= output_ports(owner, hints.get("return"))
            continue
        port = input_port(name, method, hints)
        if port is None:
            raise NodeDeclarationError(
                f"{owner} is public but its first argument is not annotated with a message type, so it is no input "
                "port; annotate it (events: Events), or let the name begin with _"
            )
        if "return" not in hints:
            raise NodeDeclarationError(f"{owner} has no return annotation; write -> None for a sink")
        inputs[name] = port
        outputs |= output_ports(owner, hints["return"])
    if is_source and inputs:
        raise NodeDeclarationError(f"source {cls.__name__} has input ports: {', '.join(inputs)}; derive from Node")
    if not is_source and not inputs:
        raise NodeDeclarationError(
            f"node {cls.__name__} has no input port; give it a method such as events(self, events: Events)"
        )
    for name in cls.optional_inputs - inputs.keys():
        raise NodeDeclarationError(f"{cls.__name__}.optional_inputs names {name!r}" + did_you_mean(name, inputs))
    parameters = _parameters(cls, doc)
    return Declaration(parameters, inputs, outputs, is_source, doc.split("\n")[0], doc)


def _hints(method: Any, owner: str) -> dict[str, Any]:
    try:
        return typing.get_type_hints(method, include_extras=True)
    except NameError as error:
        raise NodeDeclarationError(f"{owner}: {error}; import it outside `if TYPE_CHECKING:`") from None


def _public_methods(cls: type[Node]) -> dict[str, Any]:
    """Methods in order of declaration, base classes first, those of Node and Source left out."""
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        if base.__module__ == __name__ or base is object:
            continue
        found |= {name: value for name, value in vars(base).items() if inspect.isfunction(value) and name[0] != "_"}
    return found


def _parameters(cls: type[Node], doc: str) -> dict[str, Parameter]:
    found: dict[str, Parameter] = {}
    for base in reversed(cls.__mro__):
        if base is Node or not issubclass(base, Node):
            continue
        hints = typing.get_type_hints(base, include_extras=True)
        lines = _argument_lines(inspect.cleandoc(base.__doc__ or "")) | _argument_lines(doc)
        for name in vars(base).get("__annotations__", {}):
            annotation = hints[name]
            if name.startswith("_") or typing.get_origin(annotation) is ClassVar:
                continue
            default = getattr(cls, name, REQUIRED)
            try:
                found[name] = parameter_from_annotation(name, annotation, default, lines.get(name, ""))
            except NodeDeclarationError as error:
                raise NodeDeclarationError(f"{cls.__name__}: {error}") from None
    required = {name: parameter for name, parameter in found.items() if parameter.required}
    own = {name: parameter for name, parameter in found.items() if name not in Source.__annotations__}
    return required | own | found


def _argument_lines(doc: str) -> dict[str, str]:
    """The `Args:` section of a Google docstring, by name, each folded into one line."""
    found: dict[str, str] = {}
    _, _, section = doc.partition("\nArgs:\n")
    name = ""
    for line in section.split("\n"):
        if line and not line.startswith(" "):
            break
        text = line.strip()
        if line.startswith("    ") and not line.startswith("     ") and ":" in text:
            name, _, text = text.partition(":")
            found[name] = text.strip()
        elif name and text:
            found[name] += " " + text
    return found


def _is_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple, set)):
        return all(_is_plain(entry) for entry in value)
    if isinstance(value, dict):
        return all(_is_plain(entry) for entry in (*value.keys(), *value.values()))
    return isinstance(value, (*_PLAIN, Message, Watermark))
