"""Writing EVT 2.1: the events of one time, row and polarity within 32 aligned columns are one word."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Literal, get_args

import numpy as np

from eventflow.errors import ParameterError
from eventflow.io.evt import check_size
from eventflow.io.evt21_block_encoding import FAR, MADE, ROOM, encode_block
from eventflow.io.evt_encoding import (
    DONE,
    FULL,
    LOOKAHEAD,
    STUCK,
    TIME,
    WordEncoder,
    encode_trigger,
    raw_header,
    time_high,
)
from eventflow.io.evt_event_lanes import EVENTS
from eventflow.kernels.jit import jit

if TYPE_CHECKING:
    from collections.abc import Mapping

Layout = Literal["legacy", "little"]

_TURN_US: Final = 1 << 34
_LINES: Final = 32
_VECTOR_AND_POLARITY: Final = 0x1_07FF_07E0  # what the events of one word have in common
_LAST_HIGH: Final = (1 << 28) - 1


@jit
def _encode(
    halves: Any, start: int, final: bool, words: Any, state: Any, t0: int, shift: int
) -> Any:  # pragma: no cover
    """See WordEncoder."""
    n, i, total = 0, start, len(halves) // 2
    stop = total if final else total - LOOKAHEAD + 1
    mask_at = 32 - shift
    now = state[TIME]
    made = np.empty(MADE, np.int64)
    judged_from = start
    while i < stop:
        if i >= judged_from and i + EVENTS < total and i + EVENTS <= stop and n + ROOM <= len(words) and now >= 0:
            high = now & _LAST_HIGH
            if high < _LAST_HIGH - FAR:
                count, after, rise = encode_block(halves, np.uint64(i), words, n, t0 + (now << 6), high, shift, made)
                if count > 0:
                    i, n, now = i + count, after, now + rise
                    state[TIME] = now
                    continue
            judged_from = i + EVENTS
        raw = halves[np.uint64(2 * i)]
        t = raw - t0
        if t >> 6 != now:
            if t < 0:
                return i, n, STUCK
            n, end = time_high(words, n, state, t >> 6, shift)
            if end != DONE:
                return i, n, end
            now = state[TIME]
            judged_from = i
        if n == len(words):
            return i, n, FULL
        second = halves[np.uint64(2 * i + 1)]
        common, place = second & _VECTOR_AND_POLARITY, second & 31
        mask = 1 << place
        i += 1
        while i < total:
            after = halves[np.uint64(2 * i + 1)]
            # one branch: whether times are equal alone cannot be predicted
            if (halves[np.uint64(2 * i)] ^ raw | (after ^ second) & _VECTOR_AND_POLARITY) != 0 or after & 31 <= place:
                break
            place = after & 31
            mask |= 1 << place
            i += 1
        header = (common >> 32) << 28 | (t & 63) << 22 | (common & 0x7FF) << 11 | ((common >> 16) & 0x7FF)
        words[np.uint64(n)] = header << shift | mask << mask_at
        n += 1
    return i, n, DONE


def open_encoder(
    file: BinaryIO,
    *,
    width: int,
    height: int,
    layout: Layout = "legacy",
    entries: Mapping[str, str] | None = None,
) -> WordEncoder:
    """Return an encoder of EVT 2.1 for a sensor of `width` x `height` px, at most 2048 x 2048.

    Args:
        file: where to write.
        width: sensor width, px.
        height: sensor height, px.
        layout: the order of a word's halves: `legacy`, which readers that know one order only expect, or `little`.
        entries: further lines of the header.
    """
    check_size("EVT 2.1", width, height)
    if layout not in get_args(Layout):
        raise ParameterError(f"layout={layout!r} is not allowed; choose {', '.join(get_args(Layout))}")
    return WordEncoder(
        file,
        header=partial(raw_header, "2.1", f"EVT21;endianness={layout}", width, height, entries=entries),
        kernel=_encode,
        trigger=encode_trigger,
        lines=_LINES,
        word="<i8",
        turn_us=_TURN_US,
        turns=1,
        options=(32 if layout == "little" else 0,),
    )
