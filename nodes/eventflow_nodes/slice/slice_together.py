"""The same slices of two streams."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.kernels.synchronous_slices import PairSlicer
from eventflow.messages import Slice, StreamInfo
from eventflow.units import Duration, ms, s


class SlicePair(NamedTuple):
    """The same window of two streams."""

    left: Slice
    right: Slice


class SliceTogether(Node):
    """Cut two streams into the same slices, at the multiples of a period: a stereo pair, two bands, two filters.

    Where either stream has events both have a slice, empty or not. Pairs left out of long gaps are counted as skipped.

    Args:
        every: length of a slice.
        max_gap: how long after the last event of either stream empty slices go on.
        tail: keep the last slices, which the end of the streams cuts short, or drop them; their events are counted.
    """

    heavy: ClassVar[bool] = True  # what works on whole windows works beside what works on packets
    every: Annotated[Duration, Range(1)] = ms(10)
    max_gap: Annotated[Duration, Range(0)] = s(1)
    tail: Literal["keep", "drop"] = "keep"

    def start(self, left: StreamInfo, right: StreamInfo) -> dict[str, StreamInfo]:
        """Begin with nothing pending."""
        blanks = (Events.empty(left.width, left.height), Events.empty(right.width, right.height))
        self._slicer = PairSlicer(self.every, blanks, max_gap=self.max_gap)
        return {"left": left, "right": right}

    def left(self, events: Events) -> Iterator[SlicePair]:
        """Return the pairs that a packet of the first stream completes."""
        return self._pairs(self._slicer.push_side(0, events))

    def right(self, events: Events) -> Iterator[SlicePair]:
        """Return the pairs that a packet of the second stream completes."""
        return self._pairs(self._slicer.push_side(1, events))

    def on_watermark(self, t: int) -> Iterator[SlicePair]:
        """Return the pairs that end at `t` or before, though no event came."""
        return self._pairs(self._slicer.advance_pairs(t))

    def finish(self, t_end: int) -> Iterator[SlicePair]:
        """Return the pair that is cut short."""
        pairs = self._slicer.finish_pairs()
        if self.tail == "drop":
            self.skipped["events of a slice cut short"] += sum(len(piece) for pair in pairs for piece in pair)
            return iter(())
        return self._pairs(pairs)

    def state(self) -> dict[str, Any]:
        """Return what is pending."""
        return self._slicer.state()

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to what was pending."""
        self._slicer.restore(state)

    def _pairs(self, pairs: list[tuple[Slice, Slice]]) -> Iterator[SlicePair]:
        if self._slicer.left_out:
            self.skipped["slices left out of gaps"] = self._slicer.left_out
        return (SlicePair(*pair) for pair in pairs)
