"""The packets of an AEDAT 4 file: found, found again after damage, decompressed within bounds.

A packet is `[i32 stream][i32 size][payload]`. Damage is skipped by the packet's own size where a sound packet follows
there, and else by searching for the next place that looks like one.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, Final

import numpy as np

from eventflow.io.aedat4_flatbuffers import EVENT_BYTES, EVENTS_PREFIX_BYTES, plain_count
from eventflow.io.aedat4_kernels import MAX_PACKET_BYTES, MAX_UNPACKED_BYTES, copy_records, index_packets, known_streams
from eventflow.io.aedat4_unpacking import LZ4_MAGIC, ZSTD_MAGIC, Packets, Unpacker
from eventflow.io.lz4_kernels import NO_ROOM, OTHER_KIND, unpack_events, unpack_records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from eventflow.io.source import ByteSource

NEVER: Final = 2**63 - 1
_HEAD: Final = struct.Struct("<ii")
HEAD_BYTES: Final = 8
_LEAD_BYTES: Final = HEAD_BYTES + EVENTS_PREFIX_BYTES
_LEAD_READ_BYTES: Final = 4096
_IN_CACHE_BYTES: Final = 1 << 18  # what is read at once is still in the cache when it is checked
_LARGE_BYTES: Final = 1 << 16  # from here on a second copy of a packet's records costs more than reading it alone
_WINDOW_BYTES: Final = 1 << 20
_ROOM_BYTES: Final = 1 << 20  # unpacked at once
_INDEX_SIZE: Final = 256  # packets found at once
_IDENTIFIERS: Final = rb"EVTS|FRME|IMUS|TRIG"


class PacketStream:
    """The packets of a source, from its current position to `end`.

    Args:
        source: positioned at a packet.
        identifiers: what every known stream's packets carry ("EVTS", "FRME"…), by stream number.
        wanted: number of the stream whose packets are given out.
        unpacker: of the file's compression.
        accept: makes of an unpacked payload what is given out, or raises a ValueError where it is damaged.
        end: byte of the file where the packets end, or None.

    Attributes:
        damaged: packets that could not be used, and places where the next packet had to be searched.
        damaged_bytes: bytes passed over because of that.
        truncated_bytes: bytes at the end that hold no whole packet.
        body_at: byte of the file where the packet begins whose events are being read in place.
        body_events: how many it has.
        body_left: bytes of its events that are still to be read.
    """

    def __init__(
        self,
        source: ByteSource,
        identifiers: Mapping[int, bytes],
        *,
        wanted: int,
        unpacker: Unpacker,
        accept: Callable[[bytes], bytes],
        end: int | None,
    ) -> None:
        self._source, self._identifiers, self._wanted = source, identifiers, wanted
        self._unpacker, self._accept = unpacker, accept
        self._known = known_streams(identifiers, wanted, unpacker.magic)
        self._index = np.empty((_INDEX_SIZE, 2), np.int64)
        self._compiled = unpacker.magic == LZ4_MAGIC
        self._room_bytes = _ROOM_BYTES
        self._free: list[NDArray[np.uint8]] = []
        limits = [limit for limit in (end, source.size) if limit is not None]
        self._end = min(limits) if limits else NEVER
        self._buffer = np.empty(_WINDOW_BYTES, np.uint8)
        self._view = memoryview(self._buffer)  # type: ignore[arg-type]
        self._origin = source.position  # byte of the file that the buffer begins with
        self._at = self._filled = 0
        self._last_bytes = 0
        self._pattern = re.compile(re.escape(unpacker.magic) or _IDENTIFIERS)
        self._pattern_at = HEAD_BYTES if unpacker.magic else HEAD_BYTES + 8
        self.damaged = self.damaged_bytes = self.truncated_bytes = 0
        self.body_at = self.body_events = self.body_left = 0

    @property
    def position(self) -> int:
        """Byte of the file where the next packet is expected."""
        return self._origin + self._at

    @property
    def damage(self) -> tuple[int, int]:
        """Places damaged so far, and their bytes."""
        return self.damaged, self.damaged_bytes

    def go_to(self, position: int) -> None:
        """Continue with the packet at byte `position` of a file."""
        self._source.seek(position)
        self._origin, self._at, self._filled = position, 0, 0
        self.body_left = 0

    def enter(self, position: int) -> None:
        """Continue with the first packet found from byte `position` on."""
        self.go_to(position)
        self._top_up()
        self._search(0)
        self.damaged = self.damaged_bytes = self.truncated_bytes = 0
        self.body_at = self.body_events = self.body_left = 0

    def some(self, at_most: int = _INDEX_SIZE) -> Packets | None:
        """Return the next packets, or None at the end.

        What the window holds is found, and where it can be unpacked, in one compiled pass: a packet often has a few
        hundred events, and the interpreter's own time would outweigh theirs.
        """
        index = self._find()[:at_most]
        found = self._unpack_compiled(index) if self._compiled else self._unpack_each(index)
        if found is not None:
            return found
        one = self._one()
        return None if one is None else Packets(one, np.array([self.position - self._last_bytes]), self.damage)

    def unpack_into(self, records: NDArray[np.uint8], made: int) -> int:
        """Unpack the next packets in place; return where their records end in `records`.

        It returns `made` where the next packet does not fit, is not of the common kind, or where there is none: `some`
        has it then.

        Args:
            records: uint8, memory of event records; what lies behind those made may be overwritten.
            made: bytes of it in use.
        """
        if not self._unpacker.magic:
            if self.body_left or self._begin_body(_LARGE_BYTES):
                return self._read_into(records, made)
            end = self._copy_into(records, made)
            return self._read_into(records, made) if end == made and self._begin_body() else end
        if self._unpacker.magic == ZSTD_MAGIC:
            return self._decompress_into(memoryview(records), made)  # type: ignore[arg-type]
        if not self._compiled:
            return made
        index = self._find()
        done, end, _ = unpack_records(self._buffer, index, records, made)
        if done:
            self._at = int(index[done - 1, 1])
        return int(end)

    def _decompress_into(self, records: memoryview, made: int) -> int:
        """As `unpack_records` of lz4_kernels: a packet's prefix goes over the last two records, which are put back."""
        for start, stop in self._find().tolist():
            begin = max(made - EVENTS_PREFIX_BYTES, 0)
            kept = bytes(records[begin : begin + EVENTS_PREFIX_BYTES])
            count = self._unpacker.into(self._view[start:stop], records[begin:])
            events = plain_count(records[begin : begin + EVENTS_PREFIX_BYTES], count)
            if events < 0:
                records[begin : begin + EVENTS_PREFIX_BYTES] = kept
                break
            if begin == made:
                moved = bytes(records[begin + EVENTS_PREFIX_BYTES : begin + count])
                records[made : made + len(moved)] = moved
            else:
                records[begin : begin + EVENTS_PREFIX_BYTES] = kept
            self._at = stop
            made += events * EVENT_BYTES
        return made

    def _copy_into(self, records: NDArray[np.uint8], made: int) -> int:
        """Copy the records of packets that are not compressed from the window to their place."""
        index = self._find()
        done, end = copy_records(self._buffer, index, records, made)
        if done:
            self._at = int(index[done - 1, 1])
        return int(end)

    def _read_into(self, records: NDArray[np.uint8], made: int) -> int:
        """Read records of a packet that is not compressed from the file to their place, and what precedes the next."""
        stop = made + min(self.body_left, len(records) - made, _IN_CACHE_BYTES)
        while made < stop:
            taken = stop - made
            got = min(self._filled - self._at, taken)
            if got:
                records[made : made + got] = self._buffer[self._at : self._at + got]
                self._at += got
            else:
                ahead = self._buffer[: _LEAD_BYTES if taken == self.body_left else 0]
                read = self._source.readinto_both(records[made:stop], ahead)
                got = min(read, taken)
                self._origin, self._at, self._filled = self.position + got, 0, read - got
            if not got:  # the file became shorter while it was read
                self.truncated_bytes, self.body_left, self._end = self.body_left, 0, self.position
                break
            made += got
            self.body_left -= got
        return made

    def _begin_body(self, least: int = 1) -> bool:
        """Go to the events of the next packet, of `least` bytes; return whether it is wanted, common and whole."""
        if self._source.size is None or not self._have(_LEAD_BYTES, most=_LEAD_READ_BYTES):
            return False
        stream, size = _HEAD.unpack_from(self._view, self._at)
        start = self._at + HEAD_BYTES
        if (
            stream != self._wanted
            or not least <= size <= MAX_PACKET_BYTES
            or self.position + HEAD_BYTES + size > self._end
        ):
            return False
        events = plain_count(self._view[start : start + EVENTS_PREFIX_BYTES], size)
        if events < 0:
            return False
        self.body_at, self.body_events, self.body_left = self.position, events, events * EVENT_BYTES
        self._at = start + EVENTS_PREFIX_BYTES
        if self._at == self._filled:
            self._origin += self._at
            self._at = self._filled = 0
        return True

    def _find(self) -> NDArray[np.int64]:
        self._top_up()
        end = self._end - self._origin
        index: NDArray[np.int64]
        index = index_packets(self._buffer, self._at, self._filled, end, self._known, self._index)
        if not len(index) and self._sound(0) >= 0:  # a packet longer than what was left in the window
            end = self._end - self._origin
            index = index_packets(self._buffer, self._at, self._filled, end, self._known, self._index)
        return index

    def _unpack_compiled(self, index: NDArray[np.int64]) -> Packets | None:
        if not len(index):
            return None
        room = self._free.pop() if self._free else np.empty(self._room_bytes, np.uint8)
        done, made, status = unpack_events(self._buffer, index, room)
        if done:
            self._at = int(index[done - 1, 1])
            return Packets(room[:made], self._places(index[:done]), self.damage, room)
        if status == NO_ROOM and self._room_bytes < MAX_UNPACKED_BYTES:
            self._room_bytes = min(4 * self._room_bytes, MAX_UNPACKED_BYTES)
            return self._unpack_compiled(index)
        self._compiled = status != OTHER_KIND
        return None

    def _unpack_each(self, index: NDArray[np.int64]) -> Packets | None:
        found: list[bytes] = []
        for start, stop in index.tolist():
            try:
                found.append(self._accept(self._unpacker(self._view[start:stop])))
            except ValueError:
                break  # one by one it is found out what to do about it
            self._at = stop
            if sum(map(len, found)) >= _ROOM_BYTES:
                break
        return Packets(b"".join(found), self._places(index[: len(found)]), self.damage) if found else None

    def _places(self, index: NDArray[np.int64]) -> NDArray[np.int64]:
        places: NDArray[np.int64] = index[:, 0] + (self._origin - HEAD_BYTES)
        return places

    def payloads(self) -> Iterator[bytes]:
        """Yield what `accept` makes of each further packet."""
        while True:
            index = self._find()
            found = False
            for start, stop in index.tolist():
                try:
                    payload = self._accept(self._unpacker(self._view[start:stop]))
                except ValueError:
                    break
                self._at, found = stop, True
                yield payload
            if not found:
                one = self._one()
                if one is None:
                    return
                yield one

    def release(self, packets: Packets) -> None:
        """Take back the memory of packets that are done with."""
        if packets.room is not None and len(packets.room) == self._room_bytes:
            self._free.append(packets.room)

    def _one(self) -> bytes | None:
        while True:
            size = self._sound(0)
            if size < 0:
                if not self._search(0):
                    return None
                continue
            start = self._at + HEAD_BYTES
            self._last_bytes = HEAD_BYTES + size
            if _HEAD.unpack_from(self._view, self._at)[0] != self._wanted:
                self._pass_unread()
                continue
            try:
                payload = self._accept(self._unpacker(self._view[start : start + size]))
            except ValueError:
                self._pass_damaged()
                continue
            self._at = start + size
            return payload

    def _pass_unread(self) -> None:
        # a packet of another stream is not unpacked, so its size is believed only if a packet follows there
        if self._ends(self._last_bytes) or self._sound(self._last_bytes) >= 0:
            self._at += self._last_bytes
        else:
            self._search(1)

    def _pass_damaged(self) -> None:
        if self._ends(self._last_bytes) or self._sound(self._last_bytes) >= 0:
            self._at += self._last_bytes
            self.damaged += 1
            self.damaged_bytes += self._last_bytes
        else:
            self._search(1)

    def _ends(self, ahead: int) -> bool:
        return not self._have(ahead + 1)

    def _sound(self, ahead: int) -> int:
        """Return the payload size of the whole packet that seems to lie `ahead` bytes on, or -1."""
        if not self._have(ahead + HEAD_BYTES + 12):
            return -1
        at = self._at + ahead
        stream, size = _HEAD.unpack_from(self._view, at)
        identifier = self._identifiers.get(stream)
        if identifier is None or not 0 < size <= MAX_PACKET_BYTES:
            return -1
        magic = self._unpacker.magic
        start = at + HEAD_BYTES
        looks_right = (
            self._view[start : start + 4] == magic if magic else self._view[start + 8 : start + 12] == identifier
        )
        return size if looks_right and self._have(ahead + HEAD_BYTES + size) else -1

    def _search(self, ahead: int) -> bool:
        """Go to the next sound packet `ahead` or more bytes on and return whether there is one."""
        begin = self.position
        self._at += ahead
        while True:
            match = self._pattern.search(self._view, self._at + self._pattern_at, self._filled)
            if match is not None:
                self._at = match.start() - self._pattern_at
                if self._sound(0) >= 0:
                    self.damaged += 1
                    self.damaged_bytes += self.position - begin
                    return True
                self._at += 1
                continue
            self._at = max(self._at, self._filled - self._pattern_at - 3)
            if not self._have(self._filled - self._at + 1):
                self._at = self._filled
                self.truncated_bytes += max(min(self.position, self._end) - begin, 0)
                return False

    def _top_up(self) -> None:
        if self._filled - self._at < _WINDOW_BYTES // 2:
            self._make_room(_WINDOW_BYTES)
            self._have(_WINDOW_BYTES)

    def _have(self, count: int, most: int = NEVER) -> bool:
        """Read until `count` bytes from the current place on are in the buffer; False where the packets end before.

        No more than `most` bytes are read at once.
        """
        if self._origin + self._at + count > self._end:
            return False
        while self._filled - self._at < count:
            if self._at + count > len(self._buffer):
                self._make_room(count)
            got = self._source.readinto(self._buffer[self._filled : self._filled + most])
            if not got:
                self._end = min(self._end, self._origin + self._filled)
                return False
            self._filled += got
        return True

    def _make_room(self, count: int) -> None:
        kept = self._buffer[self._at : self._filled]
        buffer = self._buffer if count <= len(self._buffer) else np.empty(2 * count, np.uint8)
        buffer[: len(kept)] = kept
        self._origin += self._at
        self._at, self._filled = 0, len(kept)
        if buffer is not self._buffer:
            self._buffer, self._view = buffer, memoryview(buffer)  # type: ignore[arg-type]
