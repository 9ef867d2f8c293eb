"""Slices whose ends the events decide: by count with a timer, by the busiest area, by how the picture fills.

All share their rules of time. The first slice begins with the first event; every other begins where the one before
ended, so that windows touch. A slice ends after the event that its measure says, or `max_duration` after its beginning,
whichever is first: a still scene closes its slices too. Empty slices follow as long as they end within `max_gap` of the
last event; those beyond, up to the next event, are left out and counted, and the next slice begins with that event.
The measure is brought up to date event by event: where the stream is cut into packets changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eventflow.events import Events
from eventflow.kernels import slice_measures as measures
from eventflow.kernels.slices import Slicer, require, require_order
from eventflow.kernels.words import words_of
from eventflow.messages import Slice

if TYPE_CHECKING:
    from numpy.typing import NDArray


class AdaptiveSlicer(Slicer):
    """The rules of time above; a subclass adds its measure.

    Args:
        max_duration: longest slice, µs, at least 1.
        min_duration: no slice is ended by its measure before, µs, at least 0.
        max_gap: how long after the last event empty slices go on, µs, at least 0.

    Attributes:
        left_out: number of empty slices left out of gaps.
    """

    def __init__(self, *, max_duration: int = 300_000, min_duration: int = 0, max_gap: int = 1_000_000) -> None:
        require("max_duration", max_duration, 1)
        require("min_duration", min_duration, 0)
        require("max_gap", max_gap, 0)
        self.max_duration, self.min_duration, self.max_gap = max_duration, min_duration, max_gap
        self.left_out = 0
        self._pending: list[Events] = []
        self._blank: Events | None = None
        self._index = 0
        self._t0 = self._last_t = 0

    def _scan(self, words: NDArray[np.int64], earliest: int) -> int:
        """Count events into the measure; return how many up to the one the slice ends after, -1 if it does not.

        That event's time is at least `earliest` (µs).
        """
        return -1

    def _renew(self) -> None:
        """Begin the measure of a new slice."""

    def push(self, events: Events) -> list[Slice]:
        """Take the next packet and return the slices that its events complete.

        Raises:
            EventsError: time steps back, in the packet or from what came before.
        """
        slices: list[Slice] = []
        if not len(events):
            return slices
        self._begin(events)
        t = events.t
        begin, last = 0, int(t[-1])
        while begin < len(events):
            first = int(t[begin])
            slices += self.advance(first)
            self._skip_gap(first)
            limit = self._t0 + self.max_duration
            end = len(events) if last < limit else int(t.searchsorted(limit))
            part = events[begin:end]
            taken = self._scan(words_of(part), self._t0 + self.min_duration)
            begin += len(part) if taken < 0 else taken
            self._pending.append(part if taken < 0 else part[:taken])
            self._last_t = int(t[begin - 1])
            if taken >= 0:
                slices.append(self._close(self._last_t, complete=True))
        return slices

    def advance(self, t: int) -> list[Slice]:
        """Return the slices whose time is over once no event before `t` (µs) can come."""
        slices: list[Slice] = []
        if self._blank is None:
            return slices
        while (end := self._t0 + self.max_duration) <= t and (self._pending or end <= self._last_t + self.max_gap):
            slices.append(self._close(end, complete=True))
        return slices

    def finish(self, t_end: int | None = None) -> list[Slice]:
        """Return the slice the end of the stream, at `t_end` (µs), cuts short, if it holds events."""
        end = self._last_t if t_end is None else max(self._last_t, t_end)
        return [self._close(end, complete=False)] if self._pending else []

    def _begin(self, events: Events) -> None:
        if self._blank is None:
            self._blank = Events.empty(events.width, events.height)
            self._t0 = self._last_t = int(events.t[0])
        require_order(events, self._last_t)

    def _skip_gap(self, t: int) -> None:
        if t >= self._t0 + self.max_duration:
            self.left_out += (t - self._t0) // self.max_duration
            self._t0 = t

    def _close(self, t1: int, *, complete: bool) -> Slice:
        assert self._blank is not None  # nothing is closed before the first event
        events = Events.concat(self._pending) if self._pending else self._blank
        closed = Slice(events, self._t0, t1, self._index, complete)
        self._pending = []
        self._t0 = t1
        self._index += 1
        self._renew()
        return closed


class TimeOrCountSlicer(AdaptiveSlicer):
    """Cut after `count` events or `every`, whichever is first.

    Args:
        count: most events a slice, at least 1.
        every: longest slice, µs, at least 1.
        max_gap: how long after the last event empty slices go on, µs.
    """

    def __init__(self, count: int, every: int, *, max_gap: int = 1_000_000) -> None:
        super().__init__(max_duration=every, max_gap=max_gap)
        require("count", count, 1)
        self.count = count

    def _scan(self, words: NDArray[np.int64], earliest: int) -> int:
        missing = self.count - sum(map(len, self._pending))
        return missing if len(words) // 2 >= missing else -1


class AreaCountSlicer(AdaptiveSlicer):
    """Cut when any square area of the sensor has had `count` events.

    Liu and Delbruck 2018, "Adaptive time-slice block-matching optical flow algorithm for dynamic vision sensors"
    (ABMOF), section 3.2: where something fast and small moves, slices are short though the rest is still.

    Args:
        width: sensor width, px.
        height: sensor height, px.
        count: events of one area, at least 1.
        area: side of an area, px, at least 1.
        rule: `max_duration`, `min_duration`, `max_gap` of `AdaptiveSlicer`.

    Attributes:
        count: changed by `feedback`.
    """

    def __init__(self, width: int, height: int, *, count: int = 700, area: int = 32, **rule: int) -> None:
        super().__init__(**{"min_duration": 100, **rule})
        require("count", count, 1)
        require("area", area, 1)
        self.count, self.area = count, area
        self._counts = np.zeros((-(-height // area), -(-width // area)), np.int32)
        self._due = np.zeros(1, np.bool_)

    def feedback(self, displacement: float, *, target: float, least: int = 100, most: int = 100_000) -> None:
        """Change `count` by 5 % towards slices in which things move by `target` px (ABMOF, section 3.3).

        Args:
            displacement: how far things moved in the last slices, px.
            target: how far they should, px.
            least: `count` does not fall below this.
            most: `count` does not rise above this.
        """
        # at least by one, or small counts would never change
        step = max(1, round(0.05 * self.count))
        self.count = min(max(self.count + (step if displacement < target else -step), least), most)

    def _scan(self, words: NDArray[np.int64], earliest: int) -> int:
        return int(measures.area_count(words, self.area, self.count, earliest, self._counts, self._due))

    def _renew(self) -> None:
        self._counts[:] = 0
        self._due[:] = False


class VarianceSlicer(AdaptiveSlicer):
    """Cut when the picture's variance an event stops rising, or pixels begin to have both polarities.

    OpenEB's adaptive-rate splitter, with exact sums instead of float32 and its blocks of 100 events counted from the
    beginning of the slice. Of every 2^downsampling-th row and column, N pixels, for either polarity:

        q = (sum of c^2 / N - (n / N)^2) / n           c: events of a pixel, n: of all
        cut if pixels with both >= .1 of (pixels with ON + pixels with OFF)
            or q < q of the block before and q > threshold, for either polarity

    Args:
        width: sensor width, px.
        height: sensor height, px.
        threshold: the variance an event that a slice must have reached.
        downsampling: as a power of two, 0 to 8.
        both: the share of pixels with both polarities that ends a slice.
        block: events from one look at the measure to the next, at least 1.
        rule: `max_duration`, `min_duration`, `max_gap` of `AdaptiveSlicer`.
    """

    def __init__(
        self,
        width: int,
        height: int,
        *,
        threshold: float = 5e-4,
        downsampling: int = 2,
        both: float = 0.1,
        block: int = 100,
        **rule: int,
    ) -> None:
        super().__init__(**rule)
        require("threshold", threshold, 0)
        require("downsampling", downsampling, 0)
        require("block", block, 1)
        self.threshold, self.downsampling, self.both, self.block = threshold, downsampling, both, block
        self._counts = np.zeros((2, max(height >> downsampling, 1), max(width >> downsampling, 1)), np.int32)
        self._sums = np.zeros(measures.VARIANCE_SUMS, np.int64)
        self._before = np.zeros(2, np.float64)

    def _scan(self, words: NDArray[np.int64], earliest: int) -> int:
        rule = (self.threshold, self.both, self.block, self.downsampling)
        return int(measures.variance(words, rule, earliest, self._counts, self._sums, self._before))

    def _renew(self) -> None:
        for array in (self._counts, self._sums, self._before):
            array[:] = 0


class FillSlicer(AdaptiveSlicer):
    """Cut when the picture is filled: when its events are spread over a share of the sensor.

    The effective number of blocks that events are spread over is measured as

        exp(H), H = -sum of (c / n) log(c / n)         measure `entropy` (Shannon)
        n^2 / sum of c^2                               measure `contrast` (the inverse of contrast squared, plus one)

    with c the events of a block and n of all. It grows with how far edges have moved, whatever their speed, and
    nothing once they pass the same pixels again. The contrast is exact in integers.

    Args:
        width: sensor width, px.
        height: sensor height, px.
        measure: `entropy` or `contrast`.
        share: of all blocks, above 0 to 1.
        block: side of a block, px, at least 1.
        rule: `max_duration`, `min_duration`, `max_gap` of `AdaptiveSlicer`.
    """

    def __init__(
        self, width: int, height: int, *, measure: str = "entropy", share: float = 0.05, block: int = 2, **rule: int
    ) -> None:
        super().__init__(**rule)
        require("share", share, 1e-9)
        require("block", block, 1)
        self.measure, self.share, self.block = measure, share, block
        self._counts = np.zeros((-(-height // block), -(-width // block)), np.int32)
        self._enough = max(1.0, share * self._counts.size)
        self._sums = np.zeros(2, np.int64)
        self._logarithms = np.zeros(1, np.float64)

    def _scan(self, words: NDArray[np.int64], earliest: int) -> int:
        of_entropy = self.measure == "entropy"
        arguments = (words, self.block, self._enough, earliest, of_entropy, self._counts, self._sums, self._logarithms)
        return int(measures.fill(*arguments))

    def _renew(self) -> None:
        for array in (self._counts, self._sums, self._logarithms):
            array[:] = 0
