"""Damage: what disks, networks, programs and malice do to bytes."""

from __future__ import annotations

import random
from functools import lru_cache

_NUMBERS = [0, 1, 2, 3, 7, 15, 127, 255, 1023, 1024, 2047, 2048, 4095, 16383, 32767, 65535, 1 << 16, 1 << 24, 1 << 31,
            (1 << 32) - 1, 1 << 40, (1 << 63) - 1, 1 << 63, (1 << 64) - 1]  # fmt: skip
_TEXTS = [b"% end\n", b"% ", b"\r\n", b"\n", b"#", b"nan", b"inf", b"-", b"1e308", b"99999999999999999999", b",", b"\0",
          b"height=", b"width=4294967295", b"% geometry 0x0\n", b"% evt 3.0\n", b"\xff" * 16, b"\0" * 16, b"\x25\x20",
          b"\x04\x22\x4d\x18", b"\x28\xb5\x2f\xfd", b"PK\x01\x02", b"\x99\x99"]  # fmt: skip


_SPARSE_BYTES = 3000
_SPARSE = 0.8  # share of zeros


@lru_cache(64)
def _filled(data: bytes) -> tuple[int, ...]:
    """Return where a file that is mostly padding is none, else nothing."""
    if len(data) < _SPARSE_BYTES or data.count(0) < _SPARSE * len(data):
        return ()
    return tuple(at for at, byte in enumerate(data) if byte)


class Mutator:
    """Damages bytes, the same way for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def mutate(self, data: bytes, other: bytes) -> bytes:
        """Return `data` damaged in one to eight ways; `other` is where strange pieces come from."""
        out, filled = bytearray(data), _filled(data)
        for _ in range(1 << self.random.randrange(4)):
            self._once(out, other, filled)
        return bytes(out)

    def _once(self, out: bytearray, other: bytes, filled: tuple[int, ...]) -> None:
        random_ = self.random
        kind = random_.randrange(11)
        at = random_.randrange(len(out) + 1)
        if filled and random_.random() < 0.8:  # what lies in padding is met by nobody
            at = max(min(random_.choice(filled) + random_.randrange(-2, 3), len(out)), 0)
        elif random_.random() < 0.4:
            at = min(at, random_.randrange(64) if random_.random() < 0.5 else random_.randrange(400))
        length = min(1 << random_.randrange(10), 600)
        if kind == 0 and out:
            out[at % len(out)] ^= 1 << random_.randrange(8)
        elif kind == 1 and out:
            out[at % len(out)] = random_.randrange(256)
        elif kind <= 3:
            size = random_.choice((1, 2, 4, 8))
            number = (random_.choice(_NUMBERS) * random_.choice((1, 1, 1, -1))) % (1 << 8 * size)
            out[at : at + size] = number.to_bytes(size, random_.choice(("little", "little", "big")))
        elif kind == 4:
            del out[at : at + length]
        elif kind == 5:
            del out[at:]
        elif kind == 6:
            piece = out[at : at + length]
            to = random_.randrange(len(out) + 1)
            out[to:to] = piece
        elif kind == 7 and other:
            begin = random_.randrange(len(other))
            out[at : at + random_.choice((0, length))] = other[begin : begin + length]
        elif kind == 8:
            out[at : at + random_.choice((0, 8))] = random_.choice(_TEXTS)
        elif kind == 9:
            out[at : at + length] = random_.randbytes(length)
        elif kind == 10 and len(out) > 8:
            size = random_.choice((2, 4, 8))
            at %= max(len(out) - size, 1)
            number = int.from_bytes(out[at : at + size], "little") + random_.randrange(-16, 17)
            out[at : at + size] = (number % (1 << 8 * size)).to_bytes(size, "little")
