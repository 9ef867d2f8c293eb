"""Random numbers by counter: a pure function of (key, stream, counter), so no order of drawing can change a result.

The mixing function is the finaliser of SplitMix64 (Steele et al. 2014, "Fast splittable pseudorandom number
generators").
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.kernels.jit import jit

if TYPE_CHECKING:
    from numpy.typing import NDArray

THRESHOLD_ON = 1
THRESHOLD_OFF = 2
RATE_SPREAD = 3
SHOT = 4
SHOT_START = 9
LEAK_INTERVAL = 5
LEAK_PHASE = 6
LAYOUT = 7
TEXTURE = 8

_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


@jit
def mixed(bits: Any) -> Any:
    """Return 64 bits that depend on every bit of `bits`."""
    bits = (bits ^ (bits >> np.uint64(30))) * _FIRST
    bits = (bits ^ (bits >> np.uint64(27))) * _SECOND
    return bits ^ (bits >> np.uint64(31))


@jit
def stream_key(key: np.uint64, stream: int) -> Any:
    """Return the 64 bits from which `bits_at` draws the numbers of a stream."""
    return mixed(key + _STEP * np.uint64(stream))


@jit
def bits_at(stream: np.uint64, counter: int) -> Any:
    """Return 64 random bits: draw number `counter` of what `stream_key` returned."""
    return mixed(stream + _STEP * (np.uint64(counter) + np.uint64(1)))


@jit
def uniform_from_bits(bits: np.uint64) -> float:
    """Return a number in (0, 1) from 64 bits: never 0, so that its logarithm is finite."""
    return (np.float64(bits >> np.uint64(11)) + 0.5) / 9007199254740992.0


@jit
def random_uniform(key: np.uint64, stream: int, counter: int) -> float:
    """Return a number in (0, 1): draw number `counter` of `stream` under `key`."""
    return float(uniform_from_bits(bits_at(stream_key(key, stream), counter)))


@jit
def random_normal(key: np.uint64, stream: int, counter: int) -> float:
    """Return a standard normal number (Box and Muller 1958), from the draws 2·counter and 2·counter + 1."""
    radius = math.sqrt(-2.0 * math.log(random_uniform(key, stream, 2 * counter)))
    return radius * math.cos(2.0 * math.pi * random_uniform(key, stream, 2 * counter + 1))


@jit
def fill_normal(out: NDArray[np.float64], key: np.uint64, stream: int) -> None:
    """Fill `out`, shape (n,), with standard normal numbers."""
    for i in range(len(out)):
        out[i] = random_normal(key, stream, i)


@jit
def fill_uniform(out: NDArray[np.float64], key: np.uint64, stream: int) -> None:
    """Fill `out`, shape (n,), with numbers in (0, 1)."""
    for i in range(len(out)):
        out[i] = random_uniform(key, stream, i)


def key_from_seed(seed: int) -> Any:
    """Return the key (uint64) of a seed; any int is a seed."""
    return np.uint64(seed & 0xFFFF_FFFF_FFFF_FFFF)


def uniforms(seed: int, stream: int, count: int) -> NDArray[np.float64]:
    """Return `count` numbers in (0, 1), float64, always the same for one seed and stream."""
    out = np.empty(count)
    fill_uniform(out, key_from_seed(seed), stream)
    return out


def normals(seed: int, stream: int, count: int) -> NDArray[np.float64]:
    """Return `count` standard normal numbers, float64, always the same for one seed and stream."""
    out = np.empty(count)
    fill_normal(out, key_from_seed(seed), stream)
    return out
