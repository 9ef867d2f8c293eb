"""A spiking population that learns places without labels, read out by the assignment of its neurons.

Network and constants: Diehl & Cook 2015, "Unsupervised learning of digit recognition using spike-timing-dependent
plasticity"; for places: Hussaini, Milford & Fischer 2022, "Spiking neural networks for visual place recognition via
weighted neuronal assignments".
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventflow.errors import ParameterError
from eventflow.place.assignment import Assignment, standard_assignment, weighted_assignment
from eventflow.place.diehl_cook_kernels import clear, normalise, present

_FEWEST_SPIKES = 5
_BRIGHTER = 12


@dataclass(slots=True, kw_only=True)
class DiehlCookPopulation:
    """Excitatory neurons, each with an inhibitory partner that silences all the others.

    Each image is shown as Poisson spikes for `present_ms`, brighter again while fewer than five spikes answer it.
    The population is put to rest between images instead of waiting for it.

    Attributes:
        neurons: Excitatory neurons, and as many inhibitory ones.
        epochs: How often `learn` shows every image.
        present_ms: How long an image is shown, ms.
        step_ms: The step of the integration, ms.
        drive_hz: Spikes a second of all inputs together at the first showing, divided by amplitude: as much as a digit
            of 28 x 28 px gives in the paper.
        weight_mean: What the mean weight into each neuron is scaled to before every image.
        weighted: Read out by weighted assignment; by the standard one otherwise.
        seed: Of the weights and of every input spike.
    """

    neurons: int = 400
    epochs: int = 10
    present_ms: float = 350.0
    step_ms: float = 0.5
    drive_hz: float = 6500.0
    weight_mean: float = 0.1
    weighted: bool = True
    seed: int = 0
    muted: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))
    _weights: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))
    _theta: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    _state: NDArray[np.float64] = field(default_factory=lambda: np.zeros((11, 0)))
    _assignment: Assignment | None = None

    def learn(self, amplitudes: NDArray[Any], places: NDArray[Any]) -> None:
        """Train on images until `epochs` showings, then assign the neurons to the places.

        Args:
            amplitudes: (images, inputs) 0..1; how strongly each input fires.
            places: (images,) the place of each image, 0 <= place.
        """
        shown = np.asarray(amplitudes, np.float64)
        self._begin(shown.shape[1])
        for showing in range(self.epochs):
            for index, image in enumerate(shown):
                self._show(image, learn=True, seed=self._seed_of(showing * len(shown) + index))
        assign = weighted_assignment if self.weighted else standard_assignment
        self._assignment = assign(self.spikes(shown), places)

    def spikes(self, amplitudes: NDArray[Any]) -> NDArray[np.int64]:
        """Return int64 (images, neurons): what each neuron answers to each image, nothing being learned."""
        shown = np.atleast_2d(np.asarray(amplitudes, np.float64))
        if shown.shape[1] != len(self._weights):
            raise ParameterError(
                f"the population has {len(self._weights)} inputs, the images have {shown.shape[1]}: "
                "describe the query as the map was described"
            )
        return np.stack([self._show(image, learn=False, seed=self._seed_of(-1)) for image in shown])

    def scores(self, amplitudes: NDArray[Any]) -> NDArray[np.float64]:
        """Return float64 (images, places); larger is more alike."""
        return self.scores_of(self.spikes(amplitudes))

    def scores_of(self, spikes: NDArray[Any]) -> NDArray[np.float64]:
        """Return float64 (images, places) of spike counts (images, neurons); what is muted counts nothing."""
        if self._assignment is None:
            raise ParameterError("the population has learned no place: call learn first")
        return self._assignment.scores(np.where(self.muted, 0, spikes))

    def mute(self, neurons: NDArray[np.bool_]) -> None:
        """Ignore the answers of some neurons, bool (neurons,), from here on."""
        self.muted = np.asarray(neurons, np.bool_)

    def _begin(self, inputs: int) -> None:
        rng = np.random.default_rng(self.seed)
        self._weights = (rng.random((inputs, self.neurons)) + 0.01) * 0.3
        self._theta = np.full(self.neurons, 20.0)
        self._state = np.zeros((11, self.neurons))
        self.muted = np.zeros(self.neurons, np.bool_)

    def _seed_of(self, showing: int) -> int:
        return (self.seed * 1_000_003 + showing + 1) % (1 << 31)

    def _show(self, image: NDArray[np.float64], *, learn: bool, seed: int) -> NDArray[np.int64]:
        counts = np.zeros(self.neurons, np.int64)
        steps = round(self.present_ms / self.step_ms)
        if not image.any():
            return counts
        rates = image * (self.drive_hz / image.sum())
        for brighter in range(_BRIGHTER):
            if learn:
                normalise(self._weights, self.weight_mean * len(image))
            clear(self._state)
            counts[:] = 0
            scale = 1.0 + 0.5 * brighter
            present(rates * scale, steps, self.step_ms, self._weights, self._theta, self._state, learn, seed, counts)
            if counts.sum() >= _FEWEST_SPIKES:
                break
        return counts
