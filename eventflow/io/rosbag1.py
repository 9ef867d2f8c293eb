"""ROS 1 bags with events of dvs_msgs or event_camera_msgs, and streams beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from eventflow.errors import ParameterError
from eventflow.io.ros import ClockName, RosDecoder
from eventflow.io.ros1_log import Ros1Log
from eventflow.io.ros_definitions import rosbags, typestore
from eventflow.io.ros_encoder import DEFAULT_PACKET_EVENTS, DEFAULT_TOPIC, RosEncoder, check_packet_events
from eventflow.io.ros_packing import EventEncoding, Packer

if TYPE_CHECKING:
    from pathlib import Path

    from eventflow.io.source import ByteSource

NAME: Final = "rosbag1"


def open_decoder(
    source: ByteSource,
    *,
    topic: str | None = None,
    clock: ClockName = "sensor",
    width: int | None = None,
    height: int | None = None,
) -> RosDecoder:
    """Return a decoder of a ROS 1 bag; see RosDecoder."""
    return RosDecoder(source, Ros1Log(source), NAME, topic=topic, clock=clock, width=width, height=height)


class Bag1:
    """A ROS 1 bag being written by rosbags.

    Args:
        path: where nothing is yet.
        compression: of its chunks.
    """

    def __init__(self, path: Path, compression: Literal["none", "lz4", "bz2"]) -> None:
        writer = rosbags("rosbag1").Writer
        self._store = typestore(ros2=False)
        self._writer = writer(path)
        if compression != "none":
            self._writer.set_compression(writer.CompressionFormat[compression.upper()])
        self._writer.open()
        self._connections: dict[str, Any] = {}

    def write(self, topic: str, type: str, time_ns: int, data: bytes) -> None:
        """Append a message."""
        if topic not in self._connections:
            self._connections[topic] = self._writer.add_connection(topic, type, typestore=self._store)
        self._writer.write(self._connections[topic], time_ns, data)

    def finish(self) -> None:
        """Write the index."""
        self._writer.close()

    def discard(self) -> None:
        """Close the file as it is."""
        self._writer.abort()


def open_encoder(
    file: Path,
    *,
    width: int,
    height: int,
    encoding: EventEncoding = "dvs",
    topic: str = DEFAULT_TOPIC,
    frame: str = "event_camera",
    packet_events: int = DEFAULT_PACKET_EVENTS,
    compression: Literal["none", "lz4", "bz2"] = "none",
) -> RosEncoder:
    """Return an encoder of a ROS 1 bag.

    Args:
        file: where it is made.
        width: sensor width, px.
        height: sensor height, px.
        encoding: "dvs" writes dvs_msgs/EventArray; "evt3" and "mono" event_camera_msgs/EventPacket.
        topic: topic of the events.
        frame: frame of reference in the headers.
        packet_events: events in a message.
        compression: of the chunks.

    Raises:
        MissingExtraError: rosbags is not installed.
    """
    if compression not in ("none", "lz4", "bz2"):
        raise ParameterError(f"compression={compression!r} is not allowed; choose none, lz4, bz2")
    check_packet_events(packet_events)
    packer = Packer(encoding, width=width, height=height, cdr=False, frame=frame)
    bag = Bag1(file, compression)
    return RosEncoder(bag, packer, topic=topic, frame=frame, packet_events=packet_events, cdr=False)
