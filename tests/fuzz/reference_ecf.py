"""ECF, the codec of Prophesee HDF5, decoded one number at a time, by the book: slow, and obviously right."""

from __future__ import annotations

from reference_prophesee import Event

FILTER = 36559  # its number in HDF5
_HEADER_BYTES = 12


class _Bytes:
    """What is left of a chunk; running out of it raises IndexError."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def number(self, size: int, *, signed: bool = False) -> int:
        piece = self.data[self.at : self.at + size]
        if len(piece) < size:
            raise IndexError
        self.at += size
        return int.from_bytes(piece, "little", signed=signed)

    def ahead(self) -> int:
        return self.data[self.at] if self.at < len(self.data) else 0


def chunk(data: bytes, most: int) -> tuple[int, list[Event]]:
    """Return how many events a chunk says it has, -1 where that is no chunk of `most`, and those that are sound.

    Times and rows stand apart, so that no event is sound where one of them is missing; the last part gives as many as
    it has.
    """
    if len(data) < _HEADER_BYTES:
        return -1, []
    left = _Bytes(data)
    word = left.number(4)
    count = word >> 2
    if count > most:
        return -1, []
    try:
        times = _times(left, count)
        if word & 2:
            return count, _pixels(left, times)
        rows = _runs(left, count, size=2, bits=5)
        if word & 1:
            return count, _packed_columns(left, times, rows)
        columns = _masked_columns(left, count)
    except (IndexError, ValueError):
        return count, []
    polarities = _polarities(left, count)
    return count, [Event(*each) for each in zip(times, columns, rows, polarities, strict=False)]


def _times(left: _Bytes, count: int) -> list[int]:
    t = left.number(8, signed=True)
    times: list[int] = []
    while len(times) < count:
        head = left.number(1)
        step, run = head >> 4, head & 15
        if step == 15:
            more, digits = run, 1
            while left.ahead() >> 4 == 15 and digits < 16:
                more |= (left.number(1) & 15) << 4 * digits
                digits += 1
            if more >> 63 or t + more >> 63 > 0:
                raise ValueError("a time beyond 64 bits")
            t += more
            continue
        t = (t + step + (1 << 63)) % (1 << 64) - (1 << 63)
        run = left.number(2) if run == 15 else run
        times += [t] * _fitting(run, count - len(times))
    return times


def _runs(left: _Bytes, count: int, *, size: int, bits: int) -> list[int]:
    """Values with, in their lowest bits, how often they come; all ones: the next 16 bits say it."""
    values: list[int] = []
    all_ones = (1 << bits) - 1
    while len(values) < count:
        word = left.number(size)
        run = left.number(2) if word & all_ones == all_ones else word & all_ones
        values += [word >> bits] * _fitting(run, count - len(values))
    return values


def _fitting(run: int, room: int) -> int:
    if run > room:
        raise ValueError("more than the chunk says it has")
    return run


def _masked_columns(left: _Bytes, count: int) -> list[int]:
    """Each with a mask of the five after it, the next one highest."""
    columns: list[int] = []
    while len(columns) < count:
        word = left.number(2)
        columns += [word >> 5, *((word >> 5) + after for after in range(1, 6) if word >> (5 - after) & 1)]
    return columns[:count]


def _polarities(left: _Bytes, count: int) -> list[int]:
    found: list[int] = []
    try:
        while len(found) < count:
            head = left.number(1)
            run = left.number(2) if head & 127 == 127 else head & 127
            found += [head >> 7] * _fitting(run, count - len(found))
    except (IndexError, ValueError):
        pass
    return found


def _groups(left: _Bytes, size: int, bits: int, count: int) -> list[int]:
    """Four values in three words: the first three fill the upper bits, the fourth fills what is left of them."""
    width = 8 * size
    found: list[int] = []
    while len(found) < count and left.at + 3 * size <= len(left.data):
        a, b, c = (left.number(size) for _ in range(3))
        rest = width - bits
        first, second_low = a >> rest, a & (1 << rest) - 1
        second_high, third_low = b >> 2 * rest, b & (1 << 2 * rest) - 1
        third_high, fourth = c >> 3 * rest, c & (1 << 3 * rest) - 1
        found += [first, second_low | second_high << rest, third_low | third_high << 2 * rest, fourth]
    return found[:count]


def _packed_columns(left: _Bytes, times: list[int], rows: list[int]) -> list[Event]:
    values = _groups(left, 2, 12, len(times))
    return [Event(t, v >> 1, y, v & 1) for t, y, v in zip(times, rows, values, strict=False)]


def _pixels(left: _Bytes, times: list[int]) -> list[Event]:
    values = _groups(left, 4, 24, len(times))
    return [Event(t, v >> 1 & 2047, v >> 12 & 2047, v & 1) for t, v in zip(times, values, strict=False)]
