"""Neurons to train, in plain torch: `out, state = cell(x, state)`, x (batch, *shape), all state in a dict.

Every cell keeps to the step defined in `eventflow.snn.neuron`; `described()` returns it as a Neuron that engines run.
How it is trained is said by its surrogate gradient and by `detach_reset`, which keeps the reset out of the gradient.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from eventflow.errors import ParameterError
from eventflow.snn.neuron import Fires, Neuron, Reset
from eventflow.snn.surrogate import ATan, Surrogate, spike
from eventflow.snn.torch_neuron import COEFFICIENTS, NeuronTensors, State, neuron_from_tensors, neuron_step


class Cell(torch.nn.Module):  # type: ignore[misc]
    """A layer of neurons with one threshold; subclasses say what decays and what is added.

    Args:
        threshold: of v, a number or a tensor that broadcasts to the layer.
        reset: what firing does to v.
        v_reset: where `Reset.ZERO` sets v; also where v starts and leaks to.
        fires: whether v exactly at the threshold fires.
        surrogate: the derivative that stands in for the step's; ATan() by default.
        detach_reset: keep the reset out of the gradient.
    """

    def __init__(
        self,
        *,
        threshold: float | Tensor = 1.0,
        reset: Reset | str = Reset.ZERO,
        v_reset: float = 0.0,
        fires: Fires | str = Fires.AT,
        surrogate: Surrogate | None = None,
        detach_reset: bool = False,
    ) -> None:
        super().__init__()
        self.reset, self.fires = Reset(reset), Fires(fires)
        self.surrogate, self.detach_reset = surrogate or ATan(), detach_reset
        self.register_buffer("threshold", torch.as_tensor(threshold))
        self.register_buffer("v_reset", torch.as_tensor(float(v_reset)))

    def start(self, batch: int, shape: tuple[int, ...], dtype: torch.dtype | None = None) -> State:
        """Return the state of `batch` streams that have seen nothing."""
        state = {name: torch.zeros(batch, *shape, dtype=dtype) for name in self._parts()}
        state["v"] += self.v_reset
        return state

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Run one step."""
        return neuron_step(self.tensors(), x, state)

    def tensors(self) -> NeuronTensors:
        """Return the coefficients of a step, with their gradients."""
        values = dict.fromkeys(COEFFICIENTS) | {
            "threshold": self.threshold,
            "v_reset": self.v_reset,
            "v_start": self.v_reset,
            **self._coefficients(),
        }
        return NeuronTensors(
            **values,
            reset=self.reset,
            fires=self.fires,
            surrogate=self.surrogate,
            detach_reset=self.detach_reset,
        )

    def described(self) -> Neuron:
        """Return the neuron with its present values, as engines run it."""
        return neuron_from_tensors(self.tensors())

    def _parts(self) -> tuple[str, ...]:
        return ("v",)

    def _coefficients(self) -> dict[str, Tensor]:
        raise TypeError(f"{type(self).__name__} does not say what a step of it is")


class IFCell(Cell):
    """v = v + x."""

    def _coefficients(self) -> dict[str, Tensor]:
        one = torch.ones((), dtype=self.v_reset.dtype)
        return {"decay": one, "gain": one, "offset": torch.zeros_like(one)}


class LIFCell(Cell):
    """v = v + (x - (v - v_reset)) / tau; without `decay_input` v = v - (v - v_reset) / tau + x; tau > 1, in steps."""

    def __init__(self, tau: float = 2.0, *, decay_input: bool = True, **options: Any) -> None:
        super().__init__(**options)
        if tau <= 1:
            raise ParameterError(f"tau is {tau} steps, it has to be above 1")
        self.decay_input = decay_input
        self._set_tau(tau)

    def rate(self) -> Tensor:
        """Return 1 / tau."""
        return self.fixed_rate

    def _set_tau(self, tau: float) -> None:
        self.register_buffer("fixed_rate", torch.as_tensor(1 / tau, dtype=torch.float64))

    def _coefficients(self) -> dict[str, Tensor]:
        rate = self.rate()
        gain = rate if self.decay_input else torch.ones_like(rate)
        return {"decay": 1 - rate, "gain": gain, "offset": self.v_reset * rate}


class PLIFCell(LIFCell):
    """A LIFCell that learns its time constant: 1 / tau = sigmoid(w), one w a layer (Fang et al. 2021)."""

    def rate(self) -> Tensor:
        """Return 1 / tau."""
        return torch.sigmoid(self.w)

    def _set_tau(self, tau: float) -> None:
        self.w = torch.nn.Parameter(-torch.log(torch.tensor(tau - 1.0)))


class CubaLIFCell(Cell):
    """i = current_decay i + x, v = decay v + i."""

    def __init__(self, current_decay: float = 0.5, decay: float = 0.5, **options: Any) -> None:
        super().__init__(**options)
        self.register_buffer("current_decay", torch.as_tensor(float(current_decay)))
        self.register_buffer("decay", torch.as_tensor(float(decay)))

    def _parts(self) -> tuple[str, ...]:
        return ("v", "i")

    def _coefficients(self) -> dict[str, Tensor]:
        one = torch.ones_like(self.decay)
        currents = {"current_decay": self.current_decay, "current_gain": one}
        return {"decay": self.decay, "gain": one, "offset": torch.zeros_like(one), **currents}


class AdaptiveLIFCell(LIFCell):
    """A LIFCell whose threshold rises by strength a, a = rho a + (1 - rho) spike (Bellec et al. 2018)."""

    def __init__(self, tau: float = 2.0, *, rho: float = 0.95, strength: float = 1.8, **options: Any) -> None:
        super().__init__(tau, **options)
        self.register_buffer("rho", torch.as_tensor(float(rho)))
        self.register_buffer("strength", torch.as_tensor(float(strength)))

    def _parts(self) -> tuple[str, ...]:
        return ("v", "a")

    def _coefficients(self) -> dict[str, Tensor]:
        adaptation = {
            "adaptation_decay": self.rho,
            "adaptation_jump": 1 - self.rho,
            "adaptation_strength": self.strength,
        }
        return super()._coefficients() | adaptation


class MPBNLIFCell(LIFCell):
    """A LIFCell that fires on its batch-normalised v (Guo et al. 2023, MPBN); v itself stays as it is.

    x is (batch, channels, …). `described()` folds the normalisation with its running statistics into one threshold a
    channel: (threshold - beta) sqrt(var + eps) / gamma + mean; every gamma has to be above 0.
    """

    def __init__(self, channels: int, tau: float = 4 / 3, *, dimensions: int = 2, **options: Any) -> None:
        super().__init__(tau, decay_input=False, **options)
        kinds = {0: torch.nn.BatchNorm1d, 1: torch.nn.BatchNorm1d, 2: torch.nn.BatchNorm2d}
        self.norm, self.dimensions = kinds[dimensions](channels), dimensions

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Run one step, normalising with the batch in training and with running statistics else."""
        neuron = self.tensors()
        v = neuron.decay * state["v"] + neuron.gain * x + neuron.offset
        out = spike(self.norm(v) - self.threshold, self.surrogate, at=self.fires is Fires.AT)
        gone = out.detach() if self.detach_reset else out
        return out, {"v": (1 - gone) * v + gone * self.v_reset}

    def described(self) -> Neuron:
        """Return the folded neuron. Raises ParameterError where a gamma is not above 0."""
        return fold_mpbn(self)


def fold_mpbn(cell: MPBNLIFCell) -> Neuron:
    """Return `cell` with its normalisation folded into the threshold: the same spikes without the normalisation.

    Raises:
        ParameterError: a gamma is not above 0, so that more v would mean less; or the reset is not to zero.
    """
    norm = cell.norm
    if (norm.weight <= 0).any():
        raise ParameterError(f"{int((norm.weight <= 0).sum())} gammas are not above 0: such a channel cannot be folded")
    if cell.reset is not Reset.ZERO:
        raise ParameterError(f"the reset is {cell.reset.value}: only zero leaves v as it is without the normalisation")
    mean, std = norm.running_mean.double(), (norm.running_var.double() + norm.eps).sqrt()
    level = (cell.threshold.double() - norm.bias.double()) * std / norm.weight.double() + mean
    tensors = cell.tensors()
    tensors.threshold = level.detach().reshape(-1, *[1] * cell.dimensions)
    return neuron_from_tensors(tensors)
