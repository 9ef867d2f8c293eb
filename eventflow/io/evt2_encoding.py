"""Writing EVT 2.0."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from eventflow.io.evt import check_size
from eventflow.io.evt_encoding import DONE, FULL, STUCK, TIME, WordEncoder, encode_trigger, raw_header, time_high
from eventflow.kernels.jit import jit

if TYPE_CHECKING:
    from collections.abc import Mapping

_TURN_US: Final = 1 << 34
_BLOCK: Final = 16  # events judged at once
_LINES: Final = 32


@jit
def _encode(
    halves: Any, start: int, final: bool, words: Any, state: Any, t0: int, shift: int
) -> Any:  # pragma: no cover
    """See WordEncoder."""
    n, i, total = 0, start, len(halves) // 2
    while i < total:
        t = halves[2 * i] - t0
        if t >> 6 != state[TIME]:
            if t < 0:
                return i, n, STUCK
            n, end = time_high(words, n, state, t >> 6, shift)
            if end != DONE:
                return i, n, end
        room = min(total - i, len(words) - n)
        if room == 0:
            return i, n, FULL
        run = _run(halves[2 * i : 2 * (i + room)], words[n : n + room], t0 + (t >> 6 << 6))
        i += run
        n += run
    return total, n, DONE


@jit
def _run(halves: Any, words: Any, time: int) -> int:  # pragma: no cover
    """Encode events up to the first that is not within 64 µs from `time` on; return how many.

    Blocks are judged as a whole and then written, two loops without a branch that run on several events at a time.
    """
    done = 0
    while done + _BLOCK <= len(words):
        block = halves[2 * done : 2 * (done + _BLOCK)]
        bad = 0
        for j in range(_BLOCK):
            bad |= block[2 * j] - time
        if bad & ~63:
            break
        room = words[done : done + _BLOCK]
        for j in range(_BLOCK):
            second = block[2 * j + 1]
            low = block[2 * j] - time
            room[j] = ((second >> 32) & 1) << 28 | low << 22 | (second & 0x7FF) << 11 | ((second >> 16) & 0x7FF)
        done += _BLOCK
    while done < len(words):
        second, low = halves[2 * done + 1], halves[2 * done] - time
        if low & ~63:
            break
        words[done] = ((second >> 32) & 1) << 28 | low << 22 | (second & 0x7FF) << 11 | ((second >> 16) & 0x7FF)
        done += 1
    return done


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
