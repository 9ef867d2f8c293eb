"""Many words at once in lanes of their own width.

Numba widens every integer to 64 bits, and what it makes of a loop over 16-bit words goes a quarter as fast as the
machine can. A `Lanes` is a vector in the compiler's own terms: its operators do in every lane what they do to a number
without a sign, and the compiler finds the instructions of the machine at hand. It is for the bodies of intrinsics.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llvmlite import ir
from numba.core import cgutils

if TYPE_CHECKING:
    from collections.abc import Sequence


class Lanes:
    """Numbers without a sign side by side; or flags, which are numbers of one bit.

    Args:
        builder: where instructions go.
        value: an LLVM vector.
    """

    def __init__(self, builder: Any, value: Any) -> None:
        self._builder, self.value = builder, value
        self.count, self.bits = int(value.type.count), int(value.type.element.width)

    @classmethod
    def load(cls, builder: Any, pointer: Any, count: int, bits: int) -> Lanes:
        """Return `count` numbers from a place in memory, whatever its alignment."""
        vector = ir.VectorType(ir.IntType(bits), count)
        return cls(builder, builder.load(builder.bitcast(pointer, vector.as_pointer()), align=1))

    @classmethod
    def spread(cls, builder: Any, number: Any, count: int, bits: int) -> Lanes:
        """Return an integer of the compiler in every lane, cut to its width."""
        element = ir.IntType(bits)
        if number.type.width > bits:
            number = builder.trunc(number, element)
        none = ir.Constant(ir.VectorType(element, count), ir.Undefined)
        one = builder.insert_element(none, number, ir.IntType(32)(0))
        return cls(builder, builder.shuffle_vector(one, none, _places([0] * count)))

    @classmethod
    def multiples(cls, builder: Any, step: int, count: int, bits: int) -> Lanes:
        """Return 0, `step`, twice `step` and so on."""
        numbers = [lane * step for lane in range(count)]
        return cls(builder, ir.Constant(ir.VectorType(ir.IntType(bits), count), numbers))

    def store(self, pointer: Any) -> None:
        """Write all lanes to a place in memory, whatever its alignment."""
        self._builder.store(self.value, self._builder.bitcast(pointer, self.value.type.as_pointer()), align=1)

    def _with(self, operation: str, other: Lanes | int) -> Lanes:
        value = other.value if isinstance(other, Lanes) else ir.Constant(self.value.type, [other] * self.count)
        return Lanes(self._builder, getattr(self._builder, operation)(self.value, value))

    def _compared(self, how: str, other: Lanes | int) -> Lanes:
        value = other.value if isinstance(other, Lanes) else ir.Constant(self.value.type, [other] * self.count)
        return Lanes(self._builder, self._builder.icmp_unsigned(how, self.value, value))

    def __and__(self, other: Lanes | int) -> Lanes:
        return self._with("and_", other)

    def __or__(self, other: Lanes | int) -> Lanes:
        return self._with("or_", other)

    def __add__(self, other: Lanes | int) -> Lanes:
        return self._with("add", other)

    def __sub__(self, other: Lanes | int) -> Lanes:
        return self._with("sub", other)

    def __lshift__(self, other: Lanes | int) -> Lanes:
        return self._with("shl", other)

    def __rshift__(self, other: Lanes | int) -> Lanes:
        return self._with("lshr", other)

    def __invert__(self) -> Lanes:
        return Lanes(self._builder, self._builder.not_(self.value))

    def equal(self, other: Lanes | int) -> Lanes:
        """Return flags: where this is `other`."""
        return self._compared("==", other)

    def below(self, other: Lanes | int) -> Lanes:
        """Return flags: where this is less than `other`."""
        return self._compared("<", other)

    def where(self, flags: Lanes, other: Lanes) -> Lanes:
        """Return this where `flags` are set, and `other` elsewhere."""
        return Lanes(self._builder, self._builder.select(flags.value, self.value, other.value))

    def widened(self, bits: int) -> Lanes:
        """Return the same numbers in wider lanes."""
        return Lanes(self._builder, self._builder.zext(self.value, ir.VectorType(ir.IntType(bits), self.count)))

    def narrowed(self, bits: int) -> Lanes:
        """Return the lower bits of the numbers in narrower lanes."""
        return Lanes(self._builder, self._builder.trunc(self.value, ir.VectorType(ir.IntType(bits), self.count)))

    def ones(self) -> Lanes:
        """Return how many bits are set."""
        vector = self.value.type
        kind = ir.FunctionType(vector, [vector])
        name = f"llvm.ctpop.v{self.count}i{self.bits}"
        function = cgutils.get_or_insert_function(self._builder.module, kind, name)
        return Lanes(self._builder, self._builder.call(function, [self.value]))

    def after(self, carry: Lanes, by: int = 1) -> Lanes:
        """Return every number `by` lanes on, behind the last ones of `carry`."""
        places = range(self.count - by, 2 * self.count - by)
        return Lanes(self._builder, self._builder.shuffle_vector(carry.value, self.value, _places(places)))

    def filled(self, known: Lanes, carry: Lanes) -> Lanes:
        """Return in every lane the last number up to it where `known` is set, `carry` where there is none.

        No known number is all ones. What does not depend on `carry` comes first, so that one block need not wait for
        the one before.
        """
        unknown = Lanes(self._builder, ir.Constant(self.value.type, [(1 << self.bits) - 1] * self.count))
        filled, step = self.where(known, unknown), 1
        while step < self.count:
            filled = filled.after(unknown, step).where(filled.equal(unknown), filled)
            step *= 2
        return carry.where(filled.equal(unknown), filled)

    def beside(self, other: Lanes) -> Lanes:
        """Return these numbers and those of `other` in turns: twice as many lanes."""
        places = [place for lane in range(self.count) for place in (lane, self.count + lane)]
        return Lanes(self._builder, self._builder.shuffle_vector(self.value, other.value, _places(places)))

    def last(self) -> Any:
        """Return the number in the last lane, of its own width."""
        return self._builder.extract_element(self.value, ir.IntType(32)(self.count - 1))

    def as_mask(self) -> Any:
        """Return flags as the bits of one integer, the first the lowest."""
        return self._builder.bitcast(self.value, ir.IntType(self.count))

    def any(self) -> Any:
        """Return whether any flag is set, as a flag of the compiler."""
        mask = self.as_mask()
        return self._builder.icmp_unsigned("!=", mask, mask.type(0))


def keep(builder: Any, columns: Sequence[tuple[Lanes, Lanes]], made: Any, out: Any, n: Any) -> Any:
    """Write those pairs of 64-bit numbers whose flag is set to a place in memory, one behind the other.

    Args:
        builder: where instructions go.
        columns: pairs, and a flag for each. Of several columns the first lanes come first, one of each in turn.
        made: a place for all pairs, as a pointer to 64-bit integers. From registers they could only be taken slowly.
        out: where the pairs go; a pointer likewise. From n on there is to be room for all pairs: more is written than
            is meant.
        n: the pair of `out` that is written first.

    Returns:
        The index after the last pair.
    """
    pair = ir.VectorType(ir.IntType(64), 2)
    made, out = (builder.bitcast(place, pair.as_pointer()) for place in (made, out))
    begins, masks = [], []
    for number, (pairs, kept) in enumerate(columns):
        begins.append(number * kept.count)
        pairs.store(builder.gep(made, [ir.IntType(32)(begins[-1])]))
        masks.append(builder.zext(kept.as_mask(), ir.IntType(64)))
    for lane in range(columns[0][1].count):
        for begin, mask in zip(begins, masks, strict=True):
            value = builder.load(builder.gep(made, [ir.IntType(32)(begin + lane)]), align=1)
            builder.store(value, builder.gep(out, [n]), align=1)
            n = builder.add(n, builder.and_(builder.lshr(mask, mask.type(lane)), mask.type(1)))
    return n


def _places(numbers: Any) -> Any:
    numbers = list(numbers)
    return ir.Constant(ir.VectorType(ir.IntType(32), len(numbers)), numbers)
