"""Events and the messages beside them, in one order: a message comes after the events before its time."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.io.message_times import single_times, within
from eventflow.io.order import first_at_or_after
from eventflow.messages import time_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from eventflow.events import Events


def stream_of(name: str, messages: Iterable[Any], start: int | None, end: int | None) -> Iterator[tuple[str, Any]]:
    """Yield (name, message) for what of a stream lies in start <= t < end (µs)."""
    for whole in messages:
        message = within(whole, start, end)
        if message is not None:
            yield from ((name, each) for each in single_times(message))


def merged(packets: Iterable[Events], streams: list[Iterator[tuple[str, Any]]]) -> Iterator[tuple[str, Any]]:
    """Yield ("events", packet) and (stream, message) in order of time.

    Packets are cut where a message falls inside them. Where times step back the order is that of the first event at or
    after the message's time; messages of one time come in the order of `streams`, and a stream keeps its own order.
    """
    others = heapq.merge(*streams, key=lambda pair: time_of(pair[1]))
    waiting = next(others, None)
    for packet in packets:
        begin, halves = 0, packet.records.view(np.int64)
        while waiting is not None:
            cut = int(first_at_or_after(halves, begin, len(packet), time_of(waiting[1])))
            if cut == len(packet):
                break
            if cut > begin:
                yield "events", packet[begin:cut]
            begin = cut
            yield waiting
            waiting = next(others, None)
        if begin < len(packet):
            yield "events", packet[begin:]
    if waiting is not None:
        yield waiting
        yield from others
