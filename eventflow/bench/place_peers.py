"""VPRTempo and LENS as their packages train and ask them, on the descriptors that our own learners get.

Their scripts need torchvision for reading images; their layers and learning rules need torch alone, and are driven here
as the scripts drive them: example after example, rates falling with the square of what is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow.bench import peers
from eventflow.errors import MissingExtraError

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerRules:
    """What a package's script gives its two layers, and how often it shows each place.

    Attributes:
        feature: arguments of the feature layer.
        output: arguments of the output layer.
        epochs: showings of every place, to either layer.
        anneal_every: steps between two changes of the learning rates.
    """

    feature: dict[str, Any]
    output: dict[str, Any]
    epochs: tuple[int, int]
    anneal_every: int


RULES: Final = {
    "vprtempo": PeerRules(
        feature={
            "thr_range": [0, 0.5],
            "fire_rate": [0.2, 0.9],
            "ip_rate": 0.15,
            "stdp_rate": 0.005,
            "p": [0.1, 0.5],
        },
        output={"ip_rate": 0.15, "stdp_rate": 0.005, "p": [1.0, 1.0], "spk_force": True},
        epochs=(4, 4),
        anneal_every=100,
    ),
    "lens-vpr": PeerRules(
        feature={
            "thr_range": [0, 0.75],
            "fire_rate": [0.4, 0.6],
            "ip_rate": 0.02,
            "stdp_rate": 0.01,
            "p": [0.35, 0.75],
        },
        output={
            "thr_range": [0, 0.5],
            "fire_rate": [0.5, 0.5],
            "ip_rate": 0.02,
            "stdp_rate": 0.01,
            "p": [1.0, 1.0],
            "spk_force": True,
        },
        epochs=(128, 128),
        anneal_every=10,
    ),
}


class PeerLearner:
    """A package's network of one module, trained on the spot.

    Args:
        name: "vprtempo" or "lens-vpr".
        seed: of torch's and numpy's global generators, which the package draws from.
    """

    def __init__(self, name: str, *, seed: int = 0) -> None:
        self._name, self._rules, self._seed = name, RULES[name], seed
        self._layers: list[Any] = []

    def learn(self, amplitudes: NDArray[np.float32]) -> None:
        """Train on one example a place, amplitudes 0..1, float32 (places, inputs)."""
        import torch

        package = peers.load(self._name)
        if package is None:
            raise MissingExtraError(f"{self._name} is not installed: {peers.install_command(self._name)}")
        torch.manual_seed(self._seed)
        np.random.seed(self._seed)
        inputs = torch.from_numpy(amplitudes)
        device = torch.device("cpu")
        places, width = amplitudes.shape
        self._layers = []
        for dims, arguments, epochs in zip(
            ([width, 2 * width], [2 * width, places]),
            (self._rules.feature, self._rules.output),
            self._rules.epochs,
            strict=True,
        ):
            layer = package.SNNLayer(dims=dims, device=device, **arguments)
            with torch.no_grad():
                self._train(package, layer, inputs, epochs)
            self._layers.append(layer)

    def scores(self, amplitudes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return float32 (queries, places): both layers' weights in a row, as the package asks its network."""
        import torch

        with torch.no_grad():
            drive = torch.from_numpy(amplitudes)
            for position, layer in enumerate(self._layers):
                drive = layer.w(torch.relu(drive) if position and self._name == "lens-vpr" else drive)
            return np.asarray(drive.numpy())

    def _train(self, package: Any, layer: Any, inputs: Any, epochs: int) -> None:
        import torch

        steps, step = len(inputs) * epochs, 0
        first_ip, first_stdp = layer.eta_ip.clone(), layer.eta_stdp.clone()
        for _ in range(epochs):
            for index in torch.randperm(len(inputs)):
                spikes = inputs[index][None]
                for before in self._layers:
                    spikes = package.clamp_spikes(before.w(spikes), before)
                drive = layer.w(spikes)
                last = self._layers[-1] if self._layers else None
                clamped = package.clamp_spikes(drive, layer)
                package.calc_stdp(spikes, clamped, drive, layer, index[None], prev_layer=last)
                if step % self._rules.anneal_every == 0:
                    left = ((steps - step) / steps) ** 2
                    layer.eta_ip, layer.eta_stdp = first_ip * left, first_stdp * left
                step += 1
