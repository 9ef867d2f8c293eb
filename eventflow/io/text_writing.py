"""Events to rows of text, eight digits at a time and without a loop over them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.io.text_swift import store
from eventflow.kernels.bits import lowest
from eventflow.kernels.jit import jit

if TYPE_CHECKING:
    from numpy.typing import NDArray

LONGEST_ROW = 64

_0, _1, _2, _3, _8, _16, _32 = (np.uint64(value) for value in (0, 1, 2, 3, 8, 16, 32))
_10, _100, _10_000, _100_000_000 = (np.uint64(10**power) for power in (1, 2, 4, 8))
_POWERS = np.array([10**power for power in range(20)], np.uint64)
_HIGHEST, _LOW_16, _LENGTH_AT = np.uint64(1 << 63), np.uint64(0xFFFF), np.uint64(56)
_MINUS, _POINT, _ZERO, _NEWLINE = np.uint8(45), np.uint8(46), np.uint64(48), np.uint64(10)
_ZEROS = np.uint64(0x3030303030303030)
_OVER_100, _HUNDREDS = np.uint64(10486), np.uint64(0x0000007F0000007F)  # n * 10486 >> 20 is n // 100 below 10000
_OVER_10, _TENS = np.uint64(103), np.uint64(0x000F000F000F000F)  # n * 103 >> 10 is n // 10 below 100
_TWENTY = np.uint64(20)

# Numbers as bytes, the first digit lowest, and in the highest byte how many digits.
_SHORT = np.array(
    [int.from_bytes(str(value).encode().ljust(7) + bytes([len(str(value))]), "little") for value in range(2048)],
    np.uint64,
)
_IN_TABLE = np.uint64(len(_SHORT))


@jit
def _eight(value: Any) -> Any:
    """Return eight digits of a number below 10**8 as bytes of 0 to 9, the first digit lowest."""
    fours = value // _10_000
    fours |= (value - fours * _10_000) << _32
    pairs = ((fours * _OVER_100) >> _TWENTY) & _HUNDREDS
    pairs |= (fours - pairs * _100) << _16
    digits = ((pairs * _OVER_10) >> _10) & _TENS
    return digits | (pairs - digits * _10) << _8


@jit
def _without_zeros(value: Any) -> Any:
    """Return the digits of a number below 10**8 as text without leading zeros, and how many they are."""
    digits = _eight(value)
    zeros = lowest(digits | _HIGHEST) >> _3
    return (digits | _ZEROS) >> (zeros << _3), _8 - zeros


@jit
def _coordinate(value: Any) -> Any:
    if value >= _IN_TABLE:
        return _without_zeros(value)
    word = _SHORT[value]
    return word, word >> _LENGTH_AT


# inlined, because a call would count references to `data`, which takes longer than the digits
@jit(inline="always")  # type: ignore[untyped-decorator]
def _write_number(value: Any, data: NDArray[np.uint8], at: Any) -> Any:
    """Write a u64 without leading zeros and return the place behind; up to 8 bytes more are overwritten."""
    upper = value // _100_000_000
    if upper == _0:
        text, count = _without_zeros(value)
        store(data, at, text)
        return at + count
    top = upper // _100_000_000
    if top > _0:
        text, count = _without_zeros(top)
        store(data, at, text)
        at += count
        text, count = _eight(upper - top * _100_000_000) | _ZEROS, _8
    else:
        text, count = _without_zeros(upper)
    store(data, at, text)
    at += count
    store(data, at, _eight(value - upper * _100_000_000) | _ZEROS)
    return at + _8


@jit(inline="always")  # type: ignore[untyped-decorator]
def _write_time(t: int, unit_power: int, data: NDArray[np.uint8], at: Any) -> Any:
    value = np.uint64(t)
    if t < 0:
        data[at] = _MINUS
        at += _1
        value = np.uint64(-t)
    if unit_power <= 0:
        at = _write_number(value, data, at)
        for _ in range(-unit_power if t != 0 else 0):
            data[at] = _ZERO
            at += _1
        return at
    scale = _POWERS[unit_power]
    whole = value // scale
    at = _write_number(whole, data, at)
    data[at] = _POINT
    store(data, at + _1, _eight((value - whole * scale) * _POWERS[8 - unit_power]) | _ZEROS)
    return at + _1 + np.uint64(unit_power)


@jit
def format_rows(
    words: NDArray[np.int64], first: int, separator: int, unit_power: int, data: NDArray[np.uint8]
) -> tuple[int, int]:
    """Write rows t, x, y, p from event `first` on until `data` is full; return the next event and the bytes made.

    Args:
        words: int64, shape (2 n,): events, two words each.
        first: index of the first event to write.
        separator: its code.
        unit_power: the unit of the times is 10**unit_power µs: -3, or 0, 3 or 6.
        data: uint8, at least LONGEST_ROW long.
    """
    at, room = _0, np.uint64(len(data) - LONGEST_ROW)
    behind = np.uint64(separator) | _ZERO << _8 | _NEWLINE << _16
    index, count = np.uint64(first), np.uint64(len(words)) >> _1
    while index < count and at <= room:
        event = np.uint64(words[_2 * index + _1])
        at = _write_time(words[_2 * index], unit_power, data, at)
        for shift in (_0, _16):
            data[at] = separator
            text, digits = _coordinate((event >> shift) & _LOW_16)
            store(data, at + _1, text)
            at += _1 + digits
        store(data, at, behind + (((event >> _32) & _1) << _8))
        at += _3
        index += _1
    return int(index), int(at)
