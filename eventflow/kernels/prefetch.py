"""Asking for memory before it is needed: surfaces that outgrow the caches are read at places known events ahead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

if TYPE_CHECKING:
    from numpy.typing import NDArray

AHEAD: Final = 16
"""Events between asking and reading; at some ten ns an event that is a memory's latency."""
LARGE_BYTES: Final = 1 << 20
"""Size of a surface from which asking pays; what a core's own caches hold is there anyway."""


def ahead_of(cells: NDArray[Any]) -> int | None:
    """Return how many events ahead a surface's cells are asked for; None where they are near anyway."""
    return AHEAD if cells.nbytes >= LARGE_BYTES else None


@intrinsic  # type: ignore[untyped-decorator]
def prefetch(context: Any, array: Any, at: Any) -> Any:
    """Ask for the cache line of element `at` (u64) of an array, which has to be inside; nothing else happens."""

    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        held = target.make_array(signature.args[0])(target, builder, arguments[0])
        place = builder.bitcast(builder.gep(held.data, [arguments[1]]), cgutils.voidptr_t)
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, number, number, number])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(function, [place, number(0), number(3), number(1)])
        return target.get_dummy_value()

    return types.void(array, types.uint64), generate
