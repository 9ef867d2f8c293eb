"""Events for a live ROS 2 topic."""

from __future__ import annotations

from typing import Annotated

from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.io.ros_packing import EventEncoding, Packer
from eventflow.messages import StreamInfo
from eventflow.net.ros import Topic


class RosSend(Node):
    """Publish events on a ROS 2 topic, a message a packet. Unordered events are an error of the encoding evt3.

    Needs rclpy, which comes with ROS 2. `write` with a bag's path needs it not.

    Args:
        topic: its name.
        encoding: evt3 or mono in EventPacket of event_camera_msgs, or dvs: EventArray of dvs_msgs.
        frame: frame of reference in the headers.
        depth: how many messages the middleware keeps for slow subscribers.
        reliable: whether lost messages are sent again.
    """

    rehearses = False
    topic: str = "/event_camera/events"
    encoding: EventEncoding = "evt3"
    frame: str = "event_camera"
    depth: Annotated[int, Range(1, 100_000)] = 1000
    reliable: bool = True

    def start(self, events: StreamInfo) -> None:
        """Offer the topic."""
        self._packer = Packer(self.encoding, width=events.width, height=events.height, cdr=True, frame=self.frame)
        self._topic = Topic(self.topic, self._packer.type, depth=self.depth, reliable=self.reliable)
        self._topic.offer()

    def events(self, events: Events) -> None:
        """Publish a packet."""
        if len(events):
            for _, data in self._packer.pack(events.records):
                self._topic.send(data)

    def close(self, *, complete: bool) -> None:
        """Leave the topic."""
        topic = vars(self).pop("_topic", None)
        if topic is not None:
            topic.close()
        super().close(complete=complete)
