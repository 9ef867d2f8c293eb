"""A node's ports, read from the annotations of its methods."""

from __future__ import annotations

import collections.abc
import types
import typing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Union

from eventflow.errors import NodeDeclarationError
from eventflow.events import Events
from eventflow.messages import Message, Reset, Watermark

if TYPE_CHECKING:
    from collections.abc import Callable

_MANY = (collections.abc.Iterator, collections.abc.Iterable, collections.abc.Generator, list, tuple)


@dataclass(frozen=True)
class Port:
    """An input or output of a node: its name, the message types it takes or gives, one line for people."""

    name: str
    types: tuple[type, ...]
    doc: str = ""

    @property
    def any(self) -> bool:
        """Whether every kind of message fits."""
        return Message in self.types

    @property
    def kinds(self) -> str:
        """The types in words: "Events or Slice"."""
        return "any message" if self.any else " or ".join(kind.__name__ for kind in self.types)

    def takes(self, source: Port) -> bool:
        """Whether everything that `source` gives fits into this port."""
        return self.any or (not source.any and set(source.types) <= set(self.types))


def message_types(annotation: Any) -> tuple[type, ...]:
    """Return the message types in an annotation such as `Events | Slice | None`, or () if it holds none."""
    if typing.get_origin(annotation) in (Union, types.UnionType):
        found = [each for arm in typing.get_args(annotation) for each in message_types(arm)]
        return tuple(dict.fromkeys(found))
    if isinstance(annotation, type) and (annotation is Events or issubclass(annotation, Message)):
        return (annotation,)
    return ()


def input_port(name: str, method: Callable[..., Any], hints: dict[str, Any]) -> Port | None:
    """Return the input port that a method declares, or None if its first argument is not a message."""
    code = method.__code__
    arguments = code.co_varnames[1 : code.co_argcount]
    if not arguments:
        return None
    kinds = message_types(hints.get(arguments[0]))
    return Port(name, kinds, (method.__doc__ or "").strip().split("\n")[0]) if kinds else None


def output_ports(owner: str, annotation: Any) -> dict[str, Port]:
    """Return the output ports that a return annotation declares, by name.

    `Events` gives port "events"; `Iterator[Slice]`, `Slice | None` and `list[Slice]` give "slice"; a NamedTuple gives
    one port a field.

    Raises:
        NodeDeclarationError: the annotation is neither of these nor None.
    """
    ports: dict[str, Port] = {}
    _collect(owner, annotation, ports)
    return ports


def _collect(owner: str, annotation: Any, ports: dict[str, Port]) -> None:
    origin = typing.get_origin(annotation)
    if annotation in (None, type(None), Watermark, Reset):
        return
    if origin in (Union, types.UnionType):
        for arm in typing.get_args(annotation):
            _collect(owner, arm, ports)
    elif origin in _MANY:
        _collect(owner, typing.get_args(annotation)[0], ports)
    elif isinstance(annotation, type) and issubclass(annotation, tuple) and hasattr(annotation, "_fields"):
        for name, hint in typing.get_type_hints(annotation).items():
            ports[name] = Port(name, _element_types(owner, hint))
    elif kinds := message_types(annotation):
        name = kinds[0].__name__.lower()
        ports[name] = Port(name, kinds)
    else:
        raise NodeDeclarationError(
            f"{owner} returns {annotation!r}; expected a message type, None, an Iterator of messages, or a NamedTuple "
            "whose fields are these"
        )


def _element_types(owner: str, hint: Any) -> tuple[type, ...]:
    inner: dict[str, Port] = {}
    _collect(owner, hint, inner)
    return tuple(kind for port in inner.values() for kind in port.types)
