"""How well tracks follow objects whose paths are known: CLEAR MOT (Bernardin and Stiefelhagen 2008) in event time.

Every Tracks message is one sample, compared with the truth at exactly its time (interpolated linearly). At each sample
an object keeps the track it had if that is still within the gate; the others are paired so that as many as possible are
within the gate and the sum of distances is least. An object less than `min_visible` of which can be seen is neither
missed nor found; it is paired last, and the track that follows it is not false.

- n: samples times visible objects.
- matched_share: the part of n that had a track within the gate.
- median_px, p95_px, rmse_px: distance of centres over the matched part; null where nothing matched.
- id_switches: an object's track has another id than the one it had last.
- lost: an object that had a track has none at its next sample, though visible.
- false_share: rows of tracks that belong to no object, among all rows.
- false_tracks: ids that never belonged to an object.
- mota: 1 - (misses + false rows + id switches) / n; 1 at best, below 0 where there are more errors than objects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.errors import EventflowError
from eventflow.messages import Tracks
from eventflow.score.assignment import assigned

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

DEFAULT_GATE_PX = 20.0
DEFAULT_MIN_VISIBLE = 0.5


def tracks_between(before: Tracks, after: Tracks, t: int) -> Tracks:
    """Return the rows that stand in both messages, interpolated linearly to `t` (µs), before.t <= t <= after.t."""
    share = (t - before.t) / (after.t - before.t) if after.t > before.t else 0.0
    common, first, second = before.id, _table(before), _table(after)
    if before.id.tolist() != after.id.tolist():
        common, in_first, in_second = np.intersect1d(before.id, after.id, return_indices=True)
        first, second = first[:, in_first], second[:, in_second]
    return Tracks(t, common, *(first * (1.0 - share) + second * share))


def _table(tracks: Tracks) -> NDArray[np.float64]:
    return np.array([tracks.x, tracks.y, tracks.vx, tracks.vy, tracks.w, tracks.h, tracks.mass])


class TrackScore:
    """Collects samples; `add` them in time order, then ask for the `result`.

    Args:
        gate_px: a track farther than this from an object does not follow it.
        min_visible: share of an object that must be visible for it to count (the truth's `mass`).
    """

    def __init__(self, *, gate_px: float = DEFAULT_GATE_PX, min_visible: float = DEFAULT_MIN_VISIBLE) -> None:
        self.gate_px = gate_px
        self.min_visible = min_visible
        self._last_track: dict[int, int] = {}
        self._followed: set[int] = set()
        self._ids_matched: set[int] = set()
        self._ids_seen: set[int] = set()
        self._distances = np.empty(1024)
        self._kept = 0
        self._counts = {"n": 0, "matched": 0, "rows": 0, "false": 0, "id_switches": 0, "lost": 0, "samples": 0}

    def add(self, tracks: Tracks, truth: Tracks) -> None:
        """Take one sample: what was tracked, and the truth at the same time."""
        distances = np.hypot(truth.x[:, None] - tracks.x, truth.y[:, None] - tracks.y)
        # lists: a sample has few rows, and reading one entry of an array takes as long as all of this does with lists
        numbers, ids = truth.id.tolist(), tracks.id.tolist()
        visible = (truth.mass >= self.min_visible).tolist()
        pairs: dict[int, int] = {}
        for seen in (True, False):
            self._pair([row for row, each in enumerate(visible) if each is seen], numbers, ids, distances, pairs)
        for row, number in enumerate(numbers):
            if visible[row]:
                self._count_object(number, row in pairs)
        for row, column in pairs.items():
            self._ids_matched.add(ids[column])
            if visible[row]:
                self._count_pair(numbers[row], ids[column])
                self._keep(distances[row, column])
        self._ids_seen.update(ids)
        self._counts["samples"] += 1
        self._counts["rows"] += len(ids)
        self._counts["false"] += len(ids) - len(pairs)

    def _pair(
        self, rows: list[int], numbers: list[int], ids: list[int], distances: NDArray[np.float64], pairs: dict[int, int]
    ) -> None:
        """Add the pairs of `rows`: each object keeps the track it had where that is near enough, then the best rest."""
        columns = {number: column for column, number in enumerate(ids)}
        free = set(columns.values()).difference(pairs.values())
        for row in rows:
            column = columns.get(self._last_track.get(numbers[row], -1))
            if column in free and distances[row, column] <= self.gate_px:
                pairs[row] = column
                free.remove(column)
        waiting = [row for row in rows if row not in pairs]
        if waiting and free:
            left = sorted(free)
            for i, j in assigned(distances[waiting][:, left], self.gate_px):
                pairs[waiting[i]] = left[j]

    def _count_object(self, number: int, matched: bool) -> None:
        self._counts["n"] += 1
        self._counts["matched"] += matched
        self._counts["lost"] += number in self._followed and not matched
        (self._followed.add if matched else self._followed.discard)(number)

    def _count_pair(self, number: int, track: int) -> None:
        self._counts["id_switches"] += self._last_track.get(number, track) != track
        self._last_track[number] = track

    def _keep(self, distance: float) -> None:
        if self._kept == len(self._distances):
            self._distances = np.concatenate([self._distances, np.empty(len(self._distances))])
        self._distances[self._kept] = distance
        self._kept += 1

    def result(self) -> dict[str, float | int | None]:
        """Return the numbers named at the top of this module."""
        counts = self._counts
        found = self._distances[: self._kept]
        errors = counts["n"] - counts["matched"] + counts["false"] + counts["id_switches"]
        return {
            "n": counts["n"],
            "matched_share": _share(counts["matched"], counts["n"]),
            "median_px": float(np.median(found)) if len(found) else None,
            "p95_px": float(np.quantile(found, 0.95)) if len(found) else None,
            "rmse_px": float(np.sqrt(np.mean(found**2))) if len(found) else None,
            "id_switches": counts["id_switches"],
            "lost": counts["lost"],
            "false_share": _share(counts["false"], counts["rows"]),
            "false_tracks": len(self._ids_seen - self._ids_matched),
            "mota": None if not counts["n"] else 1.0 - errors / counts["n"],
        }

    def state(self) -> dict[str, Any]:
        """Return everything that the result depends on, as plain values."""
        return {
            "last_track": dict(self._last_track),
            "followed": sorted(self._followed),
            "ids_matched": sorted(self._ids_matched),
            "ids_seen": sorted(self._ids_seen),
            "distances": self._distances[: self._kept].copy(),
            "counts": dict(self._counts),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state that `state` returned."""
        self._last_track = dict(state["last_track"])
        self._followed, self._ids_matched = set(state["followed"]), set(state["ids_matched"])
        self._ids_seen = set(state["ids_seen"])
        self._counts = dict(state["counts"])
        self._kept = len(state["distances"])
        self._distances = np.concatenate([state["distances"], np.empty(1024)])


def score_tracks(
    tracks: Iterable[Tracks],
    truth: Iterable[Tracks],
    *,
    gate_px: float = DEFAULT_GATE_PX,
    min_visible: float = DEFAULT_MIN_VISIBLE,
) -> dict[str, float | int | None]:
    """Return the score of tracks against the truth, both in time order; samples outside the truth's times are left out.

    Raises:
        EventflowError: the truth has no message, or times step back.
    """
    known = list(truth)
    if not known:
        raise EventflowError("there is no truth to compare with: no message in `truth`")
    times = np.array([message.t for message in known])
    if (np.diff(times) < 0).any():
        raise EventflowError(f"truth message {int(np.argmax(np.diff(times) < 0)) + 1} steps back in time")
    score = TrackScore(gate_px=gate_px, min_visible=min_visible)
    last = None
    for index, message in enumerate(tracks):
        if last is not None and message.t < last:
            raise EventflowError(f"tracks message {index} steps back in time, from {last} to {message.t} µs")
        last = message.t
        if times[0] <= message.t <= times[-1]:
            after = int(np.searchsorted(times, message.t))
            score.add(message, tracks_between(known[max(after - 1, 0)], known[after], message.t))
    return score.result()


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
