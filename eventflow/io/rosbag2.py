"""ROS 2 bags with events of dvs_msgs or event_camera_msgs, and streams beside them."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any, Final, Literal

from eventflow.errors import ParameterError
from eventflow.io.ros import ClockName, RosDecoder
from eventflow.io.ros2_log import SUFFIXES, open_log
from eventflow.io.ros_definitions import rosbags, typestore
from eventflow.io.ros_encoder import DEFAULT_PACKET_EVENTS, DEFAULT_TOPIC, RosEncoder, check_packet_events
from eventflow.io.ros_packing import EventEncoding, Packer

if TYPE_CHECKING:
    from pathlib import Path

    from eventflow.io.source import ByteSource

NAME: Final = "rosbag2"


def open_decoder(
    source: ByteSource,
    *,
    topic: str | None = None,
    clock: ClockName = "sensor",
    width: int | None = None,
    height: int | None = None,
) -> RosDecoder:
    """Return a decoder of a ROS 2 bag; see RosDecoder."""
    return RosDecoder(source, open_log(source), NAME, topic=topic, clock=clock, width=width, height=height)


class Bag2:
    """A ROS 2 bag being written by rosbags: a folder, or the one file in it where the name has the suffix of a file.

    Args:
        path: where nothing is yet: the name of the bag and ".part".
        storage: "mcap" or "sqlite3", for a folder.
    """

    def __init__(self, path: Path, storage: Literal["mcap", "sqlite3"]) -> None:
        module = rosbags("rosbag2")
        name = path.name.removesuffix(".part")
        self._path, self._bare = path, name.endswith(SUFFIXES)
        if self._bare:
            storage = "sqlite3" if name.endswith(".db3") else "mcap"
        # files are named after their folder, which is this one until it is finished
        self._folder = path / name
        path.mkdir()
        plugin = module.StoragePlugin[storage.upper()]
        self._writer = module.Writer(self._folder, version=9, storage_plugin=plugin)
        self._writer.open()
        self._store = typestore(ros2=True)
        self._connections: dict[str, Any] = {}

    def write(self, topic: str, type: str, time_ns: int, data: bytes) -> None:
        """Append a message."""
        if topic not in self._connections:
            self._connections[topic] = self._writer.add_connection(topic, type, typestore=self._store)
        self._writer.write(self._connections[topic], time_ns, data)

    def finish(self) -> None:
        """Write index and metadata."""
        self._writer.close()
        aside = self._path.with_name(self._path.name + ".bag")
        shutil.rmtree(aside, ignore_errors=True)
        self._path.rename(aside)
        made = aside / self._folder.name
        try:
            source = next(each for each in made.iterdir() if each.suffix in SUFFIXES) if self._bare else made
            source.rename(self._path)
        finally:
            shutil.rmtree(aside, ignore_errors=True)

    def discard(self) -> None:
        """Close the file as it is."""
        self._writer.abort()


def open_encoder(
    file: Path,
    *,
    width: int,
    height: int,
    encoding: EventEncoding = "evt3",
    storage: Literal["mcap", "sqlite3"] = "mcap",
    topic: str = DEFAULT_TOPIC,
    frame: str = "event_camera",
    packet_events: int = DEFAULT_PACKET_EVENTS,
) -> RosEncoder:
    """Return an encoder of a ROS 2 bag: a folder, or a single file where its name ends in .db3 or .mcap.

    Args:
        file: where it is made.
        width: sensor width, px.
        height: sensor height, px.
        encoding: "evt3" and "mono" write event_camera_msgs/EventPacket, "dvs" dvs_msgs/EventArray.
        storage: what the folder holds.
        topic: topic of the events.
        frame: frame of reference in the headers.
        packet_events: events in a message.

    Raises:
        MissingExtraError: rosbags is not installed.
    """
    if storage not in ("mcap", "sqlite3"):
        raise ParameterError(f"storage={storage!r} is not allowed; choose mcap, sqlite3")
    check_packet_events(packet_events)
    packer = Packer(encoding, width=width, height=height, cdr=True, frame=frame)
    return RosEncoder(Bag2(file, storage), packer, topic=topic, frame=frame, packet_events=packet_events, cdr=True)
