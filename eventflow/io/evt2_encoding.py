"""Writing EVT 2.0."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from eventflow.io.evt import check_size
from eventflow.io.evt_encoding import TIME, WordEncoder, raw_header
from eventflow.kernels.jit import jit

if TYPE_CHECKING:
    from collections.abc import Mapping

_TIME_HIGH: Final = 8 << 28
_LAST_HIGH: Final = (1 << 28) - 1
_HALF: Final = 1 << 27
_TURN_US: Final = 1 << 34


@jit
def _encode(halves: Any, start: int, final: bool, words: Any, state: Any, t0: int) -> Any:  # pragma: no cover
    """See WordEncoder."""
    n = 0
    for i in range(start, len(halves) // 2):
        t = halves[2 * i] - t0
        if t < 0:
            return i, n, True
        high = t >> 6
        while state[TIME] != high:
            if n + 4 > len(words):
                return i, n, False
            now = state[TIME]
            if now < 0:
                now = min(high, _LAST_HIGH)
            elif now >> 28 == high >> 28 and now - high < _HALF:
                now = high
            elif now > high:
                return i, n, True
            else:
                if now & _LAST_HIGH < _HALF:
                    words[n] = _TIME_HIGH | _LAST_HIGH
                    n += 1
                now = (now >> 28) + 1 << 28
            words[n] = _TIME_HIGH | (now & _LAST_HIGH)
            n += 1
            state[TIME] = now
        if n == len(words):
            return i, n, False
        second = halves[2 * i + 1]
        words[n] = (second >> 32) << 28 | (t & 63) << 22 | (second & 0x7FF) << 11 | ((second >> 16) & 0x7FF)
        n += 1
    return len(halves) // 2, n, False


def open_encoder(file: BinaryIO, *, width: int, height: int, entries: Mapping[str, str] | None = None) -> WordEncoder:
    """Return an encoder of EVT 2.0 for a sensor of `width` x `height` px, at most 2048 x 2048.

    `entries` are further lines of the header.
    """
    check_size("EVT 2.0", width, height)
    header = partial(raw_header, "2.0", "EVT2", width, height, entries=entries)
    return WordEncoder(file, header=header, kernel=_encode, word="<u4", turn_us=_TURN_US, turns=1)
