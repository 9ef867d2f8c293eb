"""One neuron a place, taught in seconds: a temporal code in which an earlier spike is a larger amplitude.

Hines, Stratton, Milford & Fischer 2024, "VPRTempo: a fast temporally encoded spiking neural network for visual place
recognition"; Hines, Milford & Fischer 2024, "A compact neuromorphic system for ultra-energy-efficient, on-device robot
localization" (LENS), taught alike with other constants. Thresholds follow each feature's target rate; the output is
taught by the plain delta rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eventflow.place.amplitudes import Amplitudes
from eventflow.place.matchers import checked, in_order
from eventflow.place.tempo_kernels import drives_of, spikes_of, train_features, train_outputs

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class TempoRules:
    """How a network is wired and taught.

    Attributes:
        feature_factor: features for each element of the descriptor.
        excitatory: share of a feature's inputs that excite it.
        inhibitory: share that inhibit it.
        targets: mean amplitude that the first and the last feature are held at, the others between.
        thresholds: lowest and highest first threshold of a feature.
        stdp: learning rate of the weights.
        plasticity: learning rate of the thresholds.
        epochs: how often each layer sees every example, at least.
        presentations: how many examples each layer sees, at least, however short the route.
    """

    feature_factor: float = 2.0
    excitatory: float = 0.1
    inhibitory: float = 0.5
    targets: tuple[float, float] = (0.2, 0.9)
    thresholds: tuple[float, float] = (0.0, 0.5)
    stdp: float = 0.005
    plasticity: float = 0.15
    epochs: int = 20
    presentations: int = 4000


VPRTEMPO = TempoRules()
LENS = TempoRules(
    excitatory=0.35, inhibitory=0.75, targets=(0.4, 0.6), thresholds=(0.0, 0.75), stdp=0.01, plasticity=0.02, epochs=128
)


@dataclass(frozen=True, slots=True)
class TempoModule:
    """A trained network of one stretch of the route.

    Attributes:
        features: float32 (features, inputs) weights.
        thresholds: float32 (features,).
        outputs: float32 (places, features) weights.
    """

    features: NDArray[np.float32]
    thresholds: NDArray[np.float32]
    outputs: NDArray[np.float32]

    def scores(self, shown: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return float32 (places,) of one window's amplitudes (inputs,); larger is more alike."""
        out = np.empty(len(self.outputs), np.float32)
        drives_of(self.outputs, self.spikes(shown), out)
        return out

    def spikes(self, shown: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return float32 (features,): the amplitude of each feature's spike, 0..0.9."""
        out = np.empty(len(self.features), np.float32)
        spikes_of(self.features, self.thresholds, shown, out)
        return out


class TempoMatcher:
    """Modules of at most `module` places, each a feature layer taught by STDP and an output neuron a place.

    Args:
        rules: How they are wired and taught; `VPRTEMPO` or `LENS`, or your own.
        module: Most places in one network; modules are trained apart and answer together.
        seed: Of the first weights and the order of the examples.
    """

    trained = True

    def __init__(self, *, rules: TempoRules = VPRTEMPO, module: int = 500, seed: int = 0) -> None:
        self.places = np.zeros(0, np.int64)
        self._rules, self._module, self._seed = rules, module, seed
        self._modules: list[TempoModule] = []

    @property
    def modules(self) -> tuple[TempoModule, ...]:
        """The trained networks, in the order of the places."""
        return tuple(self._modules)

    def learn(self, descriptors: NDArray[np.float32], places: NDArray[np.int64]) -> None:
        """Train a module for each stretch of places, in the order of driving."""
        checked(descriptors, places)
        self.places, index = in_order(places)
        self._amplitudes = Amplitudes.of(descriptors)
        shown = self._amplitudes(descriptors)
        self._modules = []
        for first in range(0, len(self.places), self._module):
            inside = (index >= first) & (index < first + self._module)
            rng = np.random.default_rng((self._seed, first))
            self._modules.append(self._trained(shown[inside], index[inside] - first, rng))

    def scores(self, descriptor: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the drive of every place's output neuron."""
        shown = self._amplitudes(descriptor)[0]
        return np.concatenate([module.scores(shown) for module in self._modules])

    def _trained(self, shown: NDArray[np.float32], labels: NDArray[np.int64], rng: np.random.Generator) -> TempoModule:
        rules = self._rules
        count = max(round(shown.shape[1] * rules.feature_factor), 1)
        weights = first_weights(rng, count, shown.shape[1], rules.excitatory, rules.inhibitory)
        signs = np.sign(weights).astype(np.int8)
        thresholds = rng.uniform(*rules.thresholds, count).astype(np.float32)
        targets = np.linspace(*rules.targets, count).astype(np.float32)
        order = self._order(len(shown), rng)
        rates = np.float32(rules.stdp), np.float32(rules.plasticity)
        train_features(weights, signs, thresholds, targets, shown, order, *rates)
        outputs = first_weights(rng, int(labels.max()) + 1, count, 1.0, 1.0)
        module = TempoModule(weights, thresholds, outputs)
        hidden = np.stack([module.spikes(row) for row in shown])
        train_outputs(outputs, targets, hidden, labels, self._order(len(shown), rng), np.float32(rules.stdp))
        return module

    def _order(self, examples: int, rng: np.random.Generator) -> NDArray[np.int64]:
        epochs = max(self._rules.epochs, -(-self._rules.presentations // examples))
        return np.concatenate([rng.permutation(examples) for _ in range(epochs)])


def first_weights(
    rng: np.random.Generator, neurons: int, inputs: int, excitatory: float, inhibitory: float
) -> NDArray[np.float32]:
    """Return float32 (neurons, inputs): what random excitation and inhibition leave, each of sum one a neuron.

    Args:
        rng: Where the numbers come from.
        neurons: Rows.
        inputs: Columns.
        excitatory: Share of the inputs that excite.
        inhibitory: Share of the inputs that inhibit.
    """
    total = np.zeros((neurons, inputs))
    for sign, share in ((1.0, excitatory), (-1.0, inhibitory)):
        part = np.abs(rng.normal(0.5, 1 / 6, total.shape)) * (rng.random(total.shape) < share)
        total += sign * part / np.maximum(part.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
    return total.astype(np.float32)
