"""The common row of text, read without a loop over its characters.

Lengths of coordinates cannot be predicted, and a mispredicted branch costs more than a whole row. So a row is looked at
32 bytes at once: which are digits gives its fields as bits, and the digits of a field are shifted together and summed
in pairs, fours and eights. Rows that are longer, have signs, spaces or anything else are left to `text_kernels`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

from eventflow.kernels.jit import jit

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROW = 32  # bytes of a row looked at
MARGIN = np.uint64(2 * _ROW)  # bytes that have to follow the place where a row begins

_0, _1, _2, _4, _8, _16, _32 = (np.uint64(value) for value in (0, 1, 2, 4, 8, 16, 32))
_64, _128 = np.uint64(64), np.uint64(128)
_DIGIT_ZERO, _DIGIT_NINE, _POINT = np.uint64(48), np.uint64(57), np.uint64(46)
_COMMA, _SEMICOLON, _SPACE, _TAB = np.uint64(44), np.uint64(59), np.uint64(32), np.uint64(9)
_NEWLINE, _RETURN = np.uint8(10), np.uint8(13)
_THREE = np.uint64(3)
_VALUES = np.uint64(0x0F0F0F0F0F0F0F0F)
_ZEROS = np.uint64(0x3030303030303030)
_PAIRS = np.uint64(0x00FF00FF00FF00FF)
_FOURS = np.uint64(0x0000FFFF0000FFFF)
_LOW_32, _LOW_16 = np.uint64(0xFFFFFFFF), np.uint64(0xFFFF)
_TEN, _HUNDRED, _TEN_THOUSAND = np.uint64(10), np.uint64(100), np.uint64(10_000)
_POWERS = np.array([10**power for power in range(20)], np.uint64)


def time_column_of(columns: str, unit_power: int) -> int:
    """Return the column of times, 0 to 3, where `swift_rows` is made for such rows, else -1."""
    common = columns.replace("t", "", 1) == "xyp" and unit_power >= 0
    return columns.index("t") if common else -1


@intrinsic  # type: ignore[untyped-decorator]
def _between(context: Any, array: Any, at: Any, low: Any, high: Any) -> Any:
    """Return which of the 32 bytes from `at` on are from `low` to `high`: bit i of a u64 stands for byte at + i."""

    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        byte, vector = ir.IntType(8), ir.VectorType(ir.IntType(8), _ROW)
        place = _place(target, builder, signature, arguments)
        row = builder.load(builder.bitcast(place, vector.as_pointer()))
        row.align = 1

        def everywhere(value: Any) -> Any:
            one = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
            lanes = ir.Constant(ir.VectorType(ir.IntType(32), _ROW), [0] * _ROW)
            return builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), lanes)

        low, high = (builder.trunc(value, byte) for value in arguments[2:])
        above = builder.sub(row, everywhere(low))
        inside = builder.icmp_unsigned("<=", above, everywhere(builder.sub(high, low)))
        return builder.zext(builder.bitcast(inside, ir.IntType(_ROW)), ir.IntType(64))

    return types.uint64(array, types.uint64, types.uint64, types.uint64), generate


@intrinsic  # type: ignore[untyped-decorator]
def _load(context: Any, array: Any, at: Any) -> Any:
    """Return the 8 bytes at any byte `at` as u64, the first one lowest."""

    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _place(target, builder, signature, arguments)
        word = builder.load(builder.bitcast(place, ir.IntType(64).as_pointer()))
        word.align = 1
        return word

    return types.uint64(array, types.uint64), generate


@intrinsic  # type: ignore[untyped-decorator]
def _lowest(context: Any, bits: Any) -> Any:
    """Return the place of the lowest set bit of a u64 that has one."""

    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), generate


def _place(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    data = target.make_array(signature.args[0])(target, builder, arguments[0]).data
    return builder.gep(builder.bitcast(data, ir.IntType(8).as_pointer()), [arguments[1]])


@jit
def _eight(word: Any) -> Any:
    """Return the number that eight digits are, the first one in the lowest byte; zero bytes count as 0."""
    word &= _VALUES
    word = (word * _TEN + (word >> _8)) & _PAIRS
    word = (word * _HUNDRED + (word >> _16)) & _FOURS
    return (word * _TEN_THOUSAND + (word >> _32)) & _LOW_32


@jit
def _digits(data: NDArray[np.uint8], at: Any, count: Any) -> Any:
    """Return the number that `count` digits at `at` are, 1 to 16."""
    word = _load(data, at)
    if count <= _8:
        return _eight(word << (_64 - (count << _THREE)))
    rest = _load(data, at + _8) << (_128 - (count << _THREE))
    return _eight(word) * _POWERS[count - _8] + _eight(rest)


@jit
def _fraction(data: NDArray[np.uint8], at: Any, count: Any, kept: Any) -> Any:
    """Return the first `kept` digits of a fraction of 1 to 14 and whether the others are zeros."""
    if count <= kept:
        return _digits(data, at, count) * _POWERS[kept - count], True
    rest = (_load(data, at + kept) ^ _ZEROS) << (_64 - ((count - kept) << _THREE))
    return _digits(data, at, kept), rest == _0


@jit
def swift_rows(
    data: NDArray[np.uint8],
    at: Any,
    stop: Any,
    words: NDArray[np.int64],
    made: Any,
    last: Any,
    time_column: int,
    unit_power: int,
    width: Any,
    height: Any,
) -> Any:
    """Parse rows until one is out of the common, begins at `stop` or later, or `words` is full.

    Returns the place where it stopped, how many events there are then, the times earlier than the one before, and the
    last time.

    Args:
        data: uint8; MARGIN bytes of it follow `stop`.
        at: where a row begins.
        stop: where to stop.
        words: int64, shape (room, 2): an event record as two words.
        made: events there are already.
        last: the time before, µs.
        time_column: 0 to 3; the other columns are x, y and p in this order.
        unit_power: times are multiplied with this power of ten to be µs; 0, or more for times with a decimal point.
        width: sensor width, px.
        height: sensor height, px.
    """
    room, kept = np.uint64(len(words)), np.uint64(unit_power)
    back = _0
    while at < stop and made < room:
        ends = ~_between(data, at, _DIGIT_ZERO, _DIGIT_NINE) & _LOW_32
        points = _0
        if kept != _0:
            points = _between(data, at, _POINT, _POINT)
            ends &= ~points
        separators = (
            _between(data, at, _COMMA, _COMMA)
            | _between(data, at, _SPACE, _SPACE)
            | _between(data, at, _SEMICOLON, _SEMICOLON)
            | _between(data, at, _TAB, _TAB)
        )
        ends_1 = ends & (ends - _1)
        ends_2 = ends_1 & (ends_1 - _1)
        ends_3 = ends_2 & (ends_2 - _1)
        if ends_3 == _0 or (ends ^ ends_3) & ~separators != _0:
            break
        end_0, end_1, end_2, end_3 = _lowest(ends), _lowest(ends_1), _lowest(ends_2), _lowest(ends_3)
        if time_column == 0:
            t, t_end, x, x_end, y, y_end, p, p_end = _0, end_0, end_0 + _1, end_1, end_1 + _1, end_2, end_2 + _1, end_3
        elif time_column == 1:
            x, x_end, t, t_end, y, y_end, p, p_end = _0, end_0, end_0 + _1, end_1, end_1 + _1, end_2, end_2 + _1, end_3
        elif time_column == 2:
            x, x_end, y, y_end, t, t_end, p, p_end = _0, end_0, end_0 + _1, end_1, end_1 + _1, end_2, end_2 + _1, end_3
        else:
            x, x_end, y, y_end, p, p_end, t, t_end = _0, end_0, end_0 + _1, end_1, end_1 + _1, end_2, end_2 + _1, end_3
        x_digits, y_digits = x_end - x, y_end - y
        if (x_digits - _1) | (y_digits - _1) >= _4 or p_end - p != _1 or t_end - t - _1 >= _16:
            break
        after = at + end_3 + _1
        if data[after - _1] != _NEWLINE:
            if data[after - _1] != _RETURN or data[after] != _NEWLINE:
                break
            after += _1
        place = (_load(data, at + x) << (_32 - (x_digits << _THREE))) & _LOW_32
        place |= (_load(data, at + y) & _LOW_32) << (_64 - (y_digits << _THREE))
        place &= _VALUES
        place = (place * _TEN + (place >> _8)) & _PAIRS
        place = (place * _HUNDRED + (place >> _16)) & _FOURS
        column, row, polarity = place & _LOW_16, place >> _32, np.uint64(data[at + p]) - _DIGIT_ZERO
        if column >= width or row >= height or polarity > _1:
            break
        if kept == _0:
            time = np.int64(_digits(data, at + t, t_end - t))
        else:
            points &= (_1 << end_3) - _1
            point = _lowest(points | (_1 << _32))
            if points & (points - _1) != _0 or point <= t or point - t > _8 or point + _1 >= t_end or point >= t_end:
                break
            part, exact = _fraction(data, at + point + _1, t_end - point - _1, kept)
            if not exact:
                break
            time = np.int64(_digits(data, at + t, point - t) * _POWERS[kept] + part)
        words[made, _0] = time
        words[made, _1] = np.int64(column | row << _16 | polarity << _32)
        back += np.uint64(time < last)
        last = time
        made += _1
        at = after
    return at, made, back, last
