"""Filters whose memory is far smaller than the sensor: fast decay over blocks of pixels, two short lists of events."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.errors import ParameterError
from eventflow.kernels.jit import jit
from eventflow.kernels.verdicts import Verdicts, settle
from eventflow.kernels.words import words_of, x_of, y_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eventflow.events import Events

_NEVER = -(1 << 62)
_ENTRIES = 4096
_SPANS = 64
_EMPTY = -(1 << 20)


def decay_memory(width: int, height: int, block: int = 4) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the memory of `fast_decay`: time of the last event and count of each block of `block` x `block` pixels.

    Returns:
        int64 and float64, both of shape (ceil(height / block), ceil(width / block)).
    """
    shape = (-(-height // block), -(-width // block))
    return np.full(shape, _NEVER, np.int64), np.zeros(shape, np.float64)


def fast_decay(
    events: Events,
    memory: tuple[NDArray[np.int64], NDArray[np.float64]],
    half_life: int,
    *,
    block: int = 4,
    threshold: float = 6.0,
    mark: bool = False,
) -> Events:
    """Return the events of blocks of pixels that are busy.

        for e in events:                        # N: one count a block, 0 at first
            N = N * 2^(-dt / half_life) + 1
            keep e if N > threshold

    The rule of dv-processing's FastDecayNoiseFilter. Where time steps back nothing decays.

    Args:
        events: in any order; not written.
        memory: from `decay_memory`; brought up to date.
        half_life: µs, at least 1.
        block: side of a block, px.
        threshold: the count that is too little.
        mark: keep everything and fill `scores` with the count. Signal has the larger scores.

    Raises:
        ParameterError: a parameter or the shape of `memory` is not usable.
    """
    if not 1 <= half_life < 1 << 40:
        raise ParameterError(f"half_life is {half_life} µs, expected at least 1")
    if block < 1 or memory[0].shape != (-(-events.height // block), -(-events.width // block)):
        raise ParameterError(
            f"the memory has {memory[0].shape} blocks; make it with decay_memory(width, height, {block})"
        )
    coarse, fine, shift = decay_tables(half_life, 2.0)
    found = Verdicts(events, mark=mark)
    rows, columns = (_block_of(size, block) for size in (events.height, events.width))
    found.count = _fast_decay(
        words_of(events), *memory, rows * memory[0].shape[1], columns, coarse, fine, shift, threshold, *found.room()
    )
    return found.result()


@lru_cache(maxsize=16)
def _block_of(size: int, block: int) -> NDArray[np.int64]:
    return np.arange(size) // block


@lru_cache(maxsize=16)
def decay_tables(span: int, base: float) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """Return tables whose product is `base ** (-dt / span)` for whole µs, and the bits of dt that the second takes.

    `coarse[min(dt >> bits, len(coarse) - 1)] * fine[dt & (1 << bits) - 1]`; 0 from 64 spans on.
    """
    longest = _SPANS * span
    shift = max((longest // _ENTRIES).bit_length(), 1)
    coarse = base ** (-(np.arange((longest >> shift) + 2) << shift) / span)
    coarse[-1] = 0.0
    return coarse, base ** (-np.arange(1 << shift) / span), shift


@jit
def _fast_decay(
    words: Any,
    times: Any,
    counts: Any,
    rows: Any,
    columns: Any,
    coarse: Any,
    fine: Any,
    shift: Any,
    threshold: Any,
    kept: Any,
    mask: Any,
    scores: Any,
) -> Any:
    last, levels = times.reshape(-1), counts.reshape(-1)
    low = np.uint64((1 << shift) - 1)
    end = np.uint64(len(coarse) - 1)
    at = 0
    for i in range(len(words) // 2):
        t, place = words[2 * i], words[2 * i + 1]
        block = np.uint64(rows[y_of(place)] + columns[x_of(place)])
        since = np.uint64(max(t - last[block], 0))
        decay = coarse[min(since >> np.uint64(shift), end)] * fine[since & low]
        level = levels[block] * decay + 1.0
        last[block], levels[block] = t, level
        at = settle(i, t, place, level > threshold, at, kept, mask)
        if scores is not None:
            scores[i] = level
    return at // 2


def window_memory(size: int) -> NDArray[np.int64]:
    """Return the memory of `double_window` for two lists of `size` events, both empty.

    Returns:
        int64, shape (2 size + 2, 2): x and y of the events taken for real, then of those taken for noise, and in the
        last two rows where each list goes on.
    """
    memory = np.full((2 * size + 2, 2), _EMPTY, np.int64)
    memory[-2:] = 0
    return memory


def double_window(
    events: Events, memory: NDArray[np.int64], *, radius: int = 9, k: int = 1, mark: bool = False
) -> Events:
    """Return the events near to some of the last real or noisy ones, wherever in time these were.

        for e in events:
            support = [f for f in (*last_real, *last_noise) if |f.x - e.x| + |f.y - e.y| < radius]
            keep e if len(support) >= k, and append it to the list of its kind, whose oldest event leaves

    Lists are empty at first. Guo et al. 2020, "DVS noise filter with two windows" in its constant-memory form.

    Args:
        events: in any order; not written.
        memory: from `window_memory`; brought up to date.
        radius: reach, px, city-block.
        k: how many events must be near.
        mark: keep everything and fill `scores` with the distance of the k-th nearest, px, inf where there is none.
            Signal has the smaller scores.

    Raises:
        ParameterError: a parameter is not usable.
    """
    size = len(memory) // 2 - 1
    if size < 1 or memory.shape != (2 * size + 2, 2):
        raise ParameterError(f"the memory has shape {memory.shape}; make it with window_memory(size)")
    if not 1 <= k <= 2 * size:
        raise ParameterError(f"k is {k}, expected 1 to {2 * size}, the number of events remembered")
    found = Verdicts(events, mark=mark)
    found.count = _double_window(words_of(events), memory, size, radius, k, *found.room())
    return found.result()


@jit
def _double_window(words: Any, memory: Any, size: Any, radius: Any, k: Any, kept: Any, mask: Any, scores: Any) -> Any:
    nearest = np.empty(k, np.int64)
    # columns of their own, so that eight distances are one vector
    xs, ys = memory[: 2 * size, 0].astype(np.int32), memory[: 2 * size, 1].astype(np.int32)
    at = 0
    for i in range(len(words) // 2):
        t, place = words[2 * i], words[2 * i + 1]
        x, y = np.int32(x_of(place)), np.int32(y_of(place))
        near = 0
        for j in range(2 * size):
            near += abs(xs[j] - x) + abs(ys[j] - y) < radius
        keep = near >= k
        if scores is not None:
            scores[i] = _kth_distance(xs, ys, x, y, nearest)
        which = 0 if keep else 1
        head = memory[2 * size + which, 0]
        entry = which * size + head
        xs[entry], ys[entry] = x, y
        memory[2 * size + which, 0] = head + 1 if head + 1 < size else 0
        at = settle(i, t, place, keep, at, kept, mask)
    memory[: 2 * size, 0], memory[: 2 * size, 1] = xs, ys
    return at // 2


@jit
def _kth_distance(xs: Any, ys: Any, x: Any, y: Any, nearest: Any) -> Any:
    nearest[:] = -_EMPTY // 2
    for j in range(len(xs)):
        distance = np.int64(abs(xs[j] - x)) + np.int64(abs(ys[j] - y))
        spot = len(nearest) - 1
        if distance < nearest[spot]:
            while spot > 0 and nearest[spot - 1] > distance:
                nearest[spot] = nearest[spot - 1]
                spot -= 1
            nearest[spot] = distance
    return np.inf if nearest[-1] == -_EMPTY // 2 else float(nearest[-1])
