"""How many synapses an input element of a connection reaches: what one of its spikes costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eventflow.snn.layers import Conv1d, Conv2d, DelayLinear, Linear

if TYPE_CHECKING:
    from eventflow.snn.model import Model
    from eventflow.snn.neuron import Array, Shape

CONNECTIONS = (Linear, DelayLinear, Conv1d, Conv2d)


def fan_outs(model: Model, *, zeros: bool = False) -> dict[str, Array]:
    """Return for each connection the fan-out of every element of its input, int64, of the input's shape.

    Args:
        model: the network.
        zeros: whether connections whose weight is 0 count, too.
    """
    return {
        name: fan_out(layer, model.input_shapes[name], zeros=zeros)
        for name, layer in model.layers.items()
        if isinstance(layer, CONNECTIONS)
    }


def fan_out(layer: Linear | DelayLinear | Conv1d | Conv2d, shape: Shape, *, zeros: bool = False) -> Array:
    """Return how many synapses leave each element of an input of `shape`."""
    there = np.ones(layer.weight.shape, np.int64) if zeros else (layer.weight != 0).astype(np.int64)
    if isinstance(layer, (Linear, DelayLinear)):
        return np.asarray(there.sum(axis=0))
    if isinstance(layer, Conv1d):
        plane = Conv2d(
            weight=layer.weight[:, :, None, :],
            stride=(1, layer.stride),
            padding=((0, 0), layer.padding),
            dilation=(1, layer.dilation),
            groups=layer.groups,
        )
        return fan_out(plane, (shape[0], 1, shape[1]), zeros=zeros)[:, 0]
    return _of_convolution(layer, there, shape)


def _of_convolution(layer: Conv2d, there: Array, shape: Shape) -> Array:
    _, rows, columns = layer.output_shape(shape)
    (top, bottom), (left, right) = layer.padding
    padded = np.zeros((shape[0], shape[1] + top + bottom, shape[2] + left + right), np.int64)
    # outputs of a group that each (input channel, tap) reaches: (groups, channels a group, kh, kw) -> channels
    taps = there.reshape(layer.groups, -1, *there.shape[1:]).sum(axis=1).reshape(shape[0], *there.shape[2:])
    for row in range(taps.shape[1]):
        for column in range(taps.shape[2]):
            y, x = row * layer.dilation[0], column * layer.dilation[1]
            ends = (y + (rows - 1) * layer.stride[0] + 1, x + (columns - 1) * layer.stride[1] + 1)
            seen = padded[:, y : ends[0] : layer.stride[0], x : ends[1] : layer.stride[1]]
            seen += taps[:, row, column, None, None]
    return padded[:, top : top + shape[1], left : left + shape[2]]
