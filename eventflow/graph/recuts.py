"""Whether what a node gives depends on how its stream is cut into packets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventflow.digest import content_hash
from eventflow.graph.drive import Driver, end_of
from eventflow.messages import StreamInfo

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventflow.events import Events
    from eventflow.graph.node import Node


def outputs_by_packet_size(node: Node, events: Events, sizes: Sequence[int]) -> list[tuple[int, str]]:
    """Return how many events the node gives for packets of each size, and the hash of what it gives on all ports.

    Args:
        node: with one input of events; started anew for each size.
        events: the stream.
        sizes: events a packet.
    """
    (port,) = node.declaration.inputs
    found = []
    for size in sizes:
        driver = Driver(node, {port: StreamInfo(events.width, events.height)})
        for begin in range(0, len(events), size):
            driver.feed(port, events[begin : begin + size])
        driver.finish(end_of({port: [events]}))
        messages = [message for output in driver.outputs.values() for message in output]
        found.append((sum(len(message) for message in messages), content_hash(messages)))
    return found
