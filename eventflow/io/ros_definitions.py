"""Definitions of the messages with events, for the logs that hold them. The others are ROS's own."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from eventflow.errors import missing_extra

if TYPE_CHECKING:
    from types import ModuleType

DEFINITIONS: Final = {
    "event_camera_msgs/msg/EventPacket": (
        "std_msgs/Header header\nuint32 height\nuint32 width\nuint64 seq\nuint64 time_base\nstring encoding\n"
        "bool is_bigendian\nuint8[] events\n"
    ),
    "dvs_msgs/msg/Event": "uint16 x\nuint16 y\n{time} ts\nbool polarity\n",
    "dvs_msgs/msg/EventArray": "std_msgs/Header header\nuint32 height\nuint32 width\ndvs_msgs/Event[] events\n",
}
_HEADER_2: Final = (
    f"{'=' * 80}\nMSG: std_msgs/Header\nbuiltin_interfaces/Time stamp\nstring frame_id\n"
    f"{'=' * 80}\nMSG: builtin_interfaces/Time\nint32 sec\nuint32 nanosec\n"
)
PACKET_SCHEMA: Final = DEFINITIONS["event_camera_msgs/msg/EventPacket"] + _HEADER_2
"""The definition of an EventPacket for ROS 2 with all that it refers to, as MCAP's "ros2msg"."""


def rosbags(module: str) -> ModuleType:
    """Return a module of the package rosbags.

    Raises:
        MissingExtraError: it is not installed.
    """
    from importlib import import_module

    try:
        return import_module(f"rosbags.{module}")
    except ImportError:
        raise missing_extra("rosbags", "ros", "writing a bag of ROS") from None


@cache
def typestore(*, ros2: bool) -> Any:
    """Return the message types of a distribution and those with events."""
    types = rosbags("typesys")
    store = types.get_typestore(types.Stores.ROS2_HUMBLE if ros2 else types.Stores.ROS1_NOETIC)
    found: dict[str, Any] = {}
    for name, text in DEFINITIONS.items():
        found |= types.get_types_from_msg(text.format(time="builtin_interfaces/Time" if ros2 else "time"), name)
    store.register(found)
    return store
