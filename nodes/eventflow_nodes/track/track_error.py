"""Tracks held against the truth."""

from __future__ import annotations

from typing import Annotated, Any

from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.messages import StreamInfo, Tracks
from eventflow.score.tracks import DEFAULT_GATE_PX, DEFAULT_MIN_VISIBLE, TrackScore, tracks_between


class TrackError(Node):
    """Report how far tracks are from the truth: `median_px`, `id_switches` and more, CLEAR MOT in event time.

    Every Tracks message is compared with the truth interpolated to its time. `eventflow.score.tracks` defines the
    results: n, matched_share, median_px, p95_px, rmse_px, id_switches, lost, false_share, false_tracks, mota.

    Args:
        gate: a track farther than this many px from an object does not follow it.
        min_visible: the share of an object that must be visible for it to count (the truth's `mass`).
    """

    gate: Annotated[float, Range(0)] = DEFAULT_GATE_PX
    min_visible: Annotated[float, Range(0, 1)] = DEFAULT_MIN_VISIBLE

    def start(self, tracks: StreamInfo, truth: StreamInfo) -> None:
        """Begin with no sample."""
        self._score = TrackScore(gate_px=self.gate, min_visible=self.min_visible)
        self._waiting: list[Tracks] = []
        self._before: Tracks | None = None

    def tracks(self, tracks: Tracks) -> None:
        """Keep the tracks until the truth reaches their time."""
        self._waiting.append(tracks)

    def truth(self, truth: Tracks) -> None:
        """Compare the tracks since the last truth."""
        before = self._before
        # after the same input the same tracks wait: those at the truth's own time were declared first and come first
        ready = [message for message in self._waiting if message.t <= truth.t]
        self._waiting = self._waiting[len(ready) :]
        for message in ready:
            if before is None and message.t < truth.t:
                self.skipped["tracks before the first truth"] += 1
            else:
                self._score.add(message, tracks_between(before or truth, truth, message.t))
        self._before = truth

    def finish(self, t_end: int) -> None:
        """Report."""
        if self._waiting:
            self.skipped["tracks after the last truth"] += len(self._waiting)
        self.results.update(self._score.result())

    def state(self) -> dict[str, Any]:
        """Return the samples so far and what waits for the truth."""
        return {"score": self._score.state(), "waiting": list(self._waiting), "before": self._before}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state that `state` returned."""
        self._score.restore(state["score"])
        self._waiting, self._before = list(state["waiting"]), state["before"]
