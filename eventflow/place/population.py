"""Matchers of spiking populations: one for a short route, or one a region of a long one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eventflow.place.amplitudes import Amplitudes
from eventflow.place.diehl_cook import DiehlCookPopulation
from eventflow.place.matchers import checked, in_order

if TYPE_CHECKING:
    from numpy.typing import NDArray

HYPERACTIVE = (0, 5, 10, 20, 40, 60, 80, 100, 120, 140, 160, 180, 200)


class PopulationMatcher:
    """Diehl-Cook populations, each for `region` places that follow each other; neurons that fire anywhere are muted.

    Hussaini, Milford & Fischer 2023, "Applications of spiking neural networks in visual place recognition": each
    region's network is shown what lies outside it; a neuron that answers with more than a threshold of spikes is
    hyperactive and ignored. The threshold is the one of `HYPERACTIVE`, or none, that recalls the most of the map.

    Args:
        neurons: of each population.
        region: places of each population.
        epochs: how often a population is shown each image.
        weighted: weighted assignment; the standard one otherwise.
        calibration: descriptors outside a region that its network is shown, at most.
        seed: of weights and spikes.
    """

    trained = True

    def __init__(
        self,
        *,
        neurons: int = 400,
        region: int = 100,
        epochs: int = 4,
        weighted: bool = True,
        calibration: int = 50,
        seed: int = 0,
    ) -> None:
        self.places = np.zeros(0, np.int64)
        self.muted_above: int | None = None
        self._region, self._calibration, self._seed = region, calibration, seed
        self._build = {"neurons": neurons, "epochs": epochs, "weighted": weighted}
        self._regions: list[DiehlCookPopulation] = []

    def learn(self, descriptors: NDArray[np.float32], places: NDArray[np.int64]) -> None:
        """Train a population a region, then mute what is hyperactive."""
        checked(descriptors, places)
        self.places, index = in_order(places)
        self._amplitudes = Amplitudes.of(descriptors)
        shown = self._amplitudes(descriptors)
        self._regions = []
        for number, first in enumerate(range(0, len(self.places), self._region)):
            inside = (index >= first) & (index < first + self._region)
            population = DiehlCookPopulation(seed=self._seed + number, **self._build)  # type: ignore[arg-type]
            population.learn(shown[inside], index[inside] - first)
            self._regions.append(population)
        self.muted_above = self._mute(shown, index) if len(self._regions) > 1 else None

    def scores(self, descriptor: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the score of every place, region after region."""
        shown = self._amplitudes(descriptor)
        return np.concatenate([region.scores(shown)[0] for region in self._regions]).astype(np.float32)

    def _mute(self, shown: NDArray[np.float32], index: NDArray[np.int64]) -> int | None:
        """Return the threshold that recalls most of a sample of the map, with its neurons muted."""
        rows = np.linspace(0, len(shown) - 1, min(self._calibration, len(shown))).astype(np.int64)
        answers = [region.spikes(shown[rows]) for region in self._regions]
        outside = [answer[index[rows] // self._region != number].sum(axis=0) for number, answer in enumerate(answers)]
        best: tuple[float, int | None] = (-1.0, None)
        for threshold in (None, *reversed(HYPERACTIVE)):
            scores = []
            for region, answer, strange in zip(self._regions, answers, outside, strict=True):
                region.mute(np.zeros(len(strange), np.bool_) if threshold is None else strange > threshold)
                scores.append(region.scores_of(answer))
            recall = float((np.concatenate(scores, axis=1).argmax(axis=1) == index[rows]).mean())
            if recall > best[0]:
                best = (recall, threshold)
        for region, strange in zip(self._regions, outside, strict=True):
            region.mute(np.zeros(len(strange), np.bool_) if best[1] is None else strange > best[1])
        return best[1]
