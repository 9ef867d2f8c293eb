"""What Foxglove shows of a recording, on channels beside eventflow's own.

Frames are foxglove.CompressedImage and tracks foxglove.SceneUpdate, both JSON; events are event_camera_msgs/EventPacket
in EVT 3.0. https://docs.foxglove.dev/docs/visualization/message-schemas. A pixel is a hundredth of the scene's unit; y
points down, as in the image.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow.errors import RecordingError
from eventflow.io.ros_definitions import PACKET_SCHEMA
from eventflow.io.ros_packing import Packer
from eventflow.messages import Frame, Tracks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eventflow.events import Events
    from eventflow.io.container_encoder import McapFile
    from eventflow.messages import Message

_FRAME: Final = "sensor"
_PACKET: Final = "event_camera_msgs/msg/EventPacket"
_SCALE: Final = 0.01
_DEPTH: Final = 0.01
_LIFE_US: Final = 1_000_000

_NUMBER: Final = {"type": "number"}
_INTEGER: Final = {"type": "integer"}
_TIME: Final = {"type": "object", "title": "time", "properties": {"sec": _INTEGER, "nsec": _INTEGER}}
_XYZ: Final = {"type": "object", "properties": dict.fromkeys("xyz", _NUMBER)}
_POSE: Final = {
    "type": "object",
    "title": "foxglove.Pose",
    "properties": {"position": _XYZ, "orientation": {"type": "object", "properties": dict.fromkeys("xyzw", _NUMBER)}},
}
_COLOR: Final = {"type": "object", "title": "foxglove.Color", "properties": dict.fromkeys("rgba", _NUMBER)}
_CUBE: Final = {
    "type": "object",
    "title": "foxglove.CubePrimitive",
    "properties": {"pose": _POSE, "size": _XYZ, "color": _COLOR},
}
_TEXT: Final = {
    "type": "object",
    "title": "foxglove.TextPrimitive",
    "properties": {
        "pose": _POSE,
        "billboard": {"type": "boolean"},
        "font_size": _NUMBER,
        "scale_invariant": {"type": "boolean"},
        "color": _COLOR,
        "text": {"type": "string"},
    },
}
_OTHERS: Final = ("arrows", "spheres", "cylinders", "lines", "triangles", "models")
_ENTITY: Final = {
    "type": "object",
    "title": "foxglove.SceneEntity",
    "properties": {
        "timestamp": _TIME,
        "frame_id": {"type": "string"},
        "id": {"type": "string"},
        "lifetime": {**_TIME, "title": "duration"},
        "frame_locked": {"type": "boolean"},
        "metadata": {"type": "array", "items": {"type": "object"}},
        "cubes": {"type": "array", "items": _CUBE},
        "texts": {"type": "array", "items": _TEXT},
        **{name: {"type": "array", "items": {"type": "object"}} for name in _OTHERS},
    },
}
_SCENE: Final = {
    "type": "object",
    "title": "foxglove.SceneUpdate",
    "properties": {
        "deletions": {"type": "array", "items": {"type": "object"}},
        "entities": {"type": "array", "items": _ENTITY},
    },
}
_IMAGE: Final = {
    "type": "object",
    "title": "foxglove.CompressedImage",
    "properties": {
        "timestamp": _TIME,
        "frame_id": {"type": "string"},
        "data": {"type": "string", "contentEncoding": "base64"},
        "format": {"type": "string"},
    },
}


class Foxglove:
    """Writes the channels that Foxglove reads beside eventflow's own.

    Args:
        mcap: the file.
        width: sensor width, px.
        height: sensor height, px.
    """

    def __init__(self, mcap: McapFile, width: int, height: int) -> None:
        self._mcap = mcap
        self._channels: dict[str, int] = {}
        self._packer = Packer("evt3", width=width, height=height, cdr=True, frame=_FRAME) if width and height else None

    def events(self, events: Events) -> None:
        """Append events.

        Raises:
            RecordingError: times before 0, or that step back further than EVT 3.0 can hold.
        """
        if self._packer is None:
            raise RecordingError("foxglove: events of a sensor of unknown size")
        channel = self._channel("/event_camera/events", "cdr", (_PACKET, "ros2msg", PACKET_SCHEMA.encode()))
        for time_ns, data in self._packer.pack(events.records):
            self._mcap.write(channel, time_ns // 1000, data)

    def add(self, stream: str, message: Message) -> None:
        """Append a frame or tracks; other kinds Foxglove has nothing for."""
        name = stream.replace(":/", "/").replace(":", "/")
        if isinstance(message, Frame):
            channel = self._channel(f"/foxglove/{name}", "json", _schema(_IMAGE))
            self._mcap.write(channel, message.t, _json(_image(message)))
        elif isinstance(message, Tracks):
            channel = self._channel(f"/foxglove/{name}", "json", _schema(_SCENE))
            self._mcap.write(channel, message.t, _json(_scene(message)))

    def _channel(self, topic: str, encoding: str, schema: tuple[str, str, bytes]) -> int:
        if topic not in self._channels:
            self._channels[topic] = self._mcap.channel(topic, encoding, schema)
        return self._channels[topic]


def _schema(schema: dict[str, Any]) -> tuple[str, str, bytes]:
    return schema["title"], "jsonschema", _json(schema)


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _time(t: int) -> dict[str, int]:
    return {"sec": t // 1_000_000, "nsec": t % 1_000_000 * 1000}


def _image(frame: Frame) -> dict[str, Any]:
    import cv2

    image: NDArray[np.uint8] = frame.image if frame.image.ndim == 2 else frame.image[:, :, ::-1]
    _, png = cv2.imencode(".png", np.ascontiguousarray(image))
    data = base64.b64encode(png.tobytes()).decode("ascii")
    return {"timestamp": _time(frame.t), "frame_id": _FRAME, "data": data, "format": "png"}


def _scene(tracks: Tracks) -> dict[str, Any]:
    columns = (column.tolist() for column in (tracks.id, tracks.x, tracks.y, tracks.w, tracks.h))
    return {"deletions": [], "entities": [_entity(tracks.t, *row) for row in zip(*columns, strict=True)]}


def _entity(t: int, number: int, x: float, y: float, w: float, h: float) -> dict[str, Any]:
    pose = {"position": {"x": x * _SCALE, "y": y * _SCALE, "z": 0.0}, "orientation": {"x": 0, "y": 0, "z": 0, "w": 1}}
    color = {"r": 0.1, "g": 0.7, "b": 0.3, "a": 0.5}
    size = {"x": max(w * _SCALE, _DEPTH), "y": max(h * _SCALE, _DEPTH), "z": _DEPTH}
    text = {"pose": pose, "billboard": True, "font_size": 12.0, "scale_invariant": True, "color": {**color, "a": 1.0}}
    return {
        "timestamp": _time(t),
        "frame_id": _FRAME,
        "id": str(number),
        "lifetime": _time(_LIFE_US),
        "frame_locked": False,
        "metadata": [],
        "cubes": [{"pose": pose, "size": size, "color": color}],
        "texts": [{**text, "text": str(number)}],
        **{name: [] for name in _OTHERS},
    }
