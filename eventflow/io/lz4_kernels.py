"""LZ4 frames of events, decompressed side by side into one buffer without coming back to the interpreter.

Follows lz4/doc/lz4_Block_format.md and lz4_Frame_format.md. Only the kind of frame that recorders write is
taken here, without checksums, sizes and dictionaries; others are left to the lz4 library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

from eventflow.kernels.jit import jit

if TYPE_CHECKING:
    from numpy.typing import NDArray

# What ended `unpack_events`.
ALL_DONE, NO_ROOM, OTHER_KIND, DAMAGED = 0, 1, 2, 3

_0, _1, _2, _4, _7, _8, _15, _16 = (np.uint64(value) for value in (0, 1, 2, 4, 7, 8, 15, 16))
_SLACK = np.uint64(32)  # copies go in steps of 8 and may write beyond their end
_FULL = np.uint64(255)
_PLAIN_FLAGS, _FLAGS_LOOKED_AT = 0x40, 0xDF  # version 1; blocks may be linked or not
_STORED = np.uint64(1 << 31)

# Bytes 4 to 28 of every packet of events as recorders lay it out, as three words.
_PLAIN = tuple(
    np.uint64(word) for word in np.frombuffer(bytes.fromhex("100000004556545300000600080004000600000004000000"), "<u8")
)
_PLAIN_BYTES = np.uint64(32)


@intrinsic  # type: ignore[untyped-decorator]
def _load(context: Any, array: Any, at: Any) -> Any:
    """Return the 8 bytes at any byte `at` as u64: an unaligned load, which Numba has no expression for."""

    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _place(target, builder, signature, arguments)
        word = builder.load(place)
        word.align = 1
        return word

    return types.uint64(array, types.uint64), generate


@intrinsic  # type: ignore[untyped-decorator]
def _store(context: Any, array: Any, at: Any, word: Any) -> Any:
    """Write u64 `word` to the 8 bytes at any byte `at`."""

    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        store = builder.store(arguments[2], _place(target, builder, signature, arguments))
        store.align = 1
        return target.get_dummy_value()

    return types.void(array, types.uint64, types.uint64), generate


def _place(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    data = target.make_array(signature.args[0])(target, builder, arguments[0]).data
    byte = builder.gep(builder.bitcast(data, ir.IntType(8).as_pointer()), [arguments[1]])
    return builder.bitcast(byte, ir.IntType(64).as_pointer())


@jit
def _length(data: NDArray[np.uint8], at: Any, stop: Any, length: Any) -> Any:
    """Return the place after a length's further bytes and the length; place 0 where they are cut off."""
    while at < stop:
        more = np.uint64(data[at])
        at += _1
        length += more
        if more != _FULL:
            return at, length
    return _0, length


@jit
def _block(data: NDArray[np.uint8], at: Any, stop: Any, out: NDArray[np.uint8], to: Any, begin: Any) -> Any:
    """Unpack data[at:stop] to out[to:], with all since out[begin] as history; return the place behind and a status."""
    size, safe = np.uint64(len(data)), np.uint64(len(out)) - _SLACK
    while at < stop:
        token = np.uint64(data[at])
        at += _1
        length = token >> _4
        if length == _15:
            at, length = _length(data, at, stop, length)
            if at == _0:
                return to, DAMAGED
        if at + length > stop:
            return to, DAMAGED
        if to + length > safe:
            return to, NO_ROOM
        if length <= _16 and at + _16 <= size:
            _store(out, to, _load(data, at))
            if length > _8:
                _store(out, to + _8, _load(data, at + _8))
        else:
            for index in range(length):
                out[to + np.uint64(index)] = data[at + np.uint64(index)]
        to += length
        at += length
        if at == stop:
            return to, ALL_DONE
        if at + _2 > stop:
            return to, DAMAGED
        back = np.uint64(data[at]) | np.uint64(data[at + _1]) << _8
        at += _2
        if back == _0 or back > to - begin:
            return to, DAMAGED
        length = token & _15
        if length == _15:
            at, length = _length(data, at, stop, length)
            if at == _0:
                return to, DAMAGED
        length += _4
        if to + length > safe:
            return to, NO_ROOM
        end, source = to + length, to - back
        if back >= _8:
            _store(out, to, _load(out, source))
            to += _8
            while to < end:
                source += _8
                _store(out, to, _load(out, source))
                to += _8
        else:
            while to < end:
                out[to] = out[source]
                to += _1
                source += _1
        to = end
    return to, DAMAGED


@jit
def _frame(data: NDArray[np.uint8], at: Any, stop: Any, out: NDArray[np.uint8], begin: Any) -> Any:
    """Unpack the frame data[at:stop] to out[begin:]; return the place behind and a status."""
    if at + _7 > stop:
        return begin, DAMAGED
    if data[at + _4] & _FLAGS_LOOKED_AT != _PLAIN_FLAGS:
        return begin, OTHER_KIND
    at, to = at + _7, begin
    while at + _4 <= stop:
        size = np.uint64(data[at]) | np.uint64(data[at + _1]) << _8
        size |= (np.uint64(data[at + _2]) | np.uint64(data[at + np.uint64(3)]) << _8) << _16
        at += _4
        if size == _0:
            return to, (ALL_DONE if at == stop else DAMAGED)
        stored, size = size >= _STORED, size & (_STORED - _1)
        if at + size > stop:
            return to, DAMAGED
        if stored:
            if to + size + _SLACK > np.uint64(len(out)):
                return to, NO_ROOM
            out[to : to + size] = data[at : at + size]
            to += size
        else:
            to, status = _block(data, at, at + size, out, to, begin)
            if status != ALL_DONE:
                return to, status
        at += size
    return to, DAMAGED


@jit
def unpack_events(data: NDArray[np.uint8], index: NDArray[np.int64], out: NDArray[np.uint8]) -> tuple[int, int, int]:
    """Unpack packets of events one after another; return how many, the bytes made, and what ended it.

    Args:
        data: uint8.
        index: int64, shape (n, 2): where in `data` the LZ4 frame of each packet begins and stops.
        out: uint8, longer than a packet by some bytes that may be overwritten. What is returned of it holds only
            packets laid out as recorders do it: 32 bytes, the last four the count of events, and 16 for each event.
    """
    made = _0
    for packet in range(len(index)):
        if made + _PLAIN_BYTES + _SLACK > np.uint64(len(out)):
            return packet, int(made), NO_ROOM
        stop, status = _frame(data, np.uint64(index[packet, 0]), np.uint64(index[packet, 1]), out, made)
        if status != ALL_DONE:
            return packet, int(made), status
        if stop < made + _PLAIN_BYTES:
            return packet, int(made), DAMAGED
        for word in range(3):
            if _load(out, made + _4 + _8 * np.uint64(word)) != _PLAIN[word]:
                return packet, int(made), OTHER_KIND
        count = _load(out, made + np.uint64(24)) >> np.uint64(32)
        if stop - made != _PLAIN_BYTES + count * _16:
            return packet, int(made), DAMAGED
        made = stop
    return len(index), int(made), ALL_DONE
