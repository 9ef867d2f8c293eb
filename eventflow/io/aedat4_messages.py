"""AEDAT 4: frames, inertial samples and triggers, from packets and to packets (dv-processing, `flatbuffers/`).

DV stores accelerations in g and rates in degrees a second, pixels in blue, green, red.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow.errors import RecordingError
from eventflow.io.aedat4_flatbuffers import FlatbufferError, root, vector_of_tables
from eventflow.io.aedat4_tables import count_tables, read_tables
from eventflow.io.inivation_triggers import AEDAT4_KINDS, Kinds
from eventflow.messages import Frame, Imu, Triggers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from eventflow.messages import Message

    Note = Callable[[str, int], None]

STANDARD_GRAVITY: Final = 9.80665
"""One g in m/s²."""

_KINDS: Final = Kinds(AEDAT4_KINDS)
_NO_KINDS: Final = np.empty(0, np.uint8)
_IMU_REALS: Final = 7  # temperature, three accelerations, three rates
_DEPTHS: Final[dict[int, np.dtype[Any]]] = {
    0: np.dtype("u1"),
    2: np.dtype("<u2"),
}  # OpenCV's codes: depth in the low three bits, channels above
_GRAY, _BGR = 0, 16
_LARGEST_SIDE: Final = 0x7FFF


class UnknownFrameError(ValueError):
    """A frame is in a pixel format that is not known here."""


def frames_of(data: bytes, note: Note) -> list[Message]:
    """Return the frame of a FRME packet; 16-bit pixels are cut to their upper 8 bits and noted.

    Raises:
        FlatbufferError: it contradicts itself.
        UnknownFrameError: its pixels are neither 8 nor 16 bits, or have another number of channels than 1, 3 or 4.
    """
    table = root(data, b"FRME")
    code = table.i8(5)
    depth, channels = _DEPTHS.get(code & 7), (code >> 3) + 1
    if depth is None or channels not in (1, 3, 4):
        raise UnknownFrameError(f"pixel format {code}")
    width, height = table.i16(6), table.i16(7)
    start, count = table.vector(10, 1)
    if min(width, height) <= 0 or count != width * height * channels * depth.itemsize:
        raise FlatbufferError(f"{count} bytes of pixels for {width}x{height} pixels of format {code}", start)
    pixels = np.frombuffer(data, depth, width * height * channels, start).reshape(height, width, channels)
    if depth.itemsize == 2:
        note("frames_16_bit", 1)
        pixels = (pixels >> 8).astype(np.uint8)
    if table.i16(8) or table.i16(9):
        note("frames_of_a_region", 1)
    image = pixels[:, :, 0] if channels == 1 else pixels[:, :, 2::-1]
    return [Frame(image, table.i64(0))]


def imu_of(data: bytes, note: Note) -> list[Message]:
    """Return the samples of an IMUS packet.

    Raises:
        FlatbufferError: it contradicts itself.
    """
    root(data, b"IMUS")
    times, _, reals = _columns(data, reals=_IMU_REALS, kinds=False)
    if not len(times):
        return []
    with np.errstate(all="ignore"):  # flipped bits make floats of any size
        accel, gyro = reals[:, 1:4] * np.float32(STANDARD_GRAVITY), np.radians(reals[:, 4:7])
    return [Imu(int(times[-1]), times, accel, gyro)]


def triggers_of(data: bytes, note: Note) -> list[Message]:
    """Return the triggers of a TRIG packet, with the lines of inivation_triggers.py; unknown kinds are left out.

    Raises:
        FlatbufferError: it contradicts itself.
    """
    root(data, b"TRIG")
    times, kinds, _ = _columns(data, reals=0, kinds=True)
    known = _KINDS.known[kinds]
    note("triggers_of_unknown_kind", int(len(known) - np.count_nonzero(known)))
    times, kinds = times[known], kinds[known]
    return [Triggers(int(times[-1]), times, *_KINDS.lines(kinds))] if len(times) else []


def _columns(data: bytes, *, reals: int, kinds: bool) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    buffer = np.frombuffer(data, np.uint8)
    count = count_tables(buffer)
    if count < 0:
        raise FlatbufferError("its vector lies outside the buffer", 0)
    times, values = np.empty(count, np.int64), np.empty((count, reals), np.int32)
    bytes_ = np.empty(count, np.uint8) if kinds else _NO_KINDS
    if not read_tables(buffer, times, bytes_, values):
        raise FlatbufferError("a table lies outside the buffer", 0)
    return times, bytes_, values.view(np.float32)


READERS: Final[dict[str, Callable[[bytes, Note], list[Message]]]] = {
    "FRME": frames_of,
    "IMUS": imu_of,
    "TRIG": triggers_of,
}
"""What makes messages of an unpacked packet, by its identifier."""


def frame_bytes(frame: Frame) -> bytes:
    """Return the FRME packet of a frame.

    Raises:
        RecordingError: it is larger than a packet can say.
    """
    height, width = frame.image.shape[:2]
    if max(width, height) > _LARGEST_SIDE:
        raise RecordingError(f"AEDAT 4 holds frames up to {_LARGEST_SIDE}x{_LARGEST_SIDE}, not {width}x{height}")
    color = frame.image.ndim == 3
    pixels = (frame.image[:, :, ::-1] if color else frame.image).tobytes()
    # vtable: time, four more times (absent), format, two sizes, place (absent), pixels; 6 bytes align the table's time
    vtable = struct.pack("<13H", 26, 24, 8, 0, 0, 0, 0, 16, 18, 20, 0, 0, 4)
    body = struct.pack("<I4s", 44, b"FRME") + bytes(10) + vtable
    body += struct.pack("<iIqbxhh2x", 26, 20, frame.t, _BGR if color else _GRAY, width, height)
    body += struct.pack("<I", len(pixels)) + pixels
    body += b"\0" * (-len(body) % 4)
    return struct.pack("<I", len(body)) + body


def imu_bytes(messages: Sequence[Imu]) -> bytes:
    """Return the IMUS packet of all samples of some messages."""
    accel, gyro = (np.concatenate([getattr(message, name) for message in messages]) for name in ("accel", "gyro"))
    entries = np.zeros(len(accel), [("to_vtable", "<i4"), ("pad", "<i4"), ("t", "<i8"), ("reals", "<f4", 6)])
    entries["t"] = np.concatenate([message.time for message in messages])
    entries["reals"][:, :3] = accel / np.float32(STANDARD_GRAVITY)
    entries["reals"][:, 3:] = np.degrees(gyro)
    return vector_of_tables(b"IMUS", (8, 0, 16, 20, 24, 28, 32, 36), entries)


def triggers_bytes(messages: Sequence[Triggers]) -> bytes:
    """Return the TRIG packet of all edges of some messages."""
    line, value = (np.concatenate([getattr(message, name) for message in messages]) for name in ("line", "value"))
    entries = np.zeros(len(line), [("to_vtable", "<i4"), ("kind", "u1"), ("pad", "V3"), ("t", "<i8")])
    entries["t"] = np.concatenate([message.time for message in messages])
    entries["kind"] = _KINDS.kinds(line, value)
    return vector_of_tables(b"TRIG", (8, 4), entries)
