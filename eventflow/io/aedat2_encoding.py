"""Writing AEDAT 2, as jAER reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np

from eventflow.errors import ParameterError, RecordingError
from eventflow.io import aedat2_kernels as kernels
from eventflow.io.aedat2_chips import CHIPS, Chip, chip_named
from eventflow.io.evt_encoding import DONE, FULL, STUCK, WordEncoder

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eventflow.messages import Message

_TURN_US: Final = 1 << 32
_LARGEST_READING: Final = 1023
_G_PER_STEP: Final = 9.80665 / 8192
_RADIANS_PER_STEP: Final = np.pi / 180 / 65.5


class Aedat2Encoder(WordEncoder):
    """Writes events and external events; for DAVIS chips inertial samples and frames too."""

    def __init__(self, file: BinaryIO, *, chip: Chip, layout: NDArray[np.int64]) -> None:
        self._chip = chip
        if chip.layout.davis:
            self.streams = frozenset({"triggers", "imu", "frames"})
        else:
            self.streams = frozenset({"triggers"})

        def kernel(halves: Any, start: int, final: bool, words: Any, state: Any, t0: int) -> Any:
            at, count, stuck = kernels.encode(halves, start, words, state, t0, layout)
            return at, count, STUCK if stuck else DONE if 2 * at == len(halves) else FULL

        super().__init__(
            file, header=lambda t0: _header(chip, t0), kernel=kernel, word="<i8", turn_us=_TURN_US, turns=1
        )

    def add(self, stream: str, message: Message) -> None:
        """Append triggers, every edge as an external event; inertial samples, cut to 16 bits; or a frame.

        Raises:
            RecordingError: a frame has colours, or is not of the chip's size.
        """
        kind = stream.partition(":")[0]
        if kind not in self.streams:
            super().add(stream, message)
        make = {"triggers": self._triggers, "imu": _imu_words, "frames": self._frame_words}[kind]
        times, addresses = make(message)
        if self._t0 is None and len(times):
            self._begin(int(times[0]))
        records = np.empty((len(times), 2), ">u4")
        records[:, 0], records[:, 1] = addresses, (times - (self._t0 or 0)) % _TURN_US
        self._file.write(records.tobytes())

    def _triggers(self, message: Any) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        bits = self._chip.layout
        address = kernels.DAVIS_SPECIAL if bits.davis else bits.special
        return message.time, np.full(len(message.time), address, np.int64)

    def _frame_words(self, message: Any) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return both readings of every pixel, from the last column and row to the first as the chip does it."""
        shape = (self._chip.height, self._chip.width)
        if message.image.shape != shape:
            found = "x".join(map(str, message.image.shape[::-1]))
            raise RecordingError(
                f"{self._file.name.removesuffix('.part')}: AEDAT 2 of this chip holds gray frames of "
                f"{shape[1]}x{shape[0]} pixels, not {found}; write aedat3 or aedat4"
            )
        x, row = (axis.ravel() for axis in np.meshgrid(np.arange(shape[1])[::-1], np.arange(shape[0]), indexing="ij"))
        place = 1 << 31 | (shape[0] - 1 - row) << 22 | x << 12
        signal = place | 1 << 10 | (_LARGEST_READING - 4 * message.image[row, x].astype(np.int64))
        addresses = np.concatenate((place | _LARGEST_READING, signal))
        return np.full(len(addresses), message.t, np.int64), addresses


def _imu_words(message: Any) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    steps = np.zeros((len(message.time), 7))
    steps[:, :3], steps[:, 4:] = message.accel / _G_PER_STEP, message.gyro / _RADIANS_PER_STEP
    values = np.clip(np.rint(np.nan_to_num(steps)), -0x8000, 0x7FFF).astype(np.int64) & 0xFFFF
    addresses = kernels.IMU_MASK | np.arange(7) << 28 | values << 12
    return np.repeat(message.time, 7), addresses.ravel()


def _header(chip: Chip, t0: int) -> bytes:
    lines = [
        "!AER-DAT2.0",
        " This is a raw AE data file - do not edit",
        " Data format is int32 address, int32 timestamp (8 bytes total), repeated for each event",
        " Timestamps tick is 1 us",
        f" AEChip: {chip.jaer}",
        *([f" t0: {t0} us"] if t0 else []),
        "End Of ASCII Header",
    ]
    return "".join(f"#{line}\r\n" for line in lines).encode()


def open_encoder(file: BinaryIO, *, width: int, height: int, chip: str | None = None) -> Aedat2Encoder:
    """Return an encoder of AEDAT 2.

    Args:
        file: where to write.
        width: sensor width, px.
        height: sensor height, px.
        chip: whose addresses are written: dvs128, davis240, davis346, davis640, davis208, davis128 or dvs640, which may
            be larger than the sensor; the default is the first of exactly this size.

    Raises:
        ParameterError: no chip has this size, or the named one is smaller.
    """
    from eventflow.io.aedat2 import layout_of

    known = _chip_for(width, height) if chip is None else chip_named(chip)
    if known.width < width or known.height < height:
        raise ParameterError(
            f"chip={known.name!r} has {known.width}x{known.height} pixels, and the sensor {width}x{height}"
        )
    return Aedat2Encoder(
        file, chip=known, layout=layout_of(known, known.width, known.height, flip_x=True, flip_y=True, on=None)
    )


def _chip_for(width: int, height: int) -> Chip:
    for chip in CHIPS:
        if (chip.width, chip.height) == (width, height):
            return chip
    chips = ", ".join(f"{chip.name} {chip.width}x{chip.height}" for chip in CHIPS)
    raise ParameterError(
        f"AEDAT 2 holds the addresses of a chip, and none has {width}x{height} pixels (there are {chips}): "
        "write AEDAT 3.1 with --to aedat3, or pass chip= to write a larger chip's"
    )
