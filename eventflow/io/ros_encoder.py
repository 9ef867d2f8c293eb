"""Writing recordings of ROS: events in packets of a fixed number, other streams as the standard messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from eventflow.errors import ParameterError, RecordingError
from eventflow.events import EVENT_DTYPE, Events
from eventflow.io.decoder import Encoder
from eventflow.io.ros_serial import others
from eventflow.messages import Triggers

if TYPE_CHECKING:
    from eventflow.io.ros_packing import Packer
    from eventflow.messages import Message

DEFAULT_TOPIC: Final = "/event_camera/events"
DEFAULT_PACKET_EVENTS: Final = 8192
_TOPICS: Final = {"frames": "image_raw", "imu": "imu", "poses": "pose", "fixes": "fix"}


def check_packet_events(packet_events: int) -> None:
    """Refuse messages of no events."""
    if packet_events < 1:
        raise ParameterError(f"packet_events={packet_events}: a message holds at least one event")


class BagWriter(Protocol):
    """A log being written."""

    def write(self, topic: str, type: str, time_ns: int, data: bytes) -> None:
        """Append a message."""

    def finish(self) -> None:
        """Write what belongs at the end."""

    def discard(self) -> None:
        """Give up; what was written is deleted by somebody else."""


class RosEncoder(Encoder):
    """Writes events and other streams to a bag.

    Args:
        bag: where to write.
        packer: makes messages of events.
        topic: topic of the events; other streams have theirs beside it, or the one that their name says.
        frame: frame of reference in the headers.
        packet_events: events in a message.
        cdr: for ROS 2, else ROS 1.
    """

    def __init__(
        self, bag: BagWriter, packer: Packer, *, topic: str, frame: str, packet_events: int, cdr: bool
    ) -> None:
        self._bag, self._packer, self._topic, self._frame, self._cdr = bag, packer, topic, frame, cdr
        self._most = packet_events
        self._waiting = np.empty(packet_events, EVENT_DTYPE)
        self._count = self._packed = 0
        self.streams = frozenset((*_TOPICS, "triggers") if packer.has_triggers else _TOPICS)

    def write(self, events: Events) -> None:
        """Append events.

        Raises:
            RecordingError: a time before 0, or a step back that the encoding cannot hold.
        """
        at = 0
        while at < len(events):
            taken = min(self._most - self._count - self._packed, len(events) - at)
            target = self._waiting[self._count : self._count + taken]
            target.view("V16")[:] = events.records[at : at + taken].view("V16")  # the pad bytes too
            self._count += taken
            at += taken
            if self._count + self._packed == self._most:
                self._flush()

    def add(self, stream: str, message: Message) -> None:
        """Append a message of another stream; the events before it are written first."""
        if isinstance(message, Triggers):
            self._triggers(message)
            return
        self._flush()
        kind, _, name = stream.partition(":")
        beside = f"{self._topic.rpartition('/')[0]}/{_TOPICS[kind]}"
        topic = name if name.startswith("/") else f"{beside}/{name}".rstrip("/")
        for time_ns, type_, data in others(message, cdr=self._cdr, frame=self._frame):
            if time_ns < 0:
                raise RecordingError(f"{stream}: t={message.t} µs, and ROS has no time before 0; pass origin='zero'")
            self._bag.write(topic, type_, time_ns, data)

    def _triggers(self, message: Triggers) -> None:
        # edges stand in the packets, between the events
        self._packer.add(self._waiting[: self._count])
        self._packed += self._count
        self._count = 0
        for edge in zip(message.time.tolist(), message.line.tolist(), message.value.tolist(), strict=True):
            self._packer.trigger(*edge)

    def _flush(self) -> None:
        messages = self._packer.pack(self._waiting[: self._count]) if self._count else self._packer.rest()
        for time_ns, data in messages:
            self._bag.write(self._topic, self._packer.type, time_ns, data)
        self._count = self._packed = 0

    def finish(self) -> None:
        """Write the last events, and what belongs at the end."""
        self._flush()
        self._bag.finish()

    def discard(self) -> None:
        """Give up."""
        self._bag.discard()
