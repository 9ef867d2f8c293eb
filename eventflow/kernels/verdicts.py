"""What a filter says of each event of a packet: kept or not, and its score on demand.

Loops write survivors to `kept` as words as they go, which spares a second pass over the packet; `mask` is there only
where the events have labels or scores of their own, which must be cut alike; `scores` only where all events are kept
and marked. Otherwise they are None, for which Numba compiles a loop without them: a test in the loop, never true, was
seen to take four times as long as the filter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.kernels.jit import jit
from eventflow.kernels.words import blank_words, events_from_words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eventflow.events import Events

    Room = tuple[NDArray[np.int64], NDArray[np.bool_] | None, NDArray[np.float32] | None]


class Verdicts:
    """Room for what a filter says of `events`.

    Attributes:
        count: how many are kept; whoever runs the loop sets what it returns.
    """

    def __init__(self, events: Events, *, mark: bool) -> None:
        self._events = events
        with_mask = not mark and (events.labels is not None or events.scores is not None)
        self._kept = blank_words(len(events))
        self._mask = np.empty(len(events), np.bool_) if with_mask else None
        self._scores = np.empty(len(events), np.float32) if mark else None
        self.count = 0

    def room(self, begin: int = 0, at: int = 0) -> Room:
        """Return `kept` behind the first `at` places, `mask` and `scores` for the events from number `begin` on."""
        mask = None if self._mask is None else self._mask[begin:]
        return self._kept[2 * at :], mask, None if self._scores is None else self._scores[begin:]

    def close_gap(self, before: int, begin: int, count: int) -> None:
        """Move the `count` survivors that stand from place `begin` on behind the first `before`."""
        if self._mask is None and self._scores is None:
            self._kept[2 * before : 2 * (before + count)] = self._kept[2 * begin : 2 * (begin + count)]
        self.count = before + count

    def result(self) -> Events:
        """Return the events kept, or all of them with their scores."""
        if self._scores is not None:
            return self._events.with_columns(scores=self._scores)
        if self._mask is not None:
            return self._events[self._mask]
        return events_from_words(self._kept, self.count, self._events)


@jit
def settle(number: Any, t: Any, place: Any, keep: Any, at: Any, kept: Any, mask: Any) -> Any:
    """Note the verdict on an event and return where in `kept` the next survivor goes."""
    # Written always, advanced past only if kept: a branch that is guessed wrong costs more than a store
    kept[at], kept[at + 1] = t, place
    if mask is not None:
        mask[number] = keep
    return at + 2 * keep
