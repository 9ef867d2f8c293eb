"""SpikeSlicer: a small spiking network watches short cells of events and cuts where it first fires.

Cao et al. 2024, "Spiking neural network as adaptive event stream slicer". Three blocks of convolution, group norm, IF
and average pool, then two full layers with IF neurons; thresholds 1, hard reset to 0. Its training is not here: weights
are drawn from a seed or read from a file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow.errors import ParameterError, missing_extra
from eventflow.events import Events
from eventflow.kernels.slices import TimeSlicer
from eventflow.messages import Slice

if TYPE_CHECKING:
    from pathlib import Path

    from eventflow.snn.neuron import Array

_CHANNELS: Final = (2, 16, 32, 64)
_POOLED: Final = 4
_HIDDEN: Final = 512


class SlicerNetwork:
    """The network, with its membrane potentials from one cell to the next; needs torch.

    Args:
        weights: a torch file with the tensors of `parameters()`, read as tensors alone; None: drawn from the seed.
        seed: of the weights that are drawn.
    """

    def __init__(self, weights: Path | None = None, *, seed: int = 0) -> None:
        try:
            import torch
        except ImportError:
            raise missing_extra("torch", "snn", "SpikeSlicer") from None
        self._torch = torch
        self._parameters = _drawn(torch, seed) if weights is None else _read(torch, weights, _drawn(torch, seed))
        self.potentials: list[Array] = []

    def parameters(self) -> dict[str, Array]:
        """Return the weights by name."""
        return {name: value.numpy() for name, value in self._parameters.items()}

    def forget(self) -> None:
        """Begin with all potentials at 0."""
        self.potentials = []

    def step(self, cell: Array) -> bool:
        """Take a cell of counts, float32 (2, height, width); return whether the network fires."""
        torch, known = self._torch, self._parameters
        functional = torch.nn.functional
        before = [torch.from_numpy(each) for each in self.potentials] or [0.0] * 5
        after = []
        with torch.inference_mode():
            x = torch.from_numpy(cell)[None]
            for k in range(3):
                x = functional.conv2d(x, known[f"conv{k}.weight"], known[f"conv{k}.bias"], padding=1)
                x = functional.group_norm(x, _CHANNELS[k + 1], known[f"norm{k}.weight"], known[f"norm{k}.bias"])
                x, potential = _fired(before[k] + x)
                after.append(potential)
                x = functional.avg_pool2d(x, 2) if k < 2 else functional.adaptive_avg_pool2d(x, _POOLED)
            x = x.flatten(1)
            for k in range(2):
                x = functional.linear(x, known[f"full{k}.weight"], known[f"full{k}.bias"])
                x, potential = _fired(before[3 + k] + x)
                after.append(potential)
            self.potentials = [each.numpy() for each in after]
            return bool(x.item())


class SpikeSlicer:
    """Cuts a stream where the network first fires, at the latest after `most` cells; then it forgets.

    A slice begins with a cell that has an event; cells lie at multiples of `cell_us`.

    Args:
        network: the network.
        cell_us: length of a cell, µs.
        most: cells of the longest slice.
    """

    def __init__(self, network: SlicerNetwork, *, cell_us: int, most: int) -> None:
        self._network, self._most = network, most
        # a slice is full before the cells of a gap end
        self._cells = TimeSlicer(cell_us, max_gap=(most + 1) * cell_us)
        self._pending: list[Slice] = []
        self._index = 0
        self.left_out = 0

    def push(self, events: Events) -> list[Slice]:
        """Return the slices that a packet completes."""
        return self._taken(self._cells.push(events))

    def advance(self, t: int) -> list[Slice]:
        """Return the slices that are complete at `t` (µs), though no event came."""
        return self._taken(self._cells.advance(t))

    def finish(self, t_end: int) -> list[Slice]:
        """Return what is cut short."""
        found = self._taken(self._cells.finish(t_end))
        return found + ([self._cut(complete=False)] if self._pending else [])

    def state(self) -> dict[str, Any]:
        """Return what is pending, and the network's potentials."""
        pending = [(each.events, each.t0, each.t1) for each in self._pending]
        potentials = [each.copy() for each in self._network.potentials]
        return {"cells": self._cells.state(), "pending": pending, "potentials": potentials, "index": self._index}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state that `state` returned."""
        self._cells.restore(state["cells"])
        self._pending = [Slice(events, t0, t1, 0) for events, t0, t1 in state["pending"]]
        self._network.potentials = [np.array(each) for each in state["potentials"]]
        self._index = state["index"]

    def _taken(self, cells: list[Slice]) -> list[Slice]:
        found = []
        for cell in cells:
            if not self._pending and not len(cell):
                continue
            self._pending.append(cell)
            if self._network.step(_counts(cell.events)) or len(self._pending) == self._most:
                found.append(self._cut(complete=cell.complete))
        return found

    def _cut(self, *, complete: bool) -> Slice:
        cells, self._pending = self._pending, []
        self._network.forget()
        self._index += 1
        events = Events.concat([each.events for each in cells])
        return Slice(events, cells[0].t0, cells[-1].t1, self._index - 1, complete)


def _counts(events: Events) -> Array:
    places = (events.p.astype(np.int64) * events.height + events.y) * events.width + events.x
    counts = np.bincount(places, minlength=2 * events.height * events.width)
    return counts.reshape(2, events.height, events.width).astype(np.float32)


def _fired(potential: Any) -> tuple[Any, Any]:
    """Return spikes and the potential after them: threshold 1, reset to 0."""
    spikes = (potential >= 1).to(potential.dtype)
    return spikes, potential * (1 - spikes)


def _drawn(torch: Any, seed: int) -> dict[str, Any]:
    """Return weights, uniform and as wide as sqrt(3 / inputs); norms that change nothing."""
    random = np.random.default_rng(seed)

    def uniform(*shape: int) -> Any:
        reach = np.sqrt(3 / np.prod(shape[1:]))
        return torch.from_numpy(random.uniform(-reach, reach, shape).astype(np.float32))

    found = {}
    for k in range(3):
        found[f"conv{k}.weight"] = uniform(_CHANNELS[k + 1], _CHANNELS[k], 3, 3)
        found[f"conv{k}.bias"] = torch.zeros(_CHANNELS[k + 1])
        found[f"norm{k}.weight"] = torch.ones(_CHANNELS[k + 1])
        found[f"norm{k}.bias"] = torch.zeros(_CHANNELS[k + 1])
    for k, (out, into) in enumerate([(_HIDDEN, _CHANNELS[3] * _POOLED**2), (1, _HIDDEN)]):
        found[f"full{k}.weight"], found[f"full{k}.bias"] = uniform(out, into), torch.zeros(out)
    found["full1.weight"] = 0.1 * found["full1.weight"].abs()  # so that it fires at all, after several cells
    return found


def _read(torch: Any, path: Path, wanted: dict[str, Any]) -> dict[str, Any]:
    if not path.is_file():
        raise ParameterError(f"{path}: no such file; expected the weights of a SpikeSlicer, a torch file of tensors")
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
        shapes = {name: tuple(value.shape) for name, value in found.items()}
    except Exception as error:
        raise ParameterError(f"{path}: cannot be read as torch weights: {str(error).splitlines()[0]}") from None
    for name, value in wanted.items():
        if shapes.get(name) != tuple(value.shape):
            raise ParameterError(f"{path}: {name} has shape {shapes.get(name)}, expected {tuple(value.shape)}")
        if not bool(torch.isfinite(found[name]).all()):
            raise ParameterError(f"{path}: {name} holds values that are not finite (NaN or infinity)")
    return {name: found[name].to(torch.float32) for name in wanted}
