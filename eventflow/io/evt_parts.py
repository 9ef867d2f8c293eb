"""One RAW recording decoded by several threads, to exactly what one thread makes of it.

The words are cut into parts of equal size. How many events a part can hold at most is counted first, so that every part
knows its place in the one array. The state at its beginning is guessed, by decoding the words just before it from
nothing. When the part before is done the true state is known: if only the zero of time differs, times are shifted; if
anything else does, the part is given up and decoded again, after the parts before it.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow.io.evt_state import EPOCH, HIGH, LAST
from eventflow.io.source import CHUNK_BYTES
from eventflow.kernels.jit import jit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from eventflow.io.evt import RawDecoder

WORTH_BYTES = 64 << 20
"""From how many bytes on several threads are used unasked."""

PART_BYTES = 1 << 20
"""The least size of a part."""

GUESS_WORDS = 1 << 16
"""How many words before a part its state is guessed from."""

_MOST_UNASKED: Final = 4
_BESIDE_EVENTS: Final = 4096


@dataclass
class Decoded:
    """Events decoded by several threads.

    Attributes:
        count: number of events.
        end: byte of the file after the last decoded word.
        state: of the decoder after that word.
    """

    count: int
    end: int
    state: NDArray[np.int64]


@dataclass
class _Part:
    """Words from byte `begin` to `end`, decoded into events `place` to `stop` at most.

    Attributes:
        state: the decoder's, first before the part and then after it.
        guessed: what matters of the state at its beginning; see `_essence`.
        count: events decoded.
        complete: whether it was decoded to its end, or as far as there was room.
    """

    begin: int
    end: int
    place: int
    stop: int
    state: NDArray[np.int64]
    first: bool = False
    guessed: tuple[int, int, tuple[int, ...]] = (0, 0, ())
    count: int = 0
    complete: bool = True


def threads_for(asked: int | None, remaining_bytes: int) -> int:
    """Return how many threads decode that many bytes; `asked` is None to have it decided here."""
    if asked is None:
        asked = min(_cores(), _MOST_UNASKED) if remaining_bytes >= WORTH_BYTES else 1
    return min(asked, remaining_bytes // PART_BYTES) if hasattr(os, "preadv") else 1


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def decode_parts(decoder: RawDecoder, out: NDArray[np.int64], threads: int) -> Decoded | None:
    """Decode what is left of a file into `out` (int64 pairs) as far as that goes; None where parts are of no use.

    The decoder's own state and place in the file stay as they are.
    """
    size = decoder.source.size
    assert size is not None
    cuts = _cut(decoder.decoded_bytes, size, threads, decoder.word_bytes)
    with ThreadPoolExecutor(threads, "evt") as pool:
        parts = _placed(decoder, pool, cuts, len(out) // 2)
        if parts is None:
            return None
        for future in [pool.submit(_decode, decoder, part, out) for part in parts]:
            future.result()
    return _joined(decoder, parts, out) if all(part.complete for part in parts) else None


def _cut(begin: int, end: int, parts: int, word_bytes: int) -> list[int]:
    """Return the borders of parts of equal size, none of them inside a word."""
    words = (end - begin) // word_bytes
    return [begin + words * k // parts * word_bytes for k in range(parts + 1)]


def _placed(decoder: RawDecoder, pool: ThreadPoolExecutor, cuts: list[int], room: int) -> list[_Part] | None:
    """Return the parts, each with a place for all its events; None where `out` has none for the last of them."""
    kernels, threads = decoder.kernels, len(cuts) - 1
    surveys = []
    for begin, end in pairwise(cuts[:-1]):
        pieces = pairwise(_cut(begin, end, threads, decoder.word_bytes))
        surveys.append([pool.submit(_survey, decoder, *piece) for piece in pieces])
    parts = [_Part(cuts[0], cuts[1], 0, room, decoder.state.copy(), first=True)]
    place = decoder.pending_events
    epoch, high = int(decoder.state[EPOCH]), int(decoder.state[HIGH])
    for of_part, (begin, end) in zip(surveys, pairwise(cuts[1:]), strict=True):
        for survey in of_part:
            events, highs = survey.result()
            place += events
            for now in highs:
                epoch += kernels.WRAP_US if high - now >= kernels.HIGH_WRAP else 0
                high = now
        parts[-1].stop = place
        state = decoder.first_state()
        state[EPOCH], state[HIGH] = epoch, high
        parts.append(_Part(begin, end, place, room, state))
    return parts if place < room else None


def _survey(decoder: RawDecoder, begin: int, end: int) -> tuple[int, list[int]]:
    """Return how many events some words hold at most, and the first TIME_HIGH of each chunk of them."""
    known = decoder.events_of(end - begin)
    parts = _chunks(decoder, begin, end) if known is None else _first_words(decoder, begin, end)
    counts = [decoder.survey(words) for words in parts]
    highs = [int(high) for _, high in counts if high >= 0]
    return sum(int(events) for events, _ in counts) if known is None else known, highs


def _first_words(decoder: RawDecoder, begin: int, end: int) -> Iterator[NDArray[Any]]:
    """Yield the first word of each chunk."""
    for at in range(begin, end, CHUNK_BYTES):
        yield from _chunks(decoder, at, min(at + decoder.word_bytes, end))


def _chunks(decoder: RawDecoder, begin: int, end: int) -> Iterator[NDArray[Any]]:
    """Yield the words of the file from byte `begin` to `end`, in one memory over and over."""
    memory = np.empty(CHUNK_BYTES, np.uint8)
    while begin < end:
        got = decoder.source.read_at(begin, memory[: end - begin])
        got -= got % decoder.word_bytes
        if got == 0:
            return
        words = memory[:got].view(decoder.word)
        words.flags.writeable = False
        yield words
        begin += got


def _decode(decoder: RawDecoder, part: _Part, out: NDArray[np.int64]) -> None:
    """Decode a part into its place, its state guessed first if it is not the first part."""
    beside = np.empty(2 * _BESIDE_EVENTS, np.int64)
    if not part.first:
        _guess(decoder, part, beside)
    part.guessed = _essence(decoder, part.state)
    room = out[2 * part.place : 2 * part.stop]
    at, n = part.begin, 0
    for words in _chunks(decoder, part.begin, part.end):
        i = 0
        while i < len(words) and n < len(room) // 2:
            i, n = decoder.decode(words, i, room, n, part.state)
        if n == len(room) // 2 and part.stop == len(out) // 2:
            part.end, part.count = at + i * decoder.word_bytes, n
            return
        if i < len(words) and not _decode_beside(decoder, words, i, beside, part.state):
            break
        at += words.nbytes
    part.count, part.complete = n, at == part.end


def _guess(decoder: RawDecoder, part: _Part, beside: NDArray[np.int64]) -> None:
    """Give a part the state that the words before it leave, as far as they tell, with nothing counted yet."""
    earliest = max(decoder.decoded_bytes, part.begin - GUESS_WORDS * decoder.word_bytes)
    for words in _chunks(decoder, earliest, part.begin):
        i, n = 0, _BESIDE_EVENTS
        while i < len(words) or n == _BESIDE_EVENTS:  # when `beside` is full, half a vector may wait in the state
            i, n = decoder.decode(words, i, beside, 0, part.state)
    part.state[decoder.counters] = 0


def _decode_beside(
    decoder: RawDecoder, words: NDArray[Any], i: int, beside: NDArray[np.int64], state: NDArray[np.int64]
) -> bool:
    """Decode words that hold no more events; return whether that is so: not where the file was written to since."""
    i, n = decoder.decode(words, i, beside, 0, state)
    return i == len(words) and n == 0


def _joined(decoder: RawDecoder, parts: list[_Part], out: NDArray[np.int64]) -> Decoded:
    """Close the gaps between parts, up to the first that began in a wrong state."""
    first = parts[0]
    joined = Decoded(first.count, first.end, first.state)
    for part in parts[1:]:
        epoch, *others = _essence(decoder, joined.state)
        guessed_epoch, *guessed_others = part.guessed
        if others != guessed_others:
            break
        shift = epoch - guessed_epoch
        if shift or part.place != joined.count:
            _move(out, part.place, joined.count, part.count, shift)
        part.state[decoder.counters] += joined.state[decoder.counters]
        part.state[[EPOCH, LAST]] += shift
        joined = Decoded(joined.count + part.count, part.end, part.state)
    return joined


def _essence(decoder: RawDecoder, state: NDArray[np.int64]) -> tuple[int, int, tuple[int, ...]]:
    """Return the epoch of a state, its last event's time since then, and what else the next words depend on."""
    epoch, last = int(state[EPOCH]), int(state[LAST])
    return epoch, last - epoch, decoder.memory_of(state)


@jit
def _move(out: Any, source: int, target: int, count: int, shift: int) -> None:  # pragma: no cover
    """Move events down from index `source` to `target`, where they may overlap, and add `shift` to their times."""
    for n in range(count):
        out[2 * (target + n)] = out[2 * (source + n)] + shift
        out[2 * (target + n) + 1] = out[2 * (source + n) + 1]
