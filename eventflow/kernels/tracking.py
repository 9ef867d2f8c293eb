"""A tracker of moving objects as rectangular clusters of events.

After the RectangularClusterTracker of Litzenberger et al. 2006, "Embedded vision system for real-time object tracking
using an asynchronous transient vision sensor", and Delbruck & Lichtsteiner 2007, "Fast sensory motor control based on
event-based hybrid neuromorphic-procedural system". An event joins the nearest cluster whose gate it lies in, or starts
one:

    for e in events:
        c = argmin over clusters with |e - predicted(c, e.t)| inside the gate of |dx| / gate_x + |dy| / gate_y
        c.n += 1; c.sum += e - predicted(c, e.t)            or a new cluster at e, where there is none

and at every whole millisecond of event time

        c.mass = c.mass * exp(-1 ms / 10 ms) + c.n          events that support it, the older the less
        c.position += c.velocity * 1 ms + c.sum / c.mass    a mean of positions with the same forgetting
        c.velocity += (slope - c.velocity) * (1 - exp(-1 ms / 10 ms))

where `slope` is the line fitted to the cluster's events of about the last 40 ms: differences from event to event would
amplify their jitter. Clusters whose support ceases go on at their velocity for a while, unseen, and end. Where two that
head differently overlap, both go on at their velocities until they are apart again, which keeps their identities.

The state advances at events and at whole milliseconds of event time, so results do not depend on packets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.errors import EventsError, ParameterError
from eventflow.kernels.clusters import CLOCK_DTYPE, CLUSTER_DTYPE, NEVER, follow, report
from eventflow.kernels.words import words_of
from eventflow.messages import Tracks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventflow.events import Events

_REPORTS = 64


class ClusterTracker:
    """Follow objects over any number of packets and report them at the multiples of a period.

    Nothing is reported while there is neither an event nor a cluster.

    Args:
        width: sensor width, px.
        height: sensor height, px.
        every: period of the reports, µs, counted from event time 0, at least 1.
        size: diameter of the largest objects, px; None: an eighth of the longer side.
        min_rate: events/s a px of a cluster's box below which it is not an object.
        hold: how long an object that is no longer seen keeps its identity, µs.
        max_clusters: how many clusters, seen or not, there may be.
    """

    def __init__(
        self,
        width: int,
        height: int,
        *,
        every: int = 1000,
        size: float | None = None,
        min_rate: float = 10.0,
        hold: int = 200_000,
        max_clusters: int = 32,
    ) -> None:
        size = 0.125 * max(width, height) if size is None else size
        for name, value, least in (("every", every, 1), ("hold", hold, 0), ("max_clusters", max_clusters, 1)):
            if value < least:
                raise ParameterError(f"{name} is {value}, expected at least {least}")
        if not size > 0 or not min_rate >= 0:
            raise ParameterError(f"size is {size} and min_rate {min_rate}, expected more than 0 and at least 0")
        self.every = every
        self._clusters = np.zeros(max_clusters, CLUSTER_DTYPE)
        self._clock = np.zeros(1, CLOCK_DTYPE)
        self._clock["t"] = self._clock["latest"] = NEVER
        self._dates = np.zeros((_REPORTS, 2), np.int64)
        self._rows = np.zeros((8, _REPORTS * max_clusters))
        self._limits = (float(width), float(height), float(size), min_rate * 1e-6, hold)

    def push(self, events: Events) -> list[Tracks]:
        """Take the next packet and return the reports due before its last event.

        Raises:
            EventsError: time steps back, in the packet or from what came before.
        """
        clock = self._clock[0]
        if not events.ordered or (len(events) and int(events.records[0]["t"]) < clock["latest"]):
            raise EventsError(
                "a tracker needs events in time order; open the recording with backwards='clamp' or 'drop'"
            )
        reports: list[Tracks] = []
        words, at, count = words_of(events), 0, 1
        while at < len(events):
            at, count = follow(
                words, at, self._clusters, self._clock, self._limits, self.every, self._dates, self._rows
            )
            reports += self._taken(count)
        return reports

    def advance(self, t: int) -> list[Tracks]:
        """Return the reports that are due once no event before `t` (µs) can come."""
        reports: list[Tracks] = []
        clock = self._clock[0]
        while clock["busy"] and clock["due"] <= t:
            count = report(t, self._clusters, self._clock, self._limits, self.every, self._dates, self._rows, 0)
            reports += self._taken(count)
        return reports

    def state(self) -> dict[str, Any]:
        """Return everything that later reports depend on."""
        return {"clusters": self._clusters.copy(), "clock": self._clock.copy()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state that `state` returned."""
        self._clusters, self._clock = state["clusters"].copy(), state["clock"].copy()

    def _taken(self, count: int) -> Iterator[Tracks]:
        ends = self._dates[:count, 1].tolist()
        rows = self._rows[:, : ends[-1] if ends else 0].copy()
        rows.flags.writeable = False
        ids = rows[0].astype(np.int64)
        ids.flags.writeable = False
        for t, begin, end in zip(self._dates[:count, 0].tolist(), [0, *ends], ends, strict=False):
            yield Tracks(t, ids[begin:end], *(column[begin:end] for column in rows[1:]))
