"""Decompressing the packets of AEDAT 4, each within bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import lz4.frame
import numpy as np
import zstandard

from eventflow.io.aedat4_kernels import MAX_UNPACKED_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

COMPRESSIONS: Final = ("none", "lz4", "lz4_high", "zstd", "zstd_high")
LZ4_MAGIC: Final = b"\x04\x22\x4d\x18"
ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_LZ4_GROWTH: Final = 255  # the most that LZ4 can make of a byte
_LZ4_ROOM_BYTES: Final = 1 << 20


class PacketError(ValueError):
    """A packet's payload cannot be unpacked."""


class Packets:
    """Unpacked packets of events one after another.

    Attributes:
        rows: int64, shape (n, 2), read-only: two rows of prefix for each packet, then a row for each event.
        places: byte of the file where each packet begins.
        damage: what was damaged before them: places, bytes.
        room: memory to give back, or None.
    """

    __slots__ = ("damage", "places", "room", "rows")

    def __init__(
        self,
        data: bytes | NDArray[np.uint8],
        places: NDArray[np.int64],
        damage: tuple[int, int],
        room: NDArray[np.uint8] | None = None,
    ) -> None:
        self.places, self.damage = places, damage
        self.rows: NDArray[np.int64] = np.frombuffer(data, np.int64).reshape(-1, 2)
        self.rows.flags.writeable = False
        self.room = room


class Unpacker:
    """Decompresses payloads one by one, reusing what it can. One for each thread.

    Attributes:
        magic: first bytes of every payload, b"" where payloads are not compressed.

    Args:
        compression: of the payloads.
        most_bytes: that one may unpack to.
    """

    def __init__(self, compression: str, most_bytes: int = MAX_UNPACKED_BYTES) -> None:
        self._most_bytes = most_bytes
        self.magic = {"l": LZ4_MAGIC, "z": ZSTD_MAGIC}.get(compression[0], b"")
        self._unpack: Callable[[memoryview], bytes] = {"l": self._lz4, "z": self._zstd}.get(compression[0], bytes)
        self._context = lz4.frame.create_decompression_context()
        self._zstandard = zstandard.ZstdDecompressor()

    def __call__(self, payload: memoryview) -> bytes:
        """Return the unpacked payload.

        Raises:
            PacketError: it is not exactly one frame of the file's compression, or unpacks to more than is allowed.
        """
        try:
            return self._unpack(payload)
        except (RuntimeError, MemoryError, zstandard.ZstdError, PacketError) as error:
            # resetting a context that gave up inside a frame leaves that frame's size behind
            self._context = lz4.frame.create_decompression_context()
            raise PacketError(str(error)) from error

    def into(self, payload: memoryview, room: memoryview) -> int:
        """Decompress a Zstandard frame into `room`; return the bytes made, or 0 where it is damaged or does not fit."""
        try:
            size = zstandard.frame_content_size(payload)
            if size > len(room):
                return 0
            reader = self._zstandard.stream_reader(payload)
            made = reader.readinto(room)
            return 0 if reader.read(1) else made  # what does not fit is left to the way that makes room
        except zstandard.ZstdError:
            return 0

    def _lz4(self, payload: memoryview) -> bytes:
        # with a bound the room is taken at once; without one it is doubled again and again, at a third of the rate
        lz4.frame.reset_decompression_context(self._context)
        data, used, ended = lz4.frame.decompress_chunk(self._context, payload, max_length=_LZ4_ROOM_BYTES)
        if not ended and len(data) == _LZ4_ROOM_BYTES:
            limit = min(len(payload) * _LZ4_GROWTH, self._most_bytes) - _LZ4_ROOM_BYTES
            more, used_then, ended = lz4.frame.decompress_chunk(self._context, payload[used:], max_length=limit)
            data, used = data + more, used + used_then
        if not ended or used != len(payload):
            raise PacketError(f"{len(payload)} bytes are not one LZ4 frame of at most {self._most_bytes} unpacked")
        return data  # type: ignore[no-any-return]

    def _zstd(self, payload: memoryview) -> bytes:
        size = zstandard.frame_content_size(payload)
        if size > self._most_bytes:
            raise PacketError(f"Zstandard frame says it unpacks to {size} bytes")
        limit = self._most_bytes if size < 0 else 0
        return self._zstandard.decompress(payload, max_output_size=limit, allow_extra_data=False)
