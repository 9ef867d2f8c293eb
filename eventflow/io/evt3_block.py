"""Blocks of EVT 3.0 words without vectors, triggers and what has no meaning: decoded all at once.

Most words of most recordings stand in such blocks. Which row and which time hold for a word is filled in from word to
word in as many steps as the block's length has bits; events are made of all words and those that are one are kept.
"""

from __future__ import annotations

from typing import Any, Final

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from eventflow.kernels.lanes import Column, Lanes, begins_of, keep, pairs

WORDS: Final = 32
"""Words of a block, and the room for events that decoding one takes."""

_ROW, _EVENT, _VECTOR_12, _VECTOR_8, _TIME_LOW, _TIME_HIGH = 0x0000, 0x2000, 0x4000, 0x5000, 0x6000, 0x8000
_OF_NO_EVENT: Final = (0x7000, 0xE000, 0xF000)
_RESULT: Final = types.UniTuple(types.int64, 3)


@intrinsic  # type: ignore[untyped-decorator]
def decode_block(
    context: Any,
    words: Any,
    at: Any,
    out: Any,
    n: Any,
    time: Any,
    high: Any,
    row: Any,
    low: Any,
    width: Any,
    height: Any,
    made: Any,
) -> Any:
    """Decode words[at : at + WORDS] (u16) into `out` (int64 pairs) from event n on, in 64-bit integers.

    `time` is what TIME_LOW adds to, µs; `high`, `row` and `low` are the last words of these kinds, without their kind.
    Returns the next event, and the row and low time after the block; or -1 and two numbers where a word is of another
    kind or beyond the sensor, TIME_HIGH changes or TIME_LOW falls: nothing is written then. `made` holds WORDS pairs in
    between. Nothing is checked of the arrays' sizes.
    """

    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        words, out, made = begins_of(target, builder, signature, arguments, 0, 2, 10)
        n, time, *given = arguments[3:10]
        block = Block(builder, Lanes.load(builder, builder.gep(words, [arguments[1]]), WORDS, 16), *given)
        results = [cgutils.alloca_once_value(builder, ir.IntType(64)(start)) for start in (-1, 0, 0)]
        with builder.if_then(builder.not_(block.odd())):
            after = block.write(out, n, time, made)
            for result, value in zip(results, (after, *block.memory()), strict=True):
                builder.store(value, result)
        return target.make_tuple(builder, signature.return_type, [builder.load(result) for result in results])

    return _RESULT(words, types.uint64, out, *[types.int64] * 7, made), generate


@intrinsic  # type: ignore[untyped-decorator]
def count_block(context: Any, words: Any, at: Any) -> Any:
    """Return how many events words[at : at + WORDS] (u16) hold at most. Nothing is checked of the array's size."""

    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        (begin,) = begins_of(target, builder, signature, arguments, 0)
        words = Lanes.load(builder, builder.gep(begin, [arguments[1]]), WORDS, 16)
        kind = words & 0xF000
        pixels = kind.equal(_EVENT).widened(16)
        for vector, bits in ((_VECTOR_12, 0xFFF), (_VECTOR_8, 0xFF)):
            pixels = (words & bits).where(kind.equal(vector), pixels)
        return builder.zext(pixels.ones().sum(), ir.IntType(64))

    return types.int64(words, types.uint64), generate


class Block:
    """The words of a block, and what is known of each.

    Times do not depend on TIME_HIGH here, which has to stay: each block would have to wait for the one before.
    """

    def __init__(self, builder: Any, words: Lanes, high: Any, row: Any, low: Any, width: Any, height: Any) -> None:
        def spread(number: Any) -> Lanes:
            return Lanes.spread(builder, number, WORDS, 16)

        self._builder, self._words = builder, words
        kind = words & 0xF000
        self._is_row, self._is_event, self._is_low, self._is_high = (
            kind.equal(each) for each in (_ROW, _EVENT, _TIME_LOW, _TIME_HIGH)
        )
        self._field, self._time = words & 0x7FF, words & 0xFFF
        self._row = self._field.filled(self._is_row, spread(row))
        self._clock, odd_time = self._clocked(spread(high), spread(low))
        beyond = self._is_event & ~self._field.below(spread(width)) | ~self._row.below(spread(height))
        self._odd = odd_time | beyond
        self._known = self._is_row | self._is_event | self._is_low | self._is_high
        for each in _OF_NO_EVENT:
            self._known |= kind.equal(each)

    def _clocked(self, high: Lanes, low: Lanes) -> tuple[Lanes, Lanes]:
        """Return the time that holds for every word, and flags: where it does not do for the block."""
        clock = self._time.filled(self._is_low, low)
        return clock, clock.below(clock.after(low)) | self._is_high & ~self._time.equal(high)

    def odd(self) -> Any:
        """Return whether the block is to be decoded in another way."""
        return (self._odd | ~self._known).any()

    def write(self, out: Any, n: Any, time: Any, made: Any) -> Any:
        """Write the events to `out` from index n on; return the index after them."""
        builder = self._builder
        times = self._clock.widened(64) + Lanes.spread(builder, time, WORDS, 64)
        place = self._field.widened(32) | self._row.widened(32) << 16
        halves = place.widened(64) | (self._words >> 11 & 1).widened(64) << 32
        columns = [Column(times.beside(halves), self._is_event.as_mask())]
        return keep(builder, columns, WORDS, made, pairs(builder, out), n)

    def memory(self) -> list[Any]:
        """Return the row and the low time that hold after the block."""
        return [self._builder.zext(each.last(), ir.IntType(64)) for each in (self._row, self._clock & 0xFFF)]
