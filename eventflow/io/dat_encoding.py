"""Writing DAT, version 2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, Final

from eventflow.errors import ParameterError
from eventflow.io.evt_encoding import TIME, WordEncoder
from eventflow.kernels.jit import jit

if TYPE_CHECKING:
    from collections.abc import Mapping

LARGEST_SIDE: Final = 1 << 14  # coordinates have 14 bits
_TURN_US: Final = 1 << 32
_HALF_US: Final = 1 << 31


@jit
def _encode(halves: Any, start: int, final: bool, words: Any, state: Any, t0: int) -> Any:  # pragma: no cover
    """See WordEncoder. What cannot be written is a time that a reader of 32 bits would take for another."""
    n = 0
    for i in range(start, len(halves) // 2):
        if n == len(words):
            return i, n, False
        t = halves[2 * i] - t0
        last = max(state[TIME], 0)
        turn = last >> 32
        if (last & (_TURN_US - 1)) - (t & (_TURN_US - 1)) >= _HALF_US:
            turn += 1
        if t < 0 or t >> 32 != turn:
            return i, n, True
        state[TIME] = t
        second = halves[2 * i + 1]
        address = (second & 0x3FFF) | ((second >> 16) & 0x3FFF) << 14 | (second >> 32) << 28
        words[n] = (t & (_TURN_US - 1)) | address << 32
        n += 1
    return len(halves) // 2, n, False


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
