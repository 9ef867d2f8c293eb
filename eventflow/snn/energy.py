"""What operations and bits cost: a model of energy, and the bit budget that networks are compared at.

Energies of single operations are those of 45 nm CMOS at 0.9 V (Horowitz 2014), what the field compares with; what a
chip takes besides (clock, leakage, control) is not in them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eventflow.errors import ParameterError

if TYPE_CHECKING:
    from eventflow.snn.metrics import Operations


@dataclass(frozen=True)
class EnergyCosts:
    """Energies in pJ.

    Attributes:
        mac: a multiply-accumulate in float32.
        ac: an accumulate in float32.
        bit: moving a bit of weight from memory to where it is used.
    """

    mac: float = 4.6
    ac: float = 0.9
    bit: float = 0.0


def energy_uj(operations: Operations, costs: EnergyCosts | None = None, *, weight_bits: float = 32) -> float:
    """Return the energy of synaptic operations, µJ: every operation reads one weight."""
    costs = costs or EnergyCosts()
    computing = operations.macs * costs.mac + operations.acs * costs.ac
    return (computing + operations.effective * weight_bits * costs.bit) * 1e-6


def bit_budget(*, steps: int, weight_bits: float, spike_bits: float = 1) -> float:
    """Return T · b_weight · b_spike: what a connection of a spiking network computes with, in bits.

    "Is conventional SNN really efficient?" compares networks at equal budgets. An ANN is the case steps = 1 and
    spike_bits = bits of an activation.

    Raises:
        ParameterError: fewer than one step or bit.
    """
    if min(steps, weight_bits, spike_bits) < 1:
        raise ParameterError(f"steps {steps}, weight bits {weight_bits}, spike bits {spike_bits}: each is at least 1")
    return steps * weight_bits * spike_bits


def activation_bits(steps: int) -> float:
    """Return log2(T + 1): the bits of an activation that T steps of binary spikes stand for."""
    if steps < 1:
        raise ParameterError(f"steps is {steps}, expected at least 1")
    return math.log2(steps + 1)
