"""What the Prophesee RAW formats share: header and geometry, words from chunks, events and triggers out of kernels."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from eventflow.errors import ParameterError, RecordingError
from eventflow.io.decoder import Batch, Decoder, RecordingInfo
from eventflow.io.evt_parts import decode_parts, threads_for
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


@dataclass(frozen=True)
class Clock:
    """Where a format's state keeps time, and how its counter wraps.

    Attributes:
        epoch: slot of the time, µs, that the counter counts from.
        high: slot of the counter's upper bits, -1 before they are known.
        last: slot of the last event's time, µs.
        high_wrap: a fall of the upper bits by this much is the end of the counter's range.
        wrap_us: that range, µs.
    """

    epoch: int
    high: int
    last: int
    high_wrap: int
    wrap_us: int


class RawDecoder(Decoder):
    """One pass over a RAW file. A format gives the word type, what its state holds and three kernels.

    Attributes:
        word: dtype of a word.
        clock: what its state says of time.
        counts: slots of its state that count what is left out, by reason.
        counters: these and the slot that counts steps back.
        state: what is remembered from word to word.
    """

    word: str
    clock: ClassVar[Clock]
    counts: ClassVar[dict[str, int]]
    counters: ClassVar[list[int]]

    def __init__(self, source: ByteSource, info: RecordingInfo) -> None:
        super().__init__(source, info)
        self._chunks = WordChunks(source, self.word)
        self.t0 = time_origin(info.attributes)
        self.state = self.first_state()
        self.word_bytes = np.dtype(self.word).itemsize

    @classmethod
    def opened(cls, source: ByteSource, name: str, width: int | None, height: int | None) -> RawDecoder:
        """Return a decoder of `source`, header read."""
        return cls(source, raw_info(source, name, read_header(source), width, height))

    @abstractmethod
    def first_state(self) -> NDArray[np.int64]:
        """Return the state before the first word."""

    @abstractmethod
    def decode(
        self, words: NDArray[Any], i: int, out: NDArray[np.int64], n: int, state: NDArray[np.int64]
    ) -> tuple[int, int]:
        """Decode `words` from word `i` on into `out` from event `n` on; return the next word and event."""

    @abstractmethod
    def survey(self, words: NDArray[Any]) -> tuple[int, int]:
        """Return how many events words hold at most, and the first TIME_HIGH among them or -1."""

    def openeb_origin(self) -> int | None:
        """Return the time of the first TIME_HIGH; see Decoder.openeb_origin."""
        while self._chunks.refill():
            _, first_high = self.survey(self._chunks.words)
            if first_high >= 0:
                return self.t0 + self.openeb_time(first_high)
        return 0

    def openeb_time(self, first_high: int) -> int:
        """Return the time that OpenEB makes 0, µs, from the first TIME_HIGH."""
        return first_high << 6

    @abstractmethod
    def memory_of(self, state: NDArray[np.int64]) -> tuple[int, ...]:
        """Return all that matters to the words that follow, but for the slots `epoch` and `last` and what counts."""

    @property
    def pending_events(self) -> int:
        """How many events the state may still hold."""
        return 0

    @abstractmethod
    def collect(self, columns: tuple[NDArray[Any], ...], start: int) -> tuple[int, int]:
        """Collect the triggers of the current chunk; return the next word and row."""

    def fill(self, batch: Batch, start: int) -> int:
        """Write the next events into `batch`; see Decoder.fill."""
        room = min(len(batch) - start, _EVENTS_AT_ONCE)
        out = batch.records[start : start + room].view(np.int64)
        count = 0 if self.threads == 1 else self._fill_in_parts(out)
        chunks, state = self._chunks, self.state
        while count < room:
            chunks.cursor, count = self.decode(chunks.words, chunks.cursor, out, count, state)
            if count < room and not chunks.refill():
                break
        self._take_counts()
        return start + count

    def _fill_in_parts(self, out: NDArray[np.int64]) -> int:
        """Decode with several threads what can be; return how many events that are."""
        if self.source.size is None:
            return 0
        threads = threads_for(self.threads, self.source.size - self.decoded_bytes)
        parts = decode_parts(self, out, threads) if threads > 1 else None
        if parts is None:
            return 0
        self.state[:] = parts.state
        self.source.seek(parts.end)
        self._chunks = WordChunks(self.source, self.word)
        return parts.count

    @property
    def decoded_bytes(self) -> int:
        """Bytes of the source decoded so far."""
        return self.source.position - self._chunks.waiting_bytes

    def start_near(self, position: int) -> bool:
        """Go to the word at byte `position`; see Decoder.start_near."""
        first = self.decoded_bytes
        words = max(position - first, 0) // self.word_bytes
        self.source.seek(first + words * self.word_bytes)
        self._chunks = WordChunks(self.source, self.word)
        return True

    @property
    def clock_us(self) -> int | None:
        """The range of the sensor's clock, µs."""
        return self.clock.wrap_us

    def _take_counts(self) -> None:
        for reason, slot in self.counts.items():
            if self.state[slot]:
                self.skipped[reason] = int(self.state[slot])
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
