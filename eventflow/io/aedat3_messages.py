"""What lies beside the polarity events of AEDAT 3: frames, inertial samples, special events (libcaer `events/`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow.io import aedat3_kernels as kernels
from eventflow.io.inivation_triggers import AEDAT3_KINDS, Kinds
from eventflow.messages import Frame, Imu, Triggers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from eventflow.io.source import ByteSource
    from eventflow.messages import Message

    Count = Callable[[str, int], None]

STANDARD_GRAVITY: Final = 9.80665
KINDS: Final = Kinds(AEDAT3_KINDS)
HEADER_DTYPE: Final = np.dtype(
    [("kind", "<i2"), ("source", "<i2")]
    + [(name, "<i4") for name in ("size", "offset", "overflow", "capacity", "number", "valid")]
)
SPECIAL_DTYPE: Final = np.dtype([("info", "<u4"), ("t", "<i4")])
IMU_DTYPE: Final = np.dtype(
    [("info", "<u4"), ("t", "<i4"), ("accel", "<f4", 3), ("gyro", "<f4", 3), ("temperature", "<f4")]
)
FRAME_DTYPE: Final = np.dtype(
    [("info", "<u4")]
    + [(name, "<i4") for name in ("t_start", "t_end", "t_exposure", "t_exposed", "width", "height", "x", "y")]
)
_LOOK_BYTES: Final = 1 << 16
_PASS_BYTES: Final = 1 << 18


def messages_of(source: ByteSource, name: str, *, from_bottom: bool, skip: Count, note: Count) -> Iterator[Message]:
    """Yield the messages of stream `name` from packets that begin at the source's position.

    Args:
        source: the file or pipe.
        name: frames, imu or triggers.
        from_bottom: whether rows count from the bottom.
        skip: counts what is left out, by reason.
        note: counts oddities, by reason.
    """
    kinds, read = READERS[name]
    if source.seekable:
        source.seek(source.position)  # what was looked at ahead would be cut up again with each packet
    while True:
        head = source.peek(kernels.HEADER_BYTES)
        if len(head) < kernels.HEADER_BYTES:
            skip("truncated_bytes", len(head))
            return
        if not kernels.is_header(np.frombuffer(head, np.uint8), 0):
            skip("damaged", 1)
            skip("damaged_bytes", _find(source))
            continue
        header = np.frombuffer(source.read(kernels.HEADER_BYTES), HEADER_DTYPE)[0]
        total = int(header["capacity"]) * int(header["size"])
        if header["kind"] not in kinds:
            _pass(source, total)
            continue
        data = source.read(total)
        records = np.frombuffer(data[: len(data) // header["size"] * header["size"]], f"V{header['size']}")
        yield from read(records[: header["number"]], int(header["overflow"]) << 31, from_bottom, skip, note)


def _find(source: ByteSource) -> int:
    """Go to the next place where a header can be and return the bytes passed over."""
    passed = 0
    while True:
        head = source.peek(_LOOK_BYTES)
        at = int(kernels.find_header(np.frombuffer(head, np.uint8), 0))
        found = at + kernels.HEADER_BYTES <= len(head)
        if not found and len(head) < _LOOK_BYTES:
            at = len(head)
        source.read(at)
        passed += at
        if found or len(head) < _LOOK_BYTES:
            return passed


def _pass(source: ByteSource, count: int) -> None:
    if source.seekable:
        source.seek(source.position + count)
        return
    while count > 0:
        taken = len(source.read(min(count, _PASS_BYTES)))
        if not taken:
            return
        count -= taken


def _valid(records: NDArray[Any], dtype: np.dtype[Any], skip: Count) -> NDArray[Any]:
    """Return the first fields of records, those marked invalid left out and counted."""
    table = np.ascontiguousarray(records).view(np.uint8).reshape(len(records), records.itemsize)[:, : dtype.itemsize]
    rows = np.ascontiguousarray(table).view(dtype)[:, 0]
    valid = rows["info"] & 1 == 1
    skip("invalid", int(len(rows) - np.count_nonzero(valid)))
    return rows[valid]  # type: ignore[no-any-return]


def _triggers(records: NDArray[Any], epoch: int, from_bottom: bool, skip: Count, note: Count) -> Iterator[Message]:
    rows = _valid(records, SPECIAL_DTYPE, skip)
    kinds = (rows["info"] >> 1 & 0x7F).astype(np.uint8)
    known = KINDS.known[kinds]
    note("special_events_of_other_kinds", int(len(known) - np.count_nonzero(known)))
    times = rows["t"][known].astype(np.int64) + epoch
    if len(times):
        yield Triggers(int(times[-1]), times, *KINDS.lines(kinds[known]))


def _imu(records: NDArray[Any], epoch: int, from_bottom: bool, skip: Count, note: Count) -> Iterator[Message]:
    rows = _valid(records, IMU_DTYPE, skip)
    if len(rows):
        times = rows["t"].astype(np.int64) + epoch
        with np.errstate(all="ignore"):  # flipped bits make floats of any size
            accel, gyro = rows["accel"] * np.float32(STANDARD_GRAVITY), np.radians(rows["gyro"])
        yield Imu(int(times[-1]), times, accel, gyro)


def _frames(records: NDArray[Any], epoch: int, from_bottom: bool, skip: Count, note: Count) -> Iterator[Message]:
    for record in records:
        data = record.tobytes()
        (row,) = _valid(np.frombuffer(data, f"V{len(data)}"), FRAME_DTYPE, skip) if data[0] & 1 else (None,)
        if row is None:
            skip("invalid", 1)
            continue
        channels, width, height = int(row["info"]) >> 1 & 7, int(row["width"]), int(row["height"])
        if channels not in (1, 3, 4):
            skip("frames_of_unknown_format", 1)
            continue
        count = width * height * channels
        if min(width, height) <= 0 or 2 * count > len(data) - FRAME_DTYPE.itemsize:
            skip("damaged", 1)
            continue
        note("frames_16_bit", 1)
        pixels = np.frombuffer(data, "<u2", count, FRAME_DTYPE.itemsize).reshape(height, width, channels) >> 8
        image = (pixels[:, :, 0] if channels == 1 else pixels[:, :, :3]).astype(np.uint8)
        middle = (int(row["t_exposure"]) + int(row["t_exposed"])) // 2
        yield Frame(image[::-1] if from_bottom else image, epoch + middle)


READERS: Final[Mapping[str, tuple[tuple[int, ...], Callable[..., Iterator[Message]]]]] = {
    "frames": ((kernels.FRAME,), _frames),
    "imu": ((kernels.IMU6, kernels.IMU9), _imu),
    "triggers": ((kernels.SPECIAL,), _triggers),
}
"""By stream: the kinds of packets that hold it, and what makes messages of their records."""
