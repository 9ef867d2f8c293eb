"""What the writers of packets share: events in packets of a fixed number, messages between them by time."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow.io.decoder import Encoder
from eventflow.kernels.jit import jit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eventflow.events import Events
    from eventflow.messages import Message

_NO_TIMES: Final = np.array([2**63 - 1, -(2**63)])
_WAITING: Final = 4096  # messages that wait for the events before them


@jit
def _take(words: Any, start: int, stop: int, room: Any, at: int, bounds: Any) -> None:  # pragma: no cover
    """Copy events (int64 pairs) to `room`, their padding zeroed, and widen `bounds` to their times."""
    low, high = bounds[0], bounds[1]
    given, taken = words[2 * start : 2 * stop], room[2 * at : 2 * (at + stop - start)]
    for i in range(stop - start):
        t = given[2 * i]
        low, high = min(low, t), max(high, t)
        taken[2 * i] = t
        taken[2 * i + 1] = given[2 * i + 1] & 0x1_FFFF_FFFF
    bounds[0], bounds[1] = low, high


class PacketEncoder(Encoder):
    """Collects events and messages until a packet of each is due.

    Args:
        packet_events: events in a packet; fewer at the end and before a frame.
        lead_words: int64 words before the events in `_words`, for what precedes them in a packet.
    """

    def __init__(self, packet_events: int, lead_words: int = 0) -> None:
        self._most = packet_events
        self._words: NDArray[np.int64] = np.zeros(lead_words + 2 * packet_events, np.int64)
        self._room = self._words[lead_words:]
        self._filled = 0
        self._bounds = np.empty(2, np.int64)
        self._reset()
        self._waiting: dict[str, list[Any]] = {}

    def write(self, events: Events) -> None:
        """Append events."""
        words, at = events.records.view(np.int64), 0
        while at < len(events):
            taken = min(self._most - self._filled, len(events) - at)
            _take(words, at, at + taken, self._room, self._filled, self._bounds)
            self._filled += taken
            at += taken
            if self._filled == self._most:
                self._flush()

    def add(self, stream: str, message: Message) -> None:
        """Append a message. It is written after the packet of the events before it."""
        self._waiting.setdefault(stream, []).append(message)
        if stream.startswith("frames") or len(self._waiting[stream]) == _WAITING:
            self._flush()

    def flush(self) -> None:
        """Write what waits, as a packet shorter than others."""
        self._flush()

    def _flush(self) -> None:
        if self._filled:
            self._write_events(self._filled, *(int(bound) for bound in self._bounds))
            self._filled = 0
            self._reset()
        for stream, messages in self._waiting.items():
            self._write_messages(stream, messages)
        self._waiting.clear()

    def _reset(self) -> None:
        self._bounds[:] = _NO_TIMES

    @abstractmethod
    def _write_events(self, count: int, earliest: int, latest: int) -> None:
        """Write the first `count` events of `_room`, whose times have these bounds."""

    @abstractmethod
    def _write_messages(self, stream: str, messages: list[Any]) -> None:
        """Write messages of one stream, at least one."""
