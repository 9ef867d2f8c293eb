"""A convolution as runs of taps: for each input column the outputs reached side by side, and weights in that order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eventflow.snn.engines.fields import LANES
from eventflow.snn.layers import Conv1d, Conv2d

if TYPE_CHECKING:
    from eventflow.snn.neuron import Array, Shape


@dataclass(frozen=True, eq=False)
class Runs:
    """A convolution made ready.

    Attributes:
        weights: (kernel rows, input channels, words): in a row, taps in the order of `_tap_order`, of each the output
            channels (those of the input channel's group), padded to whole lanes where there is one group.
        rows_of, rows: for input row y, rows[rows_of[y] : rows_of[y + 1]] are (output row, kernel row).
        runs_of, runs: for input column x likewise (first output column, first word, taps).
        tap_words: words of a tap.
    """

    weights: Array
    rows_of: Array
    rows: Array
    runs_of: Array
    runs: Array
    tap_words: int


def as_two_dimensional(layer: Conv1d | Conv2d) -> Conv2d:
    """Return the same convolution over (C, 1, L) where it is over (C, L)."""
    if isinstance(layer, Conv2d):
        return layer
    return Conv2d(
        weight=layer.weight[:, :, None, :],
        bias=layer.bias,
        stride=(1, layer.stride),
        padding=((0, 0), layer.padding),
        dilation=(1, layer.dilation),
        groups=layer.groups,
    )


def runs_of(layer: Conv2d, shape: Shape, out: Shape) -> Runs:
    """Return the runs of `layer` on an input of `shape` (C, H, W) with an output of `out`."""
    order = _tap_order(layer.weight.shape[3], layer.stride[1], layer.dilation[1])
    per_tap = layer.weight.shape[0] // layer.groups
    tap_words = per_tap if layer.groups > 1 else -(-per_tap // LANES) * LANES
    rows, runs = [], []
    row_starts, run_starts = [0], [0]
    for y in range(shape[1]):
        rows += [(out_y, k) for k, out_y in _reached(y, layer, 0, out[1])]
        row_starts.append(len(rows))
    for x in range(shape[2]):
        runs += _joined({k: out_x for k, out_x in _reached(x, layer, 1, out[2])}, order, tap_words)
        run_starts.append(len(runs))
    return Runs(
        _laid_out(layer, order, tap_words),
        np.array(row_starts),
        np.array(rows, np.int64).reshape(-1),
        np.array(run_starts),
        np.array(runs, np.int64).reshape(-1),
        tap_words,
    )


def _reached(place: int, layer: Conv2d, axis: int, size: int) -> list[tuple[int, int]]:
    """Return (tap, output place) of all outputs along an axis that the input at `place` reaches."""
    found = []
    for tap in range(layer.weight.shape[2 + axis]):
        shifted = place + layer.padding[axis][0] - tap * layer.dilation[axis]
        if shifted >= 0 and shifted % layer.stride[axis] == 0 and shifted // layer.stride[axis] < size:
            found.append((tap, shifted // layer.stride[axis]))
    return found


def _tap_order(taps: int, stride: int, dilation: int) -> list[int]:
    """Return the taps so that those which one input column uses together stand together, outputs ascending."""
    classes = stride // int(np.gcd(stride, dilation))
    return sorted(range(taps), key=lambda tap: (tap % classes, -tap))


def _joined(reached: dict[int, int], order: list[int], tap_words: int) -> list[tuple[int, int, int]]:
    """Return (first output, first word, taps) of the longest stretches in which outputs and words both go on by one."""
    runs: list[tuple[int, int, int]] = []
    before = None
    for position, tap in enumerate(order):
        out = reached.get(tap)
        if out is not None and before is not None and out == before + 1:
            first, word, taps = runs[-1]
            runs[-1] = (first, word, taps + 1)
        elif out is not None:
            runs.append((out, position * tap_words, 1))
        before = out
    return runs


def _laid_out(layer: Conv2d, order: list[int], tap_words: int) -> Array:
    """Return the weights as (kernel rows, input channels, taps in order x words of a tap)."""
    out, per_group, height, width = layer.weight.shape
    grouped = layer.weight.reshape(layer.groups, out // layer.groups, per_group, height, width)[..., order]
    by_input = grouped.transpose(3, 0, 2, 4, 1).reshape(height, layer.groups * per_group, width, out // layer.groups)
    room = np.zeros((*by_input.shape[:3], tap_words), by_input.dtype)
    room[..., : by_input.shape[3]] = by_input
    return room.reshape(height, layer.groups * per_group, width * tap_words)
