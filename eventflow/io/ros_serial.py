"""Messages of ROS 1 and ROS 2 as bytes; the layouts of ros_messages.py the other way."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow.io.ros_kernels import encode_dvs
from eventflow.messages import Fix, Frame, Imu, Pose

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_NS: Final = 1_000_000_000
_MOST_EVENT_BYTES: Final = 16
_CODES: Final = {code: Struct("<" + code) for code in "bBHIQdi"}
_UNKNOWN: Final = (-1.0, *([0.0] * 8))  # what ROS says of a covariance that is not known


class Builder:
    """A message being put together from its fields, for ROS 1 or as CDR, little-endian.

    Args:
        cdr: whether numbers lie at multiples of their size, behind four bytes that say so.
        time_ns: the time in the header.
        frame: the frame of reference in the header.
    """

    def __init__(self, *, cdr: bool, time_ns: int, frame: str) -> None:
        self._cdr = cdr
        self._data = bytearray(b"\0\1\0\0" if cdr else b"")
        if not cdr:
            self.numbers("I", 0)
        self.numbers("I", time_ns // _NS, time_ns % _NS).text(frame)

    def numbers(self, code: str, *values: Any) -> Builder:
        """Append numbers of a `struct` code."""
        kind = _CODES[code]
        if self._cdr:
            self._data += bytes(-(len(self._data) - 4) % kind.size)
        for value in values:
            self._data += kind.pack(value)
        return self

    def text(self, text: str) -> Builder:
        """Append a text."""
        data = text.encode() + (b"\0" if self._cdr else b"")
        return self.block(data)

    def block(self, data: Any) -> Builder:
        """Append bytes behind their number."""
        self.numbers("I", len(data))
        self._data += data
        return self

    def events(self, halves: NDArray[np.int64]) -> Builder:
        """Append an array of dvs_msgs/Event behind its length."""
        count = len(halves) // 2
        self.numbers("I", count)
        begin = len(self._data)
        room = np.zeros(begin % 4 + count * _MOST_EVENT_BYTES + 4, np.uint8)
        end = encode_dvs(halves, room, begin % 4, self._cdr)
        self._data += room[begin % 4 : end].data
        return self

    def finish(self) -> bytes:
        """Return the message."""
        return bytes(self._data)


def others(message: Any, *, cdr: bool, frame: str) -> Iterator[tuple[int, str, bytes]]:
    """Yield (time in ns, type, bytes) of the ROS messages that a message makes: one for each inertial sample."""
    if isinstance(message, Imu):
        for time, accel, gyro in zip(message.time.tolist(), message.accel, message.gyro, strict=True):
            build = Builder(cdr=cdr, time_ns=time * 1000, frame=frame).numbers("d", 0.0, 0.0, 0.0, 1.0, *_UNKNOWN)
            build.numbers("d", *gyro.tolist(), *([0.0] * 9), *accel.tolist(), *([0.0] * 9))
            yield time * 1000, "sensor_msgs/msg/Imu", build.finish()
        return
    time_ns = int(message.t) * 1000
    build = Builder(cdr=cdr, time_ns=time_ns, frame=frame)
    if isinstance(message, Frame):
        yield time_ns, "sensor_msgs/msg/Image", _image(build, message.image)
    elif isinstance(message, Pose):
        build.numbers("d", *message.position.tolist(), *message.orientation.tolist())
        yield time_ns, "geometry_msgs/msg/PoseStamped", build.finish()
    elif isinstance(message, Fix):
        build.numbers("b", 0).numbers("H", 1).numbers("d", message.latitude, message.longitude, message.altitude)
        yield time_ns, "sensor_msgs/msg/NavSatFix", build.numbers("d", *([0.0] * 9)).numbers("B", 0).finish()


def _image(build: Builder, image: NDArray[np.uint8]) -> bytes:
    height, width = image.shape[:2]
    planes = 1 if image.ndim == 2 else image.shape[2]
    build.numbers("I", height, width).text("mono8" if planes == 1 else "rgb8")
    return build.numbers("B", 0).numbers("I", width * planes).block(image.tobytes()).finish()
