"""Writing EVT 3.0.

Five or more events of one time, row and polarity within 32 aligned columns become a vector, always in full as words of
12, 12 and 8 pixels: the only form that every decoder in use reads right.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np

from eventflow.io.evt import check_size
from eventflow.io.evt3_block_encoding import FEWEST_IN_VECTOR, MADE, ROOM, encode_block
from eventflow.io.evt_encoding import DONE, FULL, LOOKAHEAD, LOW, ROW, STUCK, TIME, WordEncoder, raw_header
from eventflow.io.evt_event_lanes import EVENTS
from eventflow.kernels.jit import jit

if TYPE_CHECKING:
    from collections.abc import Mapping

_Y, _X, _VECT_BASE, _VECT_12, _VECT_8, _TIME_LOW, _TIME_HIGH, _TRIGGER = (
    kind << 12 for kind in (0, 2, 3, 4, 5, 6, 8, 10)
)
_LAST_HIGH: Final = 4095
_HALF: Final = 2048
_TURN_US: Final = 1 << 24
_TURNS: Final = 4096  # of the clock that are written out at the start, two words each
_LINES: Final = 16
_VECTOR_AND_POLARITY: Final = 0x1_07FF_07E0  # what the events of a vector have in common
_ROOM: Final = 16  # words that may be written for one step


@jit
def advance(words: Any, n: int, state: Any, time: int) -> Any:  # pragma: no cover
    """Write TIME_HIGH words until the decoder's clock shows `time` (t >> 12); return words, and how it ended."""
    while n < len(words) - 4:
        now = state[TIME]
        if now < 0:
            now = time if time <= _LAST_HIGH else 0
            words[n] = _TIME_HIGH | now
            n += 1
        elif now == time:
            return n, DONE
        elif now >> 12 == time >> 12:
            if (now & _LAST_HIGH) - (time & _LAST_HIGH) >= _HALF:
                return n, STUCK
            words[n] = _TIME_HIGH | (time & _LAST_HIGH)
            n += 1
            now = time
        elif now > time:
            return n, STUCK
        else:
            if now & _LAST_HIGH < _HALF:
                words[n] = _TIME_HIGH | _LAST_HIGH
                n += 1
            words[n] = _TIME_HIGH
            n += 1
            now = (now >> 12) + 1 << 12
        state[TIME] = now
        state[LOW] = -1
    return n, FULL


@jit
def _vector(halves: Any, i: int, total: int) -> Any:  # pragma: no cover
    """Return the mask of the events of a vector that begins with event i, and the index after them."""
    t, first, place = halves[2 * i], halves[2 * i + 1], halves[2 * i + 1] & 31
    mask = 1 << place
    i += 1
    while i < total:
        after = halves[np.uint64(2 * i + 1)]
        if (halves[np.uint64(2 * i)] ^ t | (after ^ first) & _VECTOR_AND_POLARITY) != 0 or after & 31 <= place:
            break
        place = after & 31
        mask |= 1 << place
        i += 1
    return mask, i


@jit
def encode(  # pragma: no cover
    halves: Any, start: int, final: bool, words: Any, state: Any, t0: int, width: int
) -> Any:
    """See WordEncoder. Words that repeat what was said are written and written over, which spares a branch."""
    total, n, i = len(halves) // 2, 0, start
    stop = total if final else total - LOOKAHEAD + 1
    now, low, row = state[TIME], state[LOW], state[ROW]
    end = DONE
    made = np.empty(MADE, np.int64)
    judged_from = start
    while i < stop:
        if i >= judged_from and i + EVENTS < total and i + EVENTS <= stop and n + ROOM <= len(words) and now >= 0:
            count, after, last_low, last_row = encode_block(
                halves, np.uint64(i), words, n, t0 + (now << 12), low, row, width, made
            )
            if count > 0:
                i, n, low, row = i + count, after, last_low, last_row
                continue
            judged_from = i + EVENTS
        if n > len(words) - _ROOM:
            end = FULL
            break
        t = halves[np.uint64(2 * i)] - t0
        second = halves[np.uint64(2 * i + 1)]
        if t >> 12 != now:
            n, end = (n, STUCK) if t < 0 else advance(words, n, state, t >> 12)
            now, low = state[TIME], state[LOW]
            if end != DONE:
                break
            low = -1
            judged_from = i
        words[np.uint64(n)] = _TIME_LOW | (t & 0xFFF)
        n += low != t & 0xFFF
        low = t & 0xFFF
        y = (second >> 16) & 0x7FF
        words[np.uint64(n)] = _Y | y
        n += row != y
        row = y
        fifth = i + FEWEST_IN_VECTOR - 1
        there = np.uint64(2 * min(fifth, total - 1))
        # one branch: whether times are equal alone cannot be predicted
        apart = (halves[there] - t0) ^ t | (halves[there + np.uint64(1)] ^ second) & _VECTOR_AND_POLARITY
        if apart == 0 and fifth < total:
            mask, after = _vector(halves, i, total)
            base = second & 0x7E0
            if after > fifth and base + 32 <= width:
                words[n] = _VECT_BASE | (second >> 21) & 0x800 | base
                words[n + 1] = _VECT_12 | (mask & 0xFFF)
                words[n + 2] = _VECT_12 | ((mask >> 12) & 0xFFF)
                words[n + 3] = _VECT_8 | ((mask >> 24) & 0xFF)
                n += 4
                i = after
                continue
        words[np.uint64(n)] = _X | (second >> 21) & 0x800 | second & 0x7FF
        n += 1
        i += 1
    state[LOW], state[ROW] = low, row
    return i, n, end


@jit
def _encode_trigger(words: Any, state: Any, t: int, line: int, value: int, width: int) -> Any:  # pragma: no cover
    """Write an edge at t; return words, and how it ended."""
    if t < 0:
        return 0, STUCK
    n, end = advance(words, 0, state, t >> 12)
    if end == DONE:
        words[n] = _TIME_LOW | (t & 0xFFF)
        words[n + 1] = _TRIGGER | line << 8 | value
        state[LOW] = t & 0xFFF
        n += 2
    return n, end


def open_encoder(file: BinaryIO, *, width: int, height: int, entries: Mapping[str, str] | None = None) -> WordEncoder:
    """Return an encoder of EVT 3.0 for a sensor of `width` x `height` px, at most 2048 x 2048.

    `entries` are further lines of the header.
    """
    check_size("EVT 3.0", width, height)
    return WordEncoder(
        file,
        header=partial(raw_header, "3.0", "EVT3", width, height, entries=entries),
        kernel=encode,
        trigger=_encode_trigger,
        lines=_LINES,
        word="<u2",
        turn_us=_TURN_US,
        turns=_TURNS,
        options=(width,),
    )
