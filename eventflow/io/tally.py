"""What is counted of events as they pass: how many, their times, polarity, steps back and silences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow.io.order import BEFORE_ALL_TIME
from eventflow.kernels.jit import jit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SILENCE_US: Final = 1_000_000
"""From how long on a time without any event counts as a silence."""

EVENTS, ON, FIRST, LAST, LOWEST, HIGHEST, BACK, LARGEST_BACK, SILENCES, LONGEST_SILENCE, SLOTS = range(11)


@jit
def _take(halves: Any, start: int, stop: int, state: Any, silence: int) -> None:  # pragma: no cover
    """Count events; `halves` are the records as int64, two an event."""
    on = state[ON]
    last = state[LAST]
    lowest = state[LOWEST]
    highest = state[HIGHEST]
    begin = start
    if state[EVENTS] == 0 and start < stop:
        last = lowest = highest = state[FIRST] = halves[2 * start]
    for i in range(begin, stop):
        t = halves[2 * i]
        on += (halves[2 * i + 1] >> 32) & 1
        if t < last:
            state[BACK] += 1
            state[LARGEST_BACK] = max(state[LARGEST_BACK], last - t)
        lowest = min(lowest, t)
        if t > highest:
            if t - highest >= silence:
                state[SILENCES] += 1
                state[LONGEST_SILENCE] = max(state[LONGEST_SILENCE], t - highest)
            highest = t
        last = t
    state[EVENTS] += stop - start
    state[ON] = on
    state[LAST] = last
    state[LOWEST] = lowest
    state[HIGHEST] = highest


class Tally:
    """Counts events; `values` are plain integers from which another tally goes on.

    Attributes:
        state: int64, by the slots above.
    """

    def __init__(self, values: Sequence[int] | None = None) -> None:
        self.state: NDArray[np.int64] = np.zeros(SLOTS, np.int64)
        if values is not None:
            self.state[:] = values

    def take(self, records: NDArray[np.void], start: int, stop: int) -> None:
        """Count the events from index `start` to `stop`."""
        halves = records.view(np.int64)
        halves.flags.writeable = False  # one compiled version for decoders' memory and for packets
        _take(halves, start, stop, self.state, SILENCE_US)

    @property
    def values(self) -> list[int]:
        """The state as plain integers."""
        values: list[int] = self.state.tolist()
        return values

    @property
    def events(self) -> int:
        """Number of events so far."""
        return int(self.state[EVENTS])

    @property
    def highest(self) -> int:
        """Largest time so far, µs; before all time where there were no events."""
        return int(self.state[HIGHEST]) if self.events else BEFORE_ALL_TIME

    def add(self, other: Tally) -> None:
        """Count what another tally counted of events that are not neighbours of these."""
        mine, theirs = self.state, other.state
        for slot in (EVENTS, ON, BACK, SILENCES):
            mine[slot] += theirs[slot]
        for slot in (LARGEST_BACK, LONGEST_SILENCE):
            mine[slot] = max(mine[slot], theirs[slot])

    def time(self, slot: int) -> int | None:
        """Return a time of the state, µs, None where there were no events."""
        return int(self.state[slot]) if self.events else None
