"""The loops of AEDAT 1 and 2: big-endian pairs of a 32-bit address and a 32-bit time."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from eventflow.kernels.jit import jit

# Slots of the state: µs to add, the last record's 32-bit time, the last event's time, and counts.
EPOCH, LAST, LAST_EVENT, STEPS_BACK, OUTSIDE, WRAPS, SPECIAL, IMU, APS = range(9)
SLOTS: Final = 9

# Slots of the layout: masks and shifts of an address, how a coordinate is turned (a + b * raw), the sensor's size.
X_SHIFT, X_MASK, Y_SHIFT, Y_MASK, P_SHIFT, P_FLIP, PLAIN_MASK, X_FROM, X_STEP, Y_FROM, Y_STEP, WIDTH, HEIGHT, NOISE = (
    range(14)
)
LAYOUT_SLOTS: Final = 14
DAVIS_SPECIAL: Final = 1 << 10
IMU_MASK: Final = 0x8000_0C00

_HALF_US: Final = 1 << 31  # a larger fall is the end of the 32-bit time, a smaller one a step back
_WRAP_US: Final = 1 << 32
_BLOCK: Final = 64  # records judged at once


@jit
def _swapped(v: Any) -> Any:  # pragma: no cover
    return (v >> 24) | ((v >> 8) & 0xFF00) | ((v << 8) & 0xFF0000) | ((v << 24) & 0xFF000000)


@jit
def _address(word: Any) -> Any:  # pragma: no cover
    return np.int64(_swapped(np.uint64(word) & np.uint64(0xFFFFFFFF)))


@jit
def decode(  # pragma: no cover
    words: Any, i: int, out: Any, labels: Any, n: int, cap: int, layout: Any, state: Any
) -> Any:
    """Decode records words[i:] into out[2n:2cap] (pairs: an event's two halves); return where both stopped.

    Args:
        words: int64, a record each: address and time, both big-endian.
        i: record to begin with.
        out: int64, written.
        labels: uint8, shape (cap,), written, or (0,).
        n: events in `out`.
        cap: room in `out`.
        layout: int64, shape (LAYOUT_SLOTS,).
        state: int64, shape (SLOTS,), carried from call to call.
    """
    while i < len(words) and n < cap:
        block = min(len(words) - i, cap - n)
        last = max(state[LAST], state[LAST_EVENT] - state[EPOCH])
        run = _run(words[i : i + block], out[2 * n : 2 * (n + block)], state[EPOCH], last, layout)
        if run:
            if len(labels):
                labels[n : n + run] = 1
            i += run
            n += run
            state[LAST_EVENT] = out[2 * n - 2]
            state[LAST] = state[LAST_EVENT] - state[EPOCH]
        if run < block:
            stop = min(i + _BLOCK, len(words))
            i, n = _each(words[:stop], i, out, labels, n, cap, layout, state)
    return i, n


@jit
def _run(words: Any, out: Any, epoch: int, last: Any, layout: Any) -> int:  # pragma: no cover
    """Decode whole blocks up to the first that holds anything but events in order inside the sensor; return how many.

    A block is judged and written in loops without a branch that run on several records at a time.
    """
    x_shift, x_mask, y_shift, y_mask = layout[X_SHIFT], layout[X_MASK], layout[Y_SHIFT], layout[Y_MASK]
    p_shift, p_flip, mask = layout[P_SHIFT], layout[P_FLIP], layout[PLAIN_MASK]
    x_from, x_step, y_from, y_step = layout[X_FROM], layout[X_STEP], layout[Y_FROM], layout[Y_STEP]
    x_last, y_last = layout[WIDTH] - 1, layout[HEIGHT] - 1
    done = 0
    while done + _BLOCK <= len(words):
        block = words[done : done + _BLOCK]
        room = out[2 * done : 2 * (done + _BLOCK)]
        bad = np.int64(0)
        before = last
        for j in range(_BLOCK):
            word = np.uint64(block[j])
            a = np.int64(_swapped(word & np.uint64(0xFFFFFFFF)))
            t = np.int64(_swapped(word >> np.uint64(32)))
            x, y = (a >> x_shift) & x_mask, (a >> y_shift) & y_mask
            bad |= (x_last - x) | (y_last - y) | -(a & mask)
            room[2 * j] = epoch + t
            room[2 * j + 1] = (
                (x_from + x_step * x) | (y_from + y_step * y) << 16 | (((a >> p_shift) & 1) ^ p_flip) << 32
            )
        bad |= room[0] - epoch - before
        for j in range(1, _BLOCK):
            bad |= room[2 * j] - room[2 * j - 2]
        if bad < 0:
            break
        last = room[2 * _BLOCK - 2] - epoch
        done += _BLOCK
    return done


@jit
def _each(  # pragma: no cover
    words: Any, i: int, out: Any, labels: Any, n: int, cap: int, layout: Any, state: Any
) -> Any:
    """Decode records one by one; like `decode`."""
    epoch, last, last_event = state[EPOCH], state[LAST], state[LAST_EVENT]
    noise = layout[NOISE] != 0
    plain = layout[PLAIN_MASK] & ~np.int64(DAVIS_SPECIAL) if noise else layout[PLAIN_MASK]
    while i < len(words) and n < cap:
        word = np.uint64(words[i])
        a = np.int64(_swapped(word & np.uint64(0xFFFFFFFF)))
        t = np.int64(_swapped(word >> np.uint64(32)))
        i += 1
        if last - t >= _HALF_US:
            epoch += _WRAP_US
            state[WRAPS] += 1
        last = t
        if a & plain:
            if a & IMU_MASK == IMU_MASK:
                state[IMU] += 1
            elif a & (1 << 31):
                state[APS] += 1
            else:
                state[SPECIAL] += 1
            continue
        x, y = (a >> layout[X_SHIFT]) & layout[X_MASK], (a >> layout[Y_SHIFT]) & layout[Y_MASK]
        if x >= layout[WIDTH] or y >= layout[HEIGHT]:
            state[OUTSIDE] += 1
            continue
        state[STEPS_BACK] += epoch + t < last_event
        last_event = epoch + t
        out[2 * n] = last_event
        x, y = layout[X_FROM] + layout[X_STEP] * x, layout[Y_FROM] + layout[Y_STEP] * y
        out[2 * n + 1] = x | y << 16 | (((a >> layout[P_SHIFT]) & 1) ^ layout[P_FLIP]) << 32
        if len(labels):
            labels[n] = 2 if a & DAVIS_SPECIAL else 1
        n += 1
    state[EPOCH], state[LAST], state[LAST_EVENT] = epoch, last, last_event
    return i, n


@jit
def pick(words: Any, mask: int, value: int, out: Any, state: Any) -> int:  # pragma: no cover
    """Write time and address of the records whose address has `value` under `mask` to `out`; return how many.

    Args:
        words: int64, as in `decode`.
        mask: of an address.
        value: what it must hold.
        out: int64, shape (n, 2), as long as `words`.
        state: int64, shape (SLOTS,), carried from call to call.
    """
    n = 0
    for i in range(len(words)):
        word = np.uint64(words[i])
        t = np.int64(_swapped(word >> np.uint64(32)))
        if state[LAST] - t >= _HALF_US:
            state[EPOCH] += _WRAP_US
        state[LAST] = t
        a = np.int64(_swapped(word & np.uint64(0xFFFFFFFF)))
        if a & mask == value:
            out[n, 0] = state[EPOCH] + t
            out[n, 1] = a
            n += 1
    return n


@jit
def encode(halves: Any, start: int, words: Any, state: Any, t0: int, layout: Any) -> Any:  # pragma: no cover
    """Encode events (int64 pairs) from `start` on; return where it stopped, words written, whether it is stuck.

    What cannot be written is a time that a reader of 32 bits would take for another. state[0] is the last time.
    """
    n = 0
    last = max(state[0], 0)
    for i in range(start, len(halves) // 2):
        if n == len(words):
            state[0] = last
            return i, n, False
        t = halves[2 * i] - t0
        turn = last >> 32
        if (last & (_WRAP_US - 1)) - (t & (_WRAP_US - 1)) >= _HALF_US:
            turn += 1
        if t < 0 or t >> 32 != turn:
            state[0] = last
            return i, n, True
        last = t
        second = halves[2 * i + 1]
        x = layout[X_FROM] + layout[X_STEP] * (second & 0xFFFF)
        y = layout[Y_FROM] + layout[Y_STEP] * ((second >> 16) & 0xFFFF)
        p = ((second >> 32) & 1) ^ layout[P_FLIP]
        a = np.uint64(x << layout[X_SHIFT] | y << layout[Y_SHIFT] | p << layout[P_SHIFT])
        words[n] = np.int64(_swapped(a) | _swapped(np.uint64(t & (_WRAP_US - 1))) << np.uint64(32))
        n += 1
    state[0] = last
    return len(halves) // 2, n, False
