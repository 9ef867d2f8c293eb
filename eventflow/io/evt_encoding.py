"""What the Prophesee writers share: a header, a kernel that turns events into words, and times the words can hold."""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np

from eventflow.errors import RecordingError
from eventflow.io.decoder import Encoder
from eventflow.io.order import first_at_or_after
from eventflow.kernels.jit import jit
from eventflow.messages import Raw, Triggers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from eventflow.events import Events
    from eventflow.messages import Message

_BUFFER_BYTES: Final = 1 << 19  # stays in the cache between the kernel and the system's copy
_WHOLE_BYTES: Final = 1 << 14  # buffers end on a multiple of this in the file: parts of pages cost the system dearly
LOOKAHEAD: Final = 32
"""How many events a kernel may have to see to know what becomes of the first of them: as many as a vector holds."""

# Slots of an encoder's state; TIME is the upper part of the last time written, negative before the first one.
TIME, LOW, ROW, SLOTS = range(4)
_BEFORE_ALL_TIME: Final = -(1 << 62)  # which no negative time has for its upper part

_FORMAT: Final = re.compile(r"% format (\w+);(?:endianness=\w+;)?")
_SAID: Final = re.compile(r"\w+(;endianness=\w+)?")
_NOT_BOTH: Final = "a sensor's own bytes and events cannot stand in one recording; record them in two"

# How a kernel ended: at the end of the events or where it needs more of them; with no more room for words; at an event
# whose time cannot be written.
DONE, FULL, STUCK = range(3)


class WordEncoder(Encoder):
    """Writes events as words.

    The first event's time goes into the header as `% t0`, in whole turns of the format's clock, where the words could
    not count up to it (times since 1970); readers that know the line add it again.

    Edges of trigger lines may be added ahead of the events: each is written before the first event that is not earlier.

    Args:
        file: where to write.
        header: the lines of the header for a given t0.
        kernel: `kernel(halves, start, final, words, state, t0, *options)` encodes events (int64 pairs) from index
            `start` on; it returns where it stopped, how many words it wrote and how it ended. Unless `final` it leaves
            the last events for later if more of them may change what becomes of these.
        trigger: `trigger(words, state, t, line, value, *options)` encodes an edge likewise; None where the format has
            no such word.
        lines: how many trigger lines there are.
        word: dtype of a word.
        turn_us: one turn of the clock; beyond `turns` of them the first time goes into the header.
        turns: see `turn_us`.
        options: further arguments of the kernels.
    """

    def __init__(
        self,
        file: BinaryIO,
        *,
        header: Callable[[int], bytes],
        kernel: Callable[..., tuple[int, int, int]],
        word: str,
        turn_us: int,
        turns: int,
        trigger: Callable[..., tuple[int, int]] | None = None,
        lines: int = 0,
        options: tuple[Any, ...] = (),
    ) -> None:
        self._file, self._header, self._kernel, self._trigger = file, header, kernel, trigger
        self._turn_us, self._turns, self._lines, self._options = turn_us, turns, lines, options
        if trigger is not None:
            self.streams = frozenset({"triggers", "raw"})
        self._words = np.empty(_BUFFER_BYTES // np.dtype(word).itemsize, word)
        self._place = 0
        self._state = np.full(SLOTS, -1, np.int64)
        self._state[TIME] = _BEFORE_ALL_TIME
        self._rest: NDArray[np.int64] = np.empty(0, np.int64)
        self._edges: deque[tuple[int, int, int]] = deque()
        self._events = 0
        self._t0: int | None = None
        self._is_raw = False

    def write(self, events: Events) -> None:
        """Append events.

        Raises:
            RecordingError: a time is negative, or steps back further than the format can say.
        """
        if not len(events):
            return
        if self._is_raw:
            raise RecordingError(f"{self._name}: {_NOT_BOTH}")
        halves = events.records.view(np.int64)
        self._begin(int(halves[0]))
        while self._edges:
            cut = int(first_at_or_after(halves, 0, len(halves) // 2, self._edges[0][0]))
            if 2 * cut == len(halves):
                break
            self._encode(halves[: 2 * cut], final=True)
            self._write_edge()
            halves = halves[2 * cut :]
        self._encode(halves, final=False)

    def add(self, stream: str, message: Message) -> None:
        """Append edges of trigger lines; see Encoder.add.

        Raises:
            RecordingError: another stream, or a line that the format has no number for; a sensor's own bytes in another
                encoding, or beside events.
        """
        if isinstance(message, Raw):
            self._add_raw(message)
            return
        if stream.partition(":")[0] not in self.streams or not isinstance(message, Triggers):
            super().add(stream, message)
            return
        edges = [column.tolist() for column in (message.time, message.line, message.value)]
        if max(edges[1], default=0) >= self._lines:
            raise RecordingError(
                f"{self._name}: an edge on trigger line {max(edges[1])}; "
                f"this format has the lines 0 to {self._lines - 1}"
            )
        self._edges.extend(zip(*edges, strict=True))

    def _add_raw(self, message: Raw) -> None:
        """Write a sensor's words as they are, behind a header of ours."""
        if self._t0 is not None and not self._is_raw:
            raise RecordingError(f"{self._name}: {_NOT_BOTH}")
        header = self._header(0).decode()
        said = _FORMAT.search(header)
        if (
            said is None
            or said[1].lower() != message.encoding.partition(";")[0]
            or not _SAID.fullmatch(message.encoding)
        ):
            raise RecordingError(f"{self._name}: the sensor sends {message.encoding!r}; say format= accordingly")
        if not self._is_raw:
            self._is_raw, self._t0 = True, 0
            name, _, options = message.encoding.partition(";")
            fields = ";".join([name.upper(), *filter(None, [options])])
            self._hand_over(_FORMAT.sub(f"% format {fields};", header).encode())
        self._hand_over(message.data.data)

    def flush(self) -> None:
        """Write the events still held back, in words of their own where more might have shared them."""
        self._begin()
        self._encode(self._rest[:0], final=True)

    def finish(self) -> None:
        """Write the events and edges still held back; an empty recording gets its header."""
        self.flush()
        while self._edges:
            self._write_edge()

    @property
    def _name(self) -> str:
        return str(self._file.name).removesuffix(".part")

    def _begin(self, *first: int) -> None:
        if self._t0 is None:
            earliest = min([*first, *(time for time, _, _ in self._edges)], default=0)
            self._t0 = earliest // self._turn_us * self._turn_us if earliest >= self._turn_us * self._turns else 0
            self._hand_over(self._header(self._t0))

    def _encode(self, halves: NDArray[np.int64], *, final: bool) -> None:
        """Encode what was held back and these events, as far as it is known what becomes of them."""
        if len(self._rest):
            joined = np.concatenate((self._rest, halves[: 4 * LOOKAHEAD]))
            is_all = len(halves) <= 4 * LOOKAHEAD
            stop = self._run(joined, final=final and is_all)
            if is_all:
                self._rest = joined[2 * stop :]
                return
            halves = halves[2 * stop - len(self._rest) :]
        self._rest = halves[2 * self._run(halves, final=final) :].copy()

    def _run(self, halves: NDArray[np.int64], *, final: bool) -> int:
        halves = halves.view()
        halves.flags.writeable = False
        at, held, cut, end = 0, 0, 0, FULL
        while end == FULL:
            room = self._words[held:]
            at, count, end = self._kernel(halves, at, final, room, self._state, self._t0, *self._options)
            held, cut = self._write_words(held + count, cut, whole=end == FULL)
        if end == STUCK:
            raise RecordingError(self._cannot_write(f"event {self._events + at}", int(halves[2 * at])))
        self._events += at
        return at

    def _write_words(self, count: int, cut: int, *, whole: bool) -> tuple[int, int]:
        """Write words but for the first `cut` bytes; return how many are held back, and how many bytes of these not.

        Held back, at the front of the buffer, is what lies behind the last place in the file where a buffer may end,
        if only `whole` ones are wanted.
        """
        data = self._words[:count].view(np.uint8)
        stop = max(len(data) - (self._place + len(data) - cut) % _WHOLE_BYTES, cut) if whole else len(data)
        self._hand_over(data[cut:stop].data)
        first, cut = divmod(stop, self._words.itemsize)
        self._words[: count - first] = self._words[first:count]
        return count - first, cut

    def _hand_over(self, data: bytes | memoryview) -> None:
        self._file.write(data)
        self._place += len(data)

    def _write_edge(self) -> None:
        assert self._trigger is not None
        assert self._t0 is not None
        time, line, value = self._edges.popleft()
        end = FULL
        while end == FULL:
            t = time - self._t0
            count, end = self._trigger(self._words, self._state, t, line, value, *self._options)
            self._write_words(count, 0, whole=False)
        if end == STUCK:
            raise RecordingError(self._cannot_write(f"the edge on trigger line {line}", time))

    def _cannot_write(self, what: str, t: int) -> str:
        where = f"{self._name}: {what} has t={t} µs"
        if t < 0:
            return f"{where}; times in this format begin at 0: pass origin='zero'"
        return (
            f"{where}, a step that this format cannot tell from the end of its clock: pass backwards='clamp' or 'drop'"
        )


_TIME_HIGH: Final = 8 << 28
_LAST_HIGH: Final = (1 << 28) - 1
_HALF: Final = 1 << 27


@jit
def time_high(words: Any, n: int, state: Any, high: int, shift: int) -> Any:  # pragma: no cover
    """Write TIME_HIGH words of 28 bits until a reader's clock shows `high` (t >> 6); return words, and how it ended.

    `shift` is the place of the header in a word.
    """
    while state[TIME] != high:
        if n + 4 > len(words):
            return n, FULL
        now = state[TIME]
        if now < 0:
            now = min(high, _LAST_HIGH)
        elif now >> 28 == high >> 28 and now - high < _HALF:
            now = high
        elif now > high:
            return n, STUCK
        else:
            if now & _LAST_HIGH < _HALF:
                words[n] = (_TIME_HIGH | _LAST_HIGH) << shift
                n += 1
            now = (now >> 28) + 1 << 28
        words[n] = (_TIME_HIGH | (now & _LAST_HIGH)) << shift
        n += 1
        state[TIME] = now
    return n, DONE


@jit
def encode_trigger(  # pragma: no cover
    words: Any, state: Any, t: int, line: int, value: int, shift: int
) -> Any:
    """Write an edge at t as EVT 2.0 and 2.1 have it; return words, and how it ended."""
    if t < 0:
        return 0, STUCK
    n, end = time_high(words, 0, state, t >> 6, shift)
    if end == DONE:
        words[n] = (10 << 28 | (t & 63) << 22 | line << 8 | value) << shift
        n += 1
    return n, end


def raw_header(
    version: str, name: str, width: int, height: int, t0: int, *, entries: Mapping[str, str] | None = None
) -> bytes:
    """Return the header of a RAW file. It holds nothing that changes from run to run."""
    lines = [f"evt {version}", f"format {name};height={height};width={width}", f"geometry {width}x{height}"]
    if t0:
        lines.append(f"t0 {t0}")
    lines += [f"{key} {value}" for key, value in (entries or {}).items()]
    return "".join(f"% {line}\n" for line in [*lines, "end"]).encode()
