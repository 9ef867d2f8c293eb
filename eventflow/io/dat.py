"""Prophesee DAT, versions 1 and 2: a text header, two bytes, then 8 bytes an event.

The 32-bit time (71.6 min) is continued where it falls by half its range or more. Type 0x00 without a geometry is what
the first datasets used: their sensor had 304 x 240 pixels. A file without a header is taken as that type. Files of type
0x0E hold the edges of external trigger lines, and no events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from eventflow.errors import ParameterError, RecordingError
from eventflow.io import dat_kernels
from eventflow.io.dat_encoding import LARGEST_SIDE
from eventflow.io.dat_encoding import open_encoder as open_encoder
from eventflow.io.decoder import Batch, RecordingInfo
from eventflow.io.evt import RawDecoder
from eventflow.io.prophesee import Header, geometry_of, read_header

if TYPE_CHECKING:
    from eventflow.io.source import ByteSource

NAME: Final = "dat"

_EVENT_2D, _CD, _TRIGGER = 0x00, 0x0C, 0x0E
_RECORD_BYTES: Final = 8
_FIRST_SENSOR: Final = (304, 240)
_BITS: Final = {"1": (9, 8), "2": (14, 14)}  # of x and y, by version


class DatDecoder(RawDecoder):
    """One pass over a DAT file of events."""

    word = "<i8"
    kernels = dat_kernels

    def __init__(self, source: ByteSource, info: RecordingInfo, bits: tuple[int, int]) -> None:
        super().__init__(source, info)
        self.options: tuple[Any, ...] = bits

    def events_of(self, count: int) -> int:
        """Return the number of records; see RawDecoder.events_of."""
        return count // _RECORD_BYTES

    def openeb_origin(self) -> int | None:
        """Return None: OpenEB does not shift what was shifted when the file was written."""
        return None

    def expected_events(self) -> int | None:
        """Return the number of records in the file."""
        return None if self.source.size is None else self.source.size // _RECORD_BYTES


class DatTriggerDecoder(DatDecoder):
    """One pass over a DAT file of external triggers."""

    def fill(self, batch: Batch, start: int) -> int:
        """Return `start`: there are no events."""
        return start

    def expected_events(self) -> int | None:
        """Return 0."""
        return 0


def open_decoder(source: ByteSource, *, width: int | None = None, height: int | None = None) -> DatDecoder:
    """Return a decoder of a DAT source; `width` and `height` in px serve where its header does not say.

    Raises:
        RecordingError: the header is cut off, the events are of an unknown kind, or nobody knows the sensor size.
    """
    header = read_header(source)
    bits = _bits(source, header)
    kind = _kind(source) if header.entries else _EVENT_2D
    default = None if kind == _CD else _FIRST_SENSOR
    width, height = geometry_of(source, header, width, height, default)
    if max(width, height) > LARGEST_SIDE:
        raise ParameterError(f"DAT holds sensors of at most {LARGEST_SIDE} pixels a side, not {width}x{height}")
    info = RecordingInfo(
        path=source.path,
        format=NAME,
        width=width,
        height=height,
        sensor=header.sensor,
        streams=("triggers",) if kind == _TRIGGER else ("events",),
        size_bytes=source.size,
        attributes=dict(header.entries),
    )
    if kind == _TRIGGER:
        info.notes.append("holds external triggers and no events; the events are in a file of their own (_cd or _td)")
        return DatTriggerDecoder(source, info, bits)
    if default and header.geometry is None and (width, height) == default:
        info.notes.append(f"the header names no geometry: assumed {width}x{height}, the sensor of files of this type")
    return DatDecoder(source, info, bits)


def _bits(source: ByteSource, header: Header) -> tuple[int, int]:
    version = header.entries.get("Version", "2")
    if version not in _BITS:
        raise RecordingError(f"{source.path}: DAT version {version!r} is unknown; versions 1 and 2 can be read")
    return _BITS[version]


def _kind(source: ByteSource) -> int:
    at = source.position
    mark = source.read(2)
    if len(mark) < 2:
        raise RecordingError(
            f"{source.path}: the file ends at byte {at + len(mark)}, before the two bytes of event type and size"
        )
    kind, size = mark
    if kind not in (_EVENT_2D, _CD, _TRIGGER) or size != _RECORD_BYTES:
        raise RecordingError(
            f"{source.path}: at byte {at} event type 0x{kind:02x} of {size} bytes; "
            "expected 0x00, 0x0c or 0x0e of 8 bytes"
        )
    return kind
