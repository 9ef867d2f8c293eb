"""Writing DAT, version 2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, Final

from eventflow.errors import ParameterError
from eventflow.io.evt_encoding import DONE, FULL, STUCK, TIME, WordEncoder
from eventflow.kernels.jit import jit

if TYPE_CHECKING:
    from collections.abc import Mapping

LARGEST_SIDE: Final = 1 << 14  # coordinates have 14 bits
_TURN_US: Final = 1 << 32
_HALF_US: Final = 1 << 31
_QUARTER_US: Final = 1 << 30
_LOW: Final = _TURN_US - 1
_BLOCK: Final = 16  # events judged at once


@jit
def _encode(halves: Any, start: int, final: bool, words: Any, state: Any, t0: int) -> Any:  # pragma: no cover
    """See WordEncoder. What cannot be written is a time that a reader of 32 bits would take for another."""
    n, i, total = 0, start, len(halves) // 2
    while i < total:
        if n == len(words):
            return i, n, FULL
        t = halves[2 * i] - t0
        last = max(state[TIME], 0)
        turn = last >> 32
        if (last & _LOW) - (t & _LOW) >= _HALF_US:
            turn += 1
        if t < 0 or t >> 32 != turn:
            return i, n, STUCK
        room = min(total - i, len(words) - n)
        run = max(_run(halves[2 * i : 2 * (i + room)], words[n : n + room], t0 + (turn << 32)), 1)
        words[n] = (t & _LOW) | _address(halves[2 * i + 1]) << 32
        i += run
        n += run
        state[TIME] = halves[2 * i - 2] - t0
    return i, n, DONE


@jit
def _run(halves: Any, words: Any, epoch: int) -> int:  # pragma: no cover
    """Encode whole blocks of events of one turn of the clock, as long as times stay close; return how many.

    Blocks are judged as a whole and then written, two loops without a branch that run on several events at a time.
    """
    done = 0
    while done + _BLOCK <= len(words):
        block = halves[2 * done : 2 * (done + _BLOCK)]
        before = halves[2 * max(done - 1, 0)]
        outside, apart = 0, 0
        for j in range(_BLOCK):
            outside |= block[2 * j] - epoch
            apart |= block[2 * j] - before + _QUARTER_US
        bad = outside & ~_LOW | apart & ~(_HALF_US - 1)  # within a quarter of one time, none falls by half
        if bad != 0:
            break
        room = words[done : done + _BLOCK]
        for j in range(_BLOCK):
            room[j] = (block[2 * j] - epoch) | _address(block[2 * j + 1]) << 32
        done += _BLOCK
    return done


@jit
def _address(second: Any) -> Any:  # pragma: no cover
    return (second & 0x3FFF) | ((second >> 16) & 0x3FFF) << 14 | ((second >> 32) & 1) << 28


def can_follow(last_us: int, t_us: int) -> bool:
    """Return whether a reader of 32 bits takes an event at `t_us` after one at `last_us` for what it is."""
    turn = (last_us >> 32) + ((last_us & _LOW) - (t_us & _LOW) >= _HALF_US)
    return t_us >> 32 == turn


def open_encoder(file: BinaryIO, *, width: int, height: int, entries: Mapping[str, str] | None = None) -> WordEncoder:
    """Return an encoder of DAT version 2 for a sensor of `width` x `height` px, at most 16384 x 16384.

    `entries` are further lines of the header.
    """
    if not (1 <= width <= LARGEST_SIDE and 1 <= height <= LARGEST_SIDE):
        raise ParameterError(f"DAT holds sensors of 1x1 to {LARGEST_SIDE}x{LARGEST_SIDE} pixels, not {width}x{height}")

    def header(t0: int) -> bytes:
        origin = f"% t0 {t0}\n" if t0 else ""
        more = "".join(f"% {key} {value}\n" for key, value in (entries or {}).items())
        lines = f"% Data file containing CD events.\n% Version 2\n{origin}% Height {height}\n% Width {width}\n{more}"
        return lines.encode() + b"\x0c\x08"

    return WordEncoder(file, header=header, kernel=_encode, word="<i8", turn_us=_TURN_US, turns=1)
