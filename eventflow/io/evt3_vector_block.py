"""Blocks of EVT 3.0 words with vectors or a new TIME_HIGH among them: decoded all at once.

Every word becomes a mask of up to twelve pixels, empty where it is no event; where the vector of a word begins is the
last base and twelve for every word since. Several pixels come out of a table, eight at a time, whether they are there
or not; how many they are cannot be predicted, and a branch taken wrongly costs more.
"""

from __future__ import annotations

from typing import Any, Final

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from eventflow.io.evt3_block import WORDS, Block
from eventflow.kernels.lanes import Lanes, begins_of

ROOM: Final = 12 * WORDS + 16
"""The room for events that decoding a block takes."""

MADE: Final = 2 * WORDS + WORDS // 4
"""64-bit numbers of the memory in between."""

NO_BASE: Final = 3000
"""Stands for no base, or one beyond every sensor: a block in which such a vector goes on is for another loop."""

_BASE, _VECTOR_12, _VECTOR_8 = 0x3000, 0x4000, 0x5000
_SHIFT: Final = 512  # added to where vectors begin: what is taken off for the words before may be more than a base
_POLARITY: Final = 14
_RISE: Final = 16  # TIME_HIGH rises by less than that in a block: a time has 16 bits then
_RESULT: Final = types.UniTuple(types.int64, 6)


@intrinsic  # type: ignore[untyped-decorator]
def decode_vectors(
    context: Any,
    words: Any,
    at: Any,
    out: Any,
    n: Any,
    time: Any,
    high: Any,
    row: Any,
    low: Any,
    base: Any,
    polarity: Any,
    width: Any,
    height: Any,
    places: Any,
    made: Any,
) -> Any:
    """Decode words[at : at + WORDS] (u16) into `out` (int64 pairs) from event n on, in 64-bit integers.

    `time` is what TIME_LOW adds to, µs; `high`, `row` and `low` are the last words of these kinds, without their kind;
    `base`, 0 to NO_BASE, is where a vector goes on and `polarity` its own, 0 or 1. `places` has the places of the
    set bits of every byte, a byte each. Returns the next event, how much TIME_HIGH rose, and row, low time, base and
    polarity after the block; or -1 and five numbers where a word is of a rarer kind or beyond the sensor, time falls or
    rises far, or something stands between the words of a vector: nothing is written then. Nothing is checked of the
    arrays' sizes.
    """

    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        words, out, places, made = begins_of(target, builder, signature, arguments, 0, 2, 12, 13)
        n, time, *given = arguments[3:12]
        loaded = Lanes.load(builder, builder.gep(words, [arguments[1]]), WORDS, 16)
        block = _VectorBlock(builder, loaded, *given)
        results = [cgutils.alloca_once_value(builder, ir.IntType(64)(start)) for start in (-1, 0, 0, 0, 0, 0)]
        with builder.if_then(builder.not_(block.odd())):
            after = block.write_vectors(out, n, time, places, made)
            for result, value in zip(results, (after, *block.memory()), strict=True):
                builder.store(value, result)
        return target.make_tuple(builder, signature.return_type, [builder.load(result) for result in results])

    return _RESULT(words, types.uint64, out, *[types.int64] * 9, places, made), generate


class _VectorBlock(Block):
    """The words of a block, and what is known of each."""

    def __init__(
        self,
        builder: Any,
        words: Lanes,
        high: Any,
        row: Any,
        low: Any,
        base: Any,
        polarity: Any,
        width: Any,
        height: Any,
    ) -> None:
        super().__init__(builder, words, high, row, low, width, height)

        def spread(number: Any) -> Lanes:
            return Lanes.spread(builder, number, WORDS, 16)

        kind = words & 0xF000
        self._is_base, self._is_12, self._is_8 = (kind.equal(each) for each in (_BASE, _VECTOR_12, _VECTOR_8))
        self._width = spread(width)
        self._kind_before = kind.after(spread(ir.IntType(16)(_BASE)))
        moved = Lanes.multiples(builder, 12, WORDS, 16)
        sign = (words >> 11 & 1) << _POLARITY
        origin = (self._field + (_SHIFT - 12) - moved | sign).filled(
            self._is_base, spread(base) + _SHIFT | spread(polarity) << _POLARITY
        )
        self._sign = origin & 1 << _POLARITY
        self._begin = (origin & 0x1FFF) + moved - _SHIFT
        length = Lanes.spread(builder, ir.IntType(16)(12), WORDS, 16).where(self._is_12, self._is_8.widened(16) << 3)
        self._end = self._begin + length
        after = (self._field | sign).where(self._is_base, self._end | self._sign)
        self._after = after.filled(
            self._is_base | self._is_12 | self._is_8, spread(base) | spread(polarity) << _POLARITY
        )

    def _clocked(self, high: Lanes, low: Lanes) -> tuple[Lanes, Lanes]:
        zero = Lanes.spread(self._builder, ir.IntType(16)(0), WORDS, 16)
        self._rise = self._time.filled(self._is_high, high) - high
        new_high = self._is_high & ~self._rise.equal(self._rise.after(zero))
        clock = self._time.where(self._is_low, zero).filled(self._is_low | new_high, low) | self._rise << 12
        return clock, clock.below(clock.after(low)) | ~self._rise.below(_RISE)

    def odd(self) -> Any:
        """Return whether the block is to be decoded in another way."""
        is_vector = self._is_12 | self._is_8
        follows = self._kind_before.equal(_BASE) | self._kind_before.equal(_VECTOR_12)
        bad_vector = is_vector & ~(follows & self._end.below(self._width + 1))
        return (self._odd | ~(self._known | self._is_base | is_vector) | bad_vector).any()

    def write_vectors(self, out: Any, n: Any, time: Any, places: Any, made: Any) -> Any:
        """Write the events to `out` from index n on; return the index after them."""
        builder, word = self._builder, ir.IntType(64)
        pixels = (self._words & 0xFFF).where(self._is_12, self._is_event.widened(16))
        pixels = (self._words & 0xFF).where(self._is_8, pixels)
        lowest = (~pixels & (pixels - 1)).ones()
        first = self._field.where(self._is_event, self._begin + lowest)
        sign = (self._words >> 11 & 1).where(self._is_event, self._sign >> _POLARITY)
        place = first.widened(32) | self._row.widened(32) << 16
        columns = [
            self._clock.widened(64) + Lanes.spread(builder, time, WORDS, 64),
            place.widened(64) | sign.widened(64) << 32,
            pixels,
        ]
        begins = [builder.gep(made, [word(number * WORDS)]) for number in range(3)]
        for column, begin in zip(columns, begins, strict=True):
            column.store(begin)
        begins[2] = builder.bitcast(begins[2], ir.IntType(16).as_pointer())
        index = cgutils.alloca_once_value(builder, n)
        with cgutils.for_range(builder, word(WORDS)) as loop:
            t, half, mask = (builder.load(builder.gep(begin, [loop.index])) for begin in begins)
            mask = builder.zext(mask, word)
            rest = builder.and_(mask, builder.sub(mask, word(1)))
            with builder.if_else(builder.icmp_unsigned("==", rest, word(0))) as (one, several):
                with one:
                    at = builder.load(index)
                    Lanes.spread(builder, t, 1, 64).beside(Lanes.spread(builder, half, 1, 64)).store(
                        builder.gep(out, [builder.shl(at, word(1))])
                    )
                    builder.store(builder.add(at, builder.ctpop(mask)), index)
                with several:
                    begin = builder.sub(half, builder.cttz(mask, ir.IntType(1)(1)))
                    self._put_pixels(t, begin, mask, places, out, index)
        return builder.load(index)

    def _put_pixels(self, t: Any, begin: Any, mask: Any, places: Any, out: Any, index: Any) -> None:
        """Write an event for each pixel of a vector whose first column has the second half `begin`."""
        builder, word = self._builder, ir.IntType(64)
        parts = (0, 8, builder.and_(mask, word(0xFF))), (8, 4, builder.lshr(mask, word(8)))
        for lowest, count, bits in parts:
            columns = Lanes.load(builder, builder.gep(places, [bits]), count, 8).widened(64)
            halves = columns + Lanes.spread(builder, builder.add(begin, word(lowest)), count, 64)
            at = builder.load(index)
            pairs = Lanes.spread(builder, t, count, 64).beside(halves)
            pairs.store(builder.gep(out, [builder.shl(at, word(1))]))
            builder.store(builder.add(at, builder.ctpop(bits)), index)

    def memory(self) -> list[Any]:
        """Return how much TIME_HIGH rose, and row, low time, base and its polarity as they hold after the block."""
        first, *last = (
            self._builder.zext(each.last(), ir.IntType(64))
            for each in (self._rise, self._after & 0x1FFF, self._after >> _POLARITY)
        )
        return [first, *super().memory(), *last]
