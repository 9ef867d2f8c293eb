"""ROS 1 bags with events of dvs_msgs or event_camera_msgs, and streams beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from eventflow.io.ros import ClockName, RosDecoder
from eventflow.io.ros1_log import Ros1Log

if TYPE_CHECKING:
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
