"""Blocks of DAT records in order of time and on the sensor: judged all at once."""

from __future__ import annotations

from typing import Any, Final

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from eventflow.kernels.lanes import Lanes, begins_of

RECORDS: Final = 32
"""Records of a block."""


@intrinsic  # type: ignore[untyped-decorator]
def is_plain(context: Any, words: Any, at: Any, last: Any, width: Any, height: Any, x_bits: Any, y_bits: Any) -> Any:
    """Return whether the records words[at : at + RECORDS] (int64) lie on the sensor, none earlier than the one before.

    `last` is the 32-bit time of the record before them, `x_bits` and `y_bits` are the widths of the fields. Nothing is
    checked of the array's size.
    """

    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        (begin,) = begins_of(target, builder, signature, arguments, 0)
        records = Lanes.load(builder, builder.gep(begin, [arguments[1]]), RECORDS, 64)
        last, width, height, x_bits, y_bits = (Lanes.spread(builder, each, RECORDS, 32) for each in arguments[2:])
        one = Lanes.spread(builder, ir.IntType(32)(1), RECORDS, 32)
        time, place = records.narrowed(32), (records >> 32).narrowed(32)
        x, y = place & (one << x_bits) - 1, place >> x_bits & (one << y_bits) - 1
        odd = ~x.below(width) | ~y.below(height) | time.below(time.after(last))
        return builder.not_(odd.any())

    return types.boolean(words, types.uint64, *[types.int64] * 5), generate
