"""A network of rates, run seldom, that sets the membrane potentials of a spiking network which runs at every step.

After Aydin et al. 2024, "A hybrid ANN-SNN architecture for low-power and low-latency visual perception": the spiking
network then needs no time to find its working point. `rate_states` derives the rates from the spiking network's own
weights; `OnnxStates` asks a trained network of the user's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from eventflow.errors import ParameterError, missing_extra
from eventflow.snn.fan_out import fan_outs
from eventflow.snn.neuron import Neuron
from eventflow.snn.streamed import Streamed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from eventflow.snn.engine import Engine
    from eventflow.snn.model import Model
    from eventflow.snn.neuron import Array
    from eventflow.snn.stepping import Run


class States(Protocol):
    """Returns for the mean input of a step, shape (*input_shape), the potential of each layer of neurons by name."""

    def __call__(self, mean_input: Array) -> dict[str, Array]:
        """Return name -> v, each of its layer's shape."""


class RateStates:
    """The steady state that a constant input brings a chain of neurons to, as rates; needs torch.

    With a drive i (gain · input + offset) and a decay d below 1, a neuron that i / (1 - d) does not lift to its
    threshold rests at exactly that; one that it does fires about (i - (1 - d) threshold / 2) / threshold times a step,
    and is on average half way to its threshold.

    Raises:
        ParameterError: a neuron with a synaptic current or an adaptive threshold, or feedback: no such state is known.
    """

    def __init__(self, model: Model) -> None:
        from eventflow.snn.torch_network import TorchNetwork

        for name, layer in model.layers.items():
            if isinstance(layer, Neuron) and (layer.current_decay is not None or layer.adaptation_decay is not None):
                raise ParameterError(
                    f"layer {name!r}: rates are known for neurons without synaptic current or adaptation"
                )
        if model.feedback:
            raise ParameterError("rates are known for networks without feedback; give a trained network instead")
        self._model, self._parts = model, TorchNetwork(model).requires_grad_(False)

    def __call__(self, mean_input: Array) -> dict[str, Array]:
        """Return name -> v."""
        import torch

        outputs: dict[str, Array] = {"input": np.asarray(mean_input, np.float32)}
        states: dict[str, Array] = {}
        for name, part in zip(self._parts.names, self._parts.parts, strict=True):
            total = sum(outputs[source] for source, _ in self._model.sources[name])
            layer = self._model.layers[name]
            if isinstance(layer, Neuron):
                states[name], outputs[name] = _steady(layer, np.asarray(total))
            else:
                with torch.inference_mode():
                    outputs[name] = part.passed(torch.from_numpy(np.asarray(total, np.float32))[None]).numpy()[0]
        return states


def _steady(layer: Neuron, total: Array) -> tuple[Array, Array]:
    """Return the potential and the rate (of a layer without threshold: its output) under a constant input."""
    drive = layer.gain * total + layer.offset
    leak = np.broadcast_to(1 - layer.decay, drive.shape)
    if layer.threshold is None:
        rest = np.where(leak > 0, drive / np.where(leak > 0, leak, 1), 0).astype(np.float32)
        return rest, rest
    level = np.broadcast_to(layer.threshold, drive.shape)
    rests = drive <= leak * level
    quiet = np.where(leak > 0, drive / np.where(leak > 0, leak, 1), 0)
    rate = np.where(rests, 0, np.clip((drive - leak * level / 2) / level, 0, 1))
    return np.where(rests, quiet, level / 2).astype(np.float32), rate.astype(np.float32)


class OnnxStates:
    """A trained network: (1, *input_shape) in, v of each layer of neurons out, in the order of the model."""

    def __init__(self, model: Model, path: Path) -> None:
        try:
            import onnxruntime
        except ImportError:
            raise missing_extra("onnxruntime", "onnx", "a hybrid with a trained network") from None
        if not path.is_file():
            raise ParameterError(f"ann: {path}: no such file")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session: Any = onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])
        self._shapes = {n: model.shapes[n] for n in model.order if isinstance(model.layers[n], Neuron)}
        self._input = self._session.get_inputs()[0].name
        outputs = [tuple(each.shape[1:]) for each in self._session.get_outputs()]
        if outputs != list(self._shapes.values()):
            raise ParameterError(
                f"ann: {path}: gives {outputs}, the network's neurons are {list(self._shapes.values())}"
            )

    def __call__(self, mean_input: Array) -> dict[str, Array]:
        """Return name -> v."""
        given = {self._input: np.asarray(mean_input, np.float32)[None]}
        found = self._session.run(None, given)
        return {name: value[0] for name, value in zip(self._shapes, found, strict=True)}


class HybridStreamed(Streamed):
    """A network on a stream whose potentials are set anew at each multiple of a period.

    Args:
        engine: of a discrete model.
        states: gives the potentials for the mean input of the period before.
        period: steps.
        binary: several events of a pixel in one step count as one.

    Attributes:
        runs: how often potentials were set.
    """

    def __init__(self, engine: Engine, states: States, *, period: int, binary: bool = False) -> None:
        super().__init__(engine, binary=binary)
        self._states, self._period = states, period
        self._sum = np.zeros(engine.model.input_shape, np.float64)
        self._seen = self.runs = 0
        self._dense = sum(int(each.sum()) for each in fan_outs(engine.model, zeros=True).values())

    def outputs(self, run: Run) -> Iterator[tuple[int, Array]]:
        """Yield (number of the first step, outputs (T, *output_shape)) of a run."""
        if run.fresh:
            self._sum[:], self._seen = 0, 0
        self._begin(run)
        first = run.first
        for given in run.frames(binary=self._binary):
            frames = given
            while len(frames):
                at = first % self._period
                if at == 0 and self._seen:
                    self._set_anew()
                part, frames = frames[: self._period - at], frames[self._period - at :]
                self._sum += part.sum(axis=0, dtype=np.float64)
                self._seen += len(part)
                yield first, self.compute(part)
                first += len(part)

    def counts(self) -> dict[str, Any]:
        """Return what `Streamed` counts, how often the rates were computed, and their multiply-accumulates."""
        return super().counts() | {"ann_runs": self.runs, "ann_macs": self.runs * self._dense}

    def state(self) -> dict[str, Any]:
        """Return a copy of everything that later results depend on, as plain values."""
        return super().state() | {"sum": self._sum.copy(), "seen": self._seen, "runs": self.runs}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state that `state` returned."""
        super().restore(state)
        self._sum, self._seen, self.runs = np.array(state["sum"]), state["seen"], state["runs"]

    def _set_anew(self) -> None:
        values = self._states((self._sum / self._seen).astype(np.float32))
        self.put({f"{name}.v": value[None].astype(np.float32) for name, value in values.items()})
        self._sum[:], self._seen = 0, 0
        self.runs += 1
