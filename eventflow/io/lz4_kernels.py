"""LZ4 frames of events, decompressed side by side into one buffer without coming back to the interpreter.

Follows lz4/doc/lz4_Block_format.md and lz4_Frame_format.md. Only the kind of frame that recorders write is
taken here, without checksums, sizes and dictionaries; others are left to the lz4 library.

Where a sequence begins is known only once the one before it was looked at: a processor that unpacks one packet waits
most of the time. So two packets are unpacked in turns, each in a lane of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.io.aedat4_kernels import is_plain
from eventflow.io.unaligned import load, load_half, load_quarter, store
from eventflow.kernels.jit import jit

if TYPE_CHECKING:
    from numpy.typing import NDArray

# What ended `unpack_events`. DAMAGED is also what the lz4 library has to look at.
ALL_DONE, NO_ROOM, OTHER_KIND, DAMAGED = 0, 1, 2, 3

_0, _1, _2, _3, _4, _8, _10, _15, _16, _18 = (np.uint64(value) for value in (0, 1, 2, 3, 4, 8, 10, 15, 16, 18))
_FRAME_BYTES = np.uint64(7)  # what precedes the first block
_FULL = np.uint64(255)
_GROWTH = np.uint64(255)  # the most that LZ4 can make of a byte
_PLAIN_FLAGS, _FLAGS_LOOKED_AT = 0x40, 0xDF  # version 1; blocks may be linked or not
_STORED = np.uint64(1 << 31)

_PREFIX = np.uint64(32)
_COUNT_AT = np.uint64(28)

# Bytes that a token's sequence makes, 0 where it is not short: at most 7 literals, 16 bytes in all.
_SHORT = np.array(
    [size if token < 128 and (size := (token >> 4) + (token & 15) + 4) <= 16 else 0 for token in range(256)], np.uint8
)

# A lane: uint64, what is known of a packet on its way. What precedes its events is kept apart from them, in the lane's
# last four words; _MADE counts it.
_PACKET, _AT, _STOP, _END, _PLACE, _SIZE, _MADE, _STUCK, _HEAD = range(9)
_FIELDS = _HEAD + 4
_NO_PACKET = np.uint64(2**64 - 1)

# All lanes: packets begun; how many are wanted, fewer where one was found unsound; where the next one goes; bytes left
# before its events; what made them fewer.
_BEGUN, _WANTED, _NEXT, _LEAD, _STATUS = range(5)


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


@jit(inline="always")  # type: ignore[untyped-decorator]
def _copy(data: Any, token_at: Any, token: Any, room: Any, to: Any, back: Any) -> None:
    """Write up to 7 literals and the match behind them, 16 bytes in all, to place `to` + 8 of a lane's room.

    Words are read from where earlier sequences wrote words, not from where a match begins: a read that spans two
    recent writes would wait for both to leave the store buffer.
    """
    literals, bits, match = load(data, token_at + _1), (token >> _4) << _3, load(room, to - back)
    store(room, to, match ^ ((match ^ literals) & ((_1 << bits) - _1)))
    store(room, to + _8, load(room, to - back + _8))


@jit
def _one_lane(data: NDArray[np.uint8], out: NDArray[np.uint8], lane: NDArray[np.uint64], steps: Any) -> None:
    """Unpack up to that many short sequences."""
    room, at, to = _room_of(out, lane), lane[_AT], lane[_MADE] - _PREFIX - _8
    while steps:
        token = np.uint64(data[at])
        size, behind = np.uint64(_SHORT[token]), at + (token >> _4) + _3
        back = load_quarter(data, behind - _2)
        if size == _0 or back - _8 > to:
            lane[_STUCK] = _1
            break
        _copy(data, at, token, room, to, back)
        at, to = behind, to + size
        steps -= _1
    lane[_AT], lane[_MADE] = at, to + _8 + _PREFIX


@jit
def _two_lanes(
    data: NDArray[np.uint8], out: NDArray[np.uint8], lane: NDArray[np.uint64], other: NDArray[np.uint64], steps: Any
) -> None:
    """Unpack up to that many short sequences of each, in turns."""
    room, at, to = _room_of(out, lane), lane[_AT], lane[_MADE] - _PREFIX - _8
    room_2, at_2, to_2 = _room_of(out, other), other[_AT], other[_MADE] - _PREFIX - _8
    while steps:
        token = np.uint64(data[at])
        size, behind = np.uint64(_SHORT[token]), at + (token >> _4) + _3
        back = load_quarter(data, behind - _2)
        if size == _0 or back - _8 > to:
            lane[_STUCK] = _1
            break
        _copy(data, at, token, room, to, back)
        at, to = behind, to + size
        token = np.uint64(data[at_2])
        size, behind = np.uint64(_SHORT[token]), at_2 + (token >> _4) + _3
        back = load_quarter(data, behind - _2)
        if size == _0 or back - _8 > to_2:
            other[_STUCK] = _1
            break
        _copy(data, at_2, token, room_2, to_2, back)
        at_2, to_2 = behind, to_2 + size
        steps -= _1
    lane[_AT], lane[_MADE] = at, to + _8 + _PREFIX
    other[_AT], other[_MADE] = at_2, to_2 + _8 + _PREFIX


@jit
def _room_of(out: NDArray[np.uint8], lane: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """Return the memory of a lane's events from its second word on: whatever is written has a word before it."""
    return out[lane[_PLACE] + _8 : lane[_PLACE] + lane[_SIZE]]


@jit
def _prefix_of(lane: NDArray[np.uint64]) -> NDArray[np.uint8]:
    return lane[_HEAD:].view(np.uint8)


@jit
def _steps(lane: NDArray[np.uint64]) -> Any:
    """Return how many short sequences can be unpacked without looking where the block and the room end."""
    left = lane[_STOP] - lane[_AT]
    if lane[_STUCK] or left < _18 or lane[_MADE] < _PREFIX + _8:
        return _0
    return min((left - _8) // _10, (lane[_SIZE] + _PREFIX - lane[_MADE]) // _16)


@jit
def _literals(data: NDArray[np.uint8], at: Any, count: Any, room: NDArray[np.uint8], made: Any) -> None:
    """Copy bytes as they are, those of the prefix excepted."""
    for index in range(_PREFIX - made if made < _PREFIX else _0, count):
        room[made + index - _PREFIX] = data[at + index]


@jit
def _match(prefix: NDArray[np.uint8], room: NDArray[np.uint8], made: Any, back: Any, length: Any) -> None:
    """Repeat what was made `back` bytes before, but for what falls into the prefix."""
    end = made + length
    made = max(made, _PREFIX)
    while made < end and made - back < _PREFIX:
        room[made - _PREFIX] = prefix[made - back]
        made += _1
    if back >= _8:
        while made + _8 <= end:
            store(room, made - _PREFIX, load(room, made - _PREFIX - back))
            made += _8
    while made < end:
        room[made - _PREFIX] = room[made - _PREFIX - back]
        made += _1


@jit
def _sequence(data: NDArray[np.uint8], out: NDArray[np.uint8], lane: NDArray[np.uint64]) -> bool:
    """Unpack a sequence of any kind and return whether it is sound."""
    at, stop, made, total = lane[_AT], lane[_STOP], lane[_MADE], lane[_SIZE] + _PREFIX
    room = out[lane[_PLACE] : lane[_PLACE] + lane[_SIZE]]
    token = np.uint64(data[at])
    at += _1
    length = token >> _4
    if length == _15:
        at, length = _length(data, at, stop, length)
    if at == _0 or length > stop - at or length > total - made:
        return False
    _literals(data, at, length, room, made)
    at, made = at + length, made + length
    if at < stop:
        if stop - at < _2:
            return False
        back, length = load_quarter(data, at), token & _15
        at += _2
        if length == _15:
            at, length = _length(data, at, stop, length)
        length += _4
        if at == _0 or back == _0 or back > made or length > total - made:
            return False
        _match(_prefix_of(lane), room, made, back, length)
        made += length
        if at == stop:  # a block ends with literals
            return False
    lane[_AT], lane[_MADE], lane[_STUCK] = at, made, _0
    return True


@jit
def _next_block(data: NDArray[np.uint8], out: NDArray[np.uint8], lane: NDArray[np.uint64]) -> bool:
    """Go to the next block, copying those stored as they are, or end the packet; return whether that is sound."""
    at, end = lane[_STOP], lane[_END]
    while end - at >= _4:
        size, stored = _block_at(data, at)
        at += _4
        if size == _0:
            if at != end or lane[_MADE] != lane[_SIZE] + _PREFIX:
                return False
            lane[_PACKET] = _NO_PACKET
            return True
        if size > end - at:
            return False
        if not stored:
            lane[_AT], lane[_STOP] = at, at + size
            return True
        if size > lane[_SIZE] + _PREFIX - lane[_MADE]:
            return False
        _literals(data, at, size, out[lane[_PLACE] : lane[_PLACE] + lane[_SIZE]], lane[_MADE])
        lane[_MADE] += size
        at += size
    return False


@jit
def _block_at(data: NDArray[np.uint8], at: Any) -> Any:
    """Return a block's size in bytes and whether they are stored as they are."""
    size = load_half(data, at)
    return size & (_STORED - _1), size >= _STORED


@jit
def _head(data: NDArray[np.uint8], at: Any, end: Any, prefix: NDArray[np.uint8]) -> bool:
    """Unpack what precedes the events from the block at data[at:end]; return whether it is all there."""
    length, stored = _block_at(data, at)
    at += _4
    if length > end - at:
        return False
    stop, made, token = at + length, _0, _0
    while at < stop:
        if not stored:
            token = np.uint64(data[at])
            at, length = _length(data, at + _1, stop, token >> _4) if token >> _4 == _15 else (at + _1, token >> _4)
        if at == _0 or length > stop - at:
            return False
        for _ in range(min(length, _PREFIX - made)):
            prefix[made] = data[at]
            at, made, length = at + _1, made + _1, length - _1
        if made == _PREFIX:
            return True
        if stop - at < _2:
            return False
        back = load_quarter(data, at)
        at, length = at + _2, token & _15
        if length == _15:
            at, length = _length(data, at, stop, length)
        if at == _0 or back == _0 or back > made:
            return False
        for _ in range(min(length + _4, _PREFIX - made)):
            prefix[made] = prefix[made - back]
            made += _1
        if made == _PREFIX:
            return True
    return False


@jit
def _begin(data: NDArray[np.uint8], at: Any, end: Any, place: Any, room: Any, lane: NDArray[np.uint64]) -> int:
    """Begin with the frame data[at:end], whose events go to `place`, before `room`; return what prevents that."""
    prefix = _prefix_of(lane)
    if at + _FRAME_BYTES + _4 > end:
        return DAMAGED
    if data[at + _4] & _FLAGS_LOOKED_AT != _PLAIN_FLAGS:
        return OTHER_KIND
    if not _head(data, at + _FRAME_BYTES, end, prefix):
        return DAMAGED
    if not is_plain(prefix, _0):
        return OTHER_KIND
    size = _16 * load_half(prefix, _COUNT_AT)
    if size > _GROWTH * (end - at):
        return DAMAGED
    if place + size > room:
        return NO_ROOM
    lane[_AT] = lane[_STOP] = at + _FRAME_BYTES
    lane[_END], lane[_PLACE], lane[_SIZE] = end, place, size
    lane[_MADE] = lane[_STUCK] = _0
    return ALL_DONE


@jit
def _slowly(data: NDArray[np.uint8], out: NDArray[np.uint8], lane: NDArray[np.uint64]) -> bool:
    """Go on until short sequences follow or the packet ends; return whether it is sound."""
    while lane[_PACKET] != _NO_PACKET and _steps(lane) == _0:
        if not (_next_block(data, out, lane) if lane[_AT] == lane[_STOP] else _sequence(data, out, lane)):
            return False
    return True


@jit
def _make_ready(
    data: NDArray[np.uint8],
    index: NDArray[np.int64],
    out: NDArray[np.uint8],
    lane: NDArray[np.uint64],
    work: NDArray[np.uint64],
) -> None:
    """Bring a lane to where short sequences follow, from packet to packet, or empty it where no packet is left."""
    while True:
        if lane[_PACKET] >= work[_WANTED]:
            lane[_PACKET] = _NO_PACKET
            if work[_BEGUN] >= work[_WANTED]:
                return
            at, end = np.uint64(index[work[_BEGUN], 0]), np.uint64(index[work[_BEGUN], 1])
            status = _begin(data, at, end, work[_NEXT] + work[_LEAD], np.uint64(len(out)), lane)
            if status != ALL_DONE:
                work[_WANTED], work[_STATUS] = work[_BEGUN], status
                return
            for byte in range(_0, work[_LEAD], _8):
                store(out, work[_NEXT] + byte, load(_prefix_of(lane), byte))
            lane[_PACKET] = work[_BEGUN]
            work[_BEGUN] += _1
            work[_NEXT] = lane[_PLACE] + lane[_SIZE]
        packet = lane[_PACKET]
        if not _slowly(data, out, lane):
            work[_WANTED], work[_NEXT], work[_STATUS] = packet, lane[_PLACE] - work[_LEAD], DAMAGED
        elif lane[_PACKET] != _NO_PACKET:
            return


@jit
def _unpack(
    data: NDArray[np.uint8], index: NDArray[np.int64], out: NDArray[np.uint8], made: int, lead: Any
) -> tuple[int, int, int]:
    """Unpack packets to out[made:], `lead` bytes of prefix before the events of each; return as `unpack_events`."""
    lanes = np.full((2, _FIELDS), _NO_PACKET)
    work = np.zeros(5, np.uint64)
    work[_WANTED], work[_NEXT], work[_LEAD] = len(index), made, lead
    first, second = lanes[0], lanes[1]
    while True:
        _make_ready(data, index, out, first, work)
        _make_ready(data, index, out, second, work)
        if first[_PACKET] >= work[_WANTED] and second[_PACKET] >= work[_WANTED]:
            return int(work[_WANTED]), int(work[_NEXT]), int(work[_STATUS])
        if first[_PACKET] == _NO_PACKET:
            _one_lane(data, out, second, _steps(second))
        elif second[_PACKET] == _NO_PACKET:
            _one_lane(data, out, first, _steps(first))
        else:
            _two_lanes(data, out, first, second, min(_steps(first), _steps(second)))


@jit
def unpack_events(data: NDArray[np.uint8], index: NDArray[np.int64], out: NDArray[np.uint8]) -> tuple[int, int, int]:
    """Unpack packets of events one after another; return how many, the bytes made, and what ended it.

    Args:
        data: uint8.
        index: int64, shape (n, 2): where in `data` the LZ4 frame of each packet begins and stops.
        out: uint8, whatever it holds may be overwritten. What is returned of it holds only packets laid out as
            recorders do it: 32 bytes, the last four the count of events, and 16 for each event.
    """
    result: tuple[int, int, int] = _unpack(data, index, out, 0, _PREFIX)
    return result


@jit
def unpack_records(
    data: NDArray[np.uint8], index: NDArray[np.int64], out: NDArray[np.uint8], made: int
) -> tuple[int, int, int]:
    """Unpack packets of events so that their records follow each other from out[made] on; return as `unpack_events`.

    Args:
        data: uint8.
        index: int64, shape (n, 2): where in `data` the LZ4 frame of each packet begins and stops.
        out: uint8: event records; any bytes behind those made may be overwritten.
        made: bytes of it that hold records, a multiple of 16.
    """
    result: tuple[int, int, int] = _unpack(data, index, out, made, _0)
    return result
