"""The common row of text, read without a loop over its characters.

Lengths of coordinates cannot be predicted, and a mispredicted branch costs more than a whole row. So a row is looked at
32 bytes at once: which are digits gives its fields as bits, and the digits of a field are shifted together and summed
in pairs, fours and eights. A polarity may be -1; rows that are longer, have other signs, spaces or anything else are
left to `text_kernels`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from eventflow.kernels.bits import lowest
from eventflow.kernels.jit import jit

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROW = 32  # bytes of a row looked at
MARGIN = np.uint64(2 * _ROW)  # bytes that have to follow the place where a row begins

_0, _1, _2, _4, _8, _16, _32 = (np.uint64(value) for value in (0, 1, 2, 4, 8, 16, 32))
_10, _14, _64, _128 = np.uint64(10), np.uint64(14), np.uint64(64), np.uint64(128)
_DIGIT_ZERO, _DIGIT_NINE, _POINT, _MINUS = np.uint64(48), np.uint64(57), np.uint64(46), np.uint64(45)
_COMMA, _SEMICOLON, _SPACE, _TAB = 44, 59, 32, 9
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
    """Return the column of times where `swift_rows` is made for such rows, else -1."""
    return columns.index("t") if columns in ("txyp", "xytp", "xypt") and unit_power >= 0 else -1


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
def store(context: Any, array: Any, at: Any, word: Any) -> Any:
    """Write u64 `word` to the 8 bytes at any byte `at`."""

    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _place(target, builder, signature, arguments)
        builder.store(arguments[2], builder.bitcast(place, ir.IntType(64).as_pointer())).align = 1
        return target.get_dummy_value()

    return types.void(array, types.uint64, types.uint64), generate


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
def _time(data: NDArray[np.uint8], at: Any, end: Any, points: Any, kept: Any) -> Any:
    """Return the time of a field in µs and whether it is one: digits, with `kept` also a point and digits behind it.

    Args:
        data: uint8.
        at: where the field begins.
        end: its length.
        points: which of its bytes are points, as bits.
        kept: how many digits behind the point are whole µs, or None where there is no point.
    """
    if kept is None:
        return (np.int64(_digits(data, at, end)), True) if end - _1 < _16 else (np.int64(0), False)
    if points == _0 or points & (points - _1) != _0:
        return np.int64(0), False
    point = lowest(points)
    count = end - point - _1
    if point - _1 >= _10 or count - _1 >= _14:
        return np.int64(0), False
    whole, behind = _digits(data, at, point) * _POWERS[kept], at + point + _1
    if count <= kept:
        return np.int64(whole + _digits(data, behind, count) * _POWERS[kept - count]), True
    rest = (_load(data, behind + kept) ^ _ZEROS) << (_64 - ((min(count - kept, _8)) << _THREE))
    return np.int64(whole + _digits(data, behind, kept)), rest == _0 and count - kept <= _8


@jit
def _place_of(data: NDArray[np.uint8], x: Any, x_digits: Any, y: Any, y_digits: Any) -> Any:
    """Return the coordinates at x and y, of 1 to 4 digits each, x in the lower and y in the upper half of a u64."""
    place = (_load(data, x) << (_32 - (x_digits << _THREE))) & _LOW_32
    place |= (_load(data, y) & _LOW_32) << (_64 - (y_digits << _THREE))
    place &= _VALUES
    place = (place * _TEN + (place >> _8)) & _PAIRS
    return (place * _HUNDRED + (place >> _16)) & _FOURS


@jit
def _separator_of(data: NDArray[np.uint8], at: Any, kept: Any) -> Any:
    """Return the sign behind the first field of a row if it separates fields, else 0."""
    ends = ~_between(data, at, _DIGIT_ZERO, _DIGIT_NINE)
    if kept is not None:
        ends &= ~_between(data, at, _POINT, _POINT)
    sign = data[at + lowest(ends)]
    return np.uint64(sign) if sign in (_COMMA, _SEMICOLON, _SPACE, _TAB) else _0


@jit
def swift_rows(
    data: NDArray[np.uint8],
    at: Any,
    stop: Any,
    words: NDArray[np.int64],
    made: Any,
    last: Any,
    time_column: int,
    kept: Any,
    width: Any,
    height: Any,
) -> Any:
    """Parse rows until one is out of the common, begins at `stop` or later, or `words` is full.

    Returns the place where it stopped, how many events there are then, the times earlier than the one before, and the
    last time.

    Args:
        data: uint8; MARGIN bytes of it follow `stop`.
        at: where a row begins, before `stop`.
        stop: where to stop.
        words: int64, shape (room, 2): an event record as two words.
        made: events there are already.
        last: the time before, µs.
        time_column: 0, 2 or 3; the other columns are x, y and p in this order.
        kept: how many digits behind the point of a time are whole µs, or None where times have no point. Compiled
            apart, since looking for points costs a fifth of all.
        width: sensor width, px.
        height: sensor height, px.
    """
    room, back = np.uint64(len(words)), _0
    separator = _separator_of(data, at, kept)
    while separator != _0 and at < stop and made < room:
        minus, points = _between(data, at, _MINUS, _MINUS), _0
        ends = ~(_between(data, at, _DIGIT_ZERO, _DIGIT_NINE) | minus) & _LOW_32
        if kept is not None:
            points = _between(data, at, _POINT, _POINT)
            ends &= ~points
        ends_1 = ends & (ends - _1)
        ends_2 = ends_1 & (ends_1 - _1)
        ends_3 = ends_2 & (ends_2 - _1)
        if ends_3 == _0 or (ends ^ ends_3) & ~_between(data, at, separator, separator) != _0:
            break
        end_0, end_1, end_2, end_3 = lowest(ends), lowest(ends_1), lowest(ends_2), lowest(ends_3)
        if time_column == 0:
            t, t_end, x, x_end, y, y_end, p, p_end = _0, end_0, end_0 + _1, end_1, end_1 + _1, end_2, end_2 + _1, end_3
        elif time_column == 2:
            x, x_end, y, y_end, t, t_end, p, p_end = _0, end_0, end_0 + _1, end_1, end_1 + _1, end_2, end_2 + _1, end_3
        else:
            x, x_end, y, y_end, p, p_end, t, t_end = _0, end_0, end_0 + _1, end_1, end_1 + _1, end_2, end_2 + _1, end_3
        x_digits, y_digits, t_digits = x_end - x, y_end - y, t_end - t
        if (x_digits - _1) | (y_digits - _1) >= _4:
            break
        minus &= (_1 << end_3) - _1
        negative = (minus >> p) & _1
        if minus != negative << p or p_end - p - _1 != negative:
            break
        after = at + end_3 + _1
        if data[after - _1] != _NEWLINE:
            if data[after - _1] != _RETURN or data[after] != _NEWLINE:
                break
            after += _1
        place = _place_of(data, at + x, x_digits, at + y, y_digits)
        column, row, polarity = place & _LOW_16, place >> _32, np.uint64(data[at + p_end - _1]) - _DIGIT_ZERO
        if column >= width or row >= height or polarity > _1:
            break
        if kept is not None:
            points &= (_1 << end_3) - _1
            if points >> t_end != _0:
                break
            points >>= t
        time, good = _time(data, at + t, t_digits, points, kept)
        if not good:
            break
        words[made, _0] = time
        words[made, _1] = np.int64(column | row << _16 | (polarity & ~negative) << _32)
        back += np.uint64(time < last)
        last = time
        made += _1
        at = after
    return at, made, back, last
