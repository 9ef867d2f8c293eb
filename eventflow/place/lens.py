"""Networks that LENS published: read, and run as amplitudes or as spikes.

Hines, Milford & Fischer 2024, "A compact neuromorphic system for ultra-energy-efficient, on-device robot localization".
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from eventflow.errors import MissingExtraError, ParameterError
from eventflow.place.tempo_kernels import drives_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eventflow.snn.engines.sparse import SparseEngine
    from eventflow.snn.model import Model

_NAMES = ("feature_layer.w.weight", "output_layer.w.weight")
_BRIGHTEST = 255.0


class LensNetwork:
    """A trained network whose input is the grid of counts of one window, and whose output is one neuron a place.

    It is a `Matcher` that has learned already; places are numbered from 0.

    Args:
        features: float32 (features, inputs) weights.
        outputs: float32 (places, features) weights.
        steps: how long a window is shown as spikes, on the event-driven engine; 0: as amplitudes, in one product.
        seed: of the input spikes; every window is shown with the same.
    """

    def __init__(
        self, features: NDArray[np.float32], outputs: NDArray[np.float32], *, steps: int = 0, seed: int = 0
    ) -> None:
        if features.ndim != 2 or outputs.ndim != 2 or outputs.shape[1] != features.shape[0]:
            raise ParameterError(
                f"weights of shape {features.shape} and {outputs.shape}: expected (features, inputs) and "
                "(places, features)"
            )
        if not (np.isfinite(features).all() and np.isfinite(outputs).all()):
            raise ParameterError("the network's weights hold values that are not finite")
        self.features, self.outputs = features, outputs
        if steps < 0:
            raise ParameterError(f"steps is {steps}, expected at least 0")
        self.places = np.arange(len(outputs), dtype=np.int64)
        self._steps, self._seed = steps, seed

    @classmethod
    def load(cls, path: str | Path, *, steps: int = 0, seed: int = 0) -> LensNetwork:
        """Read a `.pth` file that LENS saved; needs torch, and runs nothing that the file holds.

        Raises:
            MissingExtraError: torch is not installed.
            ParameterError: the file is missing, is no such file, or lacks a layer.
        """
        try:
            import torch
        except ImportError:
            raise MissingExtraError("reading LENS's weights needs torch: pip install 'eventflow-dvs[snn]'") from None
        if not Path(path).is_file():
            raise ParameterError(f"{path}: there is no such file")
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            weights = [np.ascontiguousarray(state[name].detach().numpy(), np.float32) for name in _NAMES]
        except Exception as error:
            raise ParameterError(
                f"{path}: not a network of LENS ({type(error).__name__}: {error}); expected a state dictionary with "
                f"{' and '.join(_NAMES)}"
            ) from None
        return cls(*weights, steps=steps, seed=seed)

    def learn(self, descriptors: NDArray[np.float32], places: NDArray[np.int64]) -> None:
        """Refuse: its places are in its weights. `TempoMatcher(rules=LENS)` is the learner."""
        raise ParameterError("a published network has learned its places; train TempoMatcher(rules=LENS) on new ones")

    def scores(self, descriptor: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the drive of every place's neuron, or how often it spiked, float32 (places,).

        Args:
            descriptor: (inputs,) mean counts of the cells of a window's image, 0..255.
        """
        shown = np.asarray(descriptor, np.float32) / np.float32(_BRIGHTEST)
        if shown.shape != self.features.shape[1:]:
            raise ParameterError(
                f"a descriptor of shape {shown.shape}, expected {self.features.shape[1:]}: the grid of the network"
            )
        if self._steps:
            outputs, _ = self._engine.run(raster(shown, self._steps, seed=self._seed), self._engine.start())
            return np.asarray(outputs.sum(axis=0), np.float32)
        hidden, out = np.empty(len(self.features), np.float32), np.empty(len(self.outputs), np.float32)
        drives_of(self.features, shown, hidden)
        drives_of(self.outputs, np.maximum(hidden, 0), out)
        return out

    @cached_property
    def _engine(self) -> SparseEngine:
        from eventflow.snn.engines.sparse import SparseEngine

        return SparseEngine(self.model())

    def model(self) -> Model:
        """Return it as a spiking network for any engine: integrate and fire, several spikes a step, as on the chip."""
        from eventflow.snn.layers import Linear
        from eventflow.snn.model import Layer, Model
        from eventflow.snn.neuron import Neuron, Reset, one, zero

        def neuron() -> Neuron:
            return Neuron(decay=one(), gain=one(), offset=zero(), threshold=one(), reset=Reset.MULTISPIKE)

        layers: dict[str, Layer] = {
            "features": Linear(weight=self.features),
            "feature_spikes": neuron(),
            "places": Linear(weight=self.outputs),
            "place_spikes": neuron(),
        }
        return Model.chain(self.features.shape[1:], layers)


def raster(amplitudes: NDArray[np.float32], steps: int, *, seed: int = 0) -> NDArray[np.float32]:
    """Return float32 (steps, inputs) of 0 and 1: in each step an input fires with the probability of its amplitude."""
    return (np.random.default_rng(seed).random((steps, len(amplitudes))) < amplitudes).astype(np.float32)
