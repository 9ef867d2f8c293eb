"""Eight neighbouring values at once: the two innermost operations, as vector instructions of whatever machine this is.

Written in the compiler's own terms, because a loop over eight values cannot be proved free of overlap between state and
weights and stays scalar. Every lane does what the scalar text says, in its order: no contraction, no reordering.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from eventflow.snn.engines.fields import LANES

STRIDE = np.uint64(LANES)


class _Lanes:
    """The vectors of one call of an intrinsic."""

    def __init__(self, context: Any, builder: Any, array_type: Any) -> None:
        self.context, self.builder = context, builder
        self.vector = ir.VectorType(context.get_data_type(array_type.dtype), LANES)
        self.align = array_type.dtype.bitwidth // 8

    def pointer(self, array_type: Any, array: Any, index: Any) -> Any:
        """Return where the lanes from `index` on are."""
        data = self.context.make_array(array_type)(self.context, self.builder, array).data
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

    def any(self, flags: Any) -> Any:
        """Return whether one of eight flags is set."""
        word = self.builder.bitcast(flags, ir.IntType(LANES))
        return self.builder.icmp_unsigned("!=", word, ir.Constant(ir.IntType(LANES), 0))


@intrinsic  # type: ignore[misc]
def add_lanes(typing: Any, state: Any, at: Any, weights: Any, row: Any, value: Any) -> Any:
    """state[at + k] += value * weights[row + k] for k in 0..7; unchecked."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        lanes = _Lanes(context, builder, signature.args[0])
        target = lanes.pointer(signature.args[0], args[0], args[1])
        product = builder.fmul(lanes.spread(args[4]), lanes.load(lanes.pointer(signature.args[2], args[2], args[3])))
        lanes.store(builder.fadd(lanes.load(target), product), target)
        return context.get_dummy_value()

    return types.void(state, types.uint64, weights, types.uint64, state.dtype), emit


@intrinsic  # type: ignore[misc]
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
    """v = decay * v + gain * (drive + bias) + offset; drive = 0; return whether a v >= threshold; unchecked.

    `v` and `drive` index `state`, the parameters index `weights`.
    """

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        lanes = _Lanes(context, builder, signature.args[0])
        potential, driven = (lanes.pointer(signature.args[0], args[0], args[k]) for k in (1, 2))
        own = [lanes.load(lanes.pointer(signature.args[3], args[3], args[k])) for k in range(4, 9)]
        by_decay, by_gain, added, constant, level = own
        x = builder.fadd(lanes.load(driven), constant)
        new = builder.fadd(builder.fmul(by_decay, lanes.load(potential)), builder.fmul(by_gain, x))
        new = builder.fadd(new, added)
        lanes.store(new, potential)
        lanes.store(ir.Constant(lanes.vector, None), driven)
        return lanes.any(builder.fcmp_ordered(">=", new, level))

    index = types.uint64
    return types.boolean(state, index, index, weights, index, index, index, index, index), emit


@intrinsic  # type: ignore[misc]
def any_lane(typing: Any, values: Any, at: Any) -> Any:
    """Return whether one of values[at .. at + 7] is not 0 (NaN is not); unchecked."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        lanes = _Lanes(context, builder, signature.args[0])
        found = lanes.load(lanes.pointer(signature.args[0], args[0], args[1]))
        return lanes.any(builder.fcmp_unordered("!=", found, ir.Constant(lanes.vector, None)))

    return types.boolean(values, types.uint64), emit
