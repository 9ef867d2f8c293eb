"""Blocks of events, encoded as EVT 3.0 all at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from eventflow.io.evt_event_lanes import EVENTS, EventLanes, Vectors
from eventflow.kernels.lanes import Lanes, begins_of, lay

if TYPE_CHECKING:
    from collections.abc import Sequence

FEWEST_IN_VECTOR: Final = 5
"""Of fewer events a vector takes more words than they do one by one."""

ROOM: Final = 7 * EVENTS
"""The room for words that encoding a block takes."""

MADE: Final = EVENTS + EVENTS // 8
"""64-bit numbers of the memory in between."""

_Y, _X, _VECT_BASE, _VECT_12, _VECT_8, _TIME_LOW = (kind << 12 for kind in (0, 2, 3, 4, 5, 6))
_CLOCK_US: Final = 4096
_WORD: Final = ir.IntType(64)
_RESULT: Final = types.UniTuple(types.int64, 4)


@intrinsic  # type: ignore[untyped-decorator]
def encode_block(
    context: Any, halves: Any, at: Any, words: Any, n: Any, time: Any, low: Any, row: Any, width: Any, made: Any
) -> Any:
    """Encode up to EVENTS events from event `at` of `halves` (int64 pairs) on into `words` (u16) from n on.

    `time` is what the TIME_HIGH last written stands for, µs; `low` and `row` are what was last written of these, -1
    before anything was. Returns how many events were encoded, the next word, and the last low time and row; or 0 and
    three numbers where a time is not within 4096 µs from `time` on: nothing is written then. One event more than
    EVENTS is read. Nothing is checked of the arrays' sizes.
    """

    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        halves, words, made = begins_of(target, builder, signature, arguments, 0, 2, 8)
        at, n, time, low, row, width = (arguments[k] for k in (1, 3, 4, 5, 6, 7))
        events = EventLanes(builder, halves, at, time, _CLOCK_US)
        block = _Block(builder, events, low, row, width)
        results = [cgutils.alloca_once_value(builder, _WORD(0)) for _ in range(4)]
        with builder.if_then(builder.and_(builder.not_(events.is_far.any()), block.vectors.any_ends())):
            values = [block.vectors.whole(), block.write(words, n, made), *block.memory()]
            for result, value in zip(results, values, strict=True):
                builder.store(value, result)
        return target.make_tuple(builder, signature.return_type, [builder.load(result) for result in results])

    return _RESULT(halves, types.uint64, words, *[types.int64] * 5, made), generate


class _Block:
    """What is written for the events of a block."""

    def __init__(self, builder: Any, events: EventLanes, low: Any, row: Any, width: Any) -> None:
        self._builder, self._events = builder, events
        self.vectors = vectors = Vectors(builder, events)
        new_low, new_row = (
            ~numbers.equal(numbers.after(Lanes.spread(builder, before, EVENTS, 32)))
            for numbers, before in ((events.since, low), (events.y, row))
        )
        whole = Lanes.flags(builder, vectors.mask_of_whole())
        self._whole, self._new_low, self._new_row = whole, new_low & whole, new_row & whole
        fits = ((events.x & 0x7E0) + 31).below(Lanes.spread(builder, width, EVENTS, 32))
        large = ~vectors.masks.ones().below(FEWEST_IN_VECTOR) & fits
        self._large = builder.and_(large.as_mask(), vectors.ends)

    def write(self, words: Any, n: Any, made: Any) -> Any:
        """Write the words from n on; return the index after them."""
        builder = self._builder
        found = [cgutils.alloca_once(builder, ir.VectorType(ir.IntType(bits), EVENTS)) for bits in (32, 32, 8)]
        with builder.if_else(builder.icmp_unsigned("==", self._large, self._large.type(0))) as (apart, together):
            with apart:
                self._put(self._one_by_one(self._whole), found)
            with together:
                large, inside = (
                    Lanes.flags(builder, mask) for mask in (self._large, self.vectors.lanes_of(self._large))
                )
                some = self._one_by_one(self._whole & ~inside)
                self._put([four.where(large, each) for four, each in zip(self._four_words(), some, strict=True)], found)
        lower, upper, lengths = (Lanes(builder, builder.load(each)) for each in found)
        return lay(builder, lower.beside(upper), lengths, made, words, n)

    def _put(self, columns: Sequence[Lanes], places: Sequence[Any]) -> None:
        for column, place in zip(columns, places, strict=True):
            self._builder.store(column.value, place)

    def _one_by_one(self, there: Lanes) -> tuple[Lanes, Lanes, Lanes]:
        """Return the words of events that are `there`, behind those of a new time and row, and how many they are.

        The words are two and two; behind the last there is something.
        """
        events = self._events
        single, row, low = events.x | events.p << 11 | _X, events.y | _Y, events.since | _TIME_LOW
        first = (row | single << 16).where(self._new_row, single)
        lower = (low | first << 16).where(self._new_low, first)
        return lower, single, there.widened(8) + self._new_row.widened(8) + self._new_low.widened(8)

    def _four_words(self) -> tuple[Lanes, Lanes, Lanes]:
        masks = self.vectors.masks
        base = self._events.x & 0x7E0 | self._events.p << 11 | _VECT_BASE
        lower = base | (masks & 0xFFF | _VECT_12) << 16
        upper = masks >> 12 & 0xFFF | _VECT_12 | (masks >> 24 | _VECT_8) << 16
        return lower, upper, Lanes.spread(self._builder, ir.IntType(8)(4), EVENTS, 8)

    def memory(self) -> list[Any]:
        """Return the low time and the row that were written last."""
        return [self.vectors.last_of(each) for each in (self._events.since, self._events.y)]
