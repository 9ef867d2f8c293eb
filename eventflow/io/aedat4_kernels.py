"""AEDAT 4: the pass over the events of a packet. Its records are laid out as ours; they are checked while copied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow.io.aedat4_flatbuffers import EVENTS_PREFIX_BYTES, PLAIN_EVENTS
from eventflow.io.unaligned import load
from eventflow.kernels.jit import jit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

MAX_PACKET_BYTES: Final = 1 << 27
MAX_UNPACKED_BYTES: Final = 1 << 26  # while a packet is unpacked there are two of it
"""Packets beyond this, as stored or unpacked, count as damage: a few flipped bits must not take the memory."""

# Indices of the state carried from packet to packet: int64, shape (STATE_SIZE,).
LAST_TIME, STEPS_BACK, OUTSIDE, POLARITY, STATE_SIZE = 0, 1, 2, 3, 4

_0, _4, _12, _16, _20 = (np.uint64(value) for value in (0, 4, 12, 16, 20))
_PLAIN = tuple(np.uint64(word) for word in np.frombuffer(PLAIN_EVENTS, "<u8"))
_LOW_16, _HIGH_16 = np.uint64(0xFFFF), np.uint64(0xFFFF_0000)
_HALF_16, _UNSOUND = np.uint64(0x8000), np.uint64(0xFFFF_FFFE_8000_8000)
_BLOCK = 4096  # events looked at before those found unsound among them are sorted out


@jit
def _u32(data: NDArray[np.uint8], at: int) -> np.int64:
    a, b, c, d = np.int64(data[at]), np.int64(data[at + 1]), np.int64(data[at + 2]), np.int64(data[at + 3])
    return a | b << 8 | c << 16 | d << 24


@jit
def _stream_of(data: NDArray[np.uint8], at: int, stop: int, known: NDArray[np.int64]) -> int:
    """Return the row of `known` whose packet seems to begin at `at`, or -1."""
    if at + 20 > stop:
        return -1
    stream, size = _u32(data, at), _u32(data, at + 4)
    if not 0 < size <= MAX_PACKET_BYTES or at + 8 + size > stop:
        return -1
    for row in range(len(known)):
        if known[row, 0] == stream and _u32(data, at + 8 + known[row, 1]) == known[row, 2]:
            return row
    return -1


@jit
def index_packets(
    data: NDArray[np.uint8], at: int, filled: int, end: int, known: NDArray[np.int64], index: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return where the payloads of consecutive sound packets of the first known stream begin and stop in `data`.

    It stops at the first place in doubt: no sound packet, one not whole in `data[:filled]`, or nothing sound after a
    packet of another stream, whose payload nobody will look at.

    Args:
        data: the window, uint8.
        at: where a packet is expected.
        filled: how much of the window holds bytes.
        end: where the packets end.
        known: from `known_streams`.
        index: int64, shape (room, 2), written and returned in part.
    """
    made = 0
    stop = min(filled, end)
    while made < len(index):
        row = _stream_of(data, at, stop, known)
        if row < 0:
            break
        after = at + 8 + _u32(data, at + 4)
        if row == 0:
            index[made, 0] = at + 8
            index[made, 1] = after
            made += 1
        elif _stream_of(data, after, stop, known) < 0:
            break
        at = after
    return index[:made]


@jit
def is_plain(data: NDArray[np.uint8], at: Any) -> bool:
    """Return whether the 28 bytes from byte `at` on (uint64) begin a packet of events as recorders lay it out."""
    first, second, third = load(data, at + _4), load(data, at + _12), load(data, at + _20)
    return bool((first == _PLAIN[0]) & (second == _PLAIN[1]) & (third == _PLAIN[2]))


@jit
def copy_records(
    data: NDArray[np.uint8], index: NDArray[np.int64], out: NDArray[np.uint8], made: int
) -> tuple[int, int]:
    """Copy the records of packets to out[made:]; return of how many packets, and where their records end.

    It stops at a packet that does not fit or is laid out otherwise.

    Args:
        data: uint8.
        index: int64, shape (n, 2): where in `data` each packet begins and stops.
        out: uint8: event records.
        made: bytes of it in use.
    """
    for packet in range(len(index)):
        at, stop = index[packet, 0], index[packet, 1]
        size = stop - at - EVENTS_PREFIX_BYTES
        if size < 0 or size > len(out) - made or not is_plain(data, np.uint64(at)) or 16 * _u32(data, at + 28) != size:
            return packet, made
        out[made : made + size] = data[at + EVENTS_PREFIX_BYTES : stop]
        made += size
    return len(index), made


def known_streams(identifiers: Mapping[int, bytes], wanted: int, magic: bytes) -> NDArray[np.int64]:
    """Return int64 rows (number, where in the payload its mark lies, the mark as u32), the wanted stream first."""
    rows = []
    for number in sorted(identifiers, key=lambda known: known != wanted):
        mark = magic or identifiers[number].ljust(4)[:4]
        rows.append((number, 0 if magic else 8, int.from_bytes(mark, "little")))
    return np.array(rows, np.int64).reshape(-1, 3)


@jit
def _flat(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return rows one after another: loops over them are vectorised only where their length is known."""
    return rows.reshape(2 * len(rows))


@jit
def _all_sound(given: NDArray[np.int64], taken: NDArray[np.int64], copy: bool, size: Any, state: Any) -> bool:
    """Copy events if all are sound and return whether they are; only then `state` goes on.

    Everything is found out at once for all: a branch an event would cost more than the rest.
    """
    last, back, seen = state[LAST_TIME], 0, _0
    # sizes are at most 2**15: a 16-bit pixel beyond is above it or is above it with what is missing to it added
    missing = (_HALF_16 - size[0]) | (_HALF_16 - size[1]) << _16
    for i in range(len(given) >> 1):
        t, rest = given[2 * i], given[2 * i + 1]
        place = np.uint64(rest)
        seen |= place | (place + missing)
        back += t < last
        last = t
        if copy:
            taken[2 * i] = t
            taken[2 * i + 1] = rest
    if seen & _UNSOUND:
        return False
    state[LAST_TIME] = last
    state[STEPS_BACK] += back
    return True


@jit
def _each_if_sound(given: NDArray[np.int64], taken: NDArray[np.int64], size: Any, state: Any) -> int:
    """Copy the events that are sound, padding zeroed; return how many. `taken` may begin before `given` in it."""
    last, back, outside, polarity, made = state[LAST_TIME], 0, 0, 0, 0
    for i in range(len(given) >> 1):
        t, rest = given[2 * i], given[2 * i + 1]
        place = np.uint64(rest)
        if (place & _LOW_16) >= size[0] or (place & _HIGH_16) >= size[1] << _16:
            outside += 1
            continue
        if (rest >> 32 & 0xFF) > 1:
            polarity += 1
            continue
        back += t < last
        last = t
        taken[2 * made] = t
        taken[2 * made + 1] = rest & 0x1_FFFF_FFFF
        made += 1
    state[LAST_TIME] = last
    state[STEPS_BACK] += back
    state[OUTSIDE] += outside
    state[POLARITY] += polarity
    return made


@jit
def _sound(given: NDArray[np.int64], taken: NDArray[np.int64], copy: bool, size: Any, state: Any) -> int:
    """Copy the events that are sound; return how many."""
    if _all_sound(given, taken, copy, size, state):
        return len(given) >> 1
    return int(_each_if_sound(given, taken, size, state))


@jit
def take_events(
    packets: NDArray[np.int64],
    at: int,
    left: Any,
    words: NDArray[np.int64],
    state: NDArray[np.int64],
    width: int,
    height: int,
) -> tuple[int, int, int]:
    """Copy sound events of `packets` into `words`; return the row reached, events left in its packet, events copied.

    Args:
        packets: int64, shape (n, 2), read-only: packets one after another, two rows of prefix (the count of events in
            the last 32 bits) and a row (t; x, y, p and padding) for each event.
        at: row to begin with.
        left: events left in the packet `at` lies in; 0 where a prefix comes.
        words: int64, shape (room, 2): event records as words, padding zeroed.
        state: int64, shape (STATE_SIZE,), carried from call to call; left-out events are counted there.
        width: sensor width, px.
        height: sensor height, px.
    """
    size = np.uint64(width), np.uint64(height)
    given, taken = _flat(packets), _flat(words)
    row, made = at, 0
    while made < len(words):
        if left == 0:
            if row == len(packets):
                break
            left = packets[row + 1, 1] >> 32 & 0xFFFF_FFFF
            row += 2
            continue
        count: Any = min(left, len(words) - made, _BLOCK)
        made += _sound(given[2 * row : 2 * (row + count)], taken[2 * made :], True, size, state)
        row += count
        left -= count
    return row, left, made


@jit
def check_events(
    words: NDArray[np.int64], begin: int, stop: int, state: NDArray[np.int64], width: int, height: int
) -> int:
    """Check the records words[begin:stop] where they are, closing up over those left out; return where they now end.

    The arguments are those of `take_events`.
    """
    size = np.uint64(width), np.uint64(height)
    flat, made = _flat(words), begin
    for row in range(begin, stop, _BLOCK):
        given = flat[2 * row : 2 * min(row + _BLOCK, stop)]
        made += _sound(given, flat[2 * made :], made != row, size, state)
    return made
