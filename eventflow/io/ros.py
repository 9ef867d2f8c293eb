"""Recordings of ROS: one topic's events, and other topics as streams, from any log."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import numpy as np

from eventflow.errors import ParameterError, RecordingError
from eventflow.events import Events
from eventflow.io.decoder import Batch, Decoder, RecordingInfo
from eventflow.io.ros_messages import READERS as MESSAGE_READERS
from eventflow.io.ros_messages import UnknownEncodingError, cursor_of
from eventflow.io.ros_packets import EVENT_TYPES, READERS, Evt3, Packet, packet_of
from eventflow.messages import Triggers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventflow.io.logs import Channel, Log, LogMessage, Place
    from eventflow.io.source import ByteSource
    from eventflow.messages import Message

ClockName = Literal["sensor", "ros"]
_AT_ONCE: Final = 4096


class RosDecoder(Decoder):
    """One pass over the events of one topic.

    Args:
        source: where the log's bytes come from.
        log: positioned at its beginning.
        name: name of the format.
        topic: topic of the events; None: the first one with events.
        clock: "sensor" times as the events have them; "ros" shifts them so that the first one is at its packet's stamp.
        width: sensor width, px, where the messages do not say.
        height: sensor height, px.
    """

    streams = frozenset({"events", "fixes", "frames", "imu", "poses", "triggers"})

    def __init__(
        self,
        source: ByteSource,
        log: Log,
        name: str,
        *,
        topic: str | None = None,
        clock: ClockName = "sensor",
        width: int | None = None,
        height: int | None = None,
    ) -> None:
        if clock not in get_args(ClockName):
            raise ParameterError(f"clock={clock!r} is not allowed; choose {', '.join(get_args(ClockName))}")
        super().__init__(source, RecordingInfo(source.path, name, width or 0, height or 0, size_bytes=source.size))
        self._log, self._clock, self._topic = log, clock, topic
        self._given = width, height
        self._shift = 0 if clock == "sensor" else None
        self._packet: Packet | None = None
        self._at = 0
        self._place: Place = (0, 0)
        self._last: tuple[int, int] | None = None
        if source.seekable and not log.listed:
            late = "" if log.survey() else "; topics that begin late are not listed"
            self.info.notes.append(f"it has no index, its recorder did not close it{late}")
        self._messages: Iterator[LogMessage] = iter(())
        self._channel = self._chosen()
        self._streams = _streams(log.channels, self._channel)
        self._open_events()
        self._describe()

    def _chosen(self) -> Channel | None:
        if not self.source.seekable:
            self._messages = self._log.messages()
            for message in self._messages:
                channel = self._event_channel(self._log.channels.get(message.channel))
                if channel is not None:
                    self._messages = chain([message], self._messages)
                    return channel
        for number in sorted(self._log.channels):
            channel = self._event_channel(self._log.channels[number])
            if channel is not None and self._log.counts.get(number, 1):
                return channel
        if self._topic is not None:
            known = ", ".join(each.topic for each in self._log.channels.values() if each.type in EVENT_TYPES)
            raise RecordingError(f"{self.info.path}: no topic {self._topic!r} with events; it has {known or 'none'}")
        return None

    def _event_channel(self, channel: Channel | None) -> Channel | None:
        if channel is None or channel.type not in EVENT_TYPES or self._topic not in (None, channel.topic):
            return None
        return channel

    def _open_events(self) -> None:
        if self._channel is None:
            return
        if self.source.seekable:
            self._messages = self._log.messages({self._channel.id})
        packet = self._next_packet()
        if packet is None:
            self._channel = None
            return
        self._packet = packet
        width, height = self._given[0] or packet.width, self._given[1] or packet.height
        if not (0 < width <= 1 << 15 and 0 < height <= 1 << 15):
            raise RecordingError(
                f"{self.info.path}: the messages of {self._channel.topic} say a sensor of {width}x{height} px; "
                "pass width= and height="
            )
        self.info.width, self.info.height = width, height
        self._reader = READERS[packet.encoding](width, height)
        self._begin(packet)

    def _describe(self) -> None:
        info, log = self.info, self._log
        events = () if self._channel is None else ("events",)
        triggers = ("triggers",) if events and self._reader.has_triggers else ()
        info.streams = (*events, *triggers, *self._streams)
        topics = sorted(log.channels.values(), key=lambda each: each.topic)
        info.attributes["topics"] = {each.topic: each.type for each in topics}
        info.attributes["event_topics"] = [each.topic for each in topics if each.type in EVENT_TYPES]
        if self._channel is not None and self._packet is not None:
            info.attributes |= {"topic": self._channel.topic, "encoding": self._packet.encoding}
            info.sensor = self._packet.sensor
            if self._reader.has_triggers and self._streams and self._clock == "sensor":
                info.notes.append("events have the sensor's time and other streams ROS time; clock='ros' aligns them")

    @property
    def steps_back(self) -> int | None:  # type: ignore[override]
        """Events earlier than the one before them so far."""
        return 0 if self._channel is None else int(self._reader.state[self._reader.steps_back_slot])

    def fill(self, batch: Batch, start: int) -> int:
        """Write the next events into `batch`; see Decoder.fill."""
        out = batch.records[start:].view(np.int64)
        n, room = 0, len(out) // 2
        while n < room and self._ready():
            packet = self._packet
            assert packet is not None
            begin = n
            self._at, n = self._reader.decode(packet, self._at, out, n)
            if self._shift is None and n > begin:
                self._shift = packet.stamp_ns // 1000 - int(out[2 * begin])
        if self._shift:
            out[0 : 2 * n : 2] += self._shift
        self._take_counts()
        return start + n

    def _ready(self) -> bool:
        """Make sure that there is a packet with items left, and return whether there is."""
        if self._channel is None:
            return False
        while self._packet is None or self._done(self._packet):
            if self._packet is not None:
                self.skip("truncated_bytes", self._packet.rest_bytes)
            self._packet = self._next_packet()
            if self._packet is None:
                return False
            self._begin(self._packet)
        return True

    def _done(self, packet: Packet) -> bool:
        pending = isinstance(self._reader, Evt3) and self._reader.pending
        return self._at >= len(packet.items) and not pending

    def _next_packet(self) -> Packet | None:
        assert self._channel is not None
        for message in self._messages:
            if message.channel != self._channel.id:
                continue
            try:
                packet = packet_of(message.data, self._channel.type, self._channel.encoding)
            except ValueError:
                self.skip("damaged_messages", 1)
                continue
            if self._packet is not None and packet.encoding != self._packet.encoding:
                self.skip("other_encodings", 1)
                continue
            self._place = message.place
            return packet
        return None

    def _begin(self, packet: Packet) -> None:
        gap, elapsed_us = False, 0
        if self._last is not None:
            gap = packet.seq >= 0 and packet.seq != self._last[0] + 1
            elapsed_us = (packet.stamp_ns - self._last[1]) // 1000
        if gap:
            self.note("gaps", 1)
        self._reader.begin(packet, gap=gap, elapsed_us=elapsed_us)
        self._last = packet.seq, packet.stamp_ns
        self._at = packet.at

    def _take_counts(self) -> None:
        if self._channel is not None:
            for reason, slot in self._reader.counts.items():
                if self._reader.state[slot]:
                    self.skipped[reason] = int(self._reader.state[slot])
        while self._log.skipped:
            self.skip(*self._log.skipped.popitem())

    def mark(self) -> dict[str, Any] | None:
        """Return where the next event is; see Decoder.mark."""
        if self._channel is None or not self.source.seekable:
            return None
        return {
            "place": list(self._place),
            "at": self._at,
            "last": None if self._last is None else list(self._last),
            "began": self._reader.began_us,
            "shift": self._shift,
            "state": self._reader.state.tolist(),
        }

    def resume(self, mark: dict[str, Any]) -> None:
        """Go on from a mark; see Decoder.resume."""
        if self._channel is None:
            return
        place, at = mark["place"], int(mark["at"])
        self._messages = self._log.messages({self._channel.id}, (int(place[0]), int(place[1])))
        self._packet = None
        self._packet = self._next_packet()
        self._last = None if mark["last"] is None else (int(mark["last"][0]), int(mark["last"][1]))
        self._shift = mark["shift"]
        self._reader.began_us = mark["began"]
        self._at = at
        self._reader.state[:] = mark["state"]

    def messages(self, name: str) -> Iterator[Message]:
        """Yield the messages of another stream; a second topic of events gives Events."""
        if name == "triggers" and self._channel is not None and self._reader.has_triggers:
            yield from self._triggers()
        elif name not in self._streams:
            raise RecordingError(f"{self.info.path}: the stream {name!r} is not read as messages; iterate over it")
        elif not self.source.seekable:
            raise RecordingError(f"{self.info.path}: a pipe gives its events only; write it to a file first")
        elif self._streams[name].type in EVENT_TYPES:
            yield from self._events_of(self._streams[name])  # type: ignore[misc]
        else:
            yield from self._messages_of(self._streams[name])

    def _messages_of(self, channel: Channel) -> Iterator[Message]:
        read = MESSAGE_READERS[channel.type][1]
        for message in self._log.messages({channel.id}):
            try:
                yield read(cursor_of(message.data, channel.encoding))
            except UnknownEncodingError:
                self.skip("unknown_encoding", 1)
            except ValueError:
                self.skip("damaged_messages", 1)

    def _events_of(self, channel: Channel) -> Iterator[Events]:
        other = RosDecoder(self.source, self._log, self.info.format, topic=channel.topic, clock=self._clock)
        while True:
            batch = Batch(_AT_ONCE)
            count = other.fill(batch, 0)
            if not count:
                return
            yield Events(batch.records[:count], other.info.width, other.info.height)

    def _triggers(self) -> Iterator[Triggers]:
        shift = self._trigger_shift()
        assert isinstance(self._reader, Evt3)
        while self._ready():
            columns = (np.empty(_AT_ONCE, np.int64), *np.empty((2, _AT_ONCE), np.uint8))
            count = 0
            while count < _AT_ONCE and self._ready():
                assert self._packet is not None
                self._at, count = self._reader.collect(self._packet, self._at, columns, count)
            if count:
                time, line, value = (column[:count] for column in columns)
                time += shift
                yield Triggers(t=int(time[-1]), time=time, line=line, value=value)

    def _trigger_shift(self) -> int:
        if self._shift is None:
            mark = self.mark()
            self.fill(Batch(1), 0)
            if mark is not None:
                self.resume({**mark, "shift": self._shift or 0})
        return self._shift or 0


def _streams(channels: dict[int, Channel], chosen: Channel | None) -> dict[str, Channel]:
    """Return the other streams of a log by name: the first of a kind has its plain name."""
    found: dict[str, Channel] = {}
    for number in sorted(channels):
        channel = channels[number]
        if channel is chosen:
            continue
        if channel.type in EVENT_TYPES:
            found[f"events:{channel.topic}"] = channel
        elif channel.type in MESSAGE_READERS:
            kind = MESSAGE_READERS[channel.type][0]
            found[f"{kind}:{channel.topic}" if kind in found else kind] = channel
    return found
