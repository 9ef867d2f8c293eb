"""Cells whose training is not a step with a surrogate: UltraLIF, smooth throughout, and the integer I-LIF."""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from eventflow.errors import ParameterError
from eventflow.snn.surrogate import integer_spikes

if TYPE_CHECKING:
    from eventflow.snn.torch_neuron import State


def soft_maximum(values: list[Tensor], eps: Tensor | float) -> Tensor:
    """Return eps log sum exp(values / eps), at least the maximum and at most eps log(count) above it."""
    return eps * torch.logsumexp(torch.stack(torch.broadcast_tensors(*values)) / eps, 0)


_NOTHING = -1e9  # as good as minus infinity, whose derivative by eps would not be a number


class UltraLIFCell(torch.nn.Module):  # type: ignore[misc]
    """UltraLIF: v = LSE_eps(v + log tau, x), s = sigmoid((v - threshold) / eps), v = v (1 - s).

    The derivative is exact: nothing stands in for a step. As eps goes to 0 it is the max-plus recursion
    v = max(v + log tau, x) with a step. `learned` learns eps within [0.1, 20], and tau too with `learned_tau` (PLIF).
    tau 1 is the IF. `neighbours` is the diffusive form (DLIF): v = LSE_eps of v at i - 1, i, i + 1 of the last axis,
    plus x; beyond the ends there is nothing.
    """

    def __init__(
        self,
        tau: float = 0.9,
        *,
        eps: float = 1.0,
        threshold: float = 1.0,
        learned: bool = False,
        learned_tau: bool = False,
        neighbours: bool = False,
    ) -> None:
        super().__init__()
        if tau <= 0 or eps <= 0:
            raise ParameterError(f"tau is {tau} and eps {eps}; both have to be above 0")
        self.threshold, self.neighbours, self.learned = threshold, neighbours, learned
        self.log_tau = torch.nn.Parameter(torch.tensor(log(tau)), requires_grad=learned_tau)
        self.log_eps = torch.nn.Parameter(torch.tensor(log(eps)), requires_grad=learned)

    def start(self, batch: int, shape: tuple[int, ...], dtype: torch.dtype | None = None) -> State:
        """Return the state of `batch` streams that have seen nothing."""
        return {"v": torch.zeros(batch, *shape, dtype=dtype)}

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Run one step; what is put out lies between 0 and 1."""
        eps = self.log_eps.exp().clamp(0.1, 20) if self.learned else self.log_eps.exp()
        v = state["v"]
        v = soft_maximum(_around(v), eps) + x if self.neighbours else soft_maximum([v + self.log_tau, x], eps)
        out = torch.sigmoid((v - self.threshold) / eps)
        return out, {"v": v * (1 - out)}


def _around(v: Tensor) -> list[Tensor]:
    nothing = torch.full_like(v[..., :1], _NOTHING)
    return [torch.cat([nothing, v[..., :-1]], -1), v, torch.cat([v[..., 1:], nothing], -1)]


class IntegerLIFCell(torch.nn.Module):  # type: ignore[misc]
    """I-LIF (Luo et al. 2024): v = decay v + x, s = floor(clip(v, 0, top) + 0.5), v = v - s; derivative 1 in the clip.

    It is trained with whole numbers and runs as `top` binary steps for one: see `unrolled`.
    """

    def __init__(self, top: int = 4, *, decay: float = 0.25) -> None:
        super().__init__()
        if top < 1:
            raise ParameterError(f"top is {top}, expected at least 1 spike a step")
        self.top, self.decay = top, decay

    def start(self, batch: int, shape: tuple[int, ...], dtype: torch.dtype | None = None) -> State:
        """Return the state of `batch` streams that have seen nothing."""
        return {"v": torch.zeros(batch, *shape, dtype=dtype)}

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Run one step; what is put out is 0 to `top`."""
        v = self.decay * state["v"] + x
        out = integer_spikes(v, self.top)
        return out, {"v": v - out}

    def unrolled(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Run one step as `top` binary ones: (top, batch, …) of 0 and 1, and the state.

        All input comes first; then a neuron fires as long as v is at least 0.5, and each spike takes 1. The sum over
        the binary steps is what `forward` puts out, and the next connection, being linear, adds up to the same.
        """
        v = self.decay * state["v"] + x
        steps = []
        for _ in range(self.top):
            fired = (v >= 0.5).to(v.dtype)
            v = v - fired
            steps.append(fired)
        return torch.stack(steps), {"v": v}
