"""LZ4 frames of events, decompressed side by side into one buffer without coming back to the interpreter.

Follows lz4/doc/lz4_Block_format.md and lz4_Frame_format.md. Only the kind of frame that recorders write is
taken here, without checksums, sizes and dictionaries; others are left to the lz4 library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.io.unaligned import load, load_half, store
from eventflow.kernels.jit import jit

if TYPE_CHECKING:
    from numpy.typing import NDArray

# What ended `unpack_events`.
ALL_DONE, NO_ROOM, OTHER_KIND, DAMAGED = 0, 1, 2, 3

_0, _1, _2, _3, _4, _5, _8, _15, _16, _24 = (np.uint64(value) for value in (0, 1, 2, 3, 4, 5, 8, 15, 16, 24))
_FRAME_BYTES = np.uint64(7)  # what precedes the first block
_SLACK = np.uint64(32)  # copies go in steps of 8 and write beyond their end, except in the last bytes of all
_FULL = np.uint64(255)
_OFFSET = np.uint64(0xFFFF)
_SIX_AND_FIVE, _BITS_3_AND_7 = np.uint64(0x23), np.uint64(0x88)  # the sum's nibble has its high bit from 6 and 5 on
_PLAIN_FLAGS, _FLAGS_LOOKED_AT = 0x40, 0xDF  # version 1; blocks may be linked or not
_STORED = np.uint64(1 << 31)

# Bytes 4 to 28 of every packet of events as recorders lay it out, as three words.
_PLAIN = tuple(
    np.uint64(word) for word in np.frombuffer(bytes.fromhex("100000004556545300000600080004000600000004000000"), "<u8")
)
_PLAIN_BYTES = np.uint64(32)


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
    size, room = np.uint64(len(data)), np.uint64(len(out))
    safe = room - _SLACK if room > _SLACK else _0
    simple, fast = (stop - _16 if stop > _16 else _0), begin + _8
    while at < stop:
        while at < simple and to < safe and to >= fast:
            # Events are nearly all this: up to 5 literals and a match of 4 to 8 bytes. Halves are read and whole words
            # written, since a read that spans two recent writes would wait for both to leave the store buffer
            word = load(data, at)
            literals, more = (word >> _4) & _15, word & _15
            back = (word >> ((literals + _1) << _3)) & _OFFSET
            after = to + literals
            if (word | (word + _SIX_AND_FIVE)) & _BITS_3_AND_7 != _0 or back - _8 > after - fast:
                break
            store(out, to, word >> _8)
            source = after - back
            word = load_half(out, source) | load_half(out, source + more) << (more << _3)
            store(out, after, word)
            to = after + more + _4
            at += literals + _3
        token = np.uint64(data[at])
        at += _1
        length = token >> _4
        if length == _15:
            at, length = _length(data, at, stop, length)
            if at == _0:
                return to, DAMAGED
        if at + length > stop:
            return to, DAMAGED
        if to + length > room:
            return to, NO_ROOM
        if length <= _16 and at + _16 <= size and to < safe:
            store(out, to, load(data, at))
            if length > _8:
                store(out, to + _8, load(data, at + _8))
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
        if to + length > room:
            return to, NO_ROOM
        end, source = to + length, to - back
        if back >= _8 and end < safe:
            store(out, to, load(out, source))
            to += _8
            while to < end:
                source += _8
                store(out, to, load(out, source))
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
    if at + _FRAME_BYTES > stop:
        return begin, DAMAGED
    if data[at + _4] & _FLAGS_LOOKED_AT != _PLAIN_FLAGS:
        return begin, OTHER_KIND
    at, to = at + _FRAME_BYTES, begin
    while at + _4 <= stop:
        size = np.uint64(data[at]) | np.uint64(data[at + _1]) << _8
        size |= (np.uint64(data[at + _2]) | np.uint64(data[at + _3]) << _8) << _16
        at += _4
        if size == _0:
            return to, (ALL_DONE if at == stop else DAMAGED)
        stored, size = size >= _STORED, size & (_STORED - _1)
        if at + size > stop:
            return to, DAMAGED
        if stored:
            if to + size > np.uint64(len(out)):
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
def _unpacked_bytes(data: NDArray[np.uint8], at: Any, stop: Any) -> Any:
    """Return how long the frame data[at:stop] says its packet is, 0 where that is not to be seen without unpacking.

    A packet begins with its size, and a frame with literals, since there is nothing yet to repeat.
    """
    at += _FRAME_BYTES + _4
    if at + _16 > stop or data[at - _1] & np.uint8(0x80):
        return _0
    literals = np.uint64(data[at]) >> _4
    if literals < _4:
        return _0
    at += _1
    if literals == _15:
        at, literals = _length(data, at, stop - _4, literals)
        if at == _0:
            return _0
    return load_half(data, at) + _4


@jit
def _count_of(out: NDArray[np.uint8], begin: Any, stop: Any) -> tuple[Any, int]:
    """Return how many events the packet out[begin:stop] holds, and whether it is one laid out as recorders do it."""
    if stop < begin + _PLAIN_BYTES:
        return _0, DAMAGED
    for word in range(3):
        if load(out, begin + _4 + _8 * np.uint64(word)) != _PLAIN[word]:
            return _0, OTHER_KIND
    count = load_half(out, begin + np.uint64(28))
    return count, (ALL_DONE if stop - begin == _PLAIN_BYTES + count * _16 else DAMAGED)


@jit
def unpack_events(data: NDArray[np.uint8], index: NDArray[np.int64], out: NDArray[np.uint8]) -> tuple[int, int, int]:
    """Unpack packets of events one after another; return how many, the bytes made, and what ended it.

    Args:
        data: uint8.
        index: int64, shape (n, 2): where in `data` the LZ4 frame of each packet begins and stops.
        out: uint8, whatever it holds may be overwritten. What is returned of it holds only packets laid out as
            recorders do it: 32 bytes, the last four the count of events, and 16 for each event.
    """
    made = _0
    for packet in range(len(index)):
        at, end = np.uint64(index[packet, 0]), np.uint64(index[packet, 1])
        if made + max(_unpacked_bytes(data, at, end), _PLAIN_BYTES) > np.uint64(len(out)):
            return packet, int(made), NO_ROOM
        stop, status = _frame(data, at, end, out, made)
        if status != ALL_DONE:
            return packet, int(made), status
        _, status = _count_of(out, made, stop)
        if status != ALL_DONE:
            return packet, int(made), status
        made = stop
    return len(index), int(made), ALL_DONE


@jit
def unpack_records(
    data: NDArray[np.uint8], index: NDArray[np.int64], out: NDArray[np.uint8], made: int
) -> tuple[int, int, int]:
    """Unpack packets of events so that their records follow each other from out[made] on; return as `unpack_events`.

    What precedes a packet's events is unpacked over the last two records and these are put back, so that nothing is
    moved; the first packet of `out` is moved, having nothing before it.

    Args:
        data: uint8.
        index: int64, shape (n, 2): where in `data` the LZ4 frame of each packet begins and stops.
        out: uint8: event records; any bytes behind those made may be overwritten.
        made: bytes of it that hold records, a multiple of 16.
    """
    to = np.uint64(made)
    for packet in range(len(index)):
        at, end = np.uint64(index[packet, 0]), np.uint64(index[packet, 1])
        begin = to - _PLAIN_BYTES if to >= _PLAIN_BYTES else to
        if begin + max(_unpacked_bytes(data, at, end), _PLAIN_BYTES) > np.uint64(len(out)):
            return packet, int(to), NO_ROOM
        a, b, c, d = load(out, begin), load(out, begin + _8), load(out, begin + _16), load(out, begin + _24)
        stop, status = _frame(data, at, end, out, begin)
        count = _0
        if status == ALL_DONE:
            count, status = _count_of(out, begin, stop)
        store(out, begin, a)
        store(out, begin + _8, b)
        store(out, begin + _16, c)
        store(out, begin + _24, d)
        if status != ALL_DONE:
            return packet, int(to), status
        if begin == to:
            for word in range(2 * count):
                place = to + _8 * np.uint64(word)
                store(out, place, load(out, place + _PLAIN_BYTES))
        to += _16 * count
    return len(index), int(to), ALL_DONE
