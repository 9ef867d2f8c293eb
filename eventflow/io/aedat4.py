"""iniVation AEDAT 4. https://docs.inivation.com/software/software-advanced-usage/file-formats.

Packets are unpacked where their events are wanted, or, where there is a second core, ahead on a second thread:
decompression holds no lock and takes most of the time.
"""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np

from eventflow.errors import RecordingError
from eventflow.events import EVENT_DTYPE, Events
from eventflow.io.aedat4_contents import chosen_stream, info_of, named_streams, read_table
from eventflow.io.aedat4_encoder import Aedat4Encoder
from eventflow.io.aedat4_flatbuffers import EVENT_BYTES, framed_events
from eventflow.io.aedat4_header import FileHeader, StreamHeader, read_header
from eventflow.io.aedat4_kernels import (
    LAST_TIME,
    OUTSIDE,
    POLARITY,
    STATE_SIZE,
    STEPS_BACK,
    check_events,
    take_events,
)
from eventflow.io.aedat4_messages import READERS, UnknownFrameError
from eventflow.io.aedat4_packets import HEAD_BYTES, PacketStream
from eventflow.io.aedat4_unpacking import Packets, Unpacker
from eventflow.io.decoder import Batch, Decoder
from eventflow.io.order import BEFORE_ALL_TIME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

    from eventflow.io.source import ByteSource
    from eventflow.messages import Message

_BATCHES_AHEAD: Final = 2
_PACKET_EVENTS: Final = 1 << 16
_LEAD_EVENTS: Final = 2  # as long as what precedes a packet's events
_PREFIX_ROWS: Final = 2  # likewise, in an unpacked packet


class Aedat4Decoder(Decoder):
    """Reads one stream of events of an AEDAT 4 file."""

    streams = frozenset({"events", "frames", "imu", "triggers"})

    def __init__(
        self,
        source: ByteSource,
        header: FileHeader,
        stream: StreamHeader,
        *,
        width: int | None,
        height: int | None,
        batches_ahead: int,
    ) -> None:
        self._header, self._stream = header, stream
        self._names = named_streams(header, stream)
        super().__init__(source, info_of(source, header, stream, width, height))
        self.info.streams = tuple(self._names)
        self._table = read_table(source, self._header, self._stream.number)
        # the first recorders left counts and times out
        self._counted = self._table is not None and bool(self._table["events"].all())
        self._note_table()
        self._state = np.zeros(STATE_SIZE, np.int64)
        self._state[LAST_TIME] = BEFORE_ALL_TIME
        self._packets = self._packets_of(self._stream, framed_events)
        self._batches_ahead = batches_ahead
        self._ahead: deque[Future[Packets | None]] = deque()
        self._thread: ThreadPoolExecutor | None = None
        self._now: Packets | None = None
        self._row = self._left = 0
        self._begun = False

    @property
    def steps_back(self) -> int:  # type: ignore[override]
        """Number of events earlier than the event before them so far."""
        return int(self._state[STEPS_BACK])

    def fill(self, batch: Batch, start: int) -> int:
        """Copy the next events into `batch` from `start` on."""
        memory, lead = batch.records, 0
        if not start and not self._batches_ahead:  # what precedes the first packet's events goes before them
            memory, lead = np.empty(len(batch) + _LEAD_EVENTS, EVENT_DTYPE), _LEAD_EVENTS
            batch.records = memory[lead:]
        words = batch.records.view(np.int64).reshape(-1, 2)
        octets = memory.view(np.uint8)
        size = self.info.width, self.info.height
        while start < len(words):
            if self._now is None:
                if not self._batches_ahead:
                    stop = self._packets.unpack_into(octets, (start + lead) * EVENT_BYTES) // EVENT_BYTES - lead
                    if stop > start:
                        start = check_events(words, start, stop, self._state, *size)
                        continue
                self._now = self._next()
                self._row = self._left = 0
            if self._now is None:
                self._count()
                break
            rows = self._now.rows
            self._row, self._left, made = take_events(rows, self._row, self._left, words[start:], self._state, *size)
            start += made
            if self._row == len(rows) and not self._left:
                self._packets.release(self._now)
                self._now = None
        return start

    def messages(self, name: str) -> Iterator[Message]:
        """Yield the messages of another stream: frames, inertial samples, triggers, events of another camera."""
        stream = self._names.get(name)
        if stream is None or (stream.identifier != "EVTS" and stream.identifier not in READERS):
            yield from super().messages(name)
        elif stream.identifier == "EVTS":
            yield from self._other_events(stream)
        else:
            self._packets = self._packets_of(stream, bytes)
            yield from self._messages(READERS[stream.identifier])

    def _messages(self, read: Callable[..., list[Message]]) -> Iterator[Message]:
        for payload in self._packets.payloads():
            try:
                found = read(payload, self.note)
            except UnknownFrameError:
                self.skip("frames_of_unknown_format", 1)
            except ValueError:
                self._packets.damaged += 1
                self._packets.damaged_bytes += len(payload)
            else:
                yield from found
        self._count()

    def _other_events(self, stream: StreamHeader) -> Iterator[Any]:
        other = Aedat4Decoder(self.source, self._header, stream, width=None, height=None, batches_ahead=0)
        while True:
            batch = Batch(_PACKET_EVENTS)
            count = other.fill(batch, 0)
            if not count:
                break
            yield Events(batch.records[:count], other.info.width, other.info.height)
        self.skipped.update(other.skipped)

    def _packets_of(self, stream: StreamHeader, accept: Callable[[bytes], bytes]) -> PacketStream:
        end = self._header.table_position if self._table is not None or self.source.size is None else -1
        return PacketStream(
            self.source,
            {number: known.identifier.encode() for number, known in self._header.streams.items()},
            wanted=stream.number,
            unpacker=Unpacker(self._header.compression),
            accept=accept,
            end=end if end > 0 else None,
        )

    def seek(self, t: int) -> None:
        """Go to the first packet whose last event is at or after `t` (µs), where there is a data table."""
        if self._table is None or not self._counted:
            return
        rows = self._table[self._table["t_last"] >= t]
        self._packets.go_to(int(rows["offset"][0]) - HEAD_BYTES if len(rows) else self._header.table_position)

    def start_near(self, position: int) -> bool:
        """Go to the first packet found from byte `position` on, where there is no data table."""
        if self._counted:
            return False
        if position > self._packets.position:
            self._packets.enter(position)
        return True

    def mark(self) -> dict[str, Any] | None:
        """Return the place of the packet the next event lies in and how many are before it, where no table says it."""
        if self._table is not None and self._counted:
            return None
        packets, row = self._now, self._row
        if packets is None:
            packets, row = self._ahead[0].result() if self._ahead else None, 0
        damage = self._packets.damage if packets is None else packets.damage
        position, before = self._place(packets, row)
        return {"position": position, "before": before, "state": self._state.tolist(), "damage": list(damage)}

    def _place(self, packets: Packets | None, row: int) -> tuple[int, int]:
        if self._packets.body_left:
            return self._packets.body_at, self._packets.body_events - self._packets.body_left // EVENT_BYTES
        if packets is None:
            return self._packets.position, 0
        at = 0
        for place in packets.places.tolist():
            count = int(packets.rows[at + 1, 1]) >> 32 & 0xFFFF_FFFF
            if row < at + _PREFIX_ROWS + count:
                return place, max(row - at - _PREFIX_ROWS, 0)
            at += _PREFIX_ROWS + count
        return self._packets.position, 0

    def resume(self, mark: dict[str, Any]) -> None:
        """Go on from a `mark`.

        Raises:
            RecordingError: there is no such packet, so the mark is of another recording.
        """
        self._packets.go_to(mark["position"])
        self._state[:] = mark["state"]
        self._packets.damaged, self._packets.damaged_bytes = mark["damage"]
        if mark["before"]:
            self._now = self._packets.some(at_most=1)
            count = len(self._now.rows) - _PREFIX_ROWS if self._now is not None else 0
            if count < mark["before"]:
                raise RecordingError(f"{self.info.path}: byte {mark['position']}: the mark is of another recording")
            self._row, self._left = _PREFIX_ROWS + mark["before"], count - mark["before"]

    def expected_events(self) -> int | None:
        """Return how many events the data table says there are, or an estimate."""
        if self.info.events is not None:
            return self.info.events
        return None if self.source.size is None else self.source.size // 5

    def _note_table(self) -> None:
        rows, info = self._table, self.info
        if rows is None:
            if self.source.seekable:
                info.notes.append("no data table, or a damaged one: the recorder was not stopped properly")
        elif self._counted:
            info.events = int(rows["events"].sum())
            info.t_last = int(rows["t_last"][-1]) if len(rows) else None

    def _next(self) -> Packets | None:
        if not self._batches_ahead:
            return self._packets.some(at_most=1)
        if not self._begun:
            self._begun = True  # the first batch is needed at once, and often it is all of the file that is wanted
            return self._packets.some()
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "aedat4")
        while len(self._ahead) <= self._batches_ahead:
            self._ahead.append(self._thread.submit(self._packets.some))
        return self._ahead.popleft().result()

    def _count(self) -> None:
        counts = {
            "outside": int(self._state[OUTSIDE]),
            "reserved": int(self._state[POLARITY]),
            "damaged": self._packets.damaged,
            "damaged_bytes": self._packets.damaged_bytes,
            "truncated_bytes": self._packets.truncated_bytes,
        }
        self.skipped.update({reason: count for reason, count in counts.items() if count})


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def open_decoder(
    source: ByteSource,
    *,
    stream: str = "events",
    width: int | None = None,
    height: int | None = None,
    batches_ahead: int | None = None,
) -> Aedat4Decoder:
    """Return a decoder of `source`, its header read.

    Args:
        source: the file or pipe.
        stream: which stream of events, by the recorder's name or by number, where there are several.
        width: sensor width, px, where the header does not say.
        height: sensor height, px, where the header does not say.
        batches_ahead: how many batches of packets a second thread unpacks ahead; 0 uses no second thread. By
            default there is one where there is a second core and something to unpack.
    """
    header = read_header(source)
    if batches_ahead is None:
        batches_ahead = _BATCHES_AHEAD if _cores() > 1 and header.compression != "none" else 0
    chosen = chosen_stream(source.path, header, stream)
    return Aedat4Decoder(source, header, chosen, width=width, height=height, batches_ahead=batches_ahead)


def open_encoder(
    file: BinaryIO, *, width: int, height: int, compression: str = "lz4", sensor: str = "eventflow"
) -> Aedat4Encoder:
    """Return an encoder that writes to `file`, its header written.

    Args:
        file: can seek.
        width: sensor width, px.
        height: sensor height, px.
        compression: none, lz4, lz4_high, zstd or zstd_high.
        sensor: what the file names as its source.
    """
    return Aedat4Encoder(file, width=width, height=height, compression=compression, sensor=sensor)
