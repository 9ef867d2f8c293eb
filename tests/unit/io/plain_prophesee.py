"""Obviously correct decoders, slow and plain, to compare the real ones with; and sources cut anywhere."""

from __future__ import annotations

import struct

from eventflow.io.source import ByteSource

HEADER3 = b"% evt 3.0\n% format EVT3;height=720;width=1280\n% geometry 1280x720\n% end\n"
HEADER2 = b"% evt 2.0\n% format EVT2;height=480;width=640\n% geometry 640x480\n% end\n"
HEADER21 = b"% evt 2.1\n% format EVT21;endianness=legacy;height=480;width=640\n% end\n"
HEADER21_LITTLE = HEADER21.replace(b"legacy", b"little")
HEADER4 = b"% evt 4.0\n% format EVT4;height=480;width=640\n% end\n"


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


class _Clock:
    """The 34-bit clock of EVT 2, 2.1 and 4, and events placed by it."""

    def __init__(self, width: int, height: int, skipped: dict[str, int]) -> None:
        self.size, self.skipped = (width, height), skipped
        self.epoch, self.high = 0, None
        self.events: list[tuple[int, int, int, int]] = []

    def turn(self, high: int) -> None:
        if self.high is not None and self.high - high >= 1 << 27:
            self.epoch += 1 << 34
        self.high = high

    def pixels(self, header: int, mask: int) -> None:
        x0, y, low, p = header >> 11 & 2047, header & 2047, header >> 22 & 63, header >> 28 & 1
        for bit in range(32):
            if not mask >> bit & 1:
                continue
            if self.high is None:
                count(self.skipped, "before_time")
            elif x0 + bit >= self.size[0] or y >= self.size[1]:
                count(self.skipped, "outside")
            else:
                self.events.append((self.epoch + self.high * 64 + low, x0 + bit, y, p))


def evt21(
    data: bytes, width: int = 640, height: int = 480, *, little: bool = False
) -> tuple[list[tuple[int, int, int, int]], dict[str, int]]:
    whole = len(data) // 8 * 8
    skipped: dict[str, int] = {"truncated_bytes": len(data) % 8} if len(data) % 8 else {}
    clock = _Clock(width, height, skipped)
    for first, second in struct.iter_unpack("<II", data[:whole]):
        header, mask = (second, first) if little else (first, second)
        kind = header >> 28
        if kind == 8:
            clock.turn(header & 0xFFFFFFF)
        elif kind <= 1:
            clock.pixels(header, mask)
        elif kind not in (10, 14, 15):
            count(skipped, "reserved")
    return clock.events, skipped


def evt4(data: bytes, width: int = 640, height: int = 480) -> tuple[list[tuple[int, int, int, int]], dict[str, int]]:
    skipped: dict[str, int] = {"truncated_bytes": len(data) % 4} if len(data) % 4 else {}
    clock = _Clock(width, height, skipped)
    header = None
    for (word,) in struct.iter_unpack("<I", data[: len(data) // 4 * 4]):
        kind = word >> 28
        if header is not None:
            clock.pixels(header, word)
            header = None
        elif kind in (10, 11):
            clock.pixels(word, 1)
        elif kind in (12, 13):
            header = word
        elif kind == 14:
            clock.turn(word & 0xFFFFFFF)
        elif kind not in (6, 7, 9) and word != 0xFFFFFFFF:
            count(skipped, "reserved")
    return clock.events, skipped


def dat(
    data: bytes, width: int = 304, height: int = 240, *, x_bits: int = 14, y_bits: int = 14
) -> tuple[list[tuple[int, int, int, int]], dict[str, int]]:
    events: list[tuple[int, int, int, int]] = []
    skipped: dict[str, int] = {"truncated_bytes": len(data) % 8} if len(data) % 8 else {}
    epoch = last = 0
    for t, address in struct.iter_unpack("<II", data[: len(data) // 8 * 8]):
        if last - t >= 1 << 31:
            epoch += 1 << 32
        last = t
        x, y = address & (1 << x_bits) - 1, address >> x_bits & (1 << y_bits) - 1
        p = address >> x_bits + y_bits & 1
        if x >= width or y >= height:
            count(skipped, "outside")
        else:
            events.append((epoch + t, x, y, p))
    return events, skipped
