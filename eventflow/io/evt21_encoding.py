"""Writing EVT 2.1: the events of one time, row and polarity within 32 aligned columns are one word."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Literal, get_args

import numpy as np

from eventflow.errors import ParameterError
from eventflow.io.evt import check_size
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
from eventflow.kernels.jit import jit

if TYPE_CHECKING:
    from collections.abc import Mapping

Layout = Literal["legacy", "little"]

_TURN_US: Final = 1 << 34
_LINES: Final = 32
_VECTOR_AND_POLARITY: Final = 0x1_07FF_07E0  # what the events of one word have in common
_BLOCK: Final = 16  # events judged at once
_LONGEST_WAIT: Final = 4096  # events until blocks are judged again, where they were in vain


@jit
def _apart(halves: Any, words: Any, time: int, shift: int) -> int:  # pragma: no cover
    """Encode blocks of events none of which share a word, all within 64 µs from `time` on; return how many.

    Blocks are judged as a whole and then written, two loops without a branch that run on several events at a time.
    """
    done, mask_at = 0, 32 - shift
    while done + _BLOCK <= len(words) and 2 * (done + _BLOCK) < len(halves):
        block = halves[2 * done : 2 * (done + _BLOCK) + 2]
        late = 0
        same = 0
        for j in range(_BLOCK):
            late |= block[2 * j] - time
            apart = (block[2 * j] ^ block[2 * j + 2]) | (block[2 * j + 1] ^ block[2 * j + 3]) & _VECTOR_AND_POLARITY
            same |= apart - 1 & ~apart  # negative if any is 0; whether columns rise does not matter here
        if late & ~63 or same < 0:
            break
        room = words[done : done + _BLOCK]
        for j in range(_BLOCK):
            second = block[2 * j + 1]
            low = block[2 * j] - time
            header = ((second >> 32) & 1) << 28 | low << 22 | (second & 0x7E0) << 11 | ((second >> 16) & 0x7FF)
            room[j] = header << shift | np.int64(1) << ((second & 31) + mask_at)
        done += _BLOCK
    return done


@jit
def _encode(
    halves: Any, start: int, final: bool, words: Any, state: Any, t0: int, shift: int
) -> Any:  # pragma: no cover
    """See WordEncoder."""
    n, i, total = 0, start, len(halves) // 2
    stop = total if final else total - LOOKAHEAD + 1
    mask_at = 32 - shift
    now = state[TIME]
    judged_from, wait = start, 1
    while i < stop:
        if i >= judged_from and now >= 0:
            room = min(stop - i, len(words) - n)
            run = _apart(halves[2 * i :], words[n : n + room], t0 + (now << 6), shift)
            wait = 1 if run else min(2 * wait, _LONGEST_WAIT)
            i, n = i + run, n + run
            judged_from = i + wait
            if i >= stop:
                break
        raw = halves[np.uint64(2 * i)]
        t = raw - t0
        if t >> 6 != now:
            if t < 0:
                return i, n, STUCK
            n, end = time_high(words, n, state, t >> 6, shift)
            if end != DONE:
                return i, n, end
            now = state[TIME]
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
