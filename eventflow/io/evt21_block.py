"""Blocks of EVT 2.1 words that are times and vectors of one or two pixels on the sensor: decoded all at once."""

from __future__ import annotations

from typing import Any, Final

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from eventflow.kernels.lanes import Column, Lanes, begins_of, keep, pairs

WORDS: Final = 16
"""Words of a block."""

ROOM: Final = 2 * WORDS
"""The room for events that decoding a block takes."""

_FARTHEST: Final = 1 << 20  # time may rise by less than so many TIME_HIGH in a block
_TIME_HIGH, _TWO = 8 << 28, 2 << 28
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
    last: Any,
    width: Any,
    height: Any,
    shift: Any,
    made: Any,
) -> Any:
    """Decode words[at : at + WORDS] (64 bits) into `out` (int64 pairs) from event n on.

    `high` is the last TIME_HIGH, `time` the time it stands for, µs; `last` is how long after it the last event was, 0
    where it was before; `shift` is where the header begins in a word. Returns the next event, how much TIME_HIGH rose
    and `last` after the block, seen from `time`; or -1 and two numbers where a word is of another kind, has none or
    more than two pixels or one beyond the sensor, or time falls or rises far: nothing is written then. `made` holds
    ROOM pairs in between. Nothing is checked of the arrays' sizes.
    """

    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        words, out, made = begins_of(target, builder, signature, arguments, 0, 2, 10)
        block = _Block(builder, Lanes.load(builder, builder.gep(words, [arguments[1]]), WORDS, 64), *arguments[5:10])
        results = [cgutils.alloca_once_value(builder, ir.IntType(64)(start)) for start in (-1, 0, 0)]
        with builder.if_then(builder.not_(block.odd())):
            after = block.write(out, arguments[3], arguments[4], made)
            for result, value in zip(results, (after, *block.memory()), strict=True):
                builder.store(value, result)
        return target.make_tuple(builder, signature.return_type, [builder.load(result) for result in results])

    return _RESULT(words, types.uint64, out, *[types.int64] * 7, made), generate


class _Block:
    """The words of a block, and what is known of each."""

    def __init__(self, builder: Any, words: Lanes, high: Any, last: Any, width: Any, height: Any, shift: Any) -> None:
        def spread(number: Any, bits: int = 32) -> Lanes:
            return Lanes.spread(builder, number, WORDS, bits)

        self._builder = builder
        self._header = header = (words >> spread(shift, 64)).narrowed(32)
        self._mask = (words >> spread(builder.sub(shift.type(32), shift), 64)).narrowed(32)
        self._rest = self._mask & (self._mask - 1)
        self._is_event = header.below(_TWO)
        is_high = (header & 0xF000_0000).equal(_TIME_HIGH)
        self._rise = (header & 0xFFF_FFFF).filled(is_high, spread(high)) - spread(high)
        self._since = self._rise << 6 | header >> 22 & 63
        self._latest = self._since.filled(self._is_event, spread(last))
        self._places = _lowest(self._mask), _lowest(self._rest)
        farthest = self._places[0].where(self._rest.equal(0), self._places[1])
        fits = ((header >> 11 & 0x7FF) + farthest).below(spread(width)) & (header & 0x7FF).below(spread(height))
        one_or_two = (self._rest & (self._rest - 1)).equal(0) & ~self._mask.equal(0)
        late = ~self._rise.below(_FARTHEST) | self._latest.below(self._latest.after(spread(last)))
        self._odd = ~(self._is_event | is_high) | self._is_event & ~(fits & one_or_two) | late

    def odd(self) -> Any:
        """Return whether the block is to be decoded in another way."""
        return self._odd.any()

    def write(self, out: Any, n: Any, time: Any, made: Any) -> Any:
        """Write the events to `out` from index n on; return the index after them."""
        builder = self._builder
        header = self._header
        times = self._since.widened(64) + Lanes.spread(builder, time, WORDS, 64)
        place = (header >> 11 & 0x7FF) | (header & 0x7FF) << 16
        polarity = (header >> 28).widened(64) << 32
        columns = [
            Column(times.beside((place + first).widened(64) | polarity), flags.as_mask())
            for first, flags in zip(self._places, (self._is_event, self._is_event & ~self._rest.equal(0)), strict=True)
        ]
        out, after = pairs(builder, out), cgutils.alloca_once(builder, n.type)
        any_rest = builder.icmp_unsigned("!=", columns[1].mask, columns[1].mask.type(0))
        with builder.if_else(any_rest) as (twos, ones):
            with twos:
                builder.store(keep(builder, columns, WORDS, made, out, n), after)
            with ones:
                builder.store(keep(builder, columns[:1], WORDS, made, out, n), after)
        return builder.load(after)

    def memory(self) -> list[Any]:
        """Return how much TIME_HIGH rose, and when the last event was."""
        return [self._builder.zext(each.last(), ir.IntType(64)) for each in (self._rise, self._latest)]


def _lowest(mask: Lanes) -> Lanes:
    """Return the place of the lowest bit."""
    return (~mask & (mask - 1)).ones()
