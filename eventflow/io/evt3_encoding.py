"""Writing EVT 3.0.

Five or more events of one time, row and polarity within 32 aligned columns become a vector, always in full as words of
12, 12 and 8 pixels: the only form that every decoder in use reads right.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from eventflow.io.evt import check_size
from eventflow.io.evt_encoding import LOW, ROW, TIME, WordEncoder, raw_header
from eventflow.kernels.jit import jit

if TYPE_CHECKING:
    from collections.abc import Mapping

_Y, _X, _VECT_BASE, _VECT_12, _VECT_8, _TIME_LOW, _TIME_HIGH = (kind << 12 for kind in (0, 2, 3, 4, 5, 6, 8))
_LAST_HIGH: Final = 4095
_HALF: Final = 2048
_FEWEST_IN_VECTOR: Final = 5
_TURN_US: Final = 1 << 24
_TURNS: Final = 4096  # of the clock that are written out at the start, two words each


@jit
def advance(words: Any, n: int, state: Any, time: int) -> Any:  # pragma: no cover
    """Write TIME_HIGH words until the decoder's clock shows `time` (t >> 12); return words written, and if it can."""
    while n < len(words) - 4:
        now = state[TIME]
        if now < 0:
            now = time if time <= _LAST_HIGH else 0
            words[n] = _TIME_HIGH | now
            n += 1
        elif now == time:
            return n, 0
        elif now >> 12 == time >> 12:
            if (now & _LAST_HIGH) - (time & _LAST_HIGH) >= _HALF:
                return n, 2
            words[n] = _TIME_HIGH | (time & _LAST_HIGH)
            n += 1
            now = time
        elif now > time:
            return n, 2
        else:
            if now & _LAST_HIGH < _HALF:
                words[n] = _TIME_HIGH | _LAST_HIGH
                n += 1
            words[n] = _TIME_HIGH
            n += 1
            now = (now >> 12) + 1 << 12
        state[TIME] = now
        state[LOW] = -1
    return n, 1


@jit
def _same_run(halves: Any, i: int, x_mask: int) -> Any:  # pragma: no cover
    """Return whether event i follows event i - 1 in one row, time and polarity, to the right of it."""
    before, after = halves[2 * i - 1], halves[2 * i + 1]
    return halves[2 * i] == halves[2 * i - 2] and before | x_mask == after | x_mask and after & x_mask > before & x_mask


@jit
def _pixels(halves: Any, start: int, stop: int, words: Any, n: int, width: int) -> int:  # pragma: no cover
    """Write the events of one run as vectors where that is shorter, else one by one."""
    i = start
    while i < stop:
        base = halves[2 * i + 1] & 0xFFE0
        polarity = (halves[2 * i + 1] >> 32) << 11
        end = i
        mask = 0
        while end < stop and halves[2 * end + 1] & 0xFFE0 == base:
            mask |= 1 << (halves[2 * end + 1] & 31)
            end += 1
        if end - i >= _FEWEST_IN_VECTOR and base + 32 <= width:
            words[n] = _VECT_BASE | polarity | base
            words[n + 1] = _VECT_12 | (mask & 0xFFF)
            words[n + 2] = _VECT_12 | ((mask >> 12) & 0xFFF)
            words[n + 3] = _VECT_8 | ((mask >> 24) & 0xFF)
            n += 4
        else:
            for j in range(i, end):
                words[n] = _X | polarity | (halves[2 * j + 1] & 0x7FF)
                n += 1
        i = end
    return n


@jit
def encode(
    halves: Any, start: int, final: bool, words: Any, state: Any, t0: int, width: int
) -> Any:  # pragma: no cover
    """See WordEncoder. A run that reaches the end of the events is kept back: the next packet may go on with it."""
    total = len(halves) // 2
    n = 0
    i = start
    while i < total:
        end = i + 1
        while end < total and _same_run(halves, end, 0xFFFF):
            end += 1
        if (end == total and not final) or len(words) - n < end - i + 8:
            break
        t = halves[2 * i] - t0
        if t < 0:
            return i, n, True
        n, status = advance(words, n, state, t >> 12)
        if status:
            return i, n, status == 2
        if t & 0xFFF != state[LOW]:
            words[n] = _TIME_LOW | (t & 0xFFF)
            state[LOW] = t & 0xFFF
            n += 1
        y = (halves[2 * i + 1] >> 16) & 0xFFFF
        if y != state[ROW]:
            words[n] = _Y | y
            state[ROW] = y
            n += 1
        n = _pixels(halves, i, end, words, n, width)
        i = end
    return i, n, False


def open_encoder(file: BinaryIO, *, width: int, height: int, entries: Mapping[str, str] | None = None) -> WordEncoder:
    """Return an encoder of EVT 3.0 for a sensor of `width` x `height` px, at most 2048 x 2048.

    `entries` are further lines of the header.
    """
    check_size("EVT 3.0", width, height)

    def kernel(*arguments: Any) -> tuple[int, int, bool]:
        return encode(*arguments, width)  # type: ignore[no-any-return]

    header = partial(raw_header, "3.0", "EVT3", width, height, entries=entries)
    return WordEncoder(file, header=header, kernel=kernel, word="<u2", turn_us=_TURN_US, turns=_TURNS)
