"""How good the answers of a running place recogniser are: right, sure, and soon right again after a jump."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow.score.places import wilson

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eventflow.messages import Place

_BINS: Final = 10


class AnswerScore:
    """Answers beside the truth, one window after the other.

    Args:
        tolerance: places that a right answer may be off by.
        ring: places of a closed route, whose last is beside its first; 0: it is open.
        jump: places by which the truth moves from one answer to the next where the camera was carried.
    """

    def __init__(self, *, tolerance: int = 2, ring: int = 0, jump: int = 20) -> None:
        self._tolerance, self._ring, self._jump = tolerance, ring, jump
        self._rows: list[tuple[float, ...]] = []

    def add(self, answer: Place, truth: int) -> None:
        """Take in an answer and the place that was true then, -1 off the route."""
        first = int(answer.alternatives[0]) if len(answer.alternatives) else -1
        self._rows.append((answer.t, truth, first, answer.place, answer.score, answer.held))

    def _off_by(self, one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.int64]:
        apart = np.abs(one - other)
        return np.asarray(np.minimum(apart, self._ring - apart) if self._ring else apart, np.int64)

    def result(self) -> dict[str, Any]:
        """Return what came out, plain values; what there was nothing to measure by is None.

        `recall_at_1` (with its 95 % interval `recall_low`, `recall_high`): the share of windows on the route whose
        first alternative is right. `answered`: the share of them with an answer; `precision`: the share of all answers
        that are right. `auroc`: whether `score` tells windows on the route from those off it. `calibration_error`: how
        far `score` is from the share that is right, the mean over ten bins weighted by their windows (ECE).
        `recovered_s`: after each jump, how long until the first alternative was right twice running, s; None: never.
        """
        if not self._rows:
            return {"windows": 0}
        columns = np.array(self._rows, np.float64).T
        t, truth, first, place = (column.astype(np.int64) for column in columns[:4])
        score, on = columns[4], truth >= 0
        right = on & (first >= 0) & (self._off_by(first, truth) <= self._tolerance)
        answered = place >= 0
        low, high = wilson(int(right[on].sum()), int(on.sum())) if on.any() else (None, None)
        return {
            "windows": len(t),
            "on_route": int(on.sum()),
            "held": int(columns[5].sum()),
            "recall_at_1": _mean(right[on]),
            "recall_low": low,
            "recall_high": high,
            "precision": _mean(right[answered]),
            "answered": _mean(answered[on]),
            "auroc": _auroc(score[on], score[~on]),
            "calibration_error": calibration_error(score, right),
            "recovered_s": self._recovered(t, truth, right),
        }

    def _recovered(
        self, t: NDArray[np.int64], truth: NDArray[np.int64], right: NDArray[np.bool_]
    ) -> list[float | None]:
        moved = self._off_by(truth[1:], truth[:-1]) > self._jump
        jumps = np.flatnonzero(moved & (truth[1:] >= 0) & (truth[:-1] >= 0)) + 1
        found: list[float | None] = []
        for begin, end in zip(jumps, [*jumps[1:], len(t)], strict=False):
            after = np.flatnonzero(right[begin : end - 1] & right[begin + 1 : end])
            found.append(float(t[begin + after[0]] - t[begin - 1]) / 1e6 if len(after) else None)
        return found

    def state(self) -> dict[str, Any]:
        """Return the answers so far."""
        return {"rows": list(self._rows)}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state that `state` returned."""
        self._rows = list(state["rows"])


def calibration_error(score: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Return the expected calibration error over ten bins of equal width (Guo et al. 2017)."""
    bins = np.minimum((score * _BINS).astype(np.int64), _BINS - 1)
    members = [bins == number for number in range(_BINS)]
    return float(sum(abs(score[m].mean() - right[m].mean()) * m.mean() for m in members if m.any()))


def _auroc(positive: NDArray[np.float64], negative: NDArray[np.float64]) -> float | None:
    """Return the probability that a positive's value is above a negative's; a tie is half."""
    if not len(positive) or not len(negative):
        return None
    ordered = np.sort(negative)
    below, at_most = np.searchsorted(ordered, positive, "left"), np.searchsorted(ordered, positive, "right")
    return float((below + at_most).mean() / 2 / len(ordered))


def _mean(values: NDArray[np.bool_]) -> float | None:
    return float(values.mean()) if len(values) else None
