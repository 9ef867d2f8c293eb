"""Event Stream 2.0 (.es), type DVS. https://github.com/neuromorphic-paris/event_stream.

The file's origin is the bottom left pixel; rows are turned over here, both ways. Times start at 0 and cannot step back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Final

import numpy as np

from eventflow.errors import RecordingError
from eventflow.io.decoder import Decoder, Encoder, RecordingInfo
from eventflow.io.event_stream_kernels import (
    EVENT_BYTES,
    OUTSIDE,
    OVERFLOW_US,
    RESETS,
    STATE_SIZE,
    decode_dvs,
    encode_dvs,
    first_unwritable,
)
from eventflow.io.source import WordChunks

if TYPE_CHECKING:
    from eventflow.events import Events
    from eventflow.io.decoder import Batch
    from eventflow.io.source import ByteSource

_MAGIC: Final = b"Event Stream"
_DVS: Final = 1
_OTHER_TYPES: Final = {
    0: "generic (bytes with times, not events)",
    2: "ATIS (changes and exposures)",
    4: "color (pixels with colours, not polarities)",
}
# A silence costs a byte each 127 µs: an hour is 28 MB, the µs since 1970 would be 13 TB.
LONGEST_SILENCE_US: Final = 3_600_000_000
_BUFFER_BYTES: Final = 1 << 18


class EventStreamDecoder(Decoder):
    """Reads an Event Stream file of type DVS."""

    steps_back = 0

    def __init__(self, source: ByteSource) -> None:
        super().__init__(source, _info(source))
        self._chunks = WordChunks(source, np.uint8)
        self._state = np.zeros(STATE_SIZE, np.int64)

    def fill(self, batch: Batch, start: int) -> int:
        """Decode the next events into `batch` from `start` on."""
        words = batch.records.view(np.int64).reshape(-1, 2)
        chunks = self._chunks
        while start < len(words):
            width, height = self.info.width, self.info.height
            used, made = decode_dvs(chunks.words[chunks.cursor :], words[start:], self._state, width, height)
            chunks.cursor += used
            start += made
            if start < len(words) and not chunks.refill(keep=len(chunks.words) - chunks.cursor):
                self._count(len(chunks.words) - chunks.cursor)
                break
        return start

    def expected_events(self) -> int | None:
        """Return how many events the file can hold at most."""
        return None if self.source.size is None else self.source.size // EVENT_BYTES

    def _count(self, truncated_bytes: int) -> None:
        counts = {
            "outside": int(self._state[OUTSIDE]),
            "reserved": int(self._state[RESETS]),
            "truncated_bytes": truncated_bytes,
        }
        self.skipped.update({reason: count for reason, count in counts.items() if count})


class EventStreamEncoder(Encoder):
    """Writes an Event Stream file of type DVS."""

    def __init__(self, file: BinaryIO, *, width: int, height: int) -> None:
        self._file = file
        self._height = height
        self._written = 0
        self._time_us = 0
        self._buffer = np.empty(_BUFFER_BYTES, np.uint8)
        if max(width, height) > 0xFFFF:
            raise RecordingError(f"Event Stream holds sensors up to 65535x65535, not {width}x{height}")
        sizes = np.array([width, height], "<u2").tobytes()
        file.write(_MAGIC + bytes([2, 0, 0, _DVS]) + sizes)

    def write(self, events: Events) -> None:
        """Append events.

        Raises:
            RecordingError: times step back, are negative, or a silence is longer than an hour.
        """
        if not len(events):
            return
        self._check(events)
        index = 0
        while index < len(events):
            index, used, self._time_us = encode_dvs(events.records, index, self._time_us, self._height, self._buffer)
            self._file.write(self._buffer[:used].data)
        self._written += len(events)

    def _check(self, events: Events) -> None:
        index = first_unwritable(events.records, self._time_us, LONGEST_SILENCE_US)
        if index < 0:
            return
        t, before = int(events.t[index]), int(events.t[index - 1]) if index else self._time_us
        where = f"Event Stream cannot hold event {self._written + index} at t={t} µs"
        if t < before:
            after = f"after t={before} µs" if self._written + index else "before 0"
            raise RecordingError(f"{where}: it lies {after}, and times only grow there; sort or mend the events first")
        raise RecordingError(
            f"{where}: {t - before} µs of silence before it would take {(t - before) // OVERFLOW_US} bytes; "
            "write another format, or shift the recording to start at 0 (origin: zero)"
        )


def open_decoder(source: ByteSource) -> EventStreamDecoder:
    """Return a decoder of `source`, its header read."""
    return EventStreamDecoder(source)


def open_encoder(file: BinaryIO, *, width: int, height: int) -> EventStreamEncoder:
    """Return an encoder that writes to `file`, its header written."""
    return EventStreamEncoder(file, width=width, height=height)


def _info(source: ByteSource) -> RecordingInfo:
    head = source.read(16)
    if len(head) < 16 or not head.startswith(_MAGIC):
        raise RecordingError(
            f"{source.path}: byte 0: expected {_MAGIC!r}, three version bytes and a type, found {head!r}"
        )
    if head[12] != 2:
        version = ".".join(map(str, head[12:15]))
        raise RecordingError(f"{source.path}: byte 12: Event Stream version {version}; only version 2 is read")
    if head[15] != _DVS:
        kind = _OTHER_TYPES.get(head[15], f"unknown ({head[15]})")
        raise RecordingError(
            f"{source.path}: byte 15: Event Stream of type {kind}; events can be read from type 1 (DVS) only"
        )
    sizes = source.read(4)
    width, height = (int(value) for value in np.frombuffer(sizes.ljust(4, b"\0"), "<u2"))
    if not width or not height:
        raise RecordingError(f"{source.path}: byte 16: expected the sensor's width and height, found {sizes.hex(' ')}")
    version = ".".join(map(str, head[12:15]))
    return RecordingInfo(source.path, "es", width, height, size_bytes=source.size, attributes={"version": version})
