"""Events from a live ROS 2 topic."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Annotated, ClassVar, Final, Literal

from eventflow.errors import LinkError
from eventflow.events import Events
from eventflow.graph.node import Source
from eventflow.graph.parameters import Range
from eventflow.io.order import TimeOrder
from eventflow.messages import Reset, StreamInfo, Watermark
from eventflow.net.ros import PacketStream, Topic
from eventflow.units import Duration, ms, s

_WAIT_S: Final = 0.05


class RosReceive(Source):
    """Receive events from a ROS 2 topic: EventPacket of event_camera_msgs in any encoding, EventArray of dvs_msgs.

    Needs rclpy, which comes with ROS 2. Messages that did not arrive are counted where they have numbers
    (EventPacket). Recorded bags need neither: the node `read` plays them, at any speed.

    Args:
        topic: its name.
        type: of its messages.
        depth: how many messages the middleware keeps for this graph.
        reliable: whether lost messages are sent again, where the publisher offers that.
        patience: how long to wait for the first message, which tells the sensor's size.
        silence: end the stream after so much silence; null: go on for ever.
        max_backstep: the largest step back in time that is mended.
    """

    live: ClassVar[bool] = True
    topic: str = "/event_camera/events"
    type: Literal["event_camera_msgs/msg/EventPacket", "dvs_msgs/msg/EventArray"] = "event_camera_msgs/msg/EventPacket"
    depth: Annotated[int, Range(1, 100_000)] = 1000
    reliable: bool = False
    patience: Annotated[Duration, Range(0)] = s(10)
    silence: Annotated[Duration, Range(1)] | None = None
    max_backstep: Annotated[Duration, Range(0)] = ms(10)

    def start(self) -> StreamInfo:
        """Wait for the first message."""
        self._topic = Topic(self.topic, self.type, depth=self.depth, reliable=self.reliable)
        self._topic.listen()
        self._stream = PacketStream(self.type)
        deadline = time.monotonic() + self.patience / 1e6
        self._first = None
        while self._first is None:
            data = self._topic.receive(_WAIT_S)
            self._first = None if data is None else self._stream.parse(data)
            if self._first is None and time.monotonic() > deadline:
                there = "; ".join(self._topic.others()) or "none"
                raise LinkError(f"{self.topic}: no {self.type} came in time; topics that there are: {there}")
        return StreamInfo(self._first.width, self._first.height, source=f"ros:{self.topic}", live=True)

    def run(self) -> Iterator[Events | Reset | Watermark]:
        """Yield events as they come."""
        order = TimeOrder("clamp", max_backstep=self.max_backstep, on_jump="reset", name=self.topic)
        packet, heard = self._first, time.monotonic()
        while True:
            if packet is not None:
                heard = time.monotonic()
                yield from self._stream.events(packet, order)
            elif self.silence is not None and time.monotonic() - heard > self.silence / 1e6:
                self._count(order)
                return
            yield Watermark(order.reached)  # also before anything came, so that the run may end
            self._count(order)
            data = self._topic.receive(_WAIT_S)
            packet = None if data is None else self._stream.parse(data)

    def close(self, *, complete: bool) -> None:
        """Leave the topic."""
        if hasattr(self, "_topic"):
            self._topic.close()
        super().close(complete=complete)

    def _count(self, order: TimeOrder) -> None:
        counts = {**self._stream.counts, "messages that this graph was too slow for": self._topic.dropped}
        self.skipped.update({name: count - self.skipped[name] for name, count in counts.items() if count})
        self.repaired.update({name: count - self.repaired[name] for name, count in order.repaired.items()})
