"""Event Stream 2.0 (.es). https://github.com/neuromorphic-paris/event_stream.

Read: types DVS and ATIS. Of ATIS the changes are the events; the threshold crossings that measure exposure are the
stream "exposures": Events whose polarity is 1 for the second crossing of a measurement. Written: DVS, and ATIS that has
changes only. Generic records (bytes) and color ones (pixels with colours) are no polarity events: they are counted
and described, and reading events from them is refused.

The file's origin is the bottom left pixel: y here is height - 1 - y there, both ways and in every type. Times start at
0 and cannot step back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow.errors import RecordingError
from eventflow.io.decoder import Batch, Decoder, RecordingInfo
from eventflow.io.event_stream_encoder import EventStreamEncoder
from eventflow.io.event_stream_kernels import (
    EVENT_BYTES,
    LEFT_OUT,
    OUTSIDE,
    RESETS,
    STATE_SIZE,
    decode_atis,
    decode_dvs,
)
from eventflow.io.event_stream_records import RecordsDecoder
from eventflow.io.source import WordChunks
from eventflow.io.stream import packet_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from eventflow.io.source import ByteSource
    from eventflow.messages import Message

_MAGIC: Final = b"Event Stream"
_KINDS: Final = {0: "generic", 1: "dvs", 2: "atis", 4: "color"}
_PACKET_EVENTS: Final = 1 << 16


class EventStreamDecoder(Decoder):
    """Reads an Event Stream file of type DVS or ATIS."""

    streams = frozenset({"exposures"})

    steps_back = 0

    def __init__(self, source: ByteSource, info: RecordingInfo) -> None:
        super().__init__(source, info)
        self._chunks = WordChunks(source, np.uint8)
        self._state = np.zeros(STATE_SIZE, np.int64)
        self._is_atis = info.attributes["type"] == "atis"

    def fill(self, batch: Batch, start: int) -> int:
        """Decode the next events into `batch` from `start` on."""
        start = self._fill(batch, start, crossings=0)
        if self._state[LEFT_OUT]:
            self.noted["exposures"] = int(self._state[LEFT_OUT])
        return start

    def messages(self, name: str) -> Iterator[Message]:
        """Yield packets of the threshold crossings of an ATIS recording, the stream "exposures"."""
        if name != "exposures" or not self._is_atis:
            yield from super().messages(name)
        batch = Batch(_PACKET_EVENTS)
        while count := self._fill(batch, 0, crossings=1):
            yield packet_of(batch, count, self.info.width, self.info.height, True)  # type: ignore[misc]
            batch = Batch(_PACKET_EVENTS)

    def mark(self) -> dict[str, Any]:
        """Return where the next record lies, the time before it, and what was counted."""
        return {"byte": self.decoded_bytes, "state": self._state.tolist()}

    def resume(self, mark: dict[str, Any]) -> None:
        """Go on from a mark."""
        self.source.seek(int(mark["byte"]))
        self._state[:] = mark["state"]

    @property
    def decoded_bytes(self) -> int:
        """Bytes of the source decoded so far."""
        return self.source.position - self._chunks.waiting_bytes

    def expected_events(self) -> int | None:
        """Return how many events the file can hold at most."""
        return None if self.source.size is None else self.source.size // EVENT_BYTES

    def _fill(self, batch: Batch, start: int, *, crossings: int) -> int:
        words = batch.records.view(np.int64).reshape(-1, 2)
        chunks, size = self._chunks, (self.info.width, self.info.height)
        while start < len(words):
            data, room = chunks.words[chunks.cursor :], words[start:]
            if self._is_atis:
                used, made = decode_atis(data, room, self._state, *size, crossings)
            else:
                used, made = decode_dvs(data, room, self._state, *size)
            chunks.cursor += used
            start += made
            if start < len(words) and not chunks.refill(keep=len(chunks.words) - chunks.cursor):
                self._count(len(chunks.words) - chunks.cursor)
                break
        return start

    def _count(self, truncated_bytes: int) -> None:
        counts = {
            "outside": int(self._state[OUTSIDE]),
            "reserved": int(self._state[RESETS]),
            "truncated_bytes": truncated_bytes,
        }
        self.skipped.update({reason: count for reason, count in counts.items() if count})


def open_decoder(source: ByteSource) -> Decoder:
    """Return a decoder of `source`, its header read."""
    info = _info(source)
    if info.attributes["type"] in ("generic", "color"):
        return RecordsDecoder(source, info)
    return EventStreamDecoder(source, info)


def open_encoder(file: BinaryIO, *, width: int, height: int, kind: str = "dvs") -> EventStreamEncoder:
    """Return an encoder that writes to `file`, its header written.

    Args:
        file: where to.
        width: sensor width, px.
        height: sensor height, px.
        kind: dvs or atis, the type of the file.
    """
    return EventStreamEncoder(file, width=width, height=height, kind=kind)


def _info(source: ByteSource) -> RecordingInfo:
    head = source.read(16)
    if len(head) < 16 or not head.startswith(_MAGIC):
        raise RecordingError(
            f"{source.path}: byte 0: expected {_MAGIC!r}, three version bytes and a type, found {head!r}"
        )
    version = ".".join(map(str, head[12:15]))
    if head[12] != 2:
        raise RecordingError(f"{source.path}: byte 12: Event Stream version {version}; only version 2 is read")
    if head[15] not in _KINDS:
        known = ", ".join(f"{number} ({kind})" for number, kind in _KINDS.items())
        raise RecordingError(f"{source.path}: byte 15: Event Stream of unknown type {head[15]}; known: {known}")
    attributes = {"type": _KINDS[head[15]], "version": version}
    width, height = (0, 0) if attributes["type"] == "generic" else _size(source)
    info = RecordingInfo(source.path, "es", width, height, size_bytes=source.size, attributes=attributes)
    if attributes["type"] == "atis":
        info.streams = ("events", "exposures")
    return info


def _size(source: ByteSource) -> tuple[int, int]:
    sizes = source.read(4)
    width, height = (int(value) for value in np.frombuffer(sizes.ljust(4, b"\0"), "<u2"))
    if not width or not height:
        raise RecordingError(f"{source.path}: byte 16: expected the sensor's width and height, found {sizes.hex(' ')}")
    return width, height
