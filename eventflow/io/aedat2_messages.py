"""What DAVIS chips put between the events of AEDAT 2: frames, inertial samples, external events (jAER `DavisChip`).

A frame is read twice, pixel by pixel: after the reset and after the exposure; the image is the difference. Frames are
not turned in x as events are. Inertial samples are seven words of 16 bits; their axes are those of the inertial chip,
their scale is jAER's default, 4 g and 500 degrees/s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow.io import aedat2_kernels as kernels
from eventflow.kernels.jit import jit
from eventflow.messages import Frame, Imu, Triggers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from eventflow.io.aedat2_chips import Chip
    from eventflow.messages import Message

_G_PER_STEP: Final = 1 / 8192
_DEGREES_PER_STEP: Final = 1 / 65.5
_GRAVITY: Final = 9.80665
_IMU_WORDS: Final = 7
_TEMPERATURE: Final = 3
_COUNT, _T_SIGNAL, _ROUND, _LOST, _FRAME_SLOTS = range(5)


class TriggerReader:
    """External events, as line 0 with value 1: files do not say which edge."""

    def __init__(self, chip: Chip, height: int) -> None:
        davis = chip.layout.davis
        self.mask = 0x8000_0C00 & ~(1 << 11) if davis else chip.layout.special
        self.value = kernels.DAVIS_SPECIAL if davis else chip.layout.special
        self.skipped: dict[str, int] = {}

    def take(self, words: NDArray[np.int64]) -> Iterator[Message]:
        """Yield the triggers among `words`, int64 (n, 2): time and address."""
        if len(words):
            times, line = words[:, 0], np.zeros(len(words), np.uint8)
            yield Triggers(int(times[-1]), times, line, line + np.uint8(1))


class ImuReader:
    """Inertial samples."""

    mask = value = kernels.IMU_MASK

    def __init__(self, chip: Chip, height: int) -> None:
        self._rest: NDArray[np.int64] = np.empty((0, 2), np.int64)
        self.skipped: dict[str, int] = {}

    def take(self, words: NDArray[np.int64]) -> Iterator[Message]:
        """Yield the samples that `words` complete."""
        words = np.concatenate((self._rest, words))
        times, values = np.empty(len(words), np.int64), np.empty((len(words), _IMU_WORDS), np.int64)
        count, used, lost = _samples(words, times, values)
        self._rest = words[used:].copy()
        if lost:
            self.skipped["imu_words"] = self.skipped.get("imu_words", 0) + lost
        if count:
            accel = (values[:count, :_TEMPERATURE] * (_G_PER_STEP * _GRAVITY)).astype(np.float32)
            gyro = np.radians(values[:count, _TEMPERATURE + 1 :] * _DEGREES_PER_STEP).astype(np.float32)
            yield Imu(int(times[count - 1]), times[:count].copy(), accel, gyro)


@jit
def _samples(words: Any, times: Any, values: Any) -> Any:  # pragma: no cover
    """Put words of type 0 to 6 in turn together; return samples, words used, words lost."""
    count, at, lost = 0, 0, 0
    while at + 7 <= len(words):
        whole = True
        for kind in range(7):
            whole &= (words[at + kind, 1] >> 28) & 7 == kind
        if not whole:
            at += 1
            lost += 1
            continue
        times[count] = words[at, 0]
        for kind in range(7):
            value = (words[at + kind, 1] >> 12) & 0xFFFF
            values[count, kind] = value - ((value & 0x8000) << 1)
        count += 1
        at += 7
    return count, at, lost


class FrameReader:
    """Frames; one that lacks pixels is counted instead."""

    mask, value = 1 << 31, 1 << 31

    def __init__(self, chip: Chip, height: int) -> None:
        shape = chip.height, chip.width
        self._reset = np.zeros(shape, np.int64)
        self._image, self._seen = np.zeros(shape, np.uint8), np.zeros(shape, np.int64)
        self._state = np.zeros(_FRAME_SLOTS, np.int64)
        self._state[_ROUND] = 1
        self.skipped: dict[str, int] = {}

    def take(self, words: NDArray[np.int64]) -> Iterator[Message]:
        """Yield the frames that `words` complete."""
        at = 0
        while at < len(words):
            at, whole = _read_pixels(words, at, self._reset, self._image, self._seen, self._state)
            if whole:
                yield Frame(self._image.copy(), int(self._state[_T_SIGNAL]))
        if self._state[_LOST]:
            self.skipped["frames_incomplete"] = int(self._state[_LOST])


@jit
def _read_pixels(words: Any, at: int, reset: Any, image: Any, seen: Any, state: Any) -> Any:  # pragma: no cover
    """Read pixels until a frame is whole; return the place behind and whether one is."""
    height, width = image.shape
    while at < len(words):
        address = words[at, 1]
        at += 1
        kind = (address >> 10) & 3
        x, y = (address >> 12) & 0x3FF, (address >> 22) & 0x1FF
        if kind > 1 or x >= width or y >= height:
            continue
        y = height - 1 - y
        if kind == 0:
            reset[y, x] = address & 0x3FF
            continue
        if seen[y, x] == state[_ROUND]:  # the next frame began before this one was whole
            state[_LOST] += 1
            state[_ROUND] += 1
            state[_COUNT] = 0
        if state[_COUNT] == 0:
            state[_T_SIGNAL] = words[at - 1, 0]
        seen[y, x] = state[_ROUND]
        image[y, x] = max(reset[y, x] - (address & 0x3FF), 0) >> 2
        state[_COUNT] += 1
        if state[_COUNT] == width * height:
            state[_ROUND] += 1
            state[_COUNT] = 0
            return at, True
    return at, False


READERS: Final[Mapping[str, Any]] = {"frames": FrameReader, "imu": ImuReader, "triggers": TriggerReader}
