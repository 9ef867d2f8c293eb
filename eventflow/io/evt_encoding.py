"""What the Prophesee writers share: a header, a kernel that turns events into words, and times the words can hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Final

import numpy as np

from eventflow.errors import RecordingError
from eventflow.io.decoder import Encoder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from eventflow.events import Events

_WORDS_AT_ONCE: Final = 1 << 16
_EVENTS_AT_ONCE: Final = 1 << 16

# Slots of an encoder's state; TIME is the upper part of the last time written, -1 before the first one.
TIME, LOW, ROW, SLOTS = range(4)


class WordEncoder(Encoder):
    """Writes events as words.

    The first event's time goes into the header as `% t0`, in whole turns of the format's clock, where the words could
    not count up to it (times since 1970); readers that know the line add it again.

    Args:
        file: where to write.
        header: the lines of the header for a given t0.
        kernel: `kernel(halves, start, final, words, state, t0)` encodes events (int64 pairs) from index `start` on;
            it returns where it stopped, how many words it wrote and whether the event it stopped at cannot be written.
        word: dtype of a word.
        turn_us: one turn of the clock; beyond `turns` of them the first time goes into the header.
        turns: see `turn_us`.
    """

    def __init__(
        self,
        file: BinaryIO,
        *,
        header: Callable[[int], bytes],
        kernel: Callable[..., tuple[int, int, bool]],
        word: str,
        turn_us: int,
        turns: int,
    ) -> None:
        self._file, self._header, self._kernel = file, header, kernel
        self._turn_us, self._turns = turn_us, turns
        self._words = np.empty(_WORDS_AT_ONCE, word)
        self._state = np.full(SLOTS, -1, np.int64)
        self._rest: NDArray[np.int64] = np.empty(0, np.int64)
        self._events = 0
        self._t0: int | None = None

    def write(self, events: Events) -> None:
        """Append events.

        Raises:
            RecordingError: a time is negative, or steps back further than the format can say.
        """
        if not len(events):
            return
        if self._t0 is None:
            self._begin(int(events.records[0]["t"]))
        for start in range(0, len(events), _EVENTS_AT_ONCE):
            part = events.records[start : start + _EVENTS_AT_ONCE].view(np.int64)
            self._encode(np.concatenate((self._rest, part)) if len(self._rest) else part, final=False)

    def finish(self) -> None:
        """Write the events still held back; an empty recording gets its header."""
        if self._t0 is None:
            self._begin(0)
        self._encode(self._rest, final=True)

    def _begin(self, first: int) -> None:
        self._t0 = first // self._turn_us * self._turn_us if first >= self._turn_us * self._turns else 0
        self._file.write(self._header(self._t0))

    def _encode(self, halves: NDArray[np.int64], *, final: bool) -> None:
        halves = halves.view()
        halves.flags.writeable = False
        at, stuck = 0, False
        while True:
            before = at
            at, count, stuck = self._kernel(halves, at, final, self._words, self._state, self._t0)
            self._file.write(self._words[:count].data)
            if stuck:
                raise RecordingError(self._cannot_write(self._events + at, int(halves[2 * at])))
            if at == before and count == 0:
                break
        self._events += at
        self._rest = halves[2 * at :].copy()

    def _cannot_write(self, index: int, t: int) -> str:
        name = self._file.name.removesuffix(".part")
        where = f"{name}: event {index} has t={t} µs"
        if t < 0:
            return f"{where}; times in this format begin at 0: pass origin='zero'"
        return (
            f"{where}, a step that this format cannot tell from the end of its clock: pass backwards='clamp' or 'drop'"
        )


def raw_header(
    version: str, name: str, width: int, height: int, t0: int, *, entries: Mapping[str, str] | None = None
) -> bytes:
    """Return the header of a RAW file. It holds nothing that changes from run to run."""
    lines = [f"evt {version}", f"format {name};height={height};width={width}", f"geometry {width}x{height}"]
    if t0:
        lines.append(f"t0 {t0}")
    lines += [f"{key} {value}" for key, value in (entries or {}).items()]
    return "".join(f"% {line}\n" for line in [*lines, "end"]).encode()
