"""Event Stream, N-MNIST, AEDAT 2 and 3.1 decoded one record at a time, by the book: slow, and obviously right."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from plain_prophesee import count
from reference_prophesee import Event

if TYPE_CHECKING:
    from eventflow.io.aedat2_chips import Layout

Found = tuple[list[Event], dict[str, int]]


def event_stream(data: bytes, *, atis: bool, width: int, height: int) -> Found:
    """Event Stream 2.0 of type DVS or ATIS (changes only), after its header."""
    events: list[Event] = []
    skipped: dict[str, int] = {}
    at = t = 0
    while at < len(data):
        head = data[at]
        if atis and head >= 0xFC:
            t += 63 * (head - 0xFC)
            if head == 0xFC:
                count(skipped, "reserved")
            at += 1
        elif not atis and head >= 0xFE:
            if head == 0xFF:
                t += 127
            else:
                count(skipped, "reserved")
            at += 1
        elif at + 5 > len(data):
            skipped["truncated_bytes"] = len(data) - at
            break
        else:
            x, y = struct.unpack_from("<HH", data, at + 1)
            t += head >> 2 if atis else head >> 1
            at += 5
            if atis and head & 1:
                continue  # an exposure
            if x < width and y < height:
                events.append(Event(t, x, height - 1 - y, head >> 1 & 1 if atis else head & 1))
            else:
                count(skipped, "outside")
    return events, skipped


def address_bin(data: bytes, width: int, height: int) -> Found:
    """N-MNIST and N-Caltech101."""
    events: list[Event] = []
    skipped: dict[str, int] = {"truncated_bytes": len(data) % 5} if len(data) % 5 else {}
    added = 0
    for at in range(0, len(data) // 5 * 5, 5):
        x, y, rest = data[at], data[at + 1], int.from_bytes(data[at + 2 : at + 5], "big")
        if y == 240:
            added += 1 << 13
        elif x < width and y < height:
            events.append(Event(added + (rest & 0x7FFFFF), x, y, rest >> 23))
        else:
            count(skipped, "outside")
    return events, skipped


def jaer(data: bytes, record_bytes: int, layout: Layout, width: int, height: int) -> Found:
    """AEDAT 1 and 2: polarity events, x as jAER shows it, y from the top."""
    events: list[Event] = []
    skipped: dict[str, int] = {}
    whole = len(data) // record_bytes * record_bytes
    if len(data) > whole:
        skipped["truncated_bytes"] = len(data) - whole
    epoch = last = 0
    for address, t in struct.iter_unpack(">II" if record_bytes == 8 else ">HI", data[:whole]):
        if last - t >= 1 << 31:
            epoch += 1 << 32
        last = t
        if address & layout.special:
            continue
        x = address >> layout.x_shift & (1 << layout.x_bits) - 1
        y = address >> layout.y_shift & (1 << layout.y_bits) - 1
        if x < width and y < height:
            on = address >> layout.p_shift & 1 == layout.on
            events.append(Event(epoch + t, width - 1 - x, height - 1 - y, int(on)))
        else:
            count(skipped, "outside")
    return events, skipped


class _Packet(NamedTuple):
    kind: int
    source: int
    size: int
    overflow: int
    capacity: int
    number: int


def _packet(data: bytes, at: int) -> _Packet | None:
    """Return the packet of AEDAT 3 that begins at a byte, None where none can."""
    if at + 28 > len(data):
        return None
    kind, source, size, offset, overflow, capacity, number, valid = struct.unpack_from("<HHiiiiii", data, at)
    if kind > 31 or source > 255 or size <= 0 or capacity <= 0 or not 0 <= overflow < 1 << 22:
        return None
    if not 0 <= valid <= number <= capacity or not 0 <= offset <= size - 4 or capacity * size > 1 << 28:
        return None
    fitting = {
        0: size == 8 and offset == 4,
        1: size == 8 and offset == 4,
        2: size > 36 and size % 2 == 0 and offset in (4, 8, 12, 16),
        3: size == 36 and offset == 4,
        4: size == 48 and offset == 4,
    }
    fits = fitting.get(kind, size <= 4096 and offset % 4 == 0)
    return _Packet(kind, source, size, overflow, capacity, number) if fits else None


def aedat_3(data: bytes, width: int, height: int, *, source: int = 0, from_bottom: bool = False) -> Found:
    """AEDAT 3, polarity events of one camera.

    After damage the next bytes are looked for that can be a packet's header; a packet with no header behind it, but
    with one inside, was cut short there.
    """
    events: list[Event] = []
    skipped: dict[str, int] = {}
    at, lost = 0, False
    while at + 28 <= len(data):
        packet = _packet(data, at)
        if packet is None:
            skipped["damaged"] = skipped.get("damaged", 0) + (not lost)
            count(skipped, "damaged_bytes")
            at, lost = at + 1, True
            continue
        lost = False
        begin, number = at + 28, packet.number
        at = end = begin + packet.capacity * packet.size
        if packet.kind == 1 and packet.source != source:
            skipped["of_other_sources"] = skipped.get("of_other_sources", 0) + number
        if packet.kind != 1 or packet.source != source:
            continue
        is_cut = end > len(data) or (end + 28 <= len(data) and _packet(data, end) is None)
        if is_cut and end - begin <= 1 << 17:
            at = next((place for place in range(begin, end) if _packet(data, place)), end)
            if at < end:
                count(skipped, "damaged")
                skipped["damaged_bytes"] = skipped.get("damaged_bytes", 0) + (at - begin) % 8
                number = min(number, (at - begin) // 8)
        for place in range(begin, begin + 8 * number, 8):
            if place + 8 > len(data):
                skipped["truncated_bytes"] = len(data) - place
                break
            _polarity(data, place, packet.overflow, (width, height), from_bottom, events, skipped)
    if at < len(data):
        skipped["truncated_bytes"] = len(data) - at
    return events, {reason: number for reason, number in skipped.items() if number}


def _polarity(
    data: bytes, at: int, overflow: int, size: tuple[int, int], from_bottom: bool, events: list[Event],
    skipped: dict[str, int],
) -> None:  # fmt: skip
    word, t = struct.unpack_from("<Ii", data, at)
    x, y = word >> 17, word >> 2 & 0x7FFF
    if not word & 1 or t < 0:
        count(skipped, "invalid")
    elif x >= size[0] or y >= size[1]:
        count(skipped, "outside")
    else:
        events.append(Event((overflow << 31) + t, x, size[1] - 1 - y if from_bottom else y, word >> 1 & 1))
