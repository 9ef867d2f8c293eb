"""A Model in torch: to train it, and as the dense reference engine that every other engine is held against."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.errors import ParameterError, missing_extra
from eventflow.snn.checked_input import checked_step, require_discrete
from eventflow.snn.model import INPUT, Model

try:
    import torch
except ImportError:
    raise missing_extra("torch", "snn", "the torch engine of spiking networks") from None

from eventflow.snn.torch_layers import part_of
from eventflow.snn.torch_threads import one_thread

if TYPE_CHECKING:
    from torch import Tensor

    from eventflow.snn.engine import State as Arrays
    from eventflow.snn.neuron import Array
    from eventflow.snn.surrogate import Surrogate
    from eventflow.snn.torch_neuron import State

_DTYPES = {"float32": torch.float32, "float64": torch.float64}


class TorchNetwork(torch.nn.Module):  # type: ignore[misc]
    """A discrete Model as a torch module with explicit state.

    Weights, biases and scales are parameters, and of the neurons' coefficients those named in `learned` ("decay",
    "threshold", …). `step(x, state)` runs one step of (batch, *input_shape), `forward(x, state)` a sequence
    (T, batch, *input_shape), layer by layer where the network has no feedback. `described()` is the Model with the
    present parameters.
    """

    def __init__(
        self,
        model: Model,
        dtype: str = "float32",
        *,
        surrogate: Surrogate | None = None,
        learned: tuple[str, ...] = (),
    ) -> None:
        super().__init__()
        require_discrete(model)
        if dtype not in _DTYPES:
            raise ParameterError(f"dtype is {dtype!r}, expected one of {list(_DTYPES)}")
        self.model, self.dtype = model, _DTYPES[dtype]
        self.names = list(model.order)
        self.parts = torch.nn.ModuleList(
            part_of(model.layers[name], self.dtype, surrogate, learned) for name in self.names
        )

    def start(self, batch: int = 1) -> State:
        """Return the state of `batch` streams that have seen nothing."""
        state = {
            name: torch.zeros(batch, *shape, dtype=self.dtype) for name, shape in self.model.state_shapes().items()
        }
        for name, part in zip(self.names, self.parts, strict=True):
            if hasattr(part, "v_start"):
                state[f"{name}.v"] = part.v_start.expand_as(state[f"{name}.v"]).clone()
        return state

    def step(self, x: Tensor, state: State, record: dict[str, Tensor] | None = None) -> tuple[Tensor, State]:
        """Run one step of x (batch, *input_shape); `record`, if given, gets every layer's output."""
        outputs = {INPUT: x}
        fresh: State = {}
        for name, part in zip(self.names, self.parts, strict=True):
            values = [state[f"{a}.out"] if back else outputs[a] for a, back in self.model.sources[name]]
            outputs[name], after = part(_total(values), _own(state, name))
            fresh |= {f"{name}.{key}": value for key, value in after.items()}
        for key in state:
            if key.endswith(".out"):
                fresh[key] = outputs[key[: -len(".out")]]
        if record is not None:
            record.update(outputs)
        return outputs[self.model.output], fresh

    def forward(
        self, x: Tensor, state: State | None = None, record: dict[str, Tensor] | None = None
    ) -> tuple[Tensor, State]:
        """Run the steps of x (T, batch, *input_shape) and return (outputs (T, batch, …), state).

        `record`, if given, gets every layer's outputs; a network with feedback does not fill it.
        """
        state = self.start(x.shape[1]) if state is None else state
        if self.model.feedback or not len(x):
            outputs = []
            for frame in x:
                out, state = self.step(frame, state)
                outputs.append(out)
            return torch.stack(outputs) if outputs else x.new_zeros(0, x.shape[1], *self.model.output_shape), state
        return self._layer_by_layer(x, state, record)

    def described(self) -> Model:
        """Return the Model with the present values of all parameters."""
        layers = {name: part.described() for name, part in zip(self.names, self.parts, strict=True)}
        return replace(self.model, layers={name: layers[name] for name in self.model.layers})

    def _layer_by_layer(self, x: Tensor, state: State, record: dict[str, Tensor] | None) -> tuple[Tensor, State]:
        outputs = {INPUT: x}
        fresh: State = {}
        for name, part in zip(self.names, self.parts, strict=True):
            total = _total([outputs[source] for source, _ in self.model.sources[name]])
            if part.stateless:
                outputs[name] = part.passed(total.flatten(0, 1)).unflatten(0, total.shape[:2])
                continue
            own, frames = _own(state, name), []
            for frame in total:
                out, own = part(frame, own)
                frames.append(out)
            outputs[name] = torch.stack(frames)
            fresh |= {f"{name}.{key}": value for key, value in own.items()}
        if record is not None:
            record.update(outputs)
        return outputs[self.model.output], fresh


class TorchEngine:
    """The reference `Engine`: plain torch, dense, float32 or float64."""

    def __init__(self, model: Model, dtype: str = "float32") -> None:
        self.model = model
        self._network = TorchNetwork(model, dtype).requires_grad_(False)
        self._numpy = np.dtype(dtype)

    def start(self, batch: int = 1) -> Arrays:
        """Return the state of `batch` streams that have seen nothing."""
        return _arrays(self._network.start(batch))

    def step(self, x: Array, state: Arrays) -> tuple[Array, Arrays]:
        """Run one step, see `Engine`."""
        record, state = self.layers(x, state)
        return record[self.model.output], state

    def layers(self, x: Array, state: Arrays) -> tuple[dict[str, Array], Arrays]:
        """Run one step and return every layer's output by name, and the state."""
        frame, single = checked_step(self.model, x, state, self._numpy)
        record: dict[str, Tensor] = {}
        with one_thread(), torch.inference_mode():
            _, after = self._network.step(torch.from_numpy(frame), _tensors(state), record)
        outputs = {name: value.numpy()[0] if single else value.numpy() for name, value in record.items()}
        return outputs, _arrays(after)

    def run(self, inputs: Array, state: Arrays) -> tuple[Array, Arrays]:
        """Run T steps, see `Engine`; the same as T calls of `step`."""
        outputs = []
        with one_thread():
            for frame in inputs:
                out, state = self.step(frame, state)
                outputs.append(out)
        batch = np.shape(inputs)[1 : np.ndim(inputs) - len(self.model.input_shape)]
        empty = np.zeros((0, *batch, *self.model.output_shape), self._numpy)
        return np.stack(outputs) if outputs else empty, state


def _own(state: State, name: str) -> State:
    begin = len(name) + 1
    return {key[begin:]: value for key, value in state.items() if key.rpartition(".")[0] == name}


def _total(values: list[Any]) -> Any:
    total = values[0]
    for value in values[1:]:
        total = total + value
    return total


def _tensors(state: Arrays) -> State:
    return {name: torch.from_numpy(value) for name, value in state.items()}


def _arrays(state: State) -> Arrays:
    return {name: value.numpy() for name, value in state.items()}
