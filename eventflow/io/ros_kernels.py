"""The loops over the events in ROS messages. Each goes on from item i, and stops where `out` is full.

`mono` and `libcaer` are 8 bytes an event, `libcaer_cmp` 16-bit codes, dvs_msgs/Event 13 bytes in ROS 1 and 16 (the
first one 14) in CDR. Times inside a packet count from its `time_base`, ns. What they mean is documented in
event_camera_codecs; a packet of any of them stands for itself.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from eventflow.kernels.jit import jit

# Slots of the state, which the other encodings share: what is counted, the last event's time, and what a packet's
# codes have said so far.
OUTSIDE, RESERVED, LAST, STEPS_BACK, TURN, HIGH, LOW, COLUMN, ROW, POLARITY, MASK, BEFORE, SLOTS = range(13)
PACKET_SLOTS: Final = slice(TURN, SLOTS)

_TIME_HIGH, _TIME_LOW, _ADDR_X, _ADDR_Y, _BASE_Y, _VECT_8 = range(6)
_TURN_NS: Final = (1 << 31) * 1000
_NS: Final = 1_000_000_000
_ROS1_BYTES, _MOST_CDR_BYTES = 13, 16


@jit
def decode_mono(
    words: Any, i: int, out: Any, n: int, base_ns: int, width: int, height: int, state: Any
) -> Any:  # pragma: no cover
    """Decode int64 words: ns in bits 0-31, x in 32-47, y in 48-62, polarity in 63."""
    room = len(out) // 2
    last, back, outside = state[LAST], 0, 0
    while i < len(words) and n < room:
        w = words[i]
        t = (base_ns + (w & 0xFFFFFFFF)) // 1000
        half = w >> 32
        i += 1
        if half & 0xFFFF >= width or (half >> 16) & 0x7FFF >= height:
            outside += 1
            continue
        out[2 * n] = t
        out[2 * n + 1] = (half & 0x7FFF_FFFF) | (half >> 31 & 1) << 32
        n += 1
        back += t < last
        last = t
    _note(state, last, back, outside)
    return i, n


@jit
def decode_libcaer(
    words: Any, i: int, out: Any, n: int, base_ns: int, width: int, height: int, state: Any
) -> Any:  # pragma: no cover
    """Decode int64 words: polarity in bit 1, y in 2-16, x in 17-31, µs in 32-62, which turns at most in a packet."""
    room = len(out) // 2
    last, back, outside = state[LAST], 0, 0
    while i < len(words) and n < room:
        w = words[i]
        i += 1
        time = (w >> 32) & 0x7FFFFFFF
        state[TURN] += time < state[BEFORE]
        state[BEFORE] = time
        x, y = (w >> 17) & 0x7FFF, (w >> 2) & 0x7FFF
        if x >= width or y >= height:
            outside += 1
            continue
        t = (base_ns + state[TURN] * _TURN_NS) // 1000 + time
        out[2 * n] = t
        out[2 * n + 1] = x | y << 16 | (w >> 1 & 1) << 32
        n += 1
        back += t < last
        last = t
    _note(state, last, back, outside)
    return i, n


@jit
def _note(state: Any, last: int, back: int, outside: int) -> None:  # pragma: no cover
    state[LAST] = last
    state[STEPS_BACK] += back
    state[OUTSIDE] += outside


@jit
def decode_libcaer_cmp(
    words: Any, i: int, out: Any, n: int, base_ns: int, width: int, height: int, state: Any
) -> Any:  # pragma: no cover
    """Decode uint16 codes: time in two parts, a column, then rows in it or vectors of eight rows.

    state[MASK] is the first bit of a vector that is still to be emitted.
    """
    room = len(out) // 2
    base = base_ns // 1000
    high, low, column = state[HIGH], state[LOW], state[COLUMN]
    t = base + (high << 12 | low)
    last, back, outside = state[LAST], 0, 0
    while i < len(words) and n < room:
        w = np.int64(words[i])
        kind, rest = w >> 12, w & 0xFFF
        if kind == _ADDR_Y:
            y = rest & 0x7FF
            if column < width and y < height:
                out[2 * n] = t
                out[2 * n + 1] = column | y << 16 | (rest >> 11) << 32
                n += 1
                back += t < last
                last = t
            else:
                outside += 1
        elif kind == _ADDR_X:
            column = rest & 0x7FF
        elif kind == _TIME_LOW:
            low = rest
            t = base + (high << 12 | low)
        elif kind == _TIME_HIGH:
            high = rest
            t = base + (high << 12 | low)
        elif kind == _BASE_Y:
            state[ROW], state[POLARITY] = rest & 0x7FF, rest >> 11
        elif kind == _VECT_8:
            mask = (rest & 0xFF) >> state[MASK]
            y = state[ROW] + state[MASK]
            while mask and n < room:
                if mask & 1:
                    if column < width and y < height:
                        out[2 * n] = t
                        out[2 * n + 1] = column | y << 16 | state[POLARITY] << 32
                        n += 1
                        back += t < last
                        last = t
                    else:
                        outside += 1
                mask >>= 1
                y += 1
            if mask:
                state[MASK] = y - state[ROW]
                break
            state[MASK] = 0
            state[ROW] += 8
        else:
            state[RESERVED] += 1
        i += 1
    state[HIGH], state[LOW], state[COLUMN] = high, low, column
    _note(state, last, back, outside)
    return i, n


@jit
def _emit(
    out: Any, n: int, t: int, x: int, y: int, polarity: int, width: int, height: int, state: Any
) -> int:  # pragma: no cover
    if x >= width or y >= height:
        state[OUTSIDE] += 1
        return n
    out[2 * n] = t
    out[2 * n + 1] = x | y << 16 | polarity << 32
    state[STEPS_BACK] += t < state[LAST]
    state[LAST] = t
    return n + 1


@jit
def _number(data: Any, at: int, count: int) -> int:  # pragma: no cover
    value = np.int64(0)
    for k in range(count):
        value |= np.int64(data[at + k]) << 8 * k
    return value  # type: ignore[return-value]


@jit
def decode_dvs(
    data: Any, i: int, out: Any, n: int, aligned: bool, count: int, width: int, height: int, state: Any
) -> Any:  # pragma: no cover
    """Decode events of dvs_msgs from byte i of `data`; state[MASK] counts those taken.

    With `aligned` numbers lie at multiples of their size, counted from the start of `data`.
    """
    room = len(out) // 2
    while state[MASK] < count and n < room:
        at = i
        if aligned:
            at += at & 1
        time = at + 4
        if aligned:
            time += -time & 3
        if time + 9 > len(data):
            return i, n, False
        x, y = _number(data, at, 2), _number(data, at + 2, 2)
        t = _number(data, time, 4) * 1_000_000 + _number(data, time + 4, 4) // 1000
        n = _emit(out, n, t, x, y, int(data[time + 8] != 0), width, height, state)
        i = time + 9
        state[MASK] += 1
    return i, n, True


@jit
def encode_dvs(halves: Any, data: Any, i: int, aligned: bool) -> int:  # pragma: no cover
    """Write events of dvs_msgs to `data` from byte i on, which has 16 bytes for each; return where they end."""
    for k in range(len(halves) // 2):
        if aligned:
            i += i & 1
        t, half = halves[2 * k], halves[2 * k + 1]
        for j in range(4):
            data[i + j] = (half >> 8 * j) & 0xFF
        i += 4
        if aligned:
            i += -i & 3
        seconds, nanoseconds = t // 1_000_000, t % 1_000_000 * 1000
        for j in range(4):
            data[i + j] = (seconds >> 8 * j) & 0xFF
            data[i + 4 + j] = (nanoseconds >> 8 * j) & 0xFF
        data[i + 8] = (half >> 32) & 1
        i += 9
    return i
