"""Words at any byte, for kernels over bytes: loads and stores that Numba has no expression for."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic


@intrinsic  # type: ignore[untyped-decorator]
def load(context: Any, array: Any, at: Any) -> Any:
    """Return the 8 bytes at any byte `at` (uint64) as u64."""
    return types.uint64(array, types.uint64), _loads(64)


@intrinsic  # type: ignore[untyped-decorator]
def load_half(context: Any, array: Any, at: Any) -> Any:
    """Return the 4 bytes at any byte `at` (uint64) as u64."""
    return types.uint64(array, types.uint64), _loads(32)


@intrinsic  # type: ignore[untyped-decorator]
def load_quarter(context: Any, array: Any, at: Any) -> Any:
    """Return the 2 bytes at any byte `at` (uint64) as u64."""
    return types.uint64(array, types.uint64), _loads(16)


@intrinsic  # type: ignore[untyped-decorator]
def store(context: Any, array: Any, at: Any, word: Any) -> Any:
    """Write u64 `word` to the 8 bytes at any byte `at` (uint64)."""

    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        store = builder.store(arguments[2], _place(target, builder, signature, arguments, 64))
        store.align = 1
        return target.get_dummy_value()

    return types.void(array, types.uint64, types.uint64), generate


def _loads(bits: int) -> Any:
    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        part = builder.load(_place(target, builder, signature, arguments, bits))
        part.align = 1
        return part if bits == 64 else builder.zext(part, ir.IntType(64))

    return generate


def _place(target: Any, builder: Any, signature: Any, arguments: Any, bits: int) -> Any:
    data = target.make_array(signature.args[0])(target, builder, arguments[0]).data
    byte = builder.gep(builder.bitcast(data, ir.IntType(8).as_pointer()), [arguments[1]])
    return builder.bitcast(byte, ir.IntType(bits).as_pointer())
