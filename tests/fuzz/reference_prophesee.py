"""Prophesee formats decoded one word at a time, by the book: slow, and obviously right."""

from __future__ import annotations

import struct
from typing import NamedTuple

from plain_prophesee import count, dat, evt2, evt3

__all__ = ["dat", "evt2", "evt3", "evt21"]


class Event(NamedTuple):
    t: int
    x: int
    y: int
    p: int


def evt21(data: bytes, layout: str, width: int, height: int) -> tuple[list[Event], dict[str, int]]:
    """EVT 2.1: a header and a mask of 32 pixels, in the layout's order."""
    events: list[Event] = []
    skipped: dict[str, int] = {"truncated_bytes": len(data) % 8} if len(data) % 8 else {}
    epoch, high = 0, None
    for first, second in struct.iter_unpack("<II", data[: len(data) // 8 * 8]):
        header, mask = (first, second) if layout == "legacy" else (second, first)
        kind = header >> 28
        if kind == 8:
            now = header & 0xFFFFFFF
            if high is not None and high - now >= 1 << 27:
                epoch += 1 << 34
            high = now
        elif kind <= 1:
            for bit in range(32):
                if not mask >> bit & 1:
                    continue
                x, y = (header >> 11 & 2047) + bit, header & 2047
                if high is None:
                    count(skipped, "before_time")
                elif x >= width or y >= height:
                    count(skipped, "outside")
                else:
                    events.append(Event(epoch + high * 64 + (header >> 22 & 63), x, y, kind))
        elif kind not in (10, 14, 15):
            count(skipped, "reserved")
    return events, skipped
