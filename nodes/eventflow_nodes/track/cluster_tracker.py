"""Objects as rectangular clusters of events."""

from __future__ import annotations

from typing import Annotated, Any

from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.kernels.tracking import ClusterTracker as Tracker
from eventflow.messages import StreamInfo, Tracks
from eventflow.units import Duration, ms


class ClusterTracker(Node):
    """Follow moving objects as rectangular clusters of events. Delbruck & Lichtsteiner 2007.

    Reports where they are at the multiples of `every` in event time, while there is anything to report. Identities are
    kept where objects cross, and for `hold` where they are out of sight. `mass` is the events of about the last 10 ms.

    Args:
        every: period of the reports.
        size: diameter of the largest objects, px; 0 for an eighth of the sensor's longer side.
        min_rate: events/s a px of its box below which a cluster is no object.
        hold: how long an object out of sight keeps its identity.
        max_clusters: how many clusters, objects or not yet, may be followed at once.
    """

    every: Annotated[Duration, Range(1000)] = ms(1)
    size: Annotated[float, Range(0)] = 0.0
    min_rate: Annotated[float, Range(0)] = 10.0
    hold: Annotated[Duration, Range(0)] = ms(200)
    max_clusters: Annotated[int, Range(1, 1024)] = 32

    def start(self, events: StreamInfo) -> None:
        """Forget all objects."""
        self._tracker = Tracker(
            events.width,
            events.height,
            every=self.every,
            size=self.size or None,
            min_rate=self.min_rate,
            hold=self.hold,
            max_clusters=self.max_clusters,
        )

    def events(self, events: Events) -> list[Tracks]:
        """Return the reports due before the packet's last event."""
        return self._tracker.push(events)

    def on_watermark(self, t: int) -> list[Tracks]:
        """Return the reports due at `t` or before."""
        return self._tracker.advance(t)

    def state(self) -> dict[str, Any]:
        """Return the clusters and the clock."""
        return self._tracker.state()

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to earlier clusters and clock."""
        self._tracker.restore(state)
