"""Several inputs in one order, fixed by event time alone.

The order of two messages is that of (t, rank of the edge, position in the stream), and an Events packet is as many
messages as it has events. A message is released when no other inlet can still bring one that goes before it: because
that inlet holds a later one, or because of its watermark. So arrival, packet borders and placement change nothing.
(MediaPipe's timestamp bounds are the same idea for frames.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.events import Events
from eventflow.messages import first_time_of, time_of

if TYPE_CHECKING:
    from eventflow.runtime.runner import Inlet

Key = tuple[int, int]
Ready = tuple["Inlet", Any, int]
"""An inlet, a message of it, and when that came into the graph (ns)."""
_LAST: Key = (1 << 62, 1 << 30)


def next_key(inlet: Inlet) -> Key:
    """Return the smallest (t, rank) that the inlet can still bring."""
    if inlet.held:
        return (first_time_of(inlet.held[0][0]), inlet.rank)
    return _LAST if inlet.ended or inlet.anew is not None else (inlet.watermark, inlet.rank)


def release(inlets: list[Inlet]) -> list[Ready]:
    """Take the next messages that may be processed, in order; none: every one must wait."""
    keys = [(next_key(inlet), inlet) for inlet in inlets]
    keys.sort(key=lambda pair: pair[0])
    first = keys[0][1]
    if not first.held:
        return []
    message, _, ingest_ns = first.held[0]
    limit = keys[1][0] if len(keys) > 1 else _LAST
    if not isinstance(message, Events) or (time_of(message), first.rank) < limit:
        _drop_first(first)
        return [(first, message, ingest_ns)]
    return _released_together(keys)


def _released_together(keys: list[tuple[Key, Inlet]]) -> list[Ready]:
    """Take from every inlet that begins with events those that no other can precede.

    Event by event would cost as much for each event as a packet costs: the order is worked out for all of them at once.
    """
    group: list[Inlet] = []
    limit = _LAST
    for key, inlet in keys:
        head = inlet.held[0][0] if inlet.held else None
        if isinstance(head, Events):
            group.append(inlet)
            # an inlet speaks only up to its packet's last event: a later packet may go on at that very time
            key = (time_of(head), inlet.rank + 1)
        limit = min(limit, key)
    group.sort(key=lambda inlet: inlet.rank)
    parts = [(inlet, *_take(inlet, limit)) for inlet in group]
    parts = [part for part in parts if len(part[1])]
    if len(parts) == 1:
        return parts
    port, geometry = parts[0][0].edge.target_port, (parts[0][1].width, parts[0][1].height)
    if all(inlet.edge.target_port == port and (part.width, part.height) == geometry for inlet, part, _ in parts):
        # two sensors on one port become one packet
        return [(parts[0][0], Events.concat([part for _, part, _ in parts]).sorted(), parts[0][2])]
    return _interleaved(parts)


def _interleaved(parts: list[Ready]) -> list[Ready]:
    """Cut packets, given by rank, into the runs in which they follow each other."""
    times = np.concatenate([part.records["t"] for _, part, _ in parts])
    owners = np.repeat(np.arange(len(parts)), [len(part) for _, part, _ in parts])
    owners = owners[np.argsort(times, kind="stable")]
    begins = np.concatenate([[0], np.flatnonzero(np.diff(owners)) + 1])
    lengths = np.diff(begins, append=len(owners))
    taken = [0] * len(parts)
    runs = []
    for owner, length in zip(owners[begins].tolist(), lengths.tolist(), strict=True):
        inlet, part, ingest_ns = parts[owner]
        begin = taken[owner]
        taken[owner] = begin + length
        runs.append((inlet, part[begin : taken[owner]], ingest_ns))
    return runs


def _take(inlet: Inlet, limit: Key) -> tuple[Events, int]:
    """Take the events before `limit` from the inlet's first packet, and when that packet came in."""
    message, size, ingest_ns = inlet.held[0]
    side = "right" if inlet.rank < limit[1] else "left"
    count = int(np.searchsorted(message.records["t"], limit[0], side=side))  # type: ignore[call-overload]
    if count == len(message):
        _drop_first(inlet)
    else:
        # the rest keeps the packet's whole size: the memory is one block and is freed as one
        inlet.held[0] = (message[count:], size, ingest_ns)
    return message[:count], ingest_ns


def _drop_first(inlet: Inlet) -> None:
    _, size, _ = inlet.held.popleft()
    inlet.done(size)
