"""AEDAT 3.1, written: polarity, frame, inertial and special packets."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np

from eventflow.errors import ParameterError, RecordingError
from eventflow.io import aedat3_kernels as kernels
from eventflow.io.aedat3_messages import FRAME_DTYPE, HEADER_DTYPE, IMU_DTYPE, KINDS, SPECIAL_DTYPE, STANDARD_GRAVITY
from eventflow.io.packet_encoder import PacketEncoder

if TYPE_CHECKING:
    from numpy.typing import NDArray

PACKET_EVENTS: Final = 8192
_SIDES: Final = 1 << 15
_TURN_BITS: Final = 31
_CAMERAS: Final = {(128, 128): "DVS128", (240, 180): "DAVIS240C", (346, 260): "DAVIS346B", (640, 480): "DAVIS640"}
_WHOLE: Final = "<i8"
_OFFSETS: Final = {kernels.FRAME: 12}


class Aedat3Encoder(PacketEncoder):
    """Writes an AEDAT 3.1 file of one camera."""

    streams = frozenset({"frames", "imu", "triggers"})

    def __init__(self, file: BinaryIO, *, width: int, height: int, camera: str) -> None:
        super().__init__(PACKET_EVENTS)
        self._file = file
        self._records = np.empty(PACKET_EVENTS, np.int64)
        file.write(_header(width, height, camera))

    def finish(self) -> None:
        """Write the last packets."""
        self._flush()

    def _write_events(self, count: int, earliest: int, latest: int) -> None:
        self._check(earliest)
        halves, records = self._room[: 2 * count], self._records[:count]
        kernels.encode(halves, records)
        if earliest >> _TURN_BITS == latest >> _TURN_BITS:
            self._packet(kernels.POLARITY, records.view("V8"), earliest)
            return
        for run in _runs(halves[::2]):
            self._packet(kernels.POLARITY, records[run].view("V8"), int(halves[2 * run.start]))

    def _write_messages(self, stream: str, messages: list[Any]) -> None:
        kind = stream.partition(":")[0]
        if kind == "frames":
            for frame in messages:
                self._check(frame.t)
                self._packet(kernels.FRAME, _frame(frame), frame.t)
            return
        times = np.concatenate([message.time for message in messages])
        if not len(times):
            return
        self._check(int(times.min()))
        records = (_imu if kind == "imu" else _special)(messages, times)
        for run in _runs(times):
            self._packet(kernels.IMU6 if kind == "imu" else kernels.SPECIAL, records[run], int(times[run.start]))

    def _packet(self, kind: int, records: NDArray[Any], t: int) -> None:
        header = np.zeros((), HEADER_DTYPE)
        header["kind"], header["source"], header["size"] = kind, 1, records.itemsize
        header["offset"], header["overflow"] = _OFFSETS.get(kind, 4), t >> _TURN_BITS
        for name in ("capacity", "number", "valid"):
            header[name] = len(records)
        self._file.write(header.tobytes())
        self._file.write(records.view(np.uint8).data)

    def _check(self, earliest: int) -> None:
        if earliest < 0:
            raise RecordingError(
                f"{self._file.name.removesuffix('.part')}: t={earliest} µs; times in AEDAT 3.1 begin at 0: "
                "pass origin='zero'"
            )


def _runs(times: NDArray[np.int64]) -> list[slice]:
    """Return the runs of times that share what a packet's header says of them."""
    borders = np.flatnonzero(np.diff(times >> _TURN_BITS)) + 1
    places = [0, *borders.tolist(), len(times)]
    return [slice(first, last) for first, last in pairwise(places)]


def _low(times: Any) -> Any:
    return times & ((1 << _TURN_BITS) - 1)


def _frame(frame: Any) -> NDArray[Any]:
    height, width = frame.image.shape[:2]
    channels = 3 if frame.image.ndim == 3 else 1
    head = np.zeros((), FRAME_DTYPE)
    head["info"], head["width"], head["height"] = 1 | channels << 1, width, height
    for name in ("t_start", "t_end", "t_exposure", "t_exposed"):
        head[name] = _low(frame.t)
    data = head.tobytes() + (frame.image.astype("<u2") << 8).tobytes()
    return np.frombuffer(data, f"V{len(data)}")


def _imu(messages: list[Any], times: NDArray[np.int64]) -> NDArray[Any]:
    rows = np.zeros(len(times), IMU_DTYPE)
    rows["info"], rows["t"] = 1, _low(times)
    rows["accel"] = np.concatenate([message.accel for message in messages]) / np.float32(STANDARD_GRAVITY)
    rows["gyro"] = np.degrees(np.concatenate([message.gyro for message in messages]))
    return rows


def _special(messages: list[Any], times: NDArray[np.int64]) -> NDArray[Any]:
    rows = np.zeros(len(times), SPECIAL_DTYPE)
    line, value = (np.concatenate([getattr(message, name) for message in messages]) for name in ("line", "value"))
    rows["info"], rows["t"] = 1 | KINDS.kinds(line, value).astype(np.uint32) << 1, _low(times)
    return rows


def _header(width: int, height: int, camera: str) -> bytes:
    lines = [
        "!AER-DAT3.1",
        "Format: RAW",
        f"Source 1: {camera}",
        "Start-Time: 1970-01-01 00:00:00 (TZ+0000)",  # a file depends on its events only
        f"Sensor-Size: {width}x{height}",
        "!END-HEADER",
    ]
    return "".join(f"#{line}\r\n" for line in lines).encode()


def open_encoder(file: BinaryIO, *, width: int, height: int, camera: str | None = None) -> Aedat3Encoder:
    """Return an encoder of AEDAT 3.1.

    Args:
        file: where to write.
        width: sensor width, px.
        height: sensor height, px.
        camera: what the file names as its source. The default is the camera of this size, else eventflow.

    Raises:
        ParameterError: the sensor is larger than 32768 pixels a side.
    """
    if max(width, height) > _SIDES:
        raise ParameterError(f"AEDAT 3.1 holds sensors up to {_SIDES}x{_SIDES}, not {width}x{height}")
    name = camera or _CAMERAS.get((width, height), "eventflow")
    return Aedat3Encoder(file, width=width, height=height, camera=name)
