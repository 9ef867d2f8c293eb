"""Event Stream, N-MNIST, AEDAT 2 and 3.1 decoded one record at a time, by the book: slow, and obviously right."""

from __future__ import annotations

import struct

from plain_prophesee import count
from reference_prophesee import Event

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


def davis_2(data: bytes, width: int, height: int) -> list[Event]:
    """AEDAT 2.0 of a DAVIS, its polarity events: x as jAER shows it, y from the top."""
    events: list[Event] = []
    epoch = last = 0
    for address, t in struct.iter_unpack(">II", data[: len(data) // 8 * 8]):
        if last - t >= 1 << 31:
            epoch += 1 << 32
        last = t
        if address >> 31 or address >> 10 & 1:
            continue
        x, y = width - 1 - (address >> 12 & 1023), height - 1 - (address >> 22 & 511)
        if 0 <= x < width and 0 <= y < height:
            events.append(Event(epoch + t, x, y, address >> 11 & 1))
    return events


def aedat_31(data: bytes, width: int, height: int) -> Found:
    """Undamaged packets of AEDAT 3.1, their polarity events."""
    events: list[Event] = []
    skipped: dict[str, int] = {}
    at = 0
    while at < len(data):
        kind, _, size, _, overflow, capacity, number, _ = struct.unpack_from("<hhiiiiii", data, at)
        at += 28
        if kind == 1:
            for k in range(number):
                word, t = struct.unpack_from("<Ii", data, at + k * size)
                x, y = word >> 17, word >> 2 & 0x7FFF
                if not word & 1:
                    count(skipped, "invalid")
                elif x >= width or y >= height:
                    count(skipped, "outside")
                else:
                    events.append(Event((overflow << 31) + t, x, y, word >> 1 & 1))
        at += capacity * size
    return events, skipped
