"""Textures of the world: periodic, band-limited, from a seed by arithmetic alone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.kernels.jit import jit
from eventflow.synth.hashing import TEXTURE, key_from_seed, random_uniform

if TYPE_CHECKING:
    from numpy.typing import NDArray

DARKEST, BRIGHTEST = 0.06, 0.9


@jit
def _lattice(key: np.uint64, octave: int, i: int, j: int, columns: int, rows: int) -> float:
    return float(random_uniform(key, TEXTURE + (octave << 8), (j % rows) * columns + i % columns))


@jit
def _smooth(share: float) -> float:
    return share * share * (3.0 - 2.0 * share)


@jit
def add_noise(out: NDArray[np.float64], key: np.uint64, octave: int, cell: float, weight: float) -> None:
    """Add value noise with about `cell` px from knot to knot, periodic over `out`, between 0 and `weight`."""
    height, width = out.shape
    columns, rows = max(int(width / cell + 0.5), 1), max(int(height / cell + 0.5), 1)
    for y in range(height):
        v = y * rows / height
        j, down = int(v), _smooth(v - int(v))
        for x in range(width):
            u = x * columns / width
            i, across = int(u), _smooth(u - int(u))
            top = _lattice(key, octave, i, j, columns, rows) * (1.0 - across)
            top += _lattice(key, octave, i + 1, j, columns, rows) * across
            low = _lattice(key, octave, i, j + 1, columns, rows) * (1.0 - across)
            low += _lattice(key, octave, i + 1, j + 1, columns, rows) * across
            out[y, x] += weight * (top * (1.0 - down) + low * down)


def noise_texture(seed: int, width: int, height: int, *, finest: float = 8.0) -> NDArray[np.float64]:
    """Return four octaves of value noise, float64, shape (height, width), spread over 0 to 1.

    Args:
        seed: of the texture.
        width: period to the right, px.
        height: period down, px.
        finest: px from knot to knot in the finest octave.
    """
    out = np.zeros((height, width))
    for octave, weight in enumerate((0.15, 0.25, 0.3, 0.3)):
        add_noise(out, key_from_seed(seed), octave, finest * 2.0**octave, weight)
    return np.clip(0.5 + 2.0 * (out - 0.5), 0.0, 1.0)


def intensity_from_share(share: NDArray[Any]) -> NDArray[np.float32]:
    """Return intensities spread evenly in their logarithm, as those of natural scenes are: 0 darkest, 1 brightest."""
    return (DARKEST * (BRIGHTEST / DARKEST) ** share).astype(np.float32)


@jit
def sampled(texture: NDArray[np.float32], u: float, v: float) -> float:
    """Return the texture at column `u` and row `v`, interpolated bilinearly, periodic."""
    height, width = texture.shape
    u -= math.floor(u / width) * width
    v -= math.floor(v / height) * height
    i, j = int(u), int(v)
    across, down = u - i, v - j
    # rounding can bring u up to the period itself
    i = i if i < width else 0
    j = j if j < height else 0
    right = i + 1 if i + 1 < width else 0
    below = j + 1 if j + 1 < height else 0
    top = texture[j, i] + across * (texture[j, right] - texture[j, i])
    low = texture[below, i] + across * (texture[below, right] - texture[below, i])
    return float(top + down * (low - top))


@jit
def view_along(texture: NDArray[np.float32], u0: float, v0: float, zoom: float, image: NDArray[np.float32]) -> None:
    """Fill `image` with the periodic texture from (u0, v0) on, `zoom` px of it a pixel: `sampled` without turning.

    The four weights of a pixel are products of one for its row and one for its column, which are found once.
    """
    height, width = image.shape
    rows, columns = texture.shape
    left, right, across = np.empty(width, np.int64), np.empty(width, np.int64), np.empty(width, np.float32)
    for x in range(width):
        u = u0 + x * zoom
        u -= math.floor(u / columns) * columns
        left[x] = int(u) if int(u) < columns else 0
        right[x] = left[x] + 1 if left[x] + 1 < columns else 0
        across[x] = np.float32(u - int(u))
    for y in range(height):
        v = v0 + y * zoom
        v -= math.floor(v / rows) * rows
        j = int(v) if int(v) < rows else 0
        below = j + 1 if j + 1 < rows else 0
        down = np.float32(v - int(v))
        for x in range(width):
            top = texture[j, left[x]] + across[x] * (texture[j, right[x]] - texture[j, left[x]])
            low = texture[below, left[x]] + across[x] * (texture[below, right[x]] - texture[below, left[x]])
            image[y, x] = top + down * (low - top)
