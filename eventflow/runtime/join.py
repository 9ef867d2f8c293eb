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
_LAST: Key = (1 << 62, 1 << 30)


def next_key(inlet: Inlet) -> Key:
    """Return the smallest (t, rank) that the inlet can still bring."""
    if inlet.held:
        return (first_time_of(inlet.held[0][0]), inlet.rank)
    return _LAST if inlet.ended or inlet.anew is not None else (inlet.watermark, inlet.rank)


def release(inlets: list[Inlet]) -> tuple[Inlet, Any, int] | None:
    """Take the next message (or part of an Events packet) that may be processed: (inlet, message, ingest), or None."""
    keys = [(next_key(inlet), inlet) for inlet in inlets]
    keys.sort(key=lambda pair: pair[0])
    first = keys[0][1]
    if not first.held:
        return None
    message, size, ingest_ns = first.held[0]
    limit = keys[1][0] if len(keys) > 1 else _LAST
    if not isinstance(message, Events):
        first.held.popleft()
        first.done(size)
        return first, message, ingest_ns
    if _fits(message, first.rank, limit):
        first.held.popleft()
        first.done(size)
        return first, message, ingest_ns
    merged = _merged(keys)
    if merged is not None:
        return first, merged, ingest_ns
    return first, _take(first, limit), ingest_ns


def _fits(message: Events, rank: int, limit: Key) -> bool:
    return (time_of(message), rank) < limit


def _take(inlet: Inlet, limit: Key) -> Events:
    """Take the events before `limit` from the inlet's first packet."""
    message, size, ingest_ns = inlet.held[0]
    count = _count_before(message, inlet.rank, limit)
    if count == len(message):
        inlet.held.popleft()
        inlet.done(size)
    else:
        # the rest keeps the packet's whole size: the memory is one block and is freed as one
        inlet.held[0] = (message[count:], size, ingest_ns)
    return message[:count]  # type: ignore[no-any-return]


def _count_before(message: Events, rank: int, limit: Key) -> int:
    side = "right" if rank < limit[1] else "left"
    return int(np.searchsorted(message.records["t"], limit[0], side=side))  # type: ignore[call-overload]


def _merged(keys: list[tuple[Key, Inlet]]) -> Events | None:
    """Merge the event packets of several edges to one port, so that two sensors do not alternate event by event."""
    port, geometry = keys[0][1].edge.target_port, None
    group: list[Inlet] = []
    limit = _LAST
    for key, inlet in keys:
        head = inlet.held[0][0] if inlet.held else None
        size = (head.width, head.height) if isinstance(head, Events) else None
        if size is not None and inlet.edge.target_port == port and geometry in (None, size):
            geometry = size
            group.append(inlet)
            # an inlet speaks only up to its packet's last event: a later packet may go on at that very time
            last = (time_of(head), inlet.rank + 1)
            limit = min(limit, last)
        else:
            limit = min(limit, key)
    if len(group) < 2:
        return None
    parts = [_take(inlet, limit) for inlet in sorted(group, key=lambda each: each.rank)]
    parts = [part for part in parts if len(part)]
    return Events.concat(parts).sorted()
