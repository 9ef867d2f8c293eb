"""Sequences: what a matcher says of several windows, joined. Online and causal: an answer rests on the past alone.

`similarity` is float32, shape (places, queries) or, online, a column (places,) a window: the higher the more alike.
Places are in the order of driving. A path does not lead from one drive into another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.errors import ParameterError
from eventflow.kernels.jit import jit

if TYPE_CHECKING:
    from numpy.typing import NDArray


@jit
def _add(values: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    for place in range(len(values)):
        out[place] += values[place]


@jit
def _add_row(
    row: NDArray[np.float32], mean: np.float32, back: int, begins: NDArray[np.int64], out: NDArray[np.float32]
) -> None:
    """Add the score of the place `back` places before each; where the drive had not begun by then, the row's mean."""
    for drive in range(len(begins) - 1):
        begin, end = begins[drive], begins[drive + 1]
        full = min(begin + back, end)
        for place in range(begin, full):
            out[place] += mean
        _add(row[begin : begin + end - full], out[full:end])


@jit
def _diagonal(
    ring: NDArray[np.float32],
    means: NDArray[np.float32],
    newest: int,
    filled: int,
    begins: NDArray[np.int64],
    out: NDArray[np.float32],
) -> None:
    """Mean of the scores along a path of one place a window; where the drive had not begun, of the window's mean."""
    length, places = ring.shape
    out[:] = np.float32(0.0)
    for back in range(filled):
        row = (newest - back) % length
        _add_row(ring[row], means[row], back, begins, out)
    for place in range(places):
        out[place] /= np.float32(filled)


class DiagonalSequence:
    """SeqSLAM's diagonal (Milford & Wyeth 2012), causal: the mean similarity over the last `length` windows.

    The camera is taken to advance by one place a window. At the beginning the mean is over the windows that there
    are; a place with fewer places before it counts the mean of all places for those missing, so that it gains nothing.

    Args:
        starts: bool, shape (places,): where a drive begins.
        length: windows that are joined, at least 1.
    """

    def __init__(self, starts: NDArray[np.bool_], *, length: int = 10) -> None:
        if length < 1:
            raise ParameterError(f"the length of sequences is {length}, expected at least 1")
        self._begins = np.append(np.flatnonzero(np.asarray(starts) | (np.arange(len(starts)) == 0)), len(starts))
        self._ring = np.zeros((length, len(starts)), np.float32)
        self._means = np.zeros(length, np.float32)
        self._count = 0

    @property
    def filled(self) -> int:
        """How many windows the last answer rests on."""
        return min(self._count, len(self._ring))

    def push(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the joined scores of every place after one more window, float32, shape (places,)."""
        newest = self._count % len(self._ring)
        self._ring[newest] = scores
        self._means[newest] = scores.mean()
        self._count += 1
        out = np.empty(len(scores), np.float32)
        self._join(newest, out)
        return out

    def _join(self, newest: int, out: NDArray[np.float32]) -> None:
        _diagonal(self._ring, self._means, newest, self.filled, self._begins, out)

    def state(self) -> dict[str, Any]:
        """Return a copy of the last windows."""
        return {"ring": self._ring.copy(), "means": self._means.copy(), "count": self._count}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state that `state` returned."""
        self._ring, self._means, self._count = state["ring"].copy(), state["means"].copy(), state["count"]


@jit
def _speeds(
    ring: NDArray[np.float32],
    means: NDArray[np.float32],
    newest: int,
    begins: NDArray[np.int64],
    backs: NDArray[np.int64],
    out: NDArray[np.float32],
) -> None:
    """The largest mean over the paths of `backs`, (speeds, windows): how many places a window lies before the last."""
    length, places = ring.shape
    speeds, filled = backs.shape
    total = np.empty(places, np.float32)
    out[:] = np.float32(-np.inf)
    for speed in range(speeds):
        total[:] = np.float32(0.0)
        for window in range(filled):
            row = (newest - window) % length
            _add_row(ring[row], means[row], backs[speed, window], begins, total)
        for place in range(places):
            out[place] = max(out[place], total[place] / np.float32(filled))


class SpeedSequence(DiagonalSequence):
    """SeqSLAM's search over speeds, causal: the largest mean similarity along straight paths of several speeds.

    Args:
        starts: bool, shape (places,): where a drive begins.
        length: windows that are joined.
        speeds: places a window, each at least 0.
    """

    def __init__(
        self, starts: NDArray[np.bool_], *, length: int = 10, speeds: tuple[float, ...] = (0.5, 0.75, 1, 1.25, 1.5, 2)
    ) -> None:
        super().__init__(starts, length=length)
        if not speeds or min(speeds) < 0:
            raise ParameterError(f"speeds are {speeds}, expected at least one, all at least 0 places a window")
        self._backs = np.rint(np.outer(speeds, np.arange(length))).astype(np.int64)

    def _join(self, newest: int, out: NDArray[np.float32]) -> None:
        backs = np.ascontiguousarray(self._backs[:, : self.filled])
        _speeds(self._ring, self._means, newest, self._begins, backs, out)


def diagonal(
    similarity: NDArray[np.float32], length: int, *, starts: NDArray[np.bool_] | None = None
) -> NDArray[np.float32]:
    """Return the similarity joined by `DiagonalSequence`, of the same shape."""
    first = np.arange(len(similarity)) == 0 if starts is None else starts
    sequence = DiagonalSequence(first, length=length)
    columns = [sequence.push(np.ascontiguousarray(column)) for column in np.asarray(similarity, np.float32).T]
    return np.stack(columns, axis=1) if columns else np.asarray(similarity, np.float32)


def places_since_start(starts: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return how many places of the same drive lie before each, int64."""
    number = np.arange(len(starts))
    begun = np.maximum.accumulate(np.where(starts, number, 0)) if len(starts) else number
    return np.asarray(number - begun, np.int64)
