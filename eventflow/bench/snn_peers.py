"""The same network in the libraries that others use: an IF that resets to zero, one step a call, state kept."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from eventflow.bench import peers
from eventflow.snn.layers import Conv2d, Flatten, Linear, SumPool2d
from eventflow.snn.neuron import Neuron

if TYPE_CHECKING:
    from eventflow.snn.model import Model
    from eventflow.snn.neuron import Array


class Stepper(Protocol):
    """A network that is stepped: inputs are made ready outside the clock."""

    def ready(self, frames: Array) -> Any:
        """Return the steps' inputs (T, C, H, W) as the library wants them."""
        ...

    def run(self, frames: Any) -> Array:
        """Forget everything, run every step by a call of its own, return the outputs (T, N)."""
        ...


class TorchStepper:
    """A chain of torch modules with a library's neurons among them."""

    def __init__(self, library: str, model: Model) -> None:
        import torch

        torch.set_num_threads(1)
        self._torch = torch
        self._library = library
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._layers = [self._layer(model.layers[name]) for name in model.order]

    def ready(self, frames: Array) -> Any:
        """Return a tensor a step."""
        return [self._torch.from_numpy(frame[None].copy()) for frame in frames]

    def run(self, frames: Any) -> Array:
        """Return the outputs of all steps."""
        outputs = []
        states: list[Any] = [None] * len(self._layers)
        with self._torch.inference_mode():
            for layer in self._layers:
                layer.forget()
            for frame in frames:
                x = frame
                for k, layer in enumerate(self._layers):
                    x, states[k] = layer(x, states[k])
                outputs.append(x)
        return np.asarray(self._torch.cat(outputs).numpy())

    def _layer(self, layer: Any) -> Any:
        nn, torch = self._torch.nn, self._torch
        if isinstance(layer, Neuron):
            return _NEURONS[self._library]()
        made: Any
        if isinstance(layer, Conv2d):
            out, into = layer.weight.shape[0], layer.weight.shape[1] * layer.groups
            options = {"stride": layer.stride, "padding": (layer.padding[0][0], layer.padding[1][0])}
            made = nn.Conv2d(into, out, layer.weight.shape[2:], groups=layer.groups, bias=False, **options)
            made.weight.data = torch.from_numpy(layer.weight.astype(np.float32))
        elif isinstance(layer, Linear):
            made = nn.Linear(layer.weight.shape[1], layer.weight.shape[0], bias=False)
            made.weight.data = torch.from_numpy(layer.weight.astype(np.float32))
        elif isinstance(layer, SumPool2d):
            pooled = nn.LPPool2d(1, layer.kernel, layer.stride)
            made = pooled
        elif isinstance(layer, Flatten):
            made = nn.Flatten(1)
        else:
            raise TypeError(f"the networks of this benchmark have no {type(layer).__name__}")
        return _Plain(made)


class _Plain:
    def __init__(self, module: Any) -> None:
        self._module = module

    def __call__(self, x: Any, state: Any) -> tuple[Any, Any]:
        return self._module(x), None

    def forget(self) -> None:
        """Nothing is remembered."""


class _SpikingJelly:
    def __init__(self) -> None:
        from spikingjelly.activation_based import neuron

        self._cell = neuron.IFNode(v_threshold=1.0, v_reset=0.0, step_mode="s")

    def __call__(self, x: Any, state: Any) -> tuple[Any, Any]:
        return self._cell(x), None

    def forget(self) -> None:
        self._cell.reset()


class _SnnTorch:
    def __init__(self) -> None:
        import snntorch

        self._cell = snntorch.Leaky(beta=1.0, threshold=1.0, reset_mechanism="zero", reset_delay=False)

    def __call__(self, x: Any, state: Any) -> tuple[Any, Any]:
        return tuple(self._cell(x, self._cell.init_leaky() if state is None else state))

    def forget(self) -> None:
        """Its state is given to it."""


class _Norse:
    def __init__(self) -> None:
        from norse.torch.functional.iaf import IAFFeedForwardState, IAFParameters, iaf_feed_forward_step

        self._step, self._state, self._parameters = iaf_feed_forward_step, IAFFeedForwardState, IAFParameters()

    def __call__(self, x: Any, state: Any) -> tuple[Any, Any]:
        return self._step(x, self._state(v=x.new_zeros(x.shape)) if state is None else state, self._parameters)  # type: ignore[no-any-return]

    def forget(self) -> None:
        """Its state is given to it."""


class _Sinabs:
    def __init__(self) -> None:
        import sinabs.layers
        from sinabs.activation import MembraneReset, SingleSpike

        self._cell = sinabs.layers.IAFSqueeze(batch_size=1, spike_fn=SingleSpike, reset_fn=MembraneReset())

    def __call__(self, x: Any, state: Any) -> tuple[Any, Any]:
        return self._cell(x), None

    def forget(self) -> None:
        self._cell.reset_states()


_NEURONS: Any = {"spikingjelly": _SpikingJelly, "snntorch": _SnnTorch, "norse": _Norse, "sinabs": _Sinabs}


def steppers(model: Model) -> tuple[dict[str, Stepper], str]:
    """Return the libraries that are here, and a note on those that are not."""
    found: dict[str, Stepper] = {}
    note = ""
    for library in _NEURONS:
        if peers.load(library) is None:
            note += f"{library} is not installed. "
            continue
        try:
            found[library] = TorchStepper(library, model)
        except Exception as error:  # whatever a peer does, the others are still measured
            note += f"{library} failed: {type(error).__name__}: {str(error)[:120]}. "
    return found, note
