"""Weights in few bits, for inference."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from eventflow.errors import ParameterError
from eventflow.snn.fan_out import CONNECTIONS

if TYPE_CHECKING:
    from eventflow.snn.model import Model
    from eventflow.snn.neuron import Array


def quantised(model: Model, *, bits: int, per_channel: bool = False) -> Model:
    """Return the network with every weight on a grid of 2^bits - 1 values, symmetric about 0; biases stay.

    The grid of a layer (or of each of its outputs) reaches its largest weight: k · largest / (2^(bits-1) - 1) for whole
    k. Values are rounded to the nearest, ties to even; they stay floats, equal to what integer weights and one scale
    give.

    Raises:
        ParameterError: bits outside 2 to 16.
    """
    if not 2 <= bits <= 16:
        raise ParameterError(f"bits is {bits}, expected 2 to 16")
    layers = {
        name: replace(layer, weight=_on_grid(layer.weight, bits, per_channel))
        if isinstance(layer, CONNECTIONS)
        else layer
        for name, layer in model.layers.items()
    }
    return replace(model, layers=layers)


def _on_grid(weight: Array, bits: int, per_channel: bool) -> Array:
    axes = tuple(range(1, weight.ndim)) if per_channel else tuple(range(weight.ndim))
    step = np.abs(weight).max(axis=axes, keepdims=True) / (2 ** (bits - 1) - 1)
    step = np.where(step == 0, 1, step).astype(weight.dtype)
    return np.asarray(np.rint(weight / step) * step, weight.dtype)
