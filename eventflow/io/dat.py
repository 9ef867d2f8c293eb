"""Prophesee DAT, versions 1 and 2: a text header, two bytes, then 8 bytes an event.

The 32-bit time (71.6 min) is continued where it falls by half its range or more. Type 0x00 without a geometry is what
the first datasets used: their sensor had 304 x 240 pixels. A file without a header is taken as that type.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from eventflow.errors import ParameterError, RecordingError
from eventflow.io import dat_kernels as kernels
from eventflow.io.dat_encoding import LARGEST_SIDE
from eventflow.io.dat_encoding import open_encoder as open_encoder
from eventflow.io.decoder import Batch, Decoder, RecordingInfo
from eventflow.io.prophesee import Header, geometry_of, read_header, time_origin
from eventflow.io.source import WordChunks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eventflow.io.source import ByteSource

NAME: Final = "dat"

_EVENT_2D, _CD, _TRIGGER = 0x00, 0x0C, 0x0E
_RECORD_BYTES: Final = 8
_FIRST_SENSOR: Final = (304, 240)


class DatDecoder(Decoder):
    """One pass over a DAT file."""

    def __init__(self, source: ByteSource, info: RecordingInfo, version: int) -> None:
        super().__init__(source, info)
        self._version = version
        self._chunks = WordChunks(source, "<i8")
        self._words: NDArray[np.int64] = self._chunks.words
        self._state = np.zeros(kernels.SLOTS, np.int64)
        self._state[kernels.EPOCH] = self._state[kernels.LAST_EVENT] = time_origin(info.attributes)

    @property
    def steps_back(self) -> int:  # type: ignore[override]
        """Events earlier than the one before them so far."""
        return int(self._state[kernels.STEPS_BACK])

    def fill(self, batch: Batch, start: int) -> int:
        """Write the next events into `batch`; see Decoder.fill."""
        out = batch.records.view(np.int64)
        size = self.info.width, self.info.height
        chunks, position = self._chunks, start
        while position < len(batch):
            chunks.cursor, position = kernels.decode(
                self._words, chunks.cursor, out, position, len(batch), *size, self._state
            )
            if position < len(batch):
                more = chunks.refill()
                self._words = chunks.words if self._version == 2 else _version_2_from_1(chunks.words)
                if not more:
                    break
        for reason, count in (("outside", self._state[kernels.OUTSIDE]), ("truncated_bytes", chunks.truncated_bytes)):
            if count:
                self.skipped[reason] = int(count)
        return position

    @property
    def decoded_bytes(self) -> int:
        """Bytes of the source decoded so far."""
        return self.source.position - self._chunks.waiting_bytes

    def start_near(self, position: int) -> bool:
        """Go to the record at byte `position`; see Decoder.start_near."""
        first = self.source.position
        records = max(position - first, 0) // _RECORD_BYTES
        self.source.seek(first + records * _RECORD_BYTES)
        return True

    @property
    def clock_us(self) -> int | None:
        """The range of the clock, µs."""
        return 1 << 32

    def expected_events(self) -> int | None:
        """Return the number of records in the file."""
        return None if self.source.size is None else self.source.size // _RECORD_BYTES


def _version_2_from_1(words: NDArray[np.int64]) -> NDArray[np.int64]:
    x, y, p = (words >> 32) & 0x1FF, (words >> 41) & 0xFF, (words >> 49) & 1
    moved: NDArray[np.int64] = (words & 0xFFFFFFFF) | x << 32 | y << 46 | p << 60
    moved.flags.writeable = False
    return moved


def open_decoder(source: ByteSource, *, width: int | None = None, height: int | None = None) -> DatDecoder:
    """Return a decoder of a DAT source; `width` and `height` in px serve where its header does not say.

    Raises:
        RecordingError: the header is cut off, holds no pixel events, or nobody knows the sensor size.
    """
    header = read_header(source)
    version = _version(source, header)
    kind = _kind(source) if header.entries else _EVENT_2D
    default = _FIRST_SENSOR if kind == _EVENT_2D else None
    width, height = geometry_of(source, header, width, height, default)
    if max(width, height) > LARGEST_SIDE:
        raise ParameterError(f"DAT holds sensors of at most {LARGEST_SIDE} pixels a side, not {width}x{height}")
    info = RecordingInfo(
        path=source.path,
        format=NAME,
        width=width,
        height=height,
        sensor=header.sensor,
        size_bytes=source.size,
        attributes=dict(header.entries),
    )
    if default and header.geometry is None and (width, height) == default:
        info.notes.append(f"the header names no geometry: assumed {width}x{height}, the sensor of files of this type")
    return DatDecoder(source, info, version)


def _version(source: ByteSource, header: Header) -> int:
    version = header.entries.get("Version", "2")
    if version not in ("1", "2"):
        raise RecordingError(f"{source.path}: DAT version {version!r} is unknown; versions 1 and 2 can be read")
    return int(version)


def _kind(source: ByteSource) -> int:
    at = source.position
    mark = source.read(2)
    if len(mark) < 2:
        raise RecordingError(
            f"{source.path}: the file ends at byte {at + len(mark)}, before the two bytes of event type and size"
        )
    kind, size = mark
    if kind == _TRIGGER:
        raise RecordingError(f"{source.path}: holds external triggers (type 0x0e), no pixel events; open its _cd file")
    if kind not in (_EVENT_2D, _CD) or size != _RECORD_BYTES:
        raise RecordingError(
            f"{source.path}: at byte {at} event type 0x{kind:02x} of {size} bytes; expected 0x00 or 0x0c of 8 bytes"
        )
    return kind
