"""The loops of ECF, the codec of Prophesee HDF5, written; prophesee_hdf5_kernels says what a chunk holds."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from eventflow.kernels.jit import jit

CHUNK_EVENTS: Final = 1 << 14
LONGEST_CHUNK_BYTES: Final = 12 + CHUNK_EVENTS * 24
"""What a chunk takes at most: 19 bytes of time and 5 of place for each event."""

INDEX_US: Final = 2000
_PIXEL_AND_POLARITY: Final = 0x1_07FF_07FF

# Slots of the state of an index: how many entries there are, the number and time of the first event of the last period
# that has one, and of the period before it that has one.
ENTRIES, FIRST_ID, FIRST_T, BEFORE_ID, BEFORE_T, INDEX_SLOTS = range(6)


@jit
def encode(halves: Any, data: Any) -> Any:  # pragma: no cover
    """Encode events (int64 pairs, at most CHUNK_EVENTS) in the smallest way; return the bytes written.

    Returns minus one minus the index of the first event earlier than the one before it, where there is one.
    """
    count = len(halves) // 2
    rows, columns, polarities = _runs(halves)
    sizes = 2 * rows + 2 * columns + polarities, 2 * rows + 3 * count // 2, 3 * count
    mode = 2 if sizes[2] <= min(sizes[0], sizes[1]) else 1 if sizes[1] <= sizes[0] else 0
    _put_word(data, 0, count << 2 | mode)
    at = _put_times(halves, data)
    if at < 0:
        return at
    if mode == 2:
        return _put_pixels(halves, data, at)
    at = _put_rows(halves, data, at)
    if mode == 1:
        return _put_packed_columns(halves, data, at)
    at = _put_masked_columns(halves, data, at)
    return _put_polarities(halves, data, at)


@jit
def _runs(halves: Any) -> Any:  # pragma: no cover
    """Return about how many rows, masks of columns and polarities have to be written."""
    rows = columns = polarities = 1
    first, last = halves[1] & 0x7FF, halves[1]
    for i in range(1, len(halves) // 2):
        second = halves[2 * i + 1]
        changed = second ^ last
        rows += (changed >> 16) & 0x7FF != 0
        polarities += (changed >> 32) & 1
        x = second & 0x7FF
        apart = (x <= last & 0x7FF) | (x > first + 5)
        columns += apart
        first = x if apart else first
        last = second
    return rows, columns, polarities


@jit
def _put_word(data: Any, at: int, word: int) -> None:  # pragma: no cover
    for k in range(4):
        data[np.uint64(at + k)] = (word >> (8 * k)) & 0xFF


@jit
def _put_half_word(data: Any, at: int, word: int) -> None:  # pragma: no cover
    data[np.uint64(at)] = word & 0xFF
    data[np.uint64(at + 1)] = word >> 8


@jit
def _put_times(halves: Any, data: Any) -> int:  # pragma: no cover
    now = halves[0]
    _put_word(data, 4, now & 0xFFFFFFFF)
    _put_word(data, 8, (now >> 32) & 0xFFFFFFFF)
    at, i, count = 12, 0, len(halves) // 2
    while i < count:
        t = halves[2 * i]
        step = t - now
        if step < 0:
            return -1 - i
        now = t
        if step >= 15:
            while step > 0:
                data[at] = 0xF0 | (step & 15)
                step >>= 4
                at += 1
        start = i
        i += 1
        while i < count and halves[2 * i] == t:
            i += 1
        run = i - start
        if run < 15:
            data[at] = step << 4 | run
            at += 1
        else:
            data[at] = step << 4 | 15
            _put_half_word(data, at + 1, run)
            at += 3
    return at


@jit
def _put_rows(halves: Any, data: Any, at: int) -> int:  # pragma: no cover
    i, count = 0, len(halves) // 2
    while i < count:
        y, start = (halves[2 * i + 1] >> 16) & 0x7FF, i
        i += 1
        while i < count and (halves[2 * i + 1] >> 16) & 0x7FF == y:
            i += 1
        run = i - start
        _put_half_word(data, at, y << 5 | min(run, 31))
        at += 2
        if run >= 31:
            _put_half_word(data, at, run)
            at += 2
    return at


@jit
def _put_masked_columns(halves: Any, data: Any, at: int) -> int:  # pragma: no cover
    i, count = 0, len(halves) // 2
    while i < count:
        x = halves[2 * i + 1] & 0x7FF
        mask, last = 0, x
        i += 1
        while i < count:
            after = halves[2 * i + 1] & 0x7FF
            if after <= last or after > x + 5:
                break
            mask |= 1 << (5 - (after - x))
            last = after
            i += 1
        _put_half_word(data, at, x << 5 | mask)
        at += 2
    return at


@jit
def _put_polarities(halves: Any, data: Any, at: int) -> int:  # pragma: no cover
    i, count = 0, len(halves) // 2
    while i < count:
        p, start = (halves[2 * i + 1] >> 32) & 1, i
        i += 1
        while i < count and (halves[2 * i + 1] >> 32) & 1 == p:
            i += 1
        run = i - start
        data[at] = p << 7 | min(run, 127)
        at += 1
        if run >= 127:
            _put_half_word(data, at, run)
            at += 2
    return at


@jit
def _second(halves: Any, i: int) -> int:  # pragma: no cover
    """Return the second half of event i, 0 beyond the last."""
    return halves[2 * i + 1] & _PIXEL_AND_POLARITY if 2 * i < len(halves) else 0


@jit
def _put_packed_columns(halves: Any, data: Any, at: int) -> int:  # pragma: no cover
    for i in range(0, len(halves) // 2, 4):
        a, b = _column(_second(halves, i)), _column(_second(halves, i + 1))
        c, d = _column(_second(halves, i + 2)), _column(_second(halves, i + 3))
        _put_half_word(data, at, a << 4 | b & 15)
        _put_half_word(data, at + 2, b >> 4 << 8 | c & 0xFF)
        _put_half_word(data, at + 4, c >> 8 << 12 | d)
        at += 6
    return at


@jit
def _column(second: int) -> int:  # pragma: no cover
    return (second & 0x7FF) << 1 | second >> 32


@jit
def _put_pixels(halves: Any, data: Any, at: int) -> int:  # pragma: no cover
    for i in range(0, len(halves) // 2, 4):
        a, b = _pixel(_second(halves, i)), _pixel(_second(halves, i + 1))
        c, d = _pixel(_second(halves, i + 2)), _pixel(_second(halves, i + 3))
        _put_word(data, at, a << 8 | b & 0xFF)
        _put_word(data, at + 4, b >> 8 << 16 | c & 0xFFFF)
        _put_word(data, at + 8, c >> 16 << 24 | d)
        at += 12
    return at


@jit
def _pixel(second: int) -> int:  # pragma: no cover
    return ((second >> 16) & 0x7FF) << 12 | (second & 0x7FF) << 1 | second >> 32


@jit
def index(halves: Any, i: int, first_id: int, t0: int, state: Any, entries: Any, n: int) -> Any:  # pragma: no cover
    """Write entries (event, time) of an index for events from i on; return where it stopped in both.

    Entry k is the first event of the last period of 2 ms before period k - 1, counted from time `t0`, that has one.
    """
    while i < len(halves) // 2:
        t = halves[2 * i] - t0
        if t // INDEX_US + 1 > state[ENTRIES]:
            if n == len(entries):
                return i, n
            if state[FIRST_ID] != first_id + i:
                state[BEFORE_ID], state[BEFORE_T] = state[FIRST_ID], state[FIRST_T]
            entries[n, 0], entries[n, 1] = state[BEFORE_ID], state[BEFORE_T]
            state[ENTRIES] += 1
            state[FIRST_ID], state[FIRST_T] = first_id + i, t
            n += 1
        else:
            i += 1
    return i, n
