"""Slices of equal distance."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from eventflow.errors import EventsError
from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.messages import Pose, Slice, StreamInfo


class SliceDistance(Node):
    """Cut the stream each time the camera has gone a distance, by odometry.

    A slice ends at the first pose by which the distance is full: it is as exact as poses are frequent. While the camera
    stands still no slice ends. The last is marked incomplete.

    Args:
        every: distance of a slice, m.
    """

    every: Annotated[float, Range(0.001)] = 1.0

    def start(self, pose: StreamInfo, events: StreamInfo) -> StreamInfo:
        """Begin with nothing pending."""
        self._pending: list[Events] = []
        self._blank = Events.empty(events.width, events.height)
        self._at = np.zeros(0)
        self._gone, self._t0, self._index = 0.0, 0, 0
        cut = {"by": type(self).__name__, "every": self.every}
        return events.having(attributes=events.attributes | {"slices": cut})

    def pose(self, pose: Pose) -> Slice | None:
        """End the slice where the distance is full."""
        if not len(self._at):
            self._t0 = pose.t
            self.skipped["events before the first pose"] += sum(map(len, self._pending))
            self._pending = []
        else:
            self._gone += float(np.linalg.norm(pose.position - self._at))
        self._at = pose.position.copy()
        if self._gone < self.every:
            return None
        self._gone %= self.every
        return self._close(pose.t, complete=True)

    def events(self, events: Events) -> None:
        """Keep a packet until its slice ends."""
        if not events.ordered:
            raise EventsError("slices need events in time order; open the recording with backwards='clamp' or 'drop'")
        if len(events):
            self._pending.append(events)

    def finish(self, t_end: int) -> Slice | None:
        """Return what is cut short."""
        return self._close(t_end, complete=False) if self._pending and len(self._at) else None

    def _close(self, t1: int, *, complete: bool) -> Slice:
        events = Events.concat(self._pending) if self._pending else self._blank
        closed = Slice(events, self._t0, t1, self._index, complete)
        self._pending, self._t0, self._index = [], t1, self._index + 1
        return closed
