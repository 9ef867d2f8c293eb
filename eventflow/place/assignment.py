"""Read a place from the spike counts of a population: which neuron speaks for which places, and how loudly.

Standard assignment: Diehl & Cook 2015, "Unsupervised learning of digit recognition using spike-timing-dependent
plasticity", section 2.5. Weighted assignment: Hussaini, Milford & Fischer 2022, "Spiking neural networks for visual
place recognition via weighted neuronal assignments".
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventflow.errors import ParameterError

_SHARE = 0.1
_AMBIGUOUS = 0.02


@dataclass(frozen=True, slots=True)
class Assignment:
    """What one population learned: how a count of spikes becomes a score a place.

    Attributes:
        weights: float64 (neurons, places); what one spike of a neuron adds to the score of a place.
        mass: float64 (neurons, places), or None; the share of a place's training spikes that came from each neuron.
            Where given, the score of a place is scaled by the mass of the neurons that fired.
    """

    weights: NDArray[np.float64]
    mass: NDArray[np.float64] | None = None

    def scores(self, spikes: NDArray[Any]) -> NDArray[np.float64]:
        """Return the score of every place.

        Args:
            spikes: (queries, neurons) or (neurons,); spike counts of the population while it saw each query.

        Returns:
            float64 (queries, places); larger is more alike, 0 where no neuron that knows the place fired.
        """
        counts = np.atleast_2d(np.asarray(spikes, np.float64))
        if counts.shape[1] != len(self.weights):
            raise ParameterError(
                f"the assignment knows {len(self.weights)} neurons, the spike counts have {counts.shape[1]}: "
                "give the counts of the population that was assigned"
            )
        scores: NDArray[np.float64] = np.einsum("qn,np->qp", counts, self.weights)  # in one order, unlike BLAS
        if self.mass is not None:
            scores *= np.einsum("qn,np->qp", (counts > 0).astype(np.float64), self.mass)
        return scores


def training_spikes(
    spikes: NDArray[Any], places: NDArray[Any], count: int | None = None
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Sum the spikes of each neuron over the examples of each place.

    Args:
        spikes: (examples, neurons); spike counts of the trained population.
        places: (examples,); the place of each example, 0 <= place.
        count: How many places there are; the largest named one plus one by default.

    Returns:
        float64 (neurons, places) sums, int64 (places,) examples a place.
    """
    counts, labels = np.asarray(spikes, np.float64), np.asarray(places).astype(np.int64)
    if counts.ndim != 2 or labels.shape != counts.shape[:1]:
        raise ParameterError(
            f"spike counts of shape {counts.shape} with places of shape {labels.shape}: "
            "expected (examples, neurons) and (examples,)"
        )
    total = int(labels.max(initial=-1)) + 1 if count is None else count
    if labels.size and (labels.min() < 0 or labels.max() >= total):
        raise ParameterError(f"places run from {labels.min()} to {labels.max()}: expected 0 to {total - 1}")
    sums = np.zeros((total, counts.shape[1]))
    np.add.at(sums, labels, counts)
    return sums.T.copy(), np.bincount(labels, minlength=total)


def standard_assignment(spikes: NDArray[Any], places: NDArray[Any], *, count: int | None = None) -> Assignment:
    """Give each neuron to the one place that it fired most for; a place's score is the mean count of its neurons.

    A neuron that never fired belongs to no place.

    Args:
        spikes: (examples, neurons); spike counts of the trained population.
        places: (examples,); the place of each example.
        count: How many places there are; the largest named one plus one by default.
    """
    sums, examples = training_spikes(spikes, places, count)
    means = sums / np.maximum(examples, 1)
    weights = np.zeros_like(means)
    fired = sums.sum(axis=1) > 0
    weights[fired, means[fired].argmax(axis=1)] = 1.0
    return Assignment(weights / np.maximum(weights.sum(axis=0), 1.0))


def weighted_assignment(spikes: NDArray[Any], places: NDArray[Any], *, count: int | None = None) -> Assignment:
    """Let each neuron speak for every place it learned, as loudly as it is specific.

    A neuron speaks for the places with more than a tenth of its training spikes; one that speaks for at least 2 % of
    all places is divided by their number. Each spike then counts with the place's share of the neuron's training
    spikes, and the sum with the share of the place's training spikes that came from neurons which fire now.

    Args:
        spikes: (examples, neurons); spike counts of the trained population.
        places: (examples,); the place of each example.
        count: How many places there are; the largest named one plus one by default.
    """
    sums, _ = training_spikes(spikes, places, count)
    share = sums / np.maximum(sums.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
    share[share <= _SHARE] = 0.0
    spoken = (share > 0).sum(axis=1, keepdims=True)
    divisor = np.where(spoken >= _AMBIGUOUS * sums.shape[1], np.maximum(spoken, 1), 1)
    mass = sums / np.maximum(sums.sum(axis=0, keepdims=True), np.finfo(np.float64).tiny)
    return Assignment(share / divisor, mass)
