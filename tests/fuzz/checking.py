"""One input through one decoder: events with their promises kept, or an error that is ours; nothing else.

Round every output buffer lie guard bytes. Where a format has a plain decoder, events and counts are those it finds
(oracle.py). Some inputs are read twice, in other packets and other chunks, to the same
events and counts; some go on from a mark; some are asked for their other streams.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np
from oracle import expected_of
from seeds import options_of

from eventflow.errors import EventflowError
from eventflow.events import EVENT_DTYPE
from eventflow.io.decoder import Batch, Decoder
from eventflow.io.source import open_source
from eventflow.io.table import Format
from eventflow.io.time_index import plain

GUARD = 32
_GUARD_BYTE = 0xA7
_FULL = 4096
_MOST_EVENTS = 1 << 22


class GuardedBatch(Batch):
    """A batch whose memory lies between guard bytes."""

    def __init__(self, size: int, columns: frozenset[str] = frozenset()) -> None:
        super().__init__(size, columns)
        self.whole = np.full(16 * (size + 2 * GUARD), _GUARD_BYTE, np.uint8)
        self.records = self.whole[16 * GUARD : 16 * (size + GUARD)].view(EVENT_DTYPE)
        self._mine = self.records

    def check(self) -> None:
        """Raise where bytes outside were written."""
        if self.records is self._mine:
            guards = self.whole[: 16 * GUARD], self.whole[-16 * GUARD :]
            if any((guard != _GUARD_BYTE).any() for guard in guards):
                raise AssertionError("the decoder wrote outside its memory")


class Checker:
    """Reads damaged recordings of one format.

    Attributes:
        events: events read so far.
        judged: inputs whose events were compared with those of a plain decoder.
    """

    def __init__(self, row: Format, path: str) -> None:
        self._row, self._path = row, path
        self._options = options_of(row.name)
        self._module = row.load()
        self.events = self.judged = 0

    def __call__(self, data: bytes, seed: int) -> type[EventflowError] | None:
        """Read the bytes; return the kind of our error, None where there was none. Raises whatever else happens."""
        random_ = random.Random(seed)
        with open(self._path, "wb") as file:
            file.write(data)
        try:
            decoder = self._open()
            plain = expected_of(decoder, data)
            found = self._read(decoder, random_.choice(((_FULL,), (_FULL,), (64,), (1, 7, 300))))
            if plain is not None:
                self._judge(found, plain)
            if random_.random() < (0.06 if len(data) < 2000 else 0.03):
                self._compare(found, random_)
            if random_.random() < 0.05:
                self._messages()
            if random_.random() < 0.05:
                self._elsewhere(random_, len(data))
        except EventflowError as error:
            check_message(error)
            return type(error)
        return None

    def _open(self, most_bytes: int = 1 << 30) -> Decoder:
        source = open_source(self._path)
        if most_bytes < 1 << 30:
            dribble(source, most_bytes)
        try:
            decoder = self._module.open_decoder(source, **self._options)
        except BaseException:
            source.close()
            raise
        assert isinstance(decoder, Decoder)
        return decoder

    def _read(self, decoder: Decoder, sizes: tuple[int, ...]) -> Any:
        with decoder.source:
            parts = list(self._packets(decoder, sizes))
            return b"".join(parts), dict(decoder.skipped), dict(decoder.noted), decoder.steps_back

    def _packets(self, decoder: Decoder, sizes: tuple[int, ...]) -> Any:
        count = 0
        for turn in range(_MOST_EVENTS):
            batch = GuardedBatch(sizes[turn % len(sizes)], decoder.columns)
            stop = decoder.fill(batch, 0)
            batch.check()
            check_events(batch.records[:stop], decoder.info.width, decoder.info.height)
            count += stop
            self.events += stop
            if not stop:
                break
            yield batch.records[:stop].view("V16").tobytes()
            if count > _MOST_EVENTS:
                raise AssertionError(f"{count} events out of a small file")

    def _compare(self, found: Any, random_: random.Random) -> None:
        again = self._read(self._open(random_.choice((3, 17, 100, 1000))), sizes=(5, 1, 1000))
        for what, one, other in zip(("events", "skipped", "noted", "steps back"), found, again, strict=True):
            if one != other:
                short = (len(one), len(other)) if what == "events" else (one, other)
                raise AssertionError(f"{what} depend on how the file is read: {short}")

    def _judge(self, found: Any, plain: Any) -> None:
        skipped = {reason: count for reason, count in found[1].items() if count}
        self.judged += 1
        if found[0] != plain[0] or skipped != plain[1]:
            counts = len(found[0]) // 16, len(plain[0]) // 16
            raise AssertionError(f"not what a plain decoder finds: events {counts}, left out {skipped} and {plain[1]}")

    def _messages(self) -> None:
        probe = self._open()
        probe.source.close()
        for name in probe.info.streams:
            decoder = self._open()
            with decoder.source:
                if name != "events":
                    for number, _ in enumerate(decoder.messages(name)):
                        assert number < _MOST_EVENTS

    def _elsewhere(self, random_: random.Random, size: int) -> None:
        decoder = self._open()
        with decoder.source:
            fresh = decoder.mark()
            batch = GuardedBatch(50, decoder.columns)
            decoder.fill(batch, 0)
            state = decoder.mark()
            rest = [batch.records.tobytes() for _ in range(100) if decoder.fill(batch, 0)]
        if fresh is not None and state is not None:
            self._resumed(plain(state), len(rest))
        other = self._open()
        with other.source:
            other.seek(random_.choice((0, 1 << 40, -5, random_.randrange(1 << 20))))
            other.fill(batch, 0)
        near = self._open()
        with near.source:
            near.start_near(random_.randrange(size + 2))
            near.fill(batch, 0)
        batch.check()

    def _resumed(self, state: dict[str, Any], packets: int) -> None:
        decoder = self._open()
        with decoder.source:
            decoder.resume(state)
            batch = GuardedBatch(50, decoder.columns)
            again = sum(1 for _ in range(100) if decoder.fill(batch, 0))
        if again != packets:
            raise AssertionError(f"{again} packets after a mark, {packets} before")


def dribble(source: Any, most: int) -> None:
    """Let a source give a few bytes at a time."""
    whole = source.readinto
    source.readinto = lambda buffer: whole(buffer[:most])
    source.readinto_both = lambda first, second: whole(first[:most])


def check_events(records: Any, width: int, height: int) -> None:
    """Raise where events break what every decoder promises."""
    if not len(records):
        return
    if int(records["x"].max()) >= width or int(records["y"].max()) >= height:
        raise AssertionError("a pixel outside the sensor")
    octets = records.view(np.uint8).reshape(-1, 16)
    if int(records["p"].max()) > 1 or octets[:, 13:].any():
        raise AssertionError("a polarity or padding that is none")


def check_message(error: EventflowError) -> None:
    """Raise where an error says nothing."""
    if len(str(error)) < 15:
        raise AssertionError(f"an error without a sentence: {error!r}") from error
