"""Messages of ROS 1 and ROS 2 as eventflow's: images, inertial samples, positions and poses.

The layouts are those of sensor_msgs, nav_msgs and geometry_msgs, which are the same in every distribution but for the
`seq` in the header of ROS 1. Times are the headers' stamps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow.io.cursor import Cursor
from eventflow.messages import Fix, Frame, Imu, Pose

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from eventflow.messages import Message

_NS: Final = 1_000_000_000
_PLANES: Final = {
    **dict.fromkeys(("mono8", "8UC1", "mono16", "16UC1"), 1),
    **dict.fromkeys(("rgb8", "bgr8", "8UC3", "rgb16", "bgr16"), 3),
    **dict.fromkeys(("rgba8", "bgra8", "8UC4"), 4),
    **dict.fromkeys(("bayer_rggb8", "bayer_bggr8", "bayer_gbrg8", "bayer_grbg8"), 1),
}
_BLUE_FIRST: Final = ("bgr8", "bgra8", "8UC3", "8UC4", "bgr16")
_LARGEST_SIDE: Final = 1 << 16


class UnknownEncodingError(ValueError):
    """An image has an encoding of pixels that is not known here."""


@dataclass(frozen=True)
class Stamp:
    """A message's header: its time in ns and the frame of reference."""

    time_ns: int
    frame: str


def cursor_of(data: Any, encoding: str) -> Cursor:
    """Return a cursor at the first field of a message in "ros1" or "cdr"."""
    return Cursor(data) if encoding == "ros1" else Cursor.of_cdr(data)


def stamp_of(cursor: Cursor) -> Stamp:
    """Return a message's header."""
    if not cursor.aligned:
        cursor.number("I")
    seconds = cursor.number("i" if cursor.aligned else "I")
    return Stamp(seconds * _NS + cursor.number("I"), cursor.text())


def image(cursor: Cursor) -> Frame:
    """Return a sensor_msgs/Image as an image in gray or RGB, 16-bit pixels by their upper half.

    Raises:
        UnknownEncodingError: its pixels are of another kind.
        ValueError: it is damaged.
    """
    t = stamp_of(cursor).time_ns // 1000
    height, width = cursor.numbers("I", 2)
    encoding = cursor.text()
    big, step = cursor.number("B"), cursor.number("I")
    planes = _PLANES.get(encoding)
    if planes is None:
        raise UnknownEncodingError(encoding)
    wide = encoding.endswith("16") or encoding == "16UC1"
    row = width * planes * (2 if wide else 1)
    data = np.frombuffer(cursor.block(), np.uint8)
    if not (0 < width < _LARGEST_SIDE and 0 < height < _LARGEST_SIDE) or step < row or len(data) < step * height:
        raise ValueError(f"an image of {width}x{height} pixels in {len(data)} bytes")
    pixels = data[: step * height].reshape(height, step)[:, :row]
    if wide:
        pixels = np.ascontiguousarray(pixels[:, 0::2] if big else pixels[:, 1::2])
    return Frame(image=_in_rgb(pixels.reshape(height, width, planes), encoding), t=t)


def _in_rgb(pixels: NDArray[np.uint8], encoding: str) -> NDArray[np.uint8]:
    if encoding.startswith("bayer_"):
        return _from_bayer(pixels[:, :, 0], encoding)
    if pixels.shape[2] == 1:
        return pixels[:, :, 0]
    order = [2, 1, 0] if encoding in _BLUE_FIRST else [0, 1, 2]
    return pixels[:, :, order]


def _from_bayer(pixels: NDArray[np.uint8], encoding: str) -> NDArray[np.uint8]:
    import cv2

    # OpenCV names a pattern by the second row's second and third pixel
    code = {
        "bayer_rggb8": cv2.COLOR_BayerBG2RGB,
        "bayer_bggr8": cv2.COLOR_BayerRG2RGB,
        "bayer_gbrg8": cv2.COLOR_BayerGR2RGB,
        "bayer_grbg8": cv2.COLOR_BayerGB2RGB,
    }[encoding]
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(pixels), code), np.uint8)


def compressed_image(cursor: Cursor) -> Frame:
    """Return a sensor_msgs/CompressedImage (JPEG, PNG). Raises a ValueError where it is none."""
    import cv2

    t = stamp_of(cursor).time_ns // 1000
    cursor.text()
    try:
        decoded = cv2.imdecode(np.frombuffer(cursor.block(), np.uint8), cv2.IMREAD_ANYCOLOR)
    except cv2.error as error:
        raise ValueError(str(error)) from None
    if decoded is None:
        raise ValueError("no image")
    found = np.asarray(decoded, np.uint8)
    return Frame(image=found[:, :, ::-1] if found.ndim == 3 else found, t=t)


def imu(cursor: Cursor) -> Imu:
    """Return a sensor_msgs/Imu, one sample."""
    t = stamp_of(cursor).time_ns // 1000
    values = cursor.numbers("d", 4 + 9 + 3 + 9 + 3 + 9)
    with np.errstate(over="ignore"):  # beyond float32 is infinite
        gyro, accel = (np.array([values[at : at + 3]], np.float32) for at in (13, 25))
    return Imu(t=t, time=np.array([t]), accel=accel, gyro=gyro)


def fix(cursor: Cursor) -> Fix:
    """Return a sensor_msgs/NavSatFix."""
    t = stamp_of(cursor).time_ns // 1000
    cursor.number("b")
    cursor.number("H")
    latitude, longitude, altitude = cursor.numbers("d", 3)
    return Fix(t=t, latitude=latitude, longitude=longitude, altitude=altitude)


def odometry(cursor: Cursor) -> Pose:
    """Return the pose in a nav_msgs/Odometry."""
    t = stamp_of(cursor).time_ns // 1000
    cursor.text()
    return _pose(cursor, t)


def pose(cursor: Cursor) -> Pose:
    """Return a geometry_msgs/PoseStamped, or the pose in a PoseWithCovarianceStamped."""
    return _pose(cursor, stamp_of(cursor).time_ns // 1000)


def _pose(cursor: Cursor, t: int) -> Pose:
    return Pose(t=t, position=np.array(cursor.numbers("d", 3)), orientation=np.array(cursor.numbers("d", 4)))


READERS: Final[dict[str, tuple[str, Callable[[Cursor], Message]]]] = {
    "sensor_msgs/Image": ("frames", image),
    "sensor_msgs/CompressedImage": ("frames", compressed_image),
    "sensor_msgs/Imu": ("imu", imu),
    "sensor_msgs/NavSatFix": ("fixes", fix),
    "nav_msgs/Odometry": ("poses", odometry),
    "geometry_msgs/PoseStamped": ("poses", pose),
    "geometry_msgs/PoseWithCovarianceStamped": ("poses", pose),
}
"""The stream that messages of each type make, and what reads them."""
