"""A network that knows digits over labelled recordings: how many it gets right, and its spikes against a library's."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.errors import ParameterError, missing_extra
from eventflow.snn.layers import Conv2d, Linear

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from eventflow.snn.engine import Engine
    from eventflow.snn.model import Model
    from eventflow.snn.neuron import Array

_NEEDED = ("x", "y", "p", "t", "offsets", "label")
BATCH = 25
STEPS = 340


class Digits:
    """Labelled recordings of an archive with x, y, p, t (µs), offsets and label, as frames.

    A frame holds whether a pixel had an event in the step, or with `counts` how many. A recording has `steps` steps, so
    that what neurons still hold after the last event comes out; events after them are left out.

    Attributes:
        labels: (recordings,).
    """

    def __init__(self, path: str | Path, count: int | None = None, *, steps: int = STEPS, counts: bool = False) -> None:
        try:
            with np.load(path) as archive:
                data = {name: archive[name] for name in _NEEDED}
        except (OSError, KeyError, ValueError) as error:
            raise ParameterError(f"{path}: not an archive with {', '.join(_NEEDED)}: {error}") from None
        self._data = data
        self._offsets = data["offsets"].astype(np.int64)
        self.labels = data["label"].astype(np.int64)[:count]
        self.steps, self._counts = steps, counts

    def frames(self, begin: int, end: int, model: Model, dtype: str) -> Array:
        """Return the recordings begin … end as (T, recordings, *input_shape), in steps of the model's."""
        if len(model.input_shape) != 3:
            raise ParameterError(f"the network takes {model.input_shape}; events go into (polarities, height, width)")
        frames = np.zeros((self.steps, end - begin, *model.input_shape), dtype)
        _, _, height, width = frames.shape[1:]
        low, high = self._offsets[begin], self._offsets[end]
        x, y, p, t = (self._data[name][low:high].astype(np.int64) for name in "xypt")
        if ((x >= width) | (y >= height) | (p >= frames.shape[2])).any():
            raise ParameterError(f"events lie outside the network's input of {model.input_shape}")
        recording = np.repeat(np.arange(end - begin), np.diff(self._offsets[begin : end + 1]))
        step = (t // (model.step_us or 1.0)).astype(np.int64)
        place = tuple(index[step < self.steps] for index in (step, recording, p, y, x))
        if self._counts:
            np.add.at(frames, place, 1)
        else:
            frames[place] = 1
        return frames

    def batches(self, model: Model, dtype: str) -> Iterator[tuple[slice, Array]]:
        """Yield (which recordings, their frames)."""
        for begin in range(0, len(self.labels), BATCH):
            end = min(begin + BATCH, len(self.labels))
            yield slice(begin, end), self.frames(begin, end, model, dtype)


@dataclass
class Agreement:
    """Two runs compared. layers: name -> (neuron-steps compared, neuron-steps that differ)."""

    ours: Array
    theirs: Array
    layers: dict[str, tuple[int, int]] = field(default_factory=dict)

    def add(self, name: str, mine: Any, other: Any) -> None:
        """Compare the outputs of one layer."""
        compared, differing = self.layers.get(name, (0, 0))
        self.layers[name] = (compared + mine.numel(), differing + int((mine != other).sum()))


def output_counts(engine: Engine, digits: Digits, dtype: str) -> Array:
    """Return (recordings, outputs) spikes of `engine`, one recording after another."""
    model = engine.model
    counts = np.zeros((len(digits.labels), *model.output_shape))
    for index in range(len(counts)):
        frames = digits.frames(index, index + 1, model, dtype)
        counts[index] = engine.run(frames[:, 0], engine.start())[0].sum(0)
    return counts


def correct(counts: Array, digits: Digits) -> int:
    """Return how many recordings have their label as the most active output; the first of equals counts."""
    return int((counts.argmax(1) == digits.labels).sum())


def rounded(model: Model, bits: int = 20) -> Model:
    """Return `model` with weights and biases rounded to multiples of 2^-bits: sums in float64 are then exact."""
    return replace(model, layers={name: _rounded(layer, bits) for name, layer in model.layers.items()})


def against_spikingjelly(
    path: str | Path,
    model: Model,
    digits: Digits,
    dtype: str,
    bits: int | None,
    told: Callable[[int, Agreement], None] = lambda done, agreement: None,
) -> Agreement:
    """Run the NIR graph `path` as `model` here and in spikingjelly, and compare every neuron's every step.

    With `bits` both have their weights rounded; `told` hears of the recordings done so far. spikingjelly resets to zero
    and needs a step of 1 s, because it wants r to be 1 / dt.
    """
    import torch

    from eventflow.snn.torch_network import TorchNetwork
    from eventflow.snn.torch_threads import one_thread

    if bits is not None:
        model = rounded(model, bits)
    network = TorchNetwork(model, dtype).requires_grad_(False)
    oracle = _spikingjelly(path, dtype, bits)
    outputs = (len(digits.labels), *model.output_shape)
    agreement = Agreement(np.zeros(outputs), np.zeros(outputs))
    for which, frames in digits.batches(model, dtype):
        inputs = torch.from_numpy(frames)
        record: dict[str, Any] = {}
        with one_thread(), torch.inference_mode():
            agreement.ours[which] = network(inputs, record=record)[0].sum(0).numpy()
            theirs = oracle(inputs)
        for name, values in theirs.items():
            agreement.add(name, record[name], values)
        agreement.theirs[which] = theirs[model.output].sum(0).numpy()
        told(which.stop, agreement)
    return agreement


def _rounded(layer: Any, bits: int) -> Any:
    if not isinstance(layer, Linear | Conv2d):
        return layer
    bias = None if layer.bias is None else round_to(layer.bias, bits)
    return replace(layer, weight=round_to(layer.weight, bits), bias=bias)


def round_to(values: Array, bits: int) -> Array:
    """Return `values` as float64 multiples of 2^-bits."""
    return np.asarray(np.ldexp(np.rint(np.ldexp(values.astype(np.float64), bits)), -bits))


def _spikingjelly(path: str | Path, dtype: str, bits: int | None) -> Any:
    """Return f(frames (T, n, …)) -> the outputs of every neuron layer by name, of a fresh run in spikingjelly."""
    try:
        import nir
        import torch
        from spikingjelly.activation_based.nir_exchange import import_from_nir
    except ImportError as error:
        raise missing_extra(str(error.name), "snn-peers", "comparing with spikingjelly") from None
    graph = nir.read(path)
    for node in graph.nodes.values():
        if bits is not None and hasattr(node, "weight"):
            node.weight, node.bias = round_to(node.weight, bits), round_to(node.bias, bits)
    module = import_from_nir(graph, dt=1.0, dtype=getattr(torch, dtype))
    neurons = {name: part for name, part in module.named_modules() if type(part).__name__ == "_NIRStatefulModule"}
    frames_of: dict[str, list[Any]] = {}
    for name, part in neurons.items():
        part.register_forward_hook(lambda _part, _inputs, output, name=name: frames_of[name].append(output[0]))

    def run(frames: Any) -> dict[str, Any]:
        frames_of.update({name: [] for name in neurons})
        state = None
        for frame in frames:
            _, state = module(frame, state)
        return {name: torch.stack(values) for name, values in frames_of.items()}

    return run
