"""Slices from trigger to trigger."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np

from eventflow.events import Events
from eventflow.graph.parameters import Range
from eventflow.kernels.synchronous_slices import CutSlicer
from eventflow.messages import Slice, StreamInfo, Triggers
from eventflow_nodes.slice.slicing import Slicing


class SliceTriggers(Slicing):
    """Cut at the edges of an external trigger line: a slice holds the events from one edge, included, to the next.

    What comes before the first edge and after the last is marked incomplete. Without events slices are empty. An edge
    that arrives more than a second of event time late, in a message with later ones, is skipped and counted.

    Args:
        edge: which edges cut.
        line: the trigger line; null is any.
    """

    holdback_us: ClassVar[int] = 1_000_000  # a message of triggers has the time of its last
    edge: Literal["rising", "falling", "both"] = "rising"
    line: Annotated[int, Range(0, 255)] | None = None

    def triggers(self, triggers: Triggers) -> list[Slice]:
        """Return the slices that end with the edges of a message."""
        wanted = np.ones(len(triggers.time), np.bool_)
        if self.edge != "both":
            wanted &= (triggers.value > 0) == (self.edge == "rising")
        if self.line is not None:
            wanted &= triggers.line == self.line
        times = triggers.time[wanted]
        late = times < triggers.t - self.holdback_us
        if late.any():
            self.skipped["trigger edges more than 1s late"] += int(late.sum())
        return [piece for t in times[~late].tolist() for piece in self._slicer.cut(t, self._blank)]

    def _make(self, events: StreamInfo) -> CutSlicer:
        self._blank = Events.empty(events.width, events.height)
        return CutSlicer()
