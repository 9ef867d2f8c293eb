"""What the Prophesee RAW formats share: header and geometry, words from chunks, events and triggers out of kernels."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from eventflow.errors import ParameterError, RecordingError
from eventflow.io.decoder import Batch, Decoder, RecordingInfo
from eventflow.io.prophesee import Header, geometry_of, read_header, time_origin
from eventflow.io.source import ByteSource, WordChunks
from eventflow.messages import Triggers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from eventflow.messages import Message

LARGEST_SIDE: Final = 2048  # coordinates have 11 bits
_TRIGGERS_AT_ONCE: Final = 4096
_EVENTS_AT_ONCE: Final = 1 << 30  # the kernels count in 31 bits


def raw_info(source: ByteSource, name: str, header: Header, width: int | None, height: int | None) -> RecordingInfo:
    """Return what a RAW header says.

    Raises:
        RecordingError: the sensor size is not known.
        ParameterError: it is larger than the format can address.
    """
    width, height = geometry_of(source, header, width, height)
    check_size(name, width, height)
    return RecordingInfo(
        path=source.path,
        format=name,
        width=width,
        height=height,
        sensor=header.sensor,
        streams=("events", "triggers"),
        size_bytes=source.size,
        attributes=dict(header.entries),
    )


def check_size(name: str, width: int, height: int) -> None:
    """Refuse a sensor that 11-bit coordinates cannot address."""
    if not (1 <= width <= LARGEST_SIDE and 1 <= height <= LARGEST_SIDE):
        raise ParameterError(
            f"{name} holds sensors of 1x1 to {LARGEST_SIDE}x{LARGEST_SIDE} pixels, not {width}x{height}"
        )


class RawDecoder(Decoder):
    """One pass over a RAW file. A format gives the word type, the size of its state and two kernels."""

    word: str
    slots: int
    counts: ClassVar[dict[str, int]]

    def __init__(self, source: ByteSource, info: RecordingInfo) -> None:
        super().__init__(source, info)
        self._chunks = WordChunks(source, self.word)
        self.t0 = time_origin(info.attributes)
        self._state = self.first_state()

    @classmethod
    def opened(cls, source: ByteSource, name: str, width: int | None, height: int | None) -> RawDecoder:
        """Return a decoder of `source`, header read."""
        return cls(source, raw_info(source, name, read_header(source), width, height))

    @abstractmethod
    def first_state(self) -> NDArray[np.int64]:
        """Return the state before the first word."""

    @abstractmethod
    def decode(self, out: NDArray[np.int64], start: int) -> tuple[int, int]:
        """Decode the current chunk into `out` from event `start` on; return the next word and event."""

    @abstractmethod
    def collect(self, columns: tuple[NDArray[Any], ...], start: int) -> tuple[int, int]:
        """Collect the triggers of the current chunk; return the next word and row."""

    def fill(self, batch: Batch, start: int) -> int:
        """Write the next events into `batch`; see Decoder.fill."""
        room = min(len(batch) - start, _EVENTS_AT_ONCE)
        out = batch.records[start : start + room].view(np.int64)
        count = 0
        while count < room:
            self._chunks.cursor, count = self.decode(out, count)
            if count < room and not self._chunks.refill():
                break
        self._take_counts()
        return start + count

    @property
    def decoded_bytes(self) -> int:
        """Bytes of the source decoded so far."""
        return self.source.position - self._chunks.waiting_bytes

    def _take_counts(self) -> None:
        for reason, slot in self.counts.items():
            if self._state[slot]:
                self.skipped[reason] = int(self._state[slot])
        if self._chunks.truncated_bytes:
            self.skipped["truncated_bytes"] = self._chunks.truncated_bytes

    def messages(self, name: str) -> Iterator[Message]:
        """Yield the edges of the external trigger lines, a few thousand at a time."""
        if name != "triggers":
            raise RecordingError(f"{self.info.path}: the stream {name!r} is not read as messages; iterate over it")
        more = True
        while more:
            columns = (np.empty(_TRIGGERS_AT_ONCE, np.int64), *np.empty((2, _TRIGGERS_AT_ONCE), np.uint8))
            count = 0
            while count < _TRIGGERS_AT_ONCE and more:
                self._chunks.cursor, count = self.collect(columns, count)
                more = count == _TRIGGERS_AT_ONCE or self._chunks.refill()
            if count:
                time, line, value = (column[:count] for column in columns)
                yield Triggers(t=int(time[-1]), time=time, line=line, value=value)
