"""Many words at once in lanes of their own width.

Numba widens every integer to 64 bits, and what it makes of a loop over 16-bit words goes a quarter as fast as the
machine can. A `Lanes` is a vector in the compiler's own terms: its operators do in every lane what they do to a number
without a sign, and the compiler finds the instructions of the machine at hand. It is for the bodies of intrinsics.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir


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

    def __lshift__(self, other: int) -> Lanes:
        return self._with("shl", other)

    def __rshift__(self, other: int) -> Lanes:
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

    def after(self, carry: Lanes, by: int = 1) -> Lanes:
        """Return every number `by` lanes on, behind the last ones of `carry`."""
        places = range(self.count - by, 2 * self.count - by)
        return Lanes(self._builder, self._builder.shuffle_vector(carry.value, self.value, _places(places)))

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


def _places(numbers: Any) -> Any:
    numbers = list(numbers)
    return ir.Constant(ir.VectorType(ir.IntType(32), len(numbers)), numbers)
