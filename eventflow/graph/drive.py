"""One node alone, fed by hand in the engine's order: the reference that every placement is held against.

Messages of several inputs are delivered by time, then by port in order of declaration, then in stream order; an Events
packet is cut where another input's message falls inside it.
"""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from eventflow.errors import NodeDeclarationError
from eventflow.events import Events
from eventflow.messages import Message, Reset, StreamInfo, Watermark, first_time_of, time_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from eventflow.graph.node import Node
    from eventflow.graph.ports import Port

Inputs = dict[str, list[Any]]


class Driver:
    """Calls a node as the engine does and collects what it gives.

    Attributes:
        outputs: messages by output port, empty packets left out.
        info: what `start` returned, by output port.
        watermark: the time below which no message will come, µs; None before any is known.
    """

    def __init__(self, node: Any, infos: Mapping[str, StreamInfo]) -> None:
        self.node = node
        self.outputs: Inputs = {name: [] for name in node.declaration.outputs}
        self.watermark: int | None = None
        returned = node.start(**infos)
        first = next(iter(infos.values()), StreamInfo())
        given = returned if isinstance(returned, dict) else dict.fromkeys(self.outputs, returned)
        self.info = {name: given.get(name) or first for name in self.outputs}

    def feed(self, port: str, message: Any) -> None:
        """Deliver a message to an input port."""
        self._collect(getattr(self.node, port)(message))
        if not isinstance(message, Events) or len(message):
            self._advance(time_of(message))

    def advance(self, t: int) -> None:
        """Tell the node that no message with a time below `t` (µs) will come."""
        self._collect(self.node.on_watermark(t))
        self._advance(t)

    def finish(self, t_end: int) -> None:
        """Tell the node that its inputs ended at `t_end` (µs)."""
        self.advance(t_end)
        self._collect(self.node.finish(t_end))

    def play(self, steps: Iterable[tuple[str, Any]], t_end: int) -> None:
        """Deliver (port, message) pairs and the end."""
        for step in steps:
            self.feed(*step)
        self.finish(t_end)

    def _advance(self, t: int) -> None:
        self.watermark = t if self.watermark is None else max(t, self.watermark)

    def _collect(self, returned: Any) -> None:
        for port, message in routed(returned, self.node.declaration.outputs):
            if not isinstance(message, Events) or len(message):
                self.outputs[port].append(message)


def routed(returned: Any, ports: Mapping[str, Port]) -> Iterator[tuple[str, Any]]:
    """Yield what a method of a node returned as (port, message).

    Raises:
        NodeDeclarationError: a message that no output port is declared for.
    """
    if returned is None or isinstance(returned, (Reset, Watermark)):
        return
    if isinstance(returned, tuple) and hasattr(returned, "_fields"):
        for name, value in zip(returned._fields, returned, strict=True):
            yield from ((name, message) for message in _messages(value))
    elif isinstance(returned, (Events, Message)):
        yield _port_of(returned, ports), returned
    else:
        for each in returned:
            yield from routed(each, ports)


def _messages(value: Any) -> Sequence[Any]:
    if value is None:
        return ()
    return [value] if isinstance(value, (Events, Message)) else list(value)


def _port_of(message: Any, ports: Mapping[str, Port]) -> str:
    for name, port in ports.items():
        if port.any or isinstance(message, port.types):
            return name
    declared = ", ".join(f"{port.name} ({port.kinds})" for port in ports.values()) or "none"
    raise NodeDeclarationError(f"a node returned {type(message).__name__}; its declared outputs: {declared}")


def in_engine_order(inputs: Mapping[str, Sequence[Any]], ports: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """Yield (port, message) in the order in which the engine delivers; `ports` is the order of declaration."""
    waiting = {port: list(inputs.get(port, ())) for port in ports}
    while any(waiting.values()):
        heads = [(_begins(waiting[port][0]), number, port) for number, port in enumerate(ports) if waiting[port]]
        _, number, port = min(heads)
        message = waiting[port].pop(0)
        if isinstance(message, Events) and len(message) and len(heads) > 1:
            t_other, other, _ = min(head for head in heads if head[2] != port)
            side: Literal["left", "right"] = "right" if number < other else "left"
            count = int(np.searchsorted(message.t, int(t_other), side))
            if count < len(message):
                waiting[port].insert(0, message[count:])
                message = message[:count]
        yield port, message


def _begins(message: Any) -> float:
    # an empty packet has no time and holds nobody up
    return float("-inf") if isinstance(message, Events) and not len(message) else first_time_of(message)


def recut(messages: Sequence[Any], sizes: Sequence[int]) -> list[Any]:
    """Return the messages with neighbouring Events joined and cut to `sizes`, used in turn; 0 is an empty packet."""
    if not any(sizes):
        return list(messages)
    found: list[Any] = []
    run: list[Events] = []
    for message in [*messages, None]:
        if isinstance(message, Events):
            run.append(message)
            continue
        if run:
            found += _cut(Events.concat(run), sizes)
            run = []
        if message is not None:
            found.append(message)
    return found


def _cut(events: Events, sizes: Sequence[int]) -> Iterator[Events]:
    begin = 0
    for size in cycle(sizes):
        if begin >= len(events):
            return
        yield events[begin : begin + size]
        begin += size


def drive(
    node: Node,
    inputs: Mapping[str, Sequence[Any]],
    *,
    cuts: Sequence[int] = (),
    watermarks: Sequence[float | None] = (),
    infos: Mapping[str, StreamInfo] | None = None,
    t_end: int | None = None,
) -> Inputs:
    """Run a node over whole streams and return its outputs by port. The node is started, finished and closed.

    Args:
        node: a new node.
        inputs: messages in time order by input port.
        cuts: packet sizes to cut Events to, used in turn; 0 is an empty packet.
        watermarks: between messages, used in turn: how far (0 to 1) from the time reached to the next message a
            watermark is sent; None is none.
        infos: what is known of each stream; by default the geometry of its first Events.
        t_end: where the inputs end, µs; by default at the last message.
    """
    ports = list(node.declaration.inputs)
    if infos is None:
        infos = {port: _info(messages) for port, messages in inputs.items()}
    driver = Driver(node, infos)
    steps = list(in_engine_order({port: recut(messages, cuts) for port, messages in inputs.items()}, ports))
    for step, watermark in watched(steps, watermarks):
        if watermark is not None:
            driver.advance(watermark)
        driver.feed(*step)
    driver.finish(end_of(inputs) if t_end is None else t_end)
    node.close(complete=True)
    return driver.outputs


def watched(
    steps: Sequence[tuple[str, Any]], watermarks: Sequence[float | None]
) -> Iterator[tuple[tuple[str, Any], int | None]]:
    """Yield every step with the watermark (µs) that is to be sent before it, or None."""
    fractions = cycle(watermarks or [None])
    reached: int | None = None
    for step, fraction in zip(steps, fractions, strict=False):
        message = step[1]
        empty = isinstance(message, Events) and not len(message)
        if empty:
            yield step, reached if fraction is not None else None
            continue
        begin = first_time_of(message)
        low = begin - 1000 if reached is None else reached
        yield step, None if fraction is None else low + int(fraction * (begin - low))
        reached = time_of(message)


def end_of(inputs: Mapping[str, Sequence[Any]]) -> int:
    """Return the time of the last message, µs; 0 if there is none."""
    times = [time_of(m) for messages in inputs.values() for m in messages if not isinstance(m, Events) or len(m)]
    return max(times, default=0)


def _info(messages: Sequence[Any]) -> StreamInfo:
    for message in messages:
        events = message if isinstance(message, Events) else getattr(message, "events", None)
        if isinstance(events, Events):
            return StreamInfo(events.width, events.height)
    return StreamInfo()
