"""Events to be encoded, a block of them side by side, and which of them are one vector."""

from __future__ import annotations

from typing import Any, Final

from llvmlite import ir

from eventflow.kernels.lanes import Lanes

EVENTS: Final = 32
"""Events of a block."""

_X, _Y, _POLARITY = 0x7FF, 0x7FF0000, 1 << 31
_VECTOR: Final = _POLARITY | _Y | 0x7E0  # what the events of a vector have in common
_WORD: Final = ir.IntType(64)
_NEVER: Final = (1 << 32) - 1


class EventLanes:
    """A block of events in lanes of 32 bits.

    Args:
        builder: where instructions go.
        halves: a pointer to int64 pairs.
        at: the first event.
        time: what times are counted from, µs.
        limit: a power of two below 2^31.

    Attributes:
        is_far: flags: whose times are not within `limit` µs from `time` on. The others' are in `since`.
        since: times from `time` on, µs.
        x: eleven bits.
        y: eleven bits.
        p: 0 or 1.
    """

    def __init__(self, builder: Any, halves: Any, at: Any, time: Any, limit: int) -> None:
        self._builder, self._time, self._limit = builder, time, limit
        self._halves, self._end = halves, builder.add(at, _WORD(EVENTS))
        begin = builder.gep(halves, [builder.shl(at, _WORD(1))])
        both = Lanes.load(builder, begin, 2 * EVENTS, 64)
        since = both.turns(0, of=2) - Lanes.spread(builder, time, EVENTS, 64)
        self.is_far, self.since = ~since.below(limit), since.narrowed(32)
        seconds = both.turns(1, of=2)
        self._key = (seconds & (_X | _Y) | seconds >> 1 & _POLARITY).narrowed(32)
        self.x, self.y, self.p = self._key & _X, self._key >> 16 & _X, self._key >> 31

    def last_of_vectors(self) -> Lanes:
        """Return flags: which events are the last of their vector. The event after the block is looked at.

        Those of a vector are of one time, row and polarity, within 32 aligned columns, and follow from left to right.
        """
        since, key = self._next()
        after = self._with_last(self.since, since)
        key_after = self._with_last(self._key, key)
        same = self.since.equal(after) & (self._key & _VECTOR).equal(key_after & _VECTOR)
        return ~(same & (self._key & 31).below(key_after & 31))

    def _next(self) -> tuple[Any, Any]:
        """Return time and key of the event after the block; the time is _NEVER where it is far."""
        builder = self._builder
        time, second = (
            builder.load(builder.gep(self._halves, [builder.add(builder.shl(self._end, _WORD(1)), _WORD(half))]))
            for half in (0, 1)
        )
        since = builder.sub(time, self._time)
        near = builder.icmp_unsigned("<", since, _WORD(self._limit))
        sign = builder.and_(builder.lshr(second, _WORD(1)), _WORD(_POLARITY))
        key = builder.or_(builder.and_(second, _WORD(_X | _Y)), sign)
        return builder.select(near, since, _WORD(_NEVER)), key

    def _with_last(self, numbers: Lanes, last: Any) -> Lanes:
        """Return all numbers but the first, and `last`."""
        return numbers.before(Lanes.spread(self._builder, last, EVENTS, 32))


class Vectors:
    """The vectors of a block, the first of which begins with its first event.

    Attributes:
        ends: bits: which events are the last of their vector.
        masks: in the lane of the last event, a bit for each event of its vector, at its column.
    """

    def __init__(self, builder: Any, events: EventLanes) -> None:
        self._builder = builder
        last = events.last_of_vectors()
        self.ends = last.as_mask()
        one, zero, full = (Lanes.spread(builder, _WORD(number), EVENTS, 32) for number in (1, 0, -1))
        masks = one << (events.x & 31)
        begins = full.where(last, zero).after(full)  # a vector takes nothing from before its first event
        step = 1
        while step < EVENTS:
            masks |= masks.after(zero, step) & ~begins
            begins |= begins.after(full, step)
            step *= 2
        self.masks = masks

    def any_ends(self) -> Any:
        """Return whether any vector ends in the block, as a flag of the compiler."""
        return self._builder.icmp_unsigned("!=", self.ends, self.ends.type(0))

    def all_end(self) -> Any:
        """Return whether every event is a vector of its own, as a flag of the compiler."""
        return self._builder.icmp_unsigned("==", self.ends, self.ends.type(-1))

    def whole(self) -> Any:
        """Return how many events belong to vectors that end in the block, a 64-bit integer. There is one."""
        return self._builder.zext(self._builder.sub(self.ends.type(EVENTS), self._empty()), _WORD)

    def of_whole(self, flags: Lanes) -> Any:
        """Return flags as bits, without those of events whose vector does not end in the block."""
        return self._builder.and_(flags.as_mask(), self.mask_of_whole())

    def mask_of_whole(self) -> Any:
        """Return bits: which events belong to vectors that end in the block."""
        return self._builder.lshr(self.ends.type(-1), self._empty())

    def lanes_of(self, some: Any) -> Any:
        """Return bits: which events belong to the vectors that end where bits of `some` are set."""
        builder = self._builder
        starts = builder.or_(builder.shl(self.ends, self.ends.type(1)), self.ends.type(1))
        others, carries = (builder.bitreverse(bits) for bits in (builder.not_(starts), some))
        # backwards a carry runs from the end of each vector to its start, and turns every bit on its way
        return builder.bitreverse(builder.xor(builder.add(others, carries), others))

    def last_of(self, numbers: Lanes) -> Any:
        """Return the number of the last event whose vector ends in the block, a 64-bit integer."""
        last = self._builder.trunc(self._builder.sub(self.whole(), _WORD(1)), ir.IntType(32))
        return self._builder.zext(self._builder.extract_element(numbers.value, last), _WORD)

    def _empty(self) -> Any:
        return self._builder.ctlz(self.ends, ir.IntType(1)(0))
