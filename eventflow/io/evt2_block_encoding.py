"""Blocks of events, encoded as EVT 2.0 all at once."""

from __future__ import annotations

from typing import Any, Final

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from eventflow.io.evt_event_lanes import EVENTS, EventLanes
from eventflow.kernels.lanes import Lanes, begins_of, lay

ROOM: Final = 2 * EVENTS
"""The room for words that encoding a block takes."""

MADE: Final = EVENTS + EVENTS // 8
"""64-bit numbers of the memory in between."""

FAR: Final = 1 << 20
"""By less than so many TIME_HIGH time rises in a block."""

_TIME_HIGH: Final = 8 << 28


@intrinsic  # type: ignore[untyped-decorator]
def encode_block(context: Any, halves: Any, at: Any, words: Any, n: Any, time: Any, high: Any, made: Any) -> Any:
    """Encode EVENTS events from event `at` of `halves` (int64 pairs) on into `words` (u32) from n on.

    `high` is the TIME_HIGH last written and `time` the time it stands for, µs. Returns the next word and how much
    TIME_HIGH rose, or -1 and a number where time falls below TIME_HIGH or rises far: nothing is written then. Nothing
    is checked of the arrays' sizes, nor whether TIME_HIGH has more than 28 bits.
    """

    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        halves, words, made = begins_of(target, builder, signature, arguments, 0, 2, 6)
        word = ir.IntType(64)
        events = EventLanes(builder, halves, arguments[1], arguments[4], FAR << 6)
        rise = events.since >> 6
        rise_before = rise.after(Lanes.spread(builder, word(0), EVENTS, 32))
        odd = events.is_far | rise.below(rise_before)
        results = [cgutils.alloca_once_value(builder, word(start)) for start in (-1, 0)]
        with builder.if_then(builder.not_(odd.any())):
            singles = events.p << 28 | (events.since & 63) << 22 | events.x << 11 | events.y
            builder.store(builder.zext(rise.last(), word), results[1])
            with builder.if_else(rise.equal(0).all()) as (within, across):
                with within:
                    singles.store(builder.gep(words, [arguments[3]]))
                    builder.store(builder.add(arguments[3], word(EVENTS)), results[0])
                with across:
                    highs = Lanes.spread(builder, arguments[5], EVENTS, 32) + rise | _TIME_HIGH
                    is_new = ~rise.equal(rise_before)
                    one = Lanes.spread(builder, word(1), EVENTS, 8)
                    both = highs.where(is_new, singles).beside(singles)
                    lengths = one + is_new.widened(8)
                    builder.store(lay(builder, both, lengths, made, words, arguments[3]), results[0])
        return target.make_tuple(builder, signature.return_type, [builder.load(result) for result in results])

    pair = types.UniTuple(types.int64, 2)
    return pair(halves, types.uint64, words, *[types.int64] * 3, made), generate
