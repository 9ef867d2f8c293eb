"""Learnable delays (Hammouamri et al. 2023, DCLS): Gaussians over time in training, whole steps in the stream."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from eventflow.errors import ParameterError
from eventflow.snn.layers import DelayLinear


class GaussianDelayLinear(torch.nn.Module):  # type: ignore[misc]
    """A connection each of whose synapses has a weight and a position in time, both learned.

    y_o(t) = sum_i weight[o, i] sum_d k[o, i, d] x_i(t - d), k a Gaussian of width sigma around position[o, i], with sum
    1 over d = 0 … steps - 1. Sigma is shared and shrinks in training, from steps / 2 down to 0.23 (`anneal`), until
    rounding the positions (`described`) changes next to nothing.
    """

    def __init__(self, inputs: int, outputs: int, *, steps: int, bias: bool = False) -> None:
        super().__init__()
        if steps < 1:
            raise ParameterError(f"steps is {steps}, a delay line has at least one")
        self.steps = steps
        self.weight = torch.nn.Parameter(torch.empty(outputs, inputs))
        torch.nn.init.kaiming_uniform_(self.weight, nonlinearity="relu")
        self.position = torch.nn.Parameter(torch.rand(outputs, inputs) * (steps - 1))
        self.bias = torch.nn.Parameter(torch.zeros(outputs)) if bias else None
        self.sigma = steps / 2

    def anneal(self, epoch: int, epochs: int) -> None:
        """Set sigma for `epoch` of `epochs`: exponentially from steps / 2 to 0.23 over the first quarter, then 0.23."""
        part = min(1.0, epoch / max(1.0, epochs / 4))
        self.sigma = max(self.steps / 2, 0.23) * (0.23 / max(self.steps / 2, 0.23)) ** part

    def kernel(self) -> Tensor:
        """Return (outputs, inputs, steps): what each synapse gives to each age of its input."""
        ages = torch.arange(self.steps, dtype=self.weight.dtype)
        away = (ages - self.position.clamp(0, self.steps - 1)[..., None]) / self.sigma
        return self.weight[..., None] * torch.softmax(-0.5 * away**2, -1)

    def forward(self, x: Tensor) -> Tensor:
        """Return y (T, batch, outputs) for x (T, batch, inputs); before the first step there was nothing."""
        padded = functional.pad(x.permute(1, 2, 0), (self.steps - 1, 0))
        return functional.conv1d(padded, self.kernel().flip(-1), self.bias).permute(2, 0, 1)

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def described(self) -> DelayLinear:
        """Return the connection with positions rounded to whole steps: what a stream runs."""
        delay = self.position.clamp(0, self.steps - 1).round().long()
        bias = None if self.bias is None else self.bias.numpy().copy()
        return DelayLinear(weight=self.weight.numpy().copy(), delay=delay.numpy(), bias=bias)
