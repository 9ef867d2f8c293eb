"""Matchers that are trained on a map, by name; each is built anew, having learned nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from eventflow.place.ensemble import EnsembleMatcher
from eventflow.place.population import PopulationMatcher
from eventflow.place.tempo import LENS, TempoMatcher

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from eventflow.place.matchers import Matcher


def _ensemble() -> Matcher:
    return EnsembleMatcher([TempoMatcher(seed=seed) for seed in range(5)])


LEARNED: Final[dict[str, Callable[[], Matcher]]] = {
    "tempo": TempoMatcher,
    "lens": lambda: TempoMatcher(rules=LENS),
    "ensemble": _ensemble,
    "population": PopulationMatcher,
}


def half_a_place_aside(matcher: Matcher, descriptors: NDArray[np.float32], row: int) -> NDArray[np.float32]:
    """Return how alike a row of the map looks to every place from between it and its neighbours, float32 (places,).

    A trained matcher has learned to tell each row from its neighbours, so a row itself shows nothing of what a second
    drive will be worth; the mean of two rows is what neither has been taught.
    """
    last = len(descriptors) - 1
    ahead, behind = min(row + 1, last), max(row - 1, 0)
    found = matcher.scores((descriptors[row] + descriptors[ahead]) / np.float32(2))
    if len(found) == len(descriptors):
        found[behind] = matcher.scores((descriptors[row] + descriptors[behind]) / np.float32(2))[behind]
    return found
