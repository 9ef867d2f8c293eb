"""Memory without index checks, and eight neighbouring values at once as vector instructions of the machine at hand.

Written in the compiler's own terms: NumPy's negative indices cost a test an access, and a loop over eight values cannot
be proved free of overlap between state and weights and stays scalar. Every lane does what the scalar text says, in its
order: no contraction, no reordering. All places come from a program's tables; nothing here checks them.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.types import CPointer  # type: ignore[attr-defined]
from numba.extending import intrinsic

from eventflow.kernels.jit import jit
from eventflow.snn.engines.fields import LANES


def inner(function: Any) -> Any:
    """Compile a loop that only other compiled loops call: without the wrappers that Python would need."""
    return jit(function, no_cpython_wrapper=True, no_cfunc_wrapper=True, error_model="numpy")


@intrinsic  # type: ignore[untyped-decorator]
def data_of(typing: Any, array: Any) -> Any:
    """Return where an array's values begin. What takes this and not the array counts no references."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return context.make_array(signature.args[0])(context, builder, args[0]).data

    return CPointer(array.dtype)(array), emit


@intrinsic  # type: ignore[untyped-decorator]
def peek(typing: Any, data: Any, index: Any) -> Any:
    """data[index]; integers come as int64."""
    result = types.int64 if isinstance(data.dtype, types.Integer) else data.dtype

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        value = builder.load(builder.gep(args[0], [args[1]]))
        return context.cast(builder, value, signature.args[0].dtype, result)

    return result(data, types.int64), emit


@intrinsic  # type: ignore[untyped-decorator]
def poke(typing: Any, data: Any, index: Any, value: Any) -> Any:
    """Set data[index] = value."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store(args[2], builder.gep(args[0], [args[1]]))
        return context.get_dummy_value()

    return types.void(data, types.int64, data.dtype), emit


@intrinsic  # type: ignore[untyped-decorator]
def lowest(typing: Any, mask: Any) -> Any:
    """Return the number of the lowest bit set in `mask`, which is not 0."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), emit


class _Lanes:
    """The vectors of one call of an intrinsic."""

    def __init__(self, context: Any, builder: Any, data_type: Any) -> None:
        self.builder = builder
        self.vector = ir.VectorType(context.get_data_type(data_type.dtype), LANES)
        self.align = data_type.dtype.bitwidth // 8

    def pointer(self, data: Any, index: Any) -> Any:
        """Return where the lanes from `index` on are."""
        return self.builder.bitcast(self.builder.gep(data, [index]), self.vector.as_pointer())

    def load(self, pointer: Any) -> Any:
        """Return eight values."""
        return self.builder.load(pointer, align=self.align)

    def store(self, values: Any, pointer: Any) -> None:
        """Write eight values."""
        self.builder.store(values, pointer, align=self.align)

    def spread(self, value: Any) -> Any:
        """Return eight times `value`."""
        first = ir.Constant(ir.IntType(32), 0)
        one = self.builder.insert_element(ir.Constant(self.vector, ir.Undefined), value, first)
        everywhere = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        return self.builder.shuffle_vector(one, ir.Constant(self.vector, ir.Undefined), everywhere)

    def mask(self, flags: Any) -> Any:
        """Return eight flags as the bits of an int64."""
        word = self.builder.bitcast(flags, ir.IntType(LANES))
        return self.builder.zext(word, ir.IntType(64))


@intrinsic  # type: ignore[untyped-decorator]
def add_lanes(typing: Any, state: Any, at: Any, weights: Any, row: Any, value: Any) -> Any:
    """state[at + k] += value * weights[row + k] for k in 0..7."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        lanes = _Lanes(context, builder, signature.args[0])
        target = lanes.pointer(args[0], args[1])
        product = builder.fmul(lanes.spread(args[4]), lanes.load(lanes.pointer(args[2], args[3])))
        lanes.store(builder.fadd(lanes.load(target), product), target)
        return context.get_dummy_value()

    return types.void(state, types.int64, weights, types.int64, state.dtype), emit


@intrinsic  # type: ignore[untyped-decorator]
def advance_lanes(
    typing: Any,
    state: Any,
    v: Any,
    drive: Any,
    weights: Any,
    decay: Any,
    gain: Any,
    offset: Any,
    bias: Any,
    threshold: Any,
) -> Any:
    """Set v = decay * v + gain * (drive + bias) + offset; drive = 0; return bit k set where v >= threshold in lane k.

    `v` and `drive` index `state`, the parameters index `weights`.
    """

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        lanes = _Lanes(context, builder, signature.args[0])
        potential, driven = (lanes.pointer(args[0], args[k]) for k in (1, 2))
        own = [lanes.load(lanes.pointer(args[3], args[k])) for k in range(4, 9)]
        by_decay, by_gain, added, constant, level = own
        x = builder.fadd(lanes.load(driven), constant)
        new = builder.fadd(builder.fmul(by_decay, lanes.load(potential)), builder.fmul(by_gain, x))
        new = builder.fadd(new, added)
        lanes.store(new, potential)
        lanes.store(ir.Constant(lanes.vector, None), driven)
        return lanes.mask(builder.fcmp_ordered(">=", new, level))

    index = types.int64
    return types.int64(state, index, index, weights, index, index, index, index, index), emit


@intrinsic  # type: ignore[untyped-decorator]
def rest_lanes(
    typing: Any, state: Any, v: Any, weights: Any, decay: Any, gain: Any, offset: Any, bias: Any, steps: Any
) -> Any:
    """Do `steps` times v = decay * v + gain * bias + offset, the eight potentials kept in a register."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        lanes = _Lanes(context, builder, signature.args[0])
        potential = lanes.pointer(args[0], args[1])
        by_decay, by_gain, added, constant = (lanes.load(lanes.pointer(args[2], args[k])) for k in range(3, 7))
        driven = builder.fmul(by_gain, constant)
        held = cgutils.alloca_once_value(builder, lanes.load(potential))
        with cgutils.for_range(builder, args[7]):
            moved = builder.fadd(builder.fmul(by_decay, builder.load(held)), driven)
            builder.store(builder.fadd(moved, added), held)
        lanes.store(builder.load(held), potential)
        return context.get_dummy_value()

    index = types.int64
    return types.void(state, index, weights, index, index, index, index, index), emit


@intrinsic  # type: ignore[untyped-decorator]
def lanes_set(typing: Any, values: Any, at: Any) -> Any:
    """Return bit k set where values[at + k] is not 0 (NaN is not), k in 0..7."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        lanes = _Lanes(context, builder, signature.args[0])
        found = lanes.load(lanes.pointer(args[0], args[1]))
        return lanes.mask(builder.fcmp_unordered("!=", found, ir.Constant(lanes.vector, None)))

    return types.int64(values, types.int64), emit
