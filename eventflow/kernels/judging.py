"""How a filter with a surface goes over a packet: piece by piece, in one thread or two.

Two threads judge half a packet each. The second half is judged on a *twin* of the surface, which must hold what the
first half leaves behind as far as a verdict can see it: the events of the last `reach`. So the twin is given those of
the first half without judging them. Afterwards the surface, on which the first half was judged, takes from the twin
the cells that the second half wrote, and is exact; the twin holds all events since some time. Where that is not long
enough (after a jump, for a longer window, after packets that were not shared) it becomes a copy of the surface first.
The same events are kept, with the same scores, whoever judges them.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from eventflow.kernels.jit import jit
from eventflow.kernels.second_thread import both
from eventflow.kernels.surface import ANY_AGE, Surface
from eventflow.kernels.verdicts import Verdicts
from eventflow.kernels.words import p_of, x_of, y_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from eventflow.events import Events
    from eventflow.kernels.verdicts import Room

    Where = tuple[NDArray[Any], int, int, int]
    Step = Callable[[NDArray[np.int64], Where, Room], int]

LEAST_WORK: Final = 500_000
"""Work in a packet, in events noted, below which one thread is as fast: waking another and joining what both did takes
as long as noting 100 000 events."""
_EVER: Final = -(1 << 63)
_TAKEN_AT_ONCE: Final = 16
"""Cells that can be looked through in the time that an event takes to be noted, twice over for the half."""


class TwinnedSurface(Surface):
    """A surface with a twin for a second thread."""

    def __init__(self, width: int, height: int, margin: int) -> None:
        super().__init__(width, height, margin)
        self.twin = Surface(width, height, margin)
        self._in_step = True  # whether the twin holds all events from `_since` on
        self._since = self._newest = _EVER

    def pieces(self, events: Events, reach: int) -> Iterator[tuple[int, NDArray[np.int64]]]:
        """Yield the packet in pieces, as `Surface.pieces` does."""
        self._in_step = False
        return super().pieces(events, reach)

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state that `state` returned."""
        self._in_step = False
        super().restore(state)

    def split(self, events: Events, reach: int, verdict_cost: float) -> Split:
        """Return how to divide a packet. The twin is ready for it then."""
        times, count = events.records["t"], len(events)
        low = int(times[0] if events.ordered else times.min())
        for each in (self, self.twin):
            each.begin(low)  # of one base, so that their cells can be compared
        if not self._in_step:
            self.twin.follow(self)
            self._since, self._newest = _EVER, self.newest()
        in_order = events.ordered and int(times[0]) >= self._newest
        # of events in order, the twin may lack those that no verdict can see; others can come into reach again
        everything = reach >= ANY_AGE or not in_order
        elapsed = int(times[count // 2]) - int(times[0])
        given = 1.0 if everything or reach >= elapsed else reach / elapsed
        middle = int(count * verdict_cost / (2 * verdict_cost - given))
        # where time goes on, the cells that the second half wrote are known by their times
        border = bisect_left(times, int(times[middle]), 0, middle) if in_order else 0
        by_time = border > 0 and int(times[border]) > self._newest and _TAKEN_AT_ONCE * count > self.cells.size
        middle = border if by_time else middle
        earliest = _EVER if everything else int(times[middle]) - reach
        if self._since > earliest:
            self.twin.follow(self)
            self._since = _EVER
        first = 0 if everything else bisect_left(times, earliest, 0, middle)
        self._since = max(self._since, earliest) if first else self._since
        self._newest = max(self._newest, int(times[-1]) if events.ordered else int(times.max()))
        return Split(middle, first, int(times[middle]) if by_time else None)

    def catch_up(self, second: Events, since: int | None, reach: int) -> None:
        """Take over the second half of a packet, whose cells are known by `since` in the twin if that is given."""
        twin = self.twin
        if since is not None and twin.base == self.base and twin.is_wide == self.is_wide:
            _take_later(twin.cells, 2 * (since - self.base), self.cells)
        else:
            _note(second, self, reach)
        self._in_step = True


class Split(NamedTuple):
    """How a packet is divided.

    Attributes:
        middle: number of the first event of the second half.
        first: number of the first event of the first half that the twin must know.
        since: time of the second half's first event, µs, if only events of that half are as late; else None.
    """

    middle: int
    first: int
    since: int | None


def judged(
    events: Events, state: Surface, reach: int, step: Step, *, mark: bool = False, verdict_cost: float = 0.0
) -> Events:
    """Return the events that a filter keeps, or all of them with their scores.

    Args:
        events: in any order; not written.
        state: brought up to date.
        reach: the filter's window, see `Surface.pieces`.
        step: judges a piece, given its words, the surface's (cells, base, stride, margin), and room for the verdicts;
            returns how many are kept.
        mark: whether scores are wanted.
        verdict_cost: how many times as long as noting an event it takes to judge it. 0: a verdict depends on more than
            the last event of each pixel, so this filter has one thread.
    """
    found = Verdicts(events, mark=mark)
    if isinstance(state, TwinnedSurface) and verdict_cost * len(events) >= LEAST_WORK:
        _judge_in_two(events, state, reach, step, found, verdict_cost)
    else:
        found.count = _judge(events, 0, state, reach, step, found)
    return found.result()


def _judge_in_two(
    events: Events, state: TwinnedSurface, reach: int, step: Step, found: Verdicts, verdict_cost: float
) -> None:
    middle, first, since = state.split(events, reach, verdict_cost)

    def judge_second_half() -> int:
        _note(events[first:middle], state.twin, reach)
        return _judge(events[middle:], middle, state.twin, reach, step, found)

    before, behind = both(lambda: _judge(events[:middle], 0, state, reach, step, found), judge_second_half)
    state.catch_up(events[middle:], since, reach)
    found.close_gap(before, middle, behind)


def _judge(events: Events, begin: int, state: Surface, reach: int, step: Step, found: Verdicts) -> int:
    """Judge events of which the first is number `begin` of the packet, and return how many are kept."""
    kept = 0
    for number, words in state.pieces(events, reach):
        where = (state.cells, state.base, state.stride, state.margin)
        kept += step(words, where, found.room(begin + number, begin + kept))
    return kept


def _note(events: Events, state: Surface, reach: int) -> None:
    for _, words in state.pieces(events, reach):
        _remember(words, state.cells, state.base, state.stride, state.margin)


@jit
def _remember(words: Any, cells: Any, base: Any, stride: Any, margin: Any) -> None:
    row, inset = np.uint64(stride), np.uint64(margin * stride + margin)
    for i in range(len(words) // 2):
        t, place = words[2 * i], words[2 * i + 1]
        cells[y_of(place) * row + x_of(place) + inset] = 2 * (t - base) + np.int64(p_of(place))


@jit
def _take_later(source: Any, bound: Any, cells: Any) -> None:
    for i in range(len(cells)):
        cells[i] = source[i] if source[i] >= bound else cells[i]
