"""iniVation (cAER) AEDAT 3.0 and 3.1: a text header, then packets of one kind of record each.

https://docs.inivation.com/software/software-advanced-usage/file-formats. In version 3.0 rows count from the bottom.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow.errors import ParameterError, RecordingError
from eventflow.io import aedat3_kernels as kernels
from eventflow.io.aedat3_encoder import open_encoder as open_encoder
from eventflow.io.aedat3_messages import READERS, messages_of
from eventflow.io.aedat_header import Header, read_header
from eventflow.io.decoder import Decoder, RecordingInfo
from eventflow.io.source import WordChunks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from eventflow.io.decoder import Batch
    from eventflow.io.source import ByteSource
    from eventflow.messages import Message

_LOOKED_AT_BYTES: Final = 1 << 20
_SIDES: Final = 1 << 15
_SENSORS: Final = (
    ("128", 128, 128), ("208", 208, 192), ("240", 240, 180), ("320", 320, 240), ("346", 346, 260), ("640", 640, 480),
    ("1280", 1280, 720),
)  # fmt: skip
_MOST, _NEARLY_ALL = 0.5, 0.999
_SOURCE = re.compile(r"Source \d+: *(.*)")
_SIZE = re.compile(r"Sensor-Size: (\d{1,5})x(\d{1,5})")
_COUNTED: Final = (
    ("outside", kernels.OUTSIDE),
    ("invalid", kernels.INVALID),
    ("of_other_sources", kernels.OTHER_SOURCE),
    ("damaged", kernels.DAMAGED),
    ("damaged_bytes", kernels.DAMAGED_BYTES),
)


class Aedat3Decoder(Decoder):
    """One pass over an AEDAT 3 file."""

    streams = frozenset({"frames", "imu", "triggers"})

    def __init__(self, source: ByteSource, info: RecordingInfo, wanted: NDArray[np.int64]) -> None:
        super().__init__(source, info)
        self._wanted = wanted
        self._chunks = WordChunks(source, np.uint8)
        self._state = np.zeros(kernels.SLOTS, np.int64)

    @property
    def steps_back(self) -> int:  # type: ignore[override]
        """Events earlier than the one before them so far."""
        return int(self._state[kernels.STEPS_BACK])

    def fill(self, batch: Batch, start: int) -> int:
        """Write the next events into `batch`; see Decoder.fill."""
        out = batch.records.view(np.int64)
        chunks, position = self._chunks, start
        while position < len(batch):
            chunks.cursor, position, need = kernels.decode(
                chunks.words, chunks.cursor, chunks.ended, out, position, len(batch), self._wanted, self._state
            )
            if need and not self._have(need):
                self.skipped.update({"truncated_bytes": left} if (left := len(chunks.words) - chunks.cursor) else {})
                break
        self._count()
        return position

    def messages(self, name: str) -> Iterator[Message]:
        """Yield the frames, inertial samples or triggers (see inivation_triggers.py) of the recording."""
        if name not in self.info.streams or name not in READERS:
            yield from super().messages(name)
            return
        turned = bool(self._wanted[kernels.FROM_BOTTOM])
        yield from messages_of(self.source, name, from_bottom=turned, skip=self.skip, note=self.note)

    def mark(self) -> dict[str, Any]:
        """Return the place of the next byte and the state of the packet it lies in."""
        waiting = self._chunks.waiting_bytes
        return {"position": self.source.position - waiting, "state": self._state.tolist()}

    def resume(self, mark: dict[str, Any]) -> None:
        """Go on from a `mark`."""
        self.source.seek(mark["position"])
        self._state[:] = mark["state"]

    def expected_events(self) -> int | None:
        """Return how many events the file can hold at most."""
        return None if self.source.size is None else self.source.size // 8

    def _have(self, need: int) -> bool:
        """Read until `need` bytes wait; False where nothing came."""
        chunks, more = self._chunks, False
        ended = chunks.ended
        while not chunks.ended and len(chunks.words) - chunks.cursor < need:
            more |= chunks.refill(keep=len(chunks.words) - chunks.cursor)
        return more or chunks.ended != ended  # what is left may be judged another way when nothing follows

    def _count(self) -> None:
        for reason, slot in _COUNTED:
            if self._state[slot]:
                self.skipped[reason] = int(self._state[slot])


def open_decoder(
    source: ByteSource, *, width: int | None = None, height: int | None = None, origin_id: int | None = None
) -> Aedat3Decoder:
    """Return a decoder of an AEDAT 3 source.

    Args:
        source: the file or pipe.
        width: sensor width, px, where the header names no known camera.
        height: sensor height, px, likewise.
        origin_id: number of the camera whose events are read, where there are several. The default is the first.

    Raises:
        RecordingError: it is another version.
        ParameterError: a side that cannot be.
    """
    header = read_header(source)
    if header.version not in ("3.0", "3.1"):
        raise RecordingError(f"{source.path}: byte 0: AEDAT version {header.version}, expected 3.0 or 3.1")
    if header.entries.get("Format", "RAW").strip() not in ("RAW", "0x00"):
        raise RecordingError(f"{source.path}: packets in the form {header.entries['Format']!r}; only RAW is read")
    head = np.frombuffer(source.peek(_LOOKED_AT_BYTES), np.uint8)
    inside = np.zeros(len(_SENSORS), np.int64)
    first, events, seen = kernels.survey(head, np.array([size for _, *size in _SENSORS]), inside)
    size, note = _size(header, [float(share) for share in (inside / events if events else inside + 1)], width, height)
    if not 0 < min(size) <= max(size) <= _SIDES:
        raise ParameterError(f"a sensor of {size[0]}x{size[1]} pixels is not possible")
    info = RecordingInfo(
        source.path,
        "aedat3",
        *size,
        sensor=_camera(header),
        streams=_streams(_camera(header), seen),
        size_bytes=source.size,
        attributes={"version": header.version, **header.entries},
        notes=[note] if note else [],
    )
    wanted = np.zeros(kernels.WANTED_SLOTS, np.int64)
    wanted[kernels.SOURCE] = first if origin_id is None else origin_id
    wanted[kernels.WIDTH], wanted[kernels.HEIGHT] = size
    wanted[kernels.FROM_BOTTOM] = header.version == "3.0"
    return Aedat3Decoder(source, info, wanted)


def _camera(header: Header) -> str:
    found = (_SOURCE.fullmatch(line) for line in header.lines)
    return next((match[1].strip() for match in found if match), "")


def _streams(camera: str, seen: int) -> tuple[str, ...]:
    """Return the streams that the first packets show, or that the camera has; triggers are rare and always named."""
    davis = "DAVIS" in camera.upper()
    kinds = {"frames": 1 << kernels.FRAME, "imu": 1 << kernels.IMU6 | 1 << kernels.IMU9}
    return ("events", *(name for name, bits in kinds.items() if davis or seen & bits), "triggers")


def _size(header: Header, fitting: list[float], width: int | None, height: int | None) -> tuple[tuple[int, int], str]:
    """Return the sensor's size and a note where it was assumed; `fitting` are shares of events inside `_SENSORS`."""
    if width and height:
        return (width, height), ""
    said = next((match for match in map(_SIZE.fullmatch, header.lines) if match), None)
    if said:
        return (int(said[1]), int(said[2])), ""
    camera, sizes = _camera(header), [(wide, high) for _, wide, high in _SENSORS]
    for (number, *_), size, share in reversed(list(zip(_SENSORS, sizes, fitting, strict=True))):
        if number in camera and share > _MOST:
            return size, ""
    wide, high = next((size for size, share in zip(sizes, fitting, strict=True) if share > _NEARLY_ALL), sizes[-1])
    named = f"the header names the camera {camera!r}" if camera else "the header names no camera"
    return (wide, high), f"{named}: assumed {wide}x{high}, the smallest sensor that has nearly all of the first events"
