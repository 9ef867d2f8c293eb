"""Obviously correct decoders, slow and plain, to compare the real ones with; and sources cut anywhere."""

from __future__ import annotations

import struct

from eventflow.io.source import ByteSource

HEADER3 = b"% evt 3.0\n% format EVT3;height=720;width=1280\n% geometry 1280x720\n% end\n"
HEADER2 = b"% evt 2.0\n% format EVT2;height=480;width=640\n% geometry 640x480\n% end\n"


class PiecesSource(ByteSource):
    """Bytes that arrive in pieces of the given sizes, over and over, like a pipe's."""

    def __init__(self, data: bytes, sizes: list[int]) -> None:
        self.path, self.size, self.seekable, self.position = "pieces.raw", None, False, 0
        self._ahead, self._data, self._sizes, self._turn = b"", data, sizes, 0

    def _read_file(self, buffer: memoryview) -> int:
        count = min(self._sizes[self._turn % len(self._sizes)], len(buffer), len(self._data))
        self._turn += 1
        buffer[:count] = self._data[:count]
        self._data = self._data[count:]
        return count

    def close(self) -> None:
        pass


def count(skipped: dict[str, int], reason: str) -> None:
    skipped[reason] = skipped.get(reason, 0) + 1


def evt3(data: bytes, width: int = 1280, height: int = 720) -> tuple[list[tuple[int, int, int, int]], dict[str, int]]:
    words = struct.unpack(f"<{len(data) // 2}H", data[: len(data) // 2 * 2])
    events: list[tuple[int, int, int, int]] = []
    skipped: dict[str, int] = {"truncated_bytes": 1} if len(data) % 2 else {}
    epoch, high, low, y, base, polarity = 0, None, 0, None, None, 0

    def event(x: int | None, p: int) -> None:
        if high is None:
            count(skipped, "before_time")
        elif y is None or x is None:
            count(skipped, "before_address")
        elif x >= width or y >= height:
            count(skipped, "outside")
        else:
            events.append((epoch + high * 4096 + low, x, y, p))

    for word in words:
        kind, value = word >> 12, word & 4095
        if kind == 0:
            y = value & 2047
        elif kind == 2:
            event(value & 2047, value >> 11)
        elif kind == 3:
            base, polarity = value & 2047, value >> 11
        elif kind in (4, 5):
            size = 12 if kind == 4 else 8
            for bit in range(size):
                if value >> bit & 1:
                    event(None if base is None else base + bit, polarity)
            if base is not None:
                base += size
        elif kind == 6:
            low = value
        elif kind == 8:
            if value != high:
                if high is not None and high - value >= 2048:
                    epoch += 1 << 24
                high, low = value, 0
        elif kind in (1, 9, 11, 12, 13) and word != 0x9999:
            count(skipped, "reserved")
    return events, skipped


def evt2(data: bytes, width: int = 640, height: int = 480) -> tuple[list[tuple[int, int, int, int]], dict[str, int]]:
    words = struct.unpack(f"<{len(data) // 4}I", data[: len(data) // 4 * 4])
    events: list[tuple[int, int, int, int]] = []
    skipped: dict[str, int] = {"truncated_bytes": len(data) % 4} if len(data) % 4 else {}
    epoch, high = 0, None
    for word in words:
        kind = word >> 28
        if kind == 8:
            now = word & 0xFFFFFFF
            if high is not None and high - now >= 1 << 27:
                epoch += 1 << 34
            high = now
        elif kind <= 1:
            x, y = word >> 11 & 2047, word & 2047
            if high is None:
                count(skipped, "before_time")
            elif x >= width or y >= height:
                count(skipped, "outside")
            else:
                events.append((epoch + high * 64 + (word >> 22 & 63), x, y, kind))
        elif kind not in (10, 14, 15):
            count(skipped, "reserved")
    return events, skipped


def dat(data: bytes, width: int = 304, height: int = 240) -> tuple[list[tuple[int, int, int, int]], dict[str, int]]:
    events: list[tuple[int, int, int, int]] = []
    skipped: dict[str, int] = {"truncated_bytes": len(data) % 8} if len(data) % 8 else {}
    epoch = last = 0
    for t, address in struct.iter_unpack("<II", data[: len(data) // 8 * 8]):
        if last - t >= 1 << 31:
            epoch += 1 << 32
        last = t
        x, y, p = address & 0x3FFF, address >> 14 & 0x3FFF, address >> 28 & 1
        if x >= width or y >= height:
            count(skipped, "outside")
        else:
            events.append((epoch + t, x, y, p))
    return events, skipped
