"""Blocks of EVT 3.0 words that are rows, low times and single events only: decoded all at once.

Most words of most recordings stand in such blocks. Which row and which time hold for a word is filled in from word to
word in as many steps as the block's length has bits; events are made of all words and those that are one are kept.
"""

from __future__ import annotations

from typing import Any, Final

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from eventflow.kernels.lanes import Column, Lanes, keep, pairs

WORDS: Final = 32
"""Words of a block, and the room for events that decoding one takes."""

_ROW, _EVENT, _VECTOR_12, _VECTOR_8, _TIME_LOW = 0x0000, 0x2000, 0x4000, 0x5000, 0x6000
_RESULT: Final = types.UniTuple(types.int64, 3)


@intrinsic  # type: ignore[untyped-decorator]
def decode_block(
    context: Any,
    words: Any,
    at: Any,
    out: Any,
    n: Any,
    time: Any,
    row: Any,
    low: Any,
    width: Any,
    height: Any,
    made: Any,
) -> Any:
    """Decode words[at : at + WORDS] (u16) into `out` (int64 pairs) from event n on, in 64-bit integers.

    `time` is what TIME_LOW adds to, µs; `row` and `low` are the last words of these kinds, without their kind. Returns
    the next event and the row and low time after the block, or -1 and two numbers where a word is of another kind or
    beyond the sensor, or a TIME_LOW falls: nothing is written then. `made` holds WORDS pairs in between. Nothing is
    checked of the arrays' sizes.
    """

    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        words, out, made = (target.make_array(signature.args[k])(target, builder, arguments[k]).data for k in (0, 2, 9))
        given = arguments[3:9]
        block = Block(builder, Lanes.load(builder, builder.gep(words, [arguments[1]]), WORDS, 16), *given[2:])
        results = [cgutils.alloca_once_value(builder, given[k]) for k in (0, 2, 3)]
        with builder.if_else(block.odd()) as (odd, plain):
            with odd:
                builder.store(ir.IntType(64)(-1), results[0])
            with plain:
                after = block.write(out, given[0], given[1], made)
                for result, value in zip(results, (after, *block.memory()), strict=True):
                    builder.store(value, result)
        return target.make_tuple(builder, signature.return_type, [builder.load(result) for result in results])

    u64 = types.uint64
    return _RESULT(words, u64, out, *[types.int64] * 6, made), generate


@intrinsic  # type: ignore[untyped-decorator]
def count_block(context: Any, words: Any, at: Any) -> Any:
    """Return how many events words[at : at + WORDS] (u16) hold at most. Nothing is checked of the array's size."""

    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        begin = target.make_array(signature.args[0])(target, builder, arguments[0]).data
        words = Lanes.load(builder, builder.gep(begin, [arguments[1]]), WORDS, 16)
        kind = words & 0xF000
        pixels = kind.equal(_EVENT).widened(16)
        for vector, bits in ((_VECTOR_12, 0xFFF), (_VECTOR_8, 0xFF)):
            pixels = (words & bits).where(kind.equal(vector), pixels)
        return builder.zext(pixels.ones().sum(), ir.IntType(64))

    return types.int64(words, types.uint64), generate


class Block:
    """The words of a block, and what is known of each."""

    def __init__(self, builder: Any, words: Lanes, row: Any, low: Any, width: Any, height: Any) -> None:
        def spread(number: Any) -> Lanes:
            return Lanes.spread(builder, number, WORDS, 16)

        self._builder, self._words = builder, words
        kind = words & 0xF000
        self._is_row, self._is_event, self._is_low = (kind.equal(each) for each in (_ROW, _EVENT, _TIME_LOW))
        self._field = words & 0x7FF
        self._row = self._field.filled(self._is_row, spread(row))
        carry = spread(low) | _TIME_LOW
        self._low = words.filled(self._is_low, carry)
        self._low_before = self._low.after(carry)
        self._beyond = self._is_event & ~self._field.below(spread(width)) | ~self._row.below(spread(height))

    def odd(self) -> Any:
        """Return whether the block is to be decoded in another way."""
        known = self._is_row | self._is_event | self._is_low
        return (~known | self._beyond | self._low.below(self._low_before)).any()

    def write(self, out: Any, n: Any, time: Any, made: Any) -> Any:
        """Write the events to `out` from index n on; return the index after them."""
        builder = self._builder
        times = (self._low & 0xFFF).widened(64) + Lanes.spread(builder, time, WORDS, 64)
        place = self._field.widened(32) | self._row.widened(32) << 16
        halves = place.widened(64) | (self._words >> 11 & 1).widened(64) << 32
        columns = [Column(times.beside(halves), self._is_event.as_mask())]
        return keep(builder, columns, WORDS, made, pairs(builder, out), n)

    def memory(self) -> list[Any]:
        """Return the row and the low time that hold after the block."""
        last = [self._row.last(), (self._low & 0xFFF).last()]
        return [self._builder.zext(each, ir.IntType(64)) for each in last]
