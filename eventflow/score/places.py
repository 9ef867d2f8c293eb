"""How good place recognition is: recall at N, precision and recall, with the tolerance and the sequence length.

`similarity` has shape (places, queries), the higher the more alike; the truth is bool of the same shape. Whether a
query counts as right depends on the tolerance and the sequence length more than on the method: a `PlaceScore` has both.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from eventflow.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_Z95 = 1.959963984540054


def truth_from_matrix(matrix: NDArray[Any], *, places: int, queries: int) -> NDArray[np.bool_]:
    """Return the truth from a matrix whose entries are not 0 where a query shows a place.

    Raises:
        ParameterError: its shape is not (places, queries).
    """
    if matrix.shape != (places, queries):
        turned = "; it fits turned round (.T)" if matrix.shape == (queries, places) else ""
        raise ParameterError(
            f"the truth has shape {matrix.shape}, expected ({places}, {queries}): "
            f"a row a place, a column a query{turned}"
        )
    return np.asarray(matrix != 0, np.bool_)


def truth_from_indices(indices: NDArray[np.int64], *, places: int) -> NDArray[np.bool_]:
    """Return the truth from the index of each query's place, int64 (queries,); -1: not on the route.

    Raises:
        ParameterError: an index is no place.
    """
    indices = np.asarray(indices, np.int64)
    wrong = np.flatnonzero((indices < -1) | (indices >= places))
    if indices.ndim != 1 or len(wrong):
        where = f"query {wrong[0]} is at {indices[wrong[0]]}" if indices.ndim == 1 else f"shape {indices.shape}"
        raise ParameterError(f"the truth as indices: {where}, expected one index a query, -1 to {places - 1}")
    return np.asarray(np.arange(places)[:, None] == indices, np.bool_)


def truth_from_poses(
    places: NDArray[np.float64], queries: NDArray[np.float64], *, radius_m: float
) -> NDArray[np.bool_]:
    """Return the truth from positions (m), shape (n, 2) or (n, 3): places within the radius of each query.

    Raises:
        ParameterError: the radius is not above 0, or a position is not finite or of another dimension.
    """
    if not radius_m > 0:
        raise ParameterError(f"radius_m is {radius_m}, expected above 0")
    if places.ndim != 2 or queries.ndim != 2 or places.shape[1] != queries.shape[1]:
        raise ParameterError(f"positions of shape {places.shape} and {queries.shape}, expected (n, 2) or (n, 3) both")
    if not (np.isfinite(places).all() and np.isfinite(queries).all()):
        raise ParameterError("a position is not finite: leave out places and queries that have none")
    found = np.empty((len(places), len(queries)), bool)
    for number, query in enumerate(queries):
        found[:, number] = ((places - query) ** 2).sum(axis=1) <= radius_m**2
    return found


def widened(
    truth: NDArray[np.bool_], tolerance: int, *, window: Literal["places", "square"] = "places"
) -> NDArray[np.bool_]:
    """Return the truth with places up to `tolerance` beside a right one counted as right.

    Args:
        truth: shape (places, queries).
        tolerance: places, at least 0.
        window: `places` widens along the places alone. `square` widens along the queries too, as LENS does: where the
            truth is a diagonal a match is then right up to twice the tolerance away.

    Raises:
        ParameterError: the tolerance is below 0, or there is no such window.
    """
    if tolerance < 0 or window not in ("places", "square"):
        raise ParameterError(f"tolerance is {tolerance} and window {window!r}, expected at least 0; places or square")
    wide = _spread(truth, tolerance)
    return _spread(wide.T, tolerance).T if window == "square" else wide


def _spread(truth: NDArray[np.bool_], by: int) -> NDArray[np.bool_]:
    out = truth.copy()
    for step in range(1, min(by, len(truth) - 1) + 1):
        out[step:] |= truth[:-step]
        out[:-step] |= truth[step:]
    return out


@dataclass(frozen=True)
class PlaceScore:
    """What came out for one tolerance and one sequence length.

    Attributes:
        tolerance: places beside the right one that count as right.
        window: along what the tolerance reaches (`widened`).
        length: windows in a sequence.
        places: how many places the map has.
        queries: how many queries were asked.
        with_place: of these, how many show a place of the map.
        recall: share of those whose right place is among the first N, by N.
        low: lower end of the 95 % confidence interval (Wilson) of recall at 1.
        high: upper end.
        auc: area under precision over recall, of the best match of each query.
        recall_at_full_precision: the largest recall at which no answer is wrong (R@100P).
        precision_at_full_recall: the share of right answers where every query is answered (P@100R).
    """

    tolerance: int
    window: str
    length: int
    places: int
    queries: int
    with_place: int
    recall: dict[int, float]
    low: float
    high: float
    auc: float
    recall_at_full_precision: float
    precision_at_full_recall: float

    def row(self) -> dict[str, Any]:
        """Return all of it as plain values."""
        return asdict(self)


def score_places(
    similarity: NDArray[Any],
    truth: NDArray[np.bool_],
    *,
    tolerance: int,
    length: int,
    window: Literal["places", "square"] = "places",
    counts: Sequence[int] = (1, 5, 10),
    warm_up: bool = False,
) -> PlaceScore:
    """Score the similarity of every query to every place.

    Args:
        similarity: shape (places, queries), already joined over sequences.
        truth: bool, the same shape, not yet widened.
        tolerance: see `widened`.
        length: windows in a sequence that `similarity` was joined over; it is printed with the score.
        window: see `widened`.
        counts: the N of recall at N.
        warm_up: whether the first `length` - 1 queries, whose sequences are not full, count too.

    Raises:
        ParameterError: shapes differ, or no query shows a place.
    """
    if np.shape(similarity) != truth.shape:
        raise ParameterError(f"similarity has shape {np.shape(similarity)} and the truth {truth.shape}: expected one")
    wide = widened(truth, tolerance, window=window)
    first = 0 if warm_up else min(length - 1, truth.shape[1])
    scores, right = np.asarray(similarity, np.float64)[:, first:], wide[:, first:]
    shown = right.any(axis=0)
    total = int(shown.sum())
    if not total:
        raise ParameterError("no query shows a place of the map, so there is nothing to score")
    ranks = ranks_of_truth(scores[:, shown], right[:, shown])
    recall = {count: float((ranks < count).mean()) for count in counts}
    low, high = wilson(int((ranks < 1).sum()), total)
    precision, found = precision_recall(scores, right)
    return PlaceScore(
        tolerance,
        window,
        length,
        truth.shape[0],
        truth.shape[1] - first,
        total,
        recall,
        low,
        high,
        area(precision, found),
        float(found[precision == 1.0].max(initial=0.0)),
        float(precision[-1]),
    )


def ranks_of_truth(scores: NDArray[np.float64], right: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return how many wrong places come before the best right one of each query; at a tie the wrong one does.

    A similarity that says nothing, all places alike, so gains nothing.
    """
    best = np.where(right, scores, -np.inf).max(axis=0)
    return np.asarray(((scores >= best) & ~right).sum(axis=0), np.int64)


def precision_recall(
    scores: NDArray[np.float64], right: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return precision and recall of the best match of each query, as the threshold falls from match to match.

    Recall is the share of right answers among the queries that show a place (the form of Schubert et al. 2023).
    Queries with one score come in or stay out together.
    """
    best = scores.argmax(axis=0)
    queries = np.arange(scores.shape[1])
    value, is_right = scores[best, queries], right[best, queries]
    order = np.argsort(-value, kind="stable")
    last_of_tie = np.append(np.diff(value[order]) != 0, True)
    answered = np.arange(1, len(order) + 1)[last_of_tie]
    correct = np.cumsum(is_right[order])[last_of_tie]
    return correct / answered, correct / right.any(axis=0).sum()


def area(precision: NDArray[np.float64], recall: NDArray[np.float64]) -> float:
    """Return the area under precision over recall, by trapezoids, from recall 0 at the first precision."""
    y, x = np.concatenate([precision[:1], precision]), np.concatenate([[0.0], recall])
    return float((np.diff(x) * (y[1:] + y[:-1]) / 2).sum())


def wilson(successes: int, total: int) -> tuple[float, float]:
    """Return the 95 % confidence interval of a share (Wilson 1927)."""
    share, weight = successes / total, _Z95**2 / total
    middle = (share + weight / 2) / (1 + weight)
    half = _Z95 * float(np.sqrt(share * (1 - share) / total + weight / (4 * total))) / (1 + weight)
    return max(0.0, middle - half), min(1.0, middle + half)
