"""Sparse convolution of voxels (Graham et al. 2018, submanifold; E-3DSNN's block): work goes with the active voxels."""

from __future__ import annotations

from itertools import product

import torch
from torch import Tensor

from eventflow.errors import ParameterError


class SubmanifoldConv3d(torch.nn.Module):  # type: ignore[misc]
    """A 3D convolution that puts out only where its input is active, with an odd kernel and zeros around.

    `forward(places, values)`: places (voxels, 3) whole numbers z, y, x, each voxel once; values (voxels, inputs); the
    result (voxels, outputs) belongs to the same places. It equals a dense convolution read at those places.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, *, bias: bool = False) -> None:
        super().__init__()
        if kernel < 1 or kernel % 2 == 0:
            raise ParameterError(f"kernel is {kernel}; it has to be odd, so that it has a middle")
        self.weight = torch.nn.Parameter(torch.empty(outputs, inputs, kernel, kernel, kernel))
        torch.nn.init.kaiming_uniform_(self.weight, a=5**0.5)
        self.bias = torch.nn.Parameter(torch.zeros(outputs)) if bias else None

    def forward(self, places: Tensor, values: Tensor) -> Tensor:
        """Return (voxels, outputs)."""
        outputs, inputs, kernel = self.weight.shape[:3]
        if values.shape != (len(places), inputs) or places.shape[1:] != (3,):
            raise ParameterError(
                f"places {tuple(places.shape)} and values {tuple(values.shape)} do not fit: expected (voxels, 3) and "
                f"(voxels, {inputs})"
            )
        result = values.new_zeros(len(places), outputs)
        for at, (target, source) in zip(product(range(kernel), repeat=3), neighbours(places, kernel), strict=True):
            if len(target):
                weight = self.weight[(slice(None), slice(None), *at)]
                result = result.index_add(0, target, values[source] @ weight.T)
        return result if self.bias is None else result + self.bias


def neighbours(places: Tensor, kernel: int) -> list[tuple[Tensor, Tensor]]:
    """Return for each offset of the kernel, in C order, the pairs (voxel, its active neighbour there) as indices.

    Raises:
        ParameterError: a voxel is listed twice.
    """
    reach = kernel // 2
    low = places.min(0).values - reach if len(places) else places.new_zeros(3)
    size = places.max(0).values - low + reach + 1 if len(places) else places.new_ones(3)
    keys, order = _key(places - low, size).sort()
    if len(keys) and (keys[1:] == keys[:-1]).any():
        raise ParameterError("a voxel is listed twice; add up its values first")
    pairs = []
    for offset in product(range(-reach, reach + 1), repeat=3):
        wanted = _key(places - low + torch.tensor(offset), size)
        found = torch.searchsorted(keys, wanted).clamp(max=max(len(keys) - 1, 0))
        hit = keys[found] == wanted if len(keys) else wanted.bool()
        pairs.append((hit.nonzero()[:, 0], order[found[hit]]))
    return pairs


def _key(places: Tensor, size: Tensor) -> Tensor:
    return (places[:, 0] * size[1] + places[:, 1]) * size[2] + places[:, 2]
