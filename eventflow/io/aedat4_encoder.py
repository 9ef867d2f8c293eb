"""AEDAT 4, written: one stream of events in packets of a fixed number of events, and the data table."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import lz4.frame
import numpy as np
import zstandard

from eventflow.errors import RecordingError
from eventflow.io.aedat4_flatbuffers import TABLE_DTYPE, data_table_bytes, events_prefix
from eventflow.io.aedat4_header import TABLE_POSITION_AT, write_header
from eventflow.io.aedat4_packets import COMPRESSIONS
from eventflow.io.decoder import Encoder

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventflow.events import Events

PACKET_EVENTS: Final = 1 << 14
_PIXEL_AND_POLARITY: Final = np.int64(0x1_FFFF_FFFF)
_LZ4_HIGH_LEVEL: Final = 9
_ZSTD_LEVELS: Final = {"zstd": 3, "zstd_high": 12}


class Aedat4Encoder(Encoder):
    """Writes an AEDAT 4 file that holds events only."""

    def __init__(self, file: BinaryIO, *, width: int, height: int, compression: str, sensor: str) -> None:
        if compression not in COMPRESSIONS:
            raise RecordingError(f"AEDAT 4 has no compression {compression!r}; choose {', '.join(COMPRESSIONS)}")
        if max(width, height) > 1 << 15:
            raise RecordingError(f"AEDAT 4 holds sensors up to 32768x32768, not {width}x{height}")
        self._file = file
        self._pack = _packer(compression)
        self._words = np.empty((PACKET_EVENTS, 2), np.int64)
        self._filled = 0
        self._rows: list[tuple[int, ...]] = []
        file.write(write_header(compression, width=width, height=height, sensor=sensor))

    def write(self, events: Events) -> None:
        """Append events."""
        words = events.records.view(np.int64).reshape(-1, 2)
        while len(words):
            room = self._words[self._filled :]
            taken = min(len(room), len(words))
            room[:taken] = words[:taken]
            self._filled += taken
            words = words[taken:]
            if self._filled == PACKET_EVENTS:
                self._flush()

    def finish(self) -> None:
        """Write the last packet and the data table, and note its place in the header."""
        self._flush()
        place = self._file.tell()
        self._file.write(self._pack(data_table_bytes(np.array(self._rows, TABLE_DTYPE))))
        self._file.seek(TABLE_POSITION_AT)
        self._file.write(struct.pack("<q", place))
        self._file.seek(0, 2)

    def _flush(self) -> None:
        if not self._filled:
            return
        words = self._words[: self._filled]
        words[:, 1] &= _PIXEL_AND_POLARITY  # numpy does not copy padding: it may hold anything
        payload = self._pack(events_prefix(self._filled) + words.tobytes())
        self._file.write(struct.pack("<ii", 0, len(payload)))
        times = words[:, 0]
        row = (0, len(payload), self._file.tell(), self._filled, int(times.min()), int(times.max()))
        self._file.write(payload)
        self._rows.append(row)
        self._filled = 0


def _packer(compression: str) -> Callable[[bytes], bytes]:
    if compression == "none":
        return bytes
    if compression in _ZSTD_LEVELS:
        return zstandard.ZstdCompressor(level=_ZSTD_LEVELS[compression]).compress
    level = _LZ4_HIGH_LEVEL if compression == "lz4_high" else 0

    def pack(data: bytes) -> Any:
        # as DV does it: linked blocks of 64 KiB, no sizes, no checksums
        return lz4.frame.compress(data, compression_level=level, store_size=False, block_linked=True)

    return pack
