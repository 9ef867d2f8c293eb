"""Writing EVT 2.0."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np

from eventflow.io.evt import check_size
from eventflow.io.evt2_block_encoding import FAR, MADE, ROOM, encode_block
from eventflow.io.evt_encoding import DONE, FULL, STUCK, TIME, WordEncoder, encode_trigger, raw_header, time_high
from eventflow.io.evt_event_lanes import EVENTS
from eventflow.kernels.jit import jit

if TYPE_CHECKING:
    from collections.abc import Mapping

_TURN_US: Final = 1 << 34
_LAST_HIGH: Final = (1 << 28) - 1
_LINES: Final = 32


@jit
def _encode(
    halves: Any, start: int, final: bool, words: Any, state: Any, t0: int, shift: int
) -> Any:  # pragma: no cover
    """See WordEncoder."""
    n, i, total = 0, start, len(halves) // 2
    made = np.empty(MADE, np.int64)
    judged_from = start
    while i < total:
        now = state[TIME]
        if i >= judged_from and i + EVENTS <= total and n + ROOM <= len(words) and now >= 0:
            if now & _LAST_HIGH < _LAST_HIGH - FAR:
                after, rise = encode_block(halves, np.uint64(i), words, n, t0 + (now << 6), now & _LAST_HIGH, made)
                if after >= 0:
                    i, n = i + EVENTS, after
                    state[TIME] += rise
                    continue
            judged_from = i + EVENTS
        t = halves[2 * i] - t0
        if t >> 6 != now:
            if t < 0:
                return i, n, STUCK
            n, end = time_high(words, n, state, t >> 6, shift)
            if end != DONE:
                return i, n, end
            judged_from = i
        if n == len(words):
            return i, n, FULL
        second = halves[2 * i + 1]
        words[n] = ((second >> 32) & 1) << 28 | (t & 63) << 22 | (second & 0x7FF) << 11 | ((second >> 16) & 0x7FF)
        i += 1
        n += 1
    return total, n, DONE


def open_encoder(file: BinaryIO, *, width: int, height: int, entries: Mapping[str, str] | None = None) -> WordEncoder:
    """Return an encoder of EVT 2.0 for a sensor of `width` x `height` px, at most 2048 x 2048.

    `entries` are further lines of the header.
    """
    check_size("EVT 2.0", width, height)
    return WordEncoder(
        file,
        header=partial(raw_header, "2.0", "EVT2", width, height, entries=entries),
        kernel=_encode,
        trigger=encode_trigger,
        lines=_LINES,
        word="<u4",
        turn_us=_TURN_US,
        turns=1,
        options=(0,),
    )
