"""Many words at once in lanes of their own width.

Numba widens every integer to 64 bits, and what it makes of a loop over 16-bit words goes a quarter as fast as the
machine can. A `Lanes` is a vector in the compiler's own terms: its operators do in every lane what they do to a number
without a sign, and the compiler finds the instructions of the machine at hand. It is for the bodies of intrinsics.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

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

    @classmethod
    def flags(cls, builder: Any, mask: Any) -> Lanes:
        """Return the bits of an integer as flags, the lowest the first."""
        return cls(builder, builder.bitcast(mask, ir.VectorType(ir.IntType(1), mask.type.width)))

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
        return Lanes(self._builder, self._call("ctpop", self.value.type))

    def sum(self) -> Any:
        """Return the sum of all numbers, of their own width."""
        return self._call("vector.reduce.add", self.value.type.element)

    def _call(self, name: str, result: Any) -> Any:
        kind = ir.FunctionType(result, [self.value.type])
        full_name = f"llvm.{name}.v{self.count}i{self.bits}"
        function = cgutils.get_or_insert_function(self._builder.module, kind, full_name)
        return self._builder.call(function, [self.value])

    def after(self, carry: Lanes, by: int = 1) -> Lanes:
        """Return every number `by` lanes on, behind the last ones of `carry`."""
        places = range(self.count - by, 2 * self.count - by)
        return Lanes(self._builder, self._builder.shuffle_vector(carry.value, self.value, _places(places)))

    def before(self, carry: Lanes) -> Lanes:
        """Return every number one lane earlier; the last lane has the first number of `carry`."""
        places = range(1, self.count + 1)
        return Lanes(self._builder, self._builder.shuffle_vector(self.value, carry.value, _places(places)))

    def turns(self, first: int, of: int) -> Lanes:
        """Return every `of`-th number from the one in lane `first` on."""
        places = range(first, self.count, of)
        return Lanes(self._builder, self._builder.shuffle_vector(self.value, self.value, _places(places)))

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

    def all(self) -> Any:
        """Return whether all flags are set, as a flag of the compiler."""
        mask = self.as_mask()
        return self._builder.icmp_unsigned("==", mask, mask.type((1 << self.count) - 1))

    def any(self) -> Any:
        """Return whether any flag is set, as a flag of the compiler."""
        mask = self.as_mask()
        return self._builder.icmp_unsigned("!=", mask, mask.type(0))


class Column(NamedTuple):
    """What each lane of a block may write.

    Attributes:
        values: one or more numbers a lane.
        mask: an integer whose bits say which lanes write.
    """

    values: Lanes
    mask: Any


def keep(builder: Any, columns: Sequence[Column], lanes: int, made: Any, out: Any, n: Any) -> Any:
    """Write what lanes have to write to a place in memory, one behind the other; lanes in order, of each the columns.

    Args:
        builder: where instructions go.
        columns: what may be written.
        lanes: how many there are.
        made: a place for all values of all columns, as a pointer. From registers they could only be taken slowly.
        out: where they go, a pointer to units. From n on there is to be room for all: more is written than is meant.
        n: the unit of `out` that is written first.

    Returns:
        The unit after the last, a 64-bit integer.
    """
    word = ir.IntType(64)
    made = builder.bitcast(made, ir.IntType(8).as_pointer())
    begins, masks, done = [], [], 0
    for column in columns:
        each = ir.VectorType(ir.IntType(column.values.bits), column.values.count // lanes)
        begins.append(builder.bitcast(builder.gep(made, [word(done)]), each.as_pointer()))
        column.values.store(begins[-1])
        done += column.values.count * column.values.bits // 8
        masks.append(builder.zext(column.mask, word))
    for lane in range(lanes):
        for begin, mask in zip(begins, masks, strict=True):
            value = builder.load(builder.gep(begin, [word(lane)]), align=1)
            builder.store(value, builder.bitcast(builder.gep(out, [n]), begin.type), align=1)
            n = builder.add(n, builder.and_(builder.lshr(mask, word(lane)), word(1)))
    return n


def lay(builder: Any, values: Lanes, lengths: Lanes, made: Any, out: Any, n: Any) -> Any:
    """Write the first units of every value to a place in memory, one behind the other.

    Args:
        builder: where instructions go.
        values: one or more numbers a lane, together its units, the first the lowest.
        lengths: how many units of each lane are meant, 8 bits.
        made: a place for all values and lengths, as a pointer.
        out: where they go, a pointer to units. From n on there is to be room for all: more is written than is meant.
        n: the unit of `out` that is written first.

    Returns:
        The unit after the last, a 64-bit integer.
    """
    word, byte = ir.IntType(64), ir.IntType(8)
    size = values.bits * values.count // lengths.count
    begin = builder.bitcast(made, ir.IntType(size).as_pointer())
    values.store(begin)
    counts = builder.bitcast(builder.gep(begin, [word(lengths.count)]), byte.as_pointer())
    lengths.store(counts)
    for lane in range(lengths.count):
        value = builder.load(builder.gep(begin, [word(lane)]), align=1)
        builder.store(value, builder.bitcast(builder.gep(out, [n]), begin.type), align=1)
        n = builder.add(n, builder.zext(builder.load(builder.gep(counts, [word(lane)])), word))
    return n


def begins_of(target: Any, builder: Any, signature: Any, arguments: Any, *which: int) -> list[Any]:
    """Return where the arrays among an intrinsic's arguments begin, as pointers to their elements."""
    return [target.make_array(signature.args[k])(target, builder, arguments[k]).data for k in which]


def pairs(builder: Any, begin: Any) -> Any:
    """Return a pointer to 64-bit integers as one to pairs of them."""
    return builder.bitcast(begin, ir.VectorType(ir.IntType(64), 2).as_pointer())


def _places(numbers: Any) -> Any:
    numbers = list(numbers)
    return ir.Constant(ir.VectorType(ir.IntType(32), len(numbers)), numbers)
