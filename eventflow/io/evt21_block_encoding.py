"""Blocks of events, encoded as EVT 2.1 all at once."""

from __future__ import annotations

from typing import Any, Final

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from eventflow.io.evt_event_lanes import EVENTS, EventLanes, Vectors
from eventflow.kernels.lanes import Column, Lanes, begins_of, keep

ROOM: Final = 2 * EVENTS
"""The room for words that encoding a block takes."""

MADE: Final = 2 * EVENTS
"""64-bit numbers of the memory in between."""

FAR: Final = 1 << 20
"""By less than so many TIME_HIGH time rises in a block."""

_TIME_HIGH: Final = 8 << 28


@intrinsic  # type: ignore[untyped-decorator]
def encode_block(
    context: Any, halves: Any, at: Any, words: Any, n: Any, time: Any, high: Any, shift: Any, made: Any
) -> Any:
    """Encode up to EVENTS events from event `at` of `halves` (int64 pairs) on into `words` (64 bits) from n on.

    `high` is the TIME_HIGH last written, `time` the time it stands for, µs, and `shift` the place of a header in a
    word. Returns how many events were encoded, the next word and how much TIME_HIGH rose; or 0 and two numbers where
    time falls below TIME_HIGH or rises far: nothing is written then. One event more than EVENTS is read. Nothing is
    checked of the arrays' sizes, nor whether TIME_HIGH has more than 28 bits.
    """

    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        halves, words, made = begins_of(target, builder, signature, arguments, 0, 2, 7)
        at, n, time, high, shift = (arguments[k] for k in (1, 3, 4, 5, 6))
        word = ir.IntType(64)
        events = EventLanes(builder, halves, at, time, FAR << 6)
        vectors = Vectors(builder, events)
        rise = events.since >> 6
        rise_before = rise.after(Lanes.spread(builder, word(0), EVENTS, 32))
        odd = events.is_far | rise.below(rise_before)
        results = [cgutils.alloca_once_value(builder, word(0)) for _ in range(3)]
        with builder.if_then(builder.and_(builder.not_(odd.any()), vectors.any_ends())):
            builder.store(vectors.whole(), results[0])
            builder.store(vectors.last_of(rise), results[2])
            headers = events.p << 28 | (events.since & 63) << 22 | (events.x & 0x7E0) << 11 | events.y
            at_header = Lanes.spread(builder, shift, EVENTS, 64)
            at_mask = Lanes.spread(builder, builder.sub(word(32), shift), EVENTS, 64)
            filled = headers.widened(64) << at_header | vectors.masks.widened(64) << at_mask
            risen = vectors.of_whole(~rise.equal(rise_before))
            columns = [Column(filled, vectors.ends)]
            with builder.if_else(builder.icmp_unsigned("==", risen, risen.type(0))) as (within, across):
                with within, builder.if_else(vectors.all_end()) as (apart, together):
                    with apart:
                        filled.store(builder.gep(words, [n]))
                        builder.store(builder.add(n, word(EVENTS)), results[1])
                    with together:
                        builder.store(keep(builder, columns, EVENTS, made, words, n), results[1])
                with across:
                    highs = Lanes.spread(builder, high, EVENTS, 32) + rise | _TIME_HIGH
                    columns.insert(0, Column(highs.widened(64) << at_header, risen))
                    builder.store(keep(builder, columns, EVENTS, made, words, n), results[1])
        return target.make_tuple(builder, signature.return_type, [builder.load(result) for result in results])

    three = types.UniTuple(types.int64, 3)
    return three(halves, types.uint64, words, *[types.int64] * 4, made), generate
