"""Matchers: how alike a descriptor is to every place of a route. The plain ones; `correlation` has the default."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from eventflow.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Matcher(Protocol):
    """What compares descriptors with places.

    Attributes:
        places: int64, shape (p,): the id of each place, in the order of first mention (the order of driving).
    """

    places: NDArray[np.int64]

    def learn(self, descriptors: NDArray[np.float32], places: NDArray[np.int64]) -> None:
        """Learn descriptors, shape (n, d), and the place of each, shape (n,); forget what was learned before."""

    def scores(self, descriptor: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the similarity to every place, shape (p,), in the order of `places`: the higher the more alike."""


def checked(descriptors: NDArray[np.float32], places: NDArray[np.int64]) -> None:
    """Refuse what cannot be learned.

    Raises:
        ParameterError: shapes do not fit, there is nothing, or an element is not finite.
    """
    if descriptors.ndim != 2 or not descriptors.size or places.shape != descriptors.shape[:1]:
        raise ParameterError(
            f"descriptors of shape {descriptors.shape} and places of shape {places.shape}, expected (n, d) and (n,) "
            "with n and d at least 1"
        )
    wrong = np.flatnonzero(~np.isfinite(descriptors).all(axis=1))
    if len(wrong):
        raise ParameterError(f"descriptor {wrong[0]} holds values that are not finite")


def in_order(places: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the ids in order of first mention, and for each row the index of its id among them."""
    ids, first, inverse = np.unique(places, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    rank = np.empty(len(ids), np.int64)
    rank[order] = np.arange(len(ids))
    return np.asarray(ids[order], np.int64), rank[inverse]


def best_by_place(scores: NDArray[np.float32], index: NDArray[np.int64], count: int) -> NDArray[np.float32]:
    """Return the highest of the rows' scores for each of `count` places."""
    if len(scores) == count:
        return scores
    best = np.full(count, -np.inf, np.float32)
    np.maximum.at(best, index, scores)
    return best


class L1Matcher:
    """The sum of absolute differences, negative: the plain baseline of SeqSLAM and its kind (Milford & Wyeth 2012)."""

    def __init__(self) -> None:
        self.places = np.zeros(0, np.int64)

    def learn(self, descriptors: NDArray[np.float32], places: NDArray[np.int64]) -> None:
        """Keep the descriptors."""
        checked(descriptors, places)
        self.places, self._index = in_order(places)
        self._rows = np.ascontiguousarray(descriptors, np.float32)

    def scores(self, descriptor: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the negative mean absolute difference to the nearest descriptor of each place."""
        distances = np.abs(self._rows - descriptor).mean(axis=1)
        return best_by_place(-distances, self._index, len(self.places))


class SparseMatcher(L1Matcher):
    """L1 over a few elements alone: those in which most happens, drawn by chance (Fischer & Milford 2022).

    "How many events do you need? Event-based visual place recognition using sparse but varying pixels": elements are
    drawn with a probability that goes with their mean over the map, without those that stand out (hot pixels).

    Args:
        elements: how many are drawn.
        seed: of the draw.
    """

    def __init__(self, elements: int = 100, *, seed: int = 0) -> None:
        super().__init__()
        self._count, self._seed = elements, seed

    def learn(self, descriptors: NDArray[np.float32], places: NDArray[np.int64]) -> None:
        """Draw the elements and keep them of each descriptor."""
        checked(descriptors, places)
        mean = descriptors.mean(axis=0, dtype=np.float64)
        usual = np.where(np.abs(mean - mean.mean()) <= 2 * mean.std(), np.maximum(mean, 0.0), 0.0) + 1e-9
        rank = np.log(np.random.default_rng(self._seed).random(len(mean))) / usual  # Efraimidis & Spirakis 2006
        self._chosen = np.sort(np.argsort(-rank, kind="stable")[: self._count])
        super().learn(descriptors[:, self._chosen], places)

    def scores(self, descriptor: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the negative mean absolute difference of the elements drawn."""
        return super().scores(descriptor[self._chosen])
