"""Rows of text of every kind: the loops that read them character by character.

A time is parsed as a whole number of digits and a power of ten, never as a float: 0.000007 s times 1e6 is 6.999… µs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.io.text_swift import MARGIN, swift_rows
from eventflow.kernels.jit import jit

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Indices of the reader's state: int64, shape (STATE_SIZE,).
LINES, MALFORMED, FIRST_MALFORMED, OUTSIDE, STEPS_BACK, LAST, STATE_SIZE = 0, 1, 2, 3, 4, 5, 6

# What a column holds; other columns are passed over.
T, X, Y, P, NOTHING = 0, 1, 2, 3, 4

_MAX_DIGITS = 19  # as many as any 64-bit time has
_POWERS = np.array([10**power for power in range(20)], np.uint64)
_LARGEST = np.uint64(2**63 - 1)
_0, _1, _10 = np.uint64(0), np.uint64(1), np.uint64(10)
_ZERO, _SIXTEEN, _EIGHTEEN, _THIRTY_TWO = np.uint64(48), np.uint64(16), np.uint64(18), np.uint64(32)
_NEWLINE, _RETURN, _TAB, _SPACE, _COMMA, _SEMICOLON = 10, 13, 9, 32, 44, 59
_PLUS, _MINUS, _POINT, _HASH, _PERCENT = 43, 45, 46, 35, 37


@jit
def _number(data: NDArray[np.uint8], at: Any, stop: Any) -> Any:
    """Return place after a number, its digits as u64, the power of ten they stand at, its sign; place 0 if none."""
    negative = False
    if at < stop and (data[at] == _MINUS or data[at] == _PLUS):
        negative = data[at] == _MINUS
        at += _1
    digits, power, seen, kept, fraction = _0, 0, 0, 0, False
    while at < stop:
        digit = np.uint64(data[at]) - _ZERO
        if digit < _10:
            seen += 1
            if kept < _MAX_DIGITS:
                digits = digits * _10 + digit
                kept += int(digits > _0)
                power -= int(fraction)
            elif not fraction:
                power += 1
        elif data[at] == _POINT and not fraction:
            fraction = True
        else:
            break
        at += _1
    if seen == 0:
        return _0, _0, 0, False
    if at < stop and (data[at] | 32) == 101:
        at, exponent = _exponent(data, at + _1, stop)
        power += exponent
    return at, digits, power, negative


@jit
def _exponent(data: NDArray[np.uint8], at: Any, stop: Any) -> Any:
    negative = at < stop and data[at] == _MINUS
    if at < stop and (data[at] == _MINUS or data[at] == _PLUS):
        at += _1
    begin, value = at, 0
    while at < stop and np.uint64(data[at]) - _ZERO < _10:
        value = min(value * 10 + int(data[at]) - 48, 1000)
        at += _1
    if at == begin:
        return _0, 0
    return at, (-value if negative else value)


@jit
def _scaled(digits: Any, power: int) -> Any:
    """Return digits * 10**power rounded to the nearest whole number (a half goes up), and whether nothing was lost.

    The second value is 2 where the number does not fit.
    """
    if digits == _0 or power == 0:
        return digits, 0 if digits <= _LARGEST else 2
    if power > 0:
        if power >= 19 or digits > _LARGEST // _POWERS[power]:
            return _0, 2
        return digits * _POWERS[power], 0
    if power < -19:
        return _0, 1
    divisor = _POWERS[-power]
    whole = digits // divisor
    rest = digits - whole * divisor
    if rest == _0:
        return whole, 0
    return whole + np.uint64(rest >= divisor - rest), 1


@jit
def _word(data: NDArray[np.uint8], at: Any, stop: Any) -> Any:
    """Return place after true, false, on or off (in any case) and its polarity; place 0 if there is none."""
    begin = at
    key = _0
    while at < stop and 97 <= (data[at] | 32) <= 122 and at < begin + np.uint64(6):
        key = key << np.uint64(8) | np.uint64(data[at] | 32)
        at += _1
    if key == np.uint64(0x74727565) or key == np.uint64(0x6F6E):
        return at, 1
    if key == np.uint64(0x66616C7365) or key == np.uint64(0x6F6666):
        return at, 0
    return _0, 0


@jit
def _field_end(data: NDArray[np.uint8], at: Any, stop: Any) -> Any:
    """Return the place after the separator behind a field, stop at a line's end; place 0 if other signs follow."""
    blank = False
    while at < stop and (data[at] == _SPACE or data[at] == _TAB):
        blank = True
        at += _1
    if at < stop and (data[at] == _COMMA or data[at] == _SEMICOLON):
        at += _1
        while at < stop and (data[at] == _SPACE or data[at] == _TAB):
            at += _1
    elif not blank and at < stop:
        return _0
    return at


@jit
def _row(data: NDArray[np.uint8], at: Any, stop: Any, roles: NDArray[np.int64], unit_power: int) -> Any:
    """Return t, x, y, p of the row in data[at:stop], and whether it is one."""
    t, x, y, p = np.int64(0), np.int64(0), np.int64(0), np.int64(0)
    for role in roles:
        if at >= stop:
            return t, x, y, p, False
        if role == NOTHING:
            while at < stop and not (
                data[at] == _COMMA or data[at] == _SEMICOLON or data[at] == _SPACE or data[at] == _TAB
            ):
                at += _1
        elif role == P and (data[at] | 32) >= 97:
            at, p = _word(data, at, stop)
            if at == _0:
                return t, x, y, p, False
        else:
            at, digits, power, negative = _number(data, at, stop)
            if at == _0:
                return t, x, y, p, False
            value, lost = _scaled(digits, power + unit_power if role == T else power)
            if lost == 2 or (lost == 1 and role != T):
                return t, x, y, p, False
            number = -np.int64(value) if negative else np.int64(value)
            if role == T:
                t = number
            elif role == X:
                x = number
            elif role == Y:
                y = number
            else:
                if number < -1 or number > 1:
                    return t, x, y, p, False
                p = np.int64(number == 1)
        at = _field_end(data, at, stop)
        if at == _0:
            return t, x, y, p, False
    return t, x, y, p, True


@jit
def _plain_row(data: NDArray[np.uint8], at: Any, roles: NDArray[np.int64], unit_power: int) -> Any:
    """Parse the row at `at`, behind which there is a newline, if it is the common kind: digits, one separator, newline.

    Returns the place after its newline, t, x, y, p; place 0 where `_row` has to look.
    """
    t, x, y, p = _0, _0, _0, _0
    last = len(roles) - 1
    for column in range(len(roles)):
        begin, value = at, _0
        digit = np.uint64(data[at]) - _ZERO
        while digit < _10:
            value = value * _10 + digit
            at += _1
            digit = np.uint64(data[at]) - _ZERO
        if at == begin:
            return _0, t, x, y, p
        role = roles[column]
        if role == T and unit_power > 0:
            power = unit_power
            if data[at] == _POINT:
                at += _1
                point = at
                digit = np.uint64(data[at]) - _ZERO
                while digit < _10:
                    value = value * _10 + digit
                    at += _1
                    digit = np.uint64(data[at]) - _ZERO
                power -= int(at - point)
            if at - begin + np.uint64(max(power, 0)) > _EIGHTEEN:
                return _0, t, x, y, p
            if power >= 0:
                value *= _POWERS[power]
            else:
                whole = value // _POWERS[-power]
                if whole * _POWERS[-power] != value:
                    return _0, t, x, y, p
                value = whole
        if at - begin > _EIGHTEEN:
            return _0, t, x, y, p
        if role == T:
            t = _scaled(value, unit_power)[0] if unit_power < 0 else value
        elif role == X:
            x = value
        elif role == Y:
            y = value
        else:
            p = value
        behind = data[at]
        at += _1
        if column == last:
            if behind == _RETURN:
                behind = data[at]
                at += _1
            if behind != _NEWLINE:
                return _0, t, x, y, p
        elif behind != _COMMA and behind != _SPACE and behind != _TAB and behind != _SEMICOLON:
            return _0, t, x, y, p
    return at, t, x, y, p


@jit
def _line_end(data: NDArray[np.uint8], at: Any) -> Any:
    size = np.uint64(len(data))
    while at < size and data[at] != _NEWLINE:
        at += _1
    return at


@jit
def _whole_lines(data: NDArray[np.uint8]) -> Any:
    """Return how many bytes of `data` are lines with their newline."""
    size = len(data)
    while size > 0 and data[size - 1] != _NEWLINE:
        size -= 1
    return np.uint64(size)


@jit
def _trimmed(data: NDArray[np.uint8], first: Any, stop: Any) -> Any:
    while first < stop and (data[first] == _SPACE or data[first] == _TAB):
        first += _1
    while first < stop and (data[stop - _1] == _RETURN or data[stop - _1] == _SPACE or data[stop - _1] == _TAB):
        stop -= _1
    return first, stop


@jit
def parse_rows(
    data: NDArray[np.uint8],
    ended: bool,
    words: NDArray[np.int64],
    state: NDArray[np.int64],
    roles: NDArray[np.int64],
    swift_column: int,
    kept: Any,
    unit_power: int,
    width: int,
    height: int,
) -> tuple[int, int]:
    """Parse whole lines of `data` into `words`; return bytes consumed and events made.

    Args:
        data: bytes from the begin of a line on.
        ended: whether the file ends behind `data`, so that its last line is whole.
        words: int64, shape (room, 2): an event record as two words (t; x, y, p and zero padding).
        state: int64, shape (STATE_SIZE,), carried from call to call.
        roles: int64: what each column holds (T, X, Y, P, NOTHING).
        swift_column: the column of times where `swift_rows` takes such rows, or -1.
        kept: `unit_power` where times may have a point, else None.
        unit_power: times are multiplied with this power of ten to be µs.
        width: sensor width, px; events beyond are counted in `state[OUTSIDE]`.
        height: sensor height, px.
    """
    room, whole = np.uint64(len(words)), _whole_lines(data)
    size = np.uint64(len(data)) if ended else whole
    swift_stop = whole - MARGIN if whole > MARGIN and swift_column >= 0 else _0
    at, made = _0, _0
    lines, last, columns, rows = state[LINES], state[LAST], np.uint64(width), np.uint64(height)
    while at < size and made < room:
        if at < swift_stop:
            before = made
            at, made, back, last = swift_rows(
                data, at, swift_stop, words, made, last, swift_column, kept, columns, rows
            )
            state[STEPS_BACK] += np.int64(back)
            lines += np.int64(made - before)
            if made == room:
                break
        lines += 1
        if at < whole:
            after, t, x, y, p = _plain_row(data, at, roles, unit_power)
            if after > _0 and p <= _1 and x < columns and y < rows:
                words[made, _0] = np.int64(t)
                words[made, _1] = np.int64(x | y << _SIXTEEN | p << _THIRTY_TWO)
                state[STEPS_BACK] += np.int64(np.int64(t) < last)
                last = np.int64(t)
                made += _1
                at = after
                continue
        end = _line_end(data, at)
        first, stop = _trimmed(data, at, end)
        at = min(end + _1, size)
        if first == stop or data[first] == _HASH or data[first] == _PERCENT:
            continue
        time, column, row, polarity, good = _row(data, first, stop, roles, unit_power)
        if not good:
            state[MALFORMED] += 1
            if state[MALFORMED] == 1:
                state[FIRST_MALFORMED] = lines
        elif column < 0 or row < 0 or column >= width or row >= height:
            state[OUTSIDE] += 1
        else:
            words[made, _0] = time
            words[made, _1] = column | row << 16 | polarity << 32
            state[STEPS_BACK] += np.int64(time < last)
            last = time
            made += _1
    state[LINES], state[LAST] = lines, last
    return int(at), int(made)
