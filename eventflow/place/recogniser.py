"""All of place recognition, one window after the other: matcher, evidence, sequence, answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import numpy as np

from eventflow.errors import ParameterError
from eventflow.messages import Place
from eventflow.place.belief import BeliefFilter, Motion, likeliest
from eventflow.place.calibration import Calibration, calibrated
from eventflow.place.correlation import CorrelationMatcher
from eventflow.place.learners import LEARNED, half_a_place_aside
from eventflow.place.matchers import L1Matcher, SparseMatcher, in_order
from eventflow.place.sequence import DiagonalSequence, SpeedSequence, places_since_start

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eventflow.place.matchers import Matcher
    from eventflow.place.place_map import PlaceMap

Joining = Literal["filter", "diagonal", "speeds", "none"]
DEFAULT_THRESHOLD: Final = 0.9
_QUIET_DISPERSION: Final = 2.0


class Recogniser:
    """Says at each window which place of a map it shows, and how sure that is; causal.

    Args:
        place_map: where it may be.
        matcher: how alike windows are to places; None: `CorrelationMatcher`. It is taught the map.
        sequence: how windows are joined: `filter` (a belief with a motion model), `diagonal` and `speeds` (the mean
            over the last `length`, at one place a window or at the best of several speeds), `none`.
        length: windows of a sequence.
        motion: how the camera moves, for the filter.
        threshold: how sure an answer must be; below, the place is -1.
        reach: an answer is right within this many places, which the probability is of.
        alternatives: how many places are named.
        calibration: what a similarity is worth; None: found from the map.

    Attributes:
        scores: of the last window, float32 (places,), as the matcher gave them.
        places: id of each place.
        threshold: how sure an answer must be.

    Raises:
        ParameterError: the map is empty, or a value is not allowed.
    """

    def __init__(
        self,
        place_map: PlaceMap,
        *,
        matcher: Matcher | None = None,
        sequence: Joining = "filter",
        length: int = 10,
        motion: Motion | None = None,
        threshold: float = DEFAULT_THRESHOLD,
        reach: int = 2,
        alternatives: int = 5,
        calibration: Calibration | None = None,
    ) -> None:
        if not len(place_map):
            raise ParameterError("the map holds no place; drive the route with `place_learn` first")
        if sequence not in get_args(Joining):
            raise ParameterError(f"sequence is {sequence!r}, expected {', '.join(get_args(Joining))}")
        self._settings, self.threshold = place_map.settings, threshold
        self._reach, self._alternatives = reach, alternatives
        self._matcher = default_matcher(place_map) if matcher is None else matcher
        self._matcher.learn(place_map.descriptors, place_map.places)
        self.places = self._matcher.places
        since, until = neighbours(place_map)
        self._belief = BeliefFilter(since, until, Motion() if motion is None else motion)
        self._memory = sequence == "filter"
        starts = since == 0
        self._joined: DiagonalSequence | SpeedSequence | None = None
        if sequence == "diagonal":
            self._joined = DiagonalSequence(starts, length=length)
        elif sequence == "speeds":
            self._joined = SpeedSequence(starts, length=length)
        self._length = length
        self._calibration = self._calibrated(place_map) if calibration is None else calibration
        self.scores = np.zeros(len(self.places), np.float32)
        self._last = Place(0, -1, 0.0)

    def _calibrated(self, place_map: PlaceMap) -> Calibration:
        compare = getattr(self._matcher, "self_similarity", None)
        if compare is not None:
            return calibrated(place_map, compare)
        _, index = in_order(place_map.places)
        if getattr(self._matcher, "trained", False):
            return calibrated(
                place_map, lambda row: half_a_place_aside(self._matcher, place_map.descriptors, row)[index]
            )
        before = self._matcher.state() if hasattr(self._matcher, "state") else None
        found = calibrated(place_map, lambda row: self._matcher.scores(place_map.descriptors[row])[index])
        if before is not None:
            self._matcher.restore(before)  # type: ignore[attr-defined]
        return found

    def push(self, vector: NDArray[np.float32], *, t: int, count: int = 1) -> Place:
        """Return the place of one window more.

        Args:
            vector: its descriptor.
            t: end of the window, µs.
            count: events in it; a window without any, or with nothing but noise, repeats the last answer as `held`.

        Raises:
            ParameterError: the descriptor is not of the map's kind.
        """
        if vector.shape != (self._settings.length,) or not np.isfinite(vector).all():
            raise ParameterError(
                f"a descriptor of shape {vector.shape} at t={t} µs, expected {self._settings.length} finite values"
            )
        if count == 0 or says_nothing(vector, self._settings.width * self._settings.height, count):
            return self.join(np.zeros_like(self.scores), t=t)
        return self.join(self._matcher.scores(vector), t=t)

    def join(self, scores: NDArray[np.float32], *, t: int) -> Place:
        """Return the place of one window more, from its similarity to every place; all alike: the last is held."""
        self.scores = np.asarray(scores, np.float32)
        if not (self.scores != self.scores[0]).any():
            last = self._last
            return Place(t, last.place, last.score, last.alternatives, held=True)
        evidence = self._calibration.evidence(self.scores)
        if not self._memory:
            self._belief.forget()
        if self._joined is not None:
            evidence = self._joined.push(evidence.astype(np.float32)).astype(np.float64) * self._joined.filled
        self._belief.push(evidence)
        self._last = self._answer(t)
        return self._last

    def belief(self) -> NDArray[np.float64]:
        """Return the probability of each place, float64 (places,)."""
        return self._belief.places.copy()

    def _answer(self, t: int) -> Place:
        belief = self._belief.places
        count = min(self._alternatives, len(belief))
        around = self._belief.around(self._reach)
        near = np.flatnonzero(around >= around.max() * (1 - 1e-9))  # several places have the same sum around them
        first = int(near[belief[near].argmax()])
        best = likeliest(belief, count)
        order = np.concatenate([[first], best[best != first]])[:count]
        score = min(float(around[first]), 1.0)
        place = int(self.places[first]) if score >= self.threshold else -1
        return Place(t, place, score, self.places[order])

    def state(self) -> dict[str, Any]:
        """Return everything that later answers depend on."""
        own: dict[str, Any] = {"belief": self._belief.state(), "last": self._last, "scores": self.scores.copy()}
        if self._joined is not None:
            own["joined"] = self._joined.state()
        if hasattr(self._matcher, "state"):
            own["matcher"] = self._matcher.state()
        return own

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state that `state` returned."""
        self._belief.restore(state["belief"])
        self._last, self.scores = state["last"], state["scores"].copy()
        if self._joined is not None:
            self._joined.restore(state["joined"])
        if hasattr(self._matcher, "restore"):
            self._matcher.restore(state["matcher"])


def matcher_named(name: str, place_map: PlaceMap) -> Matcher:
    """Return a matcher by name, for a map's descriptors, not taught yet.

    Raises:
        ParameterError: there is no such matcher.
    """
    if name == "correlation":
        return default_matcher(place_map)
    made = {"l1": L1Matcher, "sparse": SparseMatcher, **LEARNED}.get(name)
    if made is None:
        raise ParameterError(f"matcher is {name!r}, expected {', '.join(('correlation', 'l1', 'sparse', *LEARNED))}")
    return made()


def default_matcher(place_map: PlaceMap) -> Matcher:
    """Return the matcher that fits a map's descriptors: correlation for one grid of plain means, else L1."""
    settings = place_map.settings
    plain = len(settings.grids) == 1 and not settings.patch
    return CorrelationMatcher(*settings.grids[0]) if plain else L1Matcher()


def neighbours(place_map: PlaceMap) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return how many places of the same drive lie before and after each place, both int64 (places,).

    A place that several drives show belongs to the first.
    """
    _, index = in_order(place_map.places)
    first = np.unique(index, return_index=True)[1]
    routes = place_map.routes[first]
    starts = np.diff(routes, prepend=routes[0] - 1) != 0
    ends = np.append(starts[1:], True)
    return places_since_start(starts), places_since_start(ends[::-1])[::-1].copy()


def says_nothing(vector: NDArray[np.float32], pixels: int, count: int) -> bool:
    """Return whether a window of counts holds nothing but noise: spread over the cells as chance alone would.

    Counts by chance have a variance as large as their mean; what a moving camera sees is far less even. Descriptors
    that are no counts, whose sum is not that of the events, always say something.
    """
    sums = vector.astype(np.float64) * (pixels / len(vector))
    total = float(sums.sum())
    return (
        len(vector) > 1
        and abs(total - count) < 0.01 * count
        and float(sums.var()) < _QUIET_DISPERSION * total / len(vector)
    )
