"""What the Prophesee RAW formats share: header and geometry, words from chunks, events and triggers out of kernels."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from eventflow.errors import ParameterError, RecordingError
from eventflow.io.decoder import Batch, Decoder, RecordingInfo
from eventflow.io.evt_parts import decode_parts, threads_for
from eventflow.io.evt_state import COUNTERS, EPOCH, LOW_BACK, STEPS_BACK, TRIGGERS, first_state
from eventflow.io.prophesee import Header, geometry_of, read_header, time_origin
from eventflow.io.source import ByteSource, WordChunks
from eventflow.messages import Triggers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from eventflow.messages import Message

LARGEST_SIDE: Final = 2048  # coordinates have 11 bits
_TRIGGERS_AT_ONCE: Final = 4096
_LOOK_BYTES: Final = 1 << 18  # how much of the start is searched for triggers before the file is read
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
        possible=("triggers",),
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
    """One pass over a file of words. A format names the type of its words and the module of its loops.

    Attributes:
        word: dtype of a word.
        kernels: a module with the loops `decode`, `survey` and `collect_triggers`, the number of its state's SLOTS, and
            what it says of them: SKIPPED (slots that count what is left out, by reason), MEMORY (those that matter to
            the words that follow, but for EPOCH and LAST), MEMORY_BITS of each that matter, and ALLOWED, the bits each
            may have; HIGH_WRAP and WRAP_US tell how the clock's counter wraps.
        options: further arguments of every loop.
        state: what is remembered from word to word; see evt_state.
        counters: slots of the state that count.
        trigger_kind: the lowest of the four bits that hold a word's kind, and the kind of a trigger; None: not told.
    """

    trigger_kind: tuple[int, int] | None = None

    streams = frozenset({"triggers"})

    word: ClassVar[str]
    kernels: Any
    options: tuple[Any, ...] = ()

    def __init__(self, source: ByteSource, info: RecordingInfo) -> None:
        super().__init__(source, info)
        self._chunks = WordChunks(source, self.word)
        self.t0 = time_origin(info.attributes)
        self.state = self.first_state()
        self.word_bytes = np.dtype(self.word).itemsize
        self.counters = sorted({*COUNTERS, *self.kernels.SKIPPED.values()})

    @classmethod
    def opened(cls, source: ByteSource, name: str, width: int | None, height: int | None) -> RawDecoder:
        """Return a decoder of `source`, header read."""
        decoder = cls(source, raw_info(source, name, read_header(source), width, height))
        decoder.look_for_triggers()
        return decoder

    @property
    def steps_back(self) -> int:  # type: ignore[override]
        """Events earlier than the one before them so far."""
        return int(self.state[STEPS_BACK])

    def first_state(self) -> NDArray[np.int64]:
        """Return the state before the first word."""
        return first_state(self.kernels.SLOTS, self.t0)

    def decode(
        self, words: NDArray[Any], i: int, out: NDArray[np.int64], n: int, state: NDArray[np.int64]
    ) -> tuple[int, int]:
        """Decode `words` from word `i` on into `out` from event `n` on; return the next word and event."""
        size = self.info.width, self.info.height
        return self.kernels.decode(words, i, out, n, len(out) // 2, *size, state, *self.options)  # type: ignore[no-any-return]

    def survey(self, words: NDArray[Any]) -> tuple[int, int]:
        """Return how many events words hold at most, and the first TIME_HIGH among them or -1."""
        return self.kernels.survey(words, *self.options)  # type: ignore[no-any-return]

    def events_of(self, count: int) -> int | None:
        """Return how many events `count` bytes hold at most; None where only a look at the words says."""
        return None

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

    def memory_of(self, state: NDArray[np.int64]) -> tuple[int, ...]:
        """Return all that matters to the words that follow, but for the slots EPOCH and LAST and what counts."""
        return tuple((state[list(self.kernels.MEMORY)] & self.kernels.MEMORY_BITS).tolist())

    @property
    def pending_events(self) -> int:
        """How many events the state may still hold."""
        slot = getattr(self.kernels, "MASK", None)
        return 0 if slot is None else int(self.state[slot]).bit_count()

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
        self._go_to(parts.end)
        return parts.count

    def _go_to(self, byte: int) -> None:
        self.source.seek(byte)
        self._chunks = WordChunks(self.source, self.word)

    @property
    def decoded_bytes(self) -> int:
        """Bytes of the source decoded so far."""
        return self.source.position - self._chunks.waiting_bytes

    def start_near(self, position: int) -> bool:
        """Go to the word at byte `position`; see Decoder.start_near."""
        first = self.decoded_bytes
        words = max(position - first, 0) // self.word_bytes
        self._go_to(first + words * self.word_bytes)
        return True

    @property
    def clock_us(self) -> int | None:
        """The range of the sensor's clock, µs."""
        return int(self.kernels.WRAP_US)

    def mark(self) -> dict[str, Any]:
        """Return the place of the next word and the state there; see Decoder.mark."""
        return {"byte": self.decoded_bytes, "state": self.state.tolist()}

    def resume(self, mark: dict[str, Any]) -> None:
        """Go on from a mark; see Decoder.resume."""
        byte, state = mark.get("byte"), mark.get("state")
        start, end = self.source.position, self.source.size or 0
        if not _is_number(byte, start, end) or (byte - start) % self.word_bytes or not self._is_state(state):  # type: ignore[operator]
            raise RecordingError(f"{self.info.path}: not a mark of this recording: {mark!r}; make its index again")
        self.state[:] = mark["state"]
        self._go_to(int(mark["byte"]))

    def _is_state(self, state: object) -> bool:
        """Return whether a state is one that words can lead to, as far as its loops rely on that."""
        first, kernels = self.first_state().tolist(), self.kernels
        if not isinstance(state, list) or len(state) != len(first):
            return False
        bits = dict(zip(kernels.MEMORY, kernels.ALLOWED, strict=True))
        return all(
            _is_number(value, -1, (1 << 63) - 1) and (value == first[slot] or value & ~bits.get(slot, -1) == 0)
            for slot, value in enumerate(state)
        )

    def go_on(self) -> None:
        """Look for more words where the source had ended: a camera has sent some."""
        self._chunks.ended = False

    def _take_counts(self) -> None:
        state = self.state.tolist()
        for reason, slot in self.kernels.SKIPPED.items():
            if state[slot]:
                self.skipped[reason] = state[slot]
        if self._chunks.truncated_bytes:
            self.skipped["truncated_bytes"] = self._chunks.truncated_bytes
        wraps = (state[EPOCH] - self.t0) // int(self.kernels.WRAP_US)
        for name, count in (("wraps", wraps), ("low_back", state[LOW_BACK])):
            if count:
                self.noted[name] = count
        if state[TRIGGERS]:
            self._has_triggers()

    def _has_triggers(self) -> None:
        if "triggers" not in self.info.streams:
            self.info.streams += ("triggers",)
            self.info.possible = ()

    def look_for_triggers(self) -> None:
        """Say that there is a stream of triggers if there is one at the start; only a full pass knows otherwise."""
        if not self.source.seekable or not hasattr(os, "preadv"):
            return
        start = np.empty(_LOOK_BYTES, np.uint8)
        got = self.source.read_at(self.source.position, start)
        words = start[: got - got % self.word_bytes].view(self.word)
        words.flags.writeable = False
        if self._may_have_triggers(words) and self._collect(words, 0, _columns(1), 0, self.first_state())[1]:
            self._has_triggers()

    def messages(self, name: str) -> Iterator[Message]:
        """Yield the edges of the external trigger lines, a few thousand at a time."""
        if name != "triggers" or name not in (*self.info.streams, *self.info.possible):
            yield from super().messages(name)
        if not self._has_trigger_words():
            return
        chunks, more = self._chunks, True
        while more:
            columns, count = _columns(_TRIGGERS_AT_ONCE), 0
            while count < _TRIGGERS_AT_ONCE and more:
                chunks.cursor, count = self._collect(chunks.words, chunks.cursor, columns, count, self.state)
                more = count == _TRIGGERS_AT_ONCE or chunks.refill()
            if count:
                time, line, value = (column[:count] for column in columns)
                yield Triggers(t=int(time[-1]), time=time, line=line, value=value)

    def _has_trigger_words(self) -> bool:
        """Look at the kinds of all words of a file, ten times as fast as decoding them: most files have no triggers."""
        if self.trigger_kind is None or not self.source.seekable or not hasattr(os, "preadv"):
            return True
        position, words = self.source.position, np.empty(_LOOK_BYTES, np.uint8)
        while got := self.source.read_at(position, words):
            position += got - got % self.word_bytes or got
            if self._may_have_triggers(words[: got - got % self.word_bytes].view(self.word)):
                return True
        return False

    def _may_have_triggers(self, words: NDArray[Any]) -> bool:
        if self.trigger_kind is None:
            return True
        shift, kind = self.trigger_kind
        return bool(((words >> shift & 0xF) == kind).any())

    def _collect(
        self, words: NDArray[Any], i: int, columns: tuple[NDArray[Any], ...], n: int, state: NDArray[np.int64]
    ) -> tuple[int, int]:
        """Collect the triggers of some words from word i and row n on; return the next word and row."""
        return self.kernels.collect_triggers(words, i, *columns, n, state, *self.options)  # type: ignore[no-any-return]


def _columns(count: int) -> tuple[NDArray[Any], ...]:
    return np.empty(count, np.int64), np.empty(count, np.uint8), np.empty(count, np.uint8)


def _is_number(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and least <= value <= most
